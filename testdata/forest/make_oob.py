"""Records out-of-bag scores of scikit-learn's forests on two of its data sets.

    python make_oob.py > oob.json

Numbers are cut into at most 200 bins of about equally many rows, and both libraries learn from the
bins, so that they see the same data. Scores are means and standard deviations over seeds, since the
libraries draw other rows. Recorded with scikit-learn 1.9.1.
"""

import json
import sys

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

SEEDS = 20


def bins(x):
    columns = []
    for column in x.T:
        edges = np.unique(np.quantile(column, np.linspace(0, 1, 201)[1:-1]))
        columns.append((1 + np.searchsorted(edges, column)).astype(int))
    return np.array(columns)


def scores(forest, x, y, features):
    found = []
    for seed in range(SEEDS):
        one = forest(
            n_estimators=100, max_features=features, bootstrap=True, oob_score=True, random_state=seed
        )
        found.append(one.fit(x, y).oob_score_)
    return {"mean": float(np.mean(found)), "std": float(np.std(found))}


def main():
    out = {"version": sklearn.__version__, "cases": []}
    for name, load, forests, features in [
        ("wine", load_wine, (RandomForestClassifier, ExtraTreesClassifier), "sqrt"),
        ("diabetes", load_diabetes, (RandomForestRegressor, ExtraTreesRegressor), 1.0),
    ]:
        x, y = load(return_X_y=True)
        binned = bins(x)
        n_classes = len(np.unique(y)) if name == "wine" else 0
        case = {
            "name": name,
            "n_classes": n_classes,
            "bins": binned.tolist(),
            "target": [float(v) for v in y],
            "random_forest": scores(forests[0], binned.T, y, features),
            "extra_trees": scores(forests[1], binned.T, y, features),
        }
        out["cases"].append(case)
    json.dump(out, sys.stdout)
    sys.stdout.write("\n")


main()
