"""Records the learning rates that CatBoost gives itself into boosting_rate.json.

    pip install catboost==1.2.10 numpy==2.4.6
    python record_boosting_rate.py

By kind of task, rows and rounds, with and without a validation set.
"""

import json
import os

import catboost
import numpy as np

random = np.random.default_rng(0)
cases = []
for kind, loss, n_classes in [("regression", "RMSE", 0), ("binary", "Logloss", 2),
                              ("multiclass", "MultiClass", 3)]:
    for rows in [50, 1000, 30000]:
        for rounds in [20, 300]:
            for at_most in [True, False]:
                x = random.random((rows, 1))
                y = x[:, 0] if n_classes == 0 else np.arange(rows) % n_classes
                model = catboost.CatBoost({
                    "loss_function": loss, "iterations": rounds, "depth": 1, "thread_count": 2,
                    "verbose": False, "allow_writing_files": False, "border_count": 4,
                    "boosting_type": "Plain"})
                model.fit(x, y, eval_set=(x[:20], y[:20]) if at_most else None)
                options = {"kind": kind, "at_most": at_most, "n_rows": rows, "n_rounds": rounds}
                cases.append({"library": "catboost", "schedule": "boosting_rate", "options": options,
                              "rates": [model.get_all_params()["learning_rate"]]})

versions = {"catboost": catboost.__version__, "numpy": np.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "boosting_rate.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)},\n"base_rate": 0.1,\n"cases": [\n{lines}\n]}}\n')
