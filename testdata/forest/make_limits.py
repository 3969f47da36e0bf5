"""Predictions of scikit-learn trees under limits of their growth; writes limits.json beside this file.

Rows are those of make_trees.py. Leaves keep 12 rows, so that ties between splits are unlikely and the
tree is unique. Figures were made with scikit-learn 1.9.1 and numpy's default_rng(11).
"""
import json
import pathlib

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

rng = np.random.default_rng(11)
n_rows = 260
x = rng.integers(1, 41, size=(n_rows, 3))
signal = np.sin(x[:, 0] / 6.0) * 3 + (x[:, 1] > 17) * x[:, 2] / 10.0 + rng.normal(size=n_rows)
weights = rng.integers(1, 4, size=n_rows)
# Decreases of impurity are of the size of the variance for numbers, below 1 for classes.
scales = {"variance": 1.0, "gini": 0.1, "entropy": 0.2}
cases = []
for n_classes, criterion in [(0, "variance"), (2, "gini"), (2, "entropy"), (4, "gini"), (4, "entropy")]:
    scale = scales[criterion]
    for limits in [
        {},
        {"max_leaf_nodes": 5},
        {"max_leaf_nodes": 12},
        {"min_impurity_decrease": 0.05 * scale},
        {"ccp_alpha": 0.03 * scale},
        {"ccp_alpha": 0.15 * scale},
        {"max_leaf_nodes": 15, "ccp_alpha": 0.04 * scale, "max_depth": 5},
        {"max_leaf_nodes": 9, "min_impurity_decrease": 0.03 * scale, "min_samples_split": 60},
    ]:
        more = dict(limits, min_samples_leaf=12, random_state=0)
        if n_classes == 0:
            target = np.round(signal, 3)
            tree = DecisionTreeRegressor(**more).fit(x, target, sample_weight=weights)
            predictions = tree.predict(x)
        else:
            target = np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))
            tree = DecisionTreeClassifier(criterion=criterion, **more)
            predictions = tree.fit(x, target, sample_weight=weights).predict_proba(x)
            predictions = predictions[:, 1] if n_classes == 2 else predictions
        cases.append({
            "n_classes": n_classes,
            "criterion": criterion,
            "limits": limits,
            "n_leaves": int(tree.get_n_leaves()),
            "target": target.tolist(),
            "predictions": np.round(predictions, 6).ravel().tolist(),
        })
out = {"bins": x.T.tolist(), "weights": weights.tolist(), "cases": cases}
pathlib.Path(__file__).with_name("limits.json").write_text(json.dumps(out) + "\n")
print([case["n_leaves"] for case in cases])
