"""Predictions of single scikit-learn trees on synthetic rows; writes trees.json beside this file.

Values are whole numbers that serve as bins. Noise makes ties between splits unlikely, so that the
tree is unique. Figures were made with scikit-learn 1.9.1 and numpy's default_rng(7).
"""
import json
import pathlib

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

rng = np.random.default_rng(7)
n_rows = 400
x = rng.integers(1, 41, size=(n_rows, 3))
signal = np.sin(x[:, 0] / 6.0) * 3 + (x[:, 1] > 17) * x[:, 2] / 10.0 + rng.normal(size=n_rows)
weights = rng.integers(1, 4, size=n_rows)
cases = []
for n_classes, criterion in [(0, "variance"), (2, "gini"), (2, "entropy"), (4, "gini"), (4, "entropy")]:
    for min_samples_leaf in [1, 12]:
        limits = dict(max_depth=4, min_samples_leaf=min_samples_leaf, random_state=0)
        if n_classes == 0:
            target = np.round(signal, 3)
            tree = DecisionTreeRegressor(**limits).fit(x, target, sample_weight=weights)
            predictions = tree.predict(x)
        else:
            target = np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
            tree = DecisionTreeClassifier(criterion=criterion, **limits)
            predictions = tree.fit(x, target, sample_weight=weights).predict_proba(x)
            predictions = predictions[:, 1] if n_classes == 2 else predictions
        cases.append({
            "n_classes": n_classes,
            "criterion": criterion,
            "min_samples_leaf": min_samples_leaf,
            "target": target.tolist(),
            # The thresholds of nodes without rows between them differ; rows of the training set do not.
            "predictions": np.round(predictions, 6).ravel().tolist(),
        })
out = {"bins": x.T.tolist(), "weights": weights.tolist(), "cases": cases}
pathlib.Path(__file__).with_name("trees.json").write_text(json.dumps(out) + "\n")
