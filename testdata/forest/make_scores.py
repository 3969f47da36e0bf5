"""Scores and times of scikit-learn's forests, split as `examples/forest.rs` splits.

usage: make_scores.py FOLDER...   (each with data.csv.gz, target last, and meta.json)
Categories are coded by number, as scikit-learn takes no others.
"""
import json
import sys
import time

import numpy as np
import pandas as pd
import sklearn
from sklearn import ensemble, metrics

print("scikit-learn", sklearn.__version__)
for folder in sys.argv[1:]:
    meta = json.load(open(f"{folder}/meta.json"))
    frame = pd.read_csv(f"{folder}/data.csv.gz", keep_default_na=False, na_values=[""])
    y = frame.pop(frame.columns[-1])
    for name in frame.columns:
        if name in meta.get("categorical_columns", []):
            codes = frame[name].astype("category").cat.codes
            frame[name] = codes.where(codes >= 0).astype(float)
    x = frame.to_numpy(dtype=np.float32)
    rows = np.arange(len(y), dtype=np.uint64)
    test = (rows * np.uint64(2654435761)) % np.uint64(1 << 32) < (1 << 32) // 5
    regression = meta["task"] == "regression"
    y = y.to_numpy() if regression else y.astype(str).to_numpy()
    for kind in ["RandomForest", "ExtraTrees"]:
        model = getattr(ensemble, kind + ("Regressor" if regression else "Classifier"))
        for max_features in ([0.3, 0.7, 1.0] if regression else ["sqrt"]):
            model_ = model(n_estimators=100, random_state=1, n_jobs=1, max_features=max_features)
            start = time.perf_counter()
            model_.fit(x[~test], y[~test])
            seconds = time.perf_counter() - start
            if regression:
                score = {"rmse": np.sqrt(np.mean((model_.predict(x[test]) - y[test]) ** 2))}
            else:
                shares = model_.predict_proba(x[test])
                score = {
                    "accuracy": np.mean(model_.classes_[shares.argmax(1)] == y[test]),
                    "log loss": metrics.log_loss(y[test], shares, labels=model_.classes_),
                }
                if len(model_.classes_) == 2:
                    score["auc"] = metrics.roc_auc_score(y[test], shares[:, 1])
            score = " ".join(f"{name} {value:.5f}" for name, value in score.items())
            print(f"{meta['name']} {kind} max_features={max_features}: fit {seconds:.2f} s, {score}", flush=True)
