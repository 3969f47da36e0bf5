"""scikit-learn's GridSearchCV over a forest, timed.

    grid_peer.py table NAME CSV OUT [--rows N]   writes a table as CSV: `digits`, or rows of CSV
    grid_peer.py search CSV TARGET --threads N

The grid is n_estimators 10, 50, 100 x max_depth none, 10, 20 x min_samples_split 2, 5, 10, with 5
folds and accuracy. The time is that of `GridSearchCV.fit` alone, refit included; starting Python
and reading the file are not in it. Prints JSON.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import pandas as pd

GRID = {
    "n_estimators": [10, 50, 100],
    "max_depth": [None, 10, 20],
    "min_samples_split": [2, 5, 10],
}


def table(a):
    if a.name == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        out = pd.DataFrame(x.astype(int), columns=[f"pixel_{at}" for at in range(x.shape[1])])
        out["target"] = y
    else:
        out = pd.read_csv(a.csv)
        if a.rows and a.rows < len(out):
            keep = np.random.default_rng(0).permutation(len(out))[: a.rows]
            out = out.iloc[np.sort(keep)]
    out.to_csv(a.out, index=False)


def search(a):
    import sklearn
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    rows = pd.read_csv(a.csv)
    x = rows.drop(columns=[a.target]).to_numpy(dtype=np.float32)
    y = rows[a.target].to_numpy()
    forest = RandomForestClassifier(random_state=0)
    search = GridSearchCV(forest, GRID, cv=5, scoring="accuracy", n_jobs=a.threads)
    began = time.perf_counter()
    search.fit(x, y)
    seconds = time.perf_counter() - began
    best = search.best_index_
    out = {
        "seconds": seconds,
        "best": {k: v for k, v in search.best_params_.items()},
        "mean": float(search.cv_results_["mean_test_score"][best]),
        "std": float(search.cv_results_["std_test_score"][best]),
        "means": [float(m) for m in search.cv_results_["mean_test_score"]],
        "version": sklearn.__version__,
    }
    sys.stdout.write("\n" + json.dumps(out) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("table")
    one.add_argument("name")
    one.add_argument("csv", type=pathlib.Path)
    one.add_argument("out", type=pathlib.Path)
    one.add_argument("--rows", type=int, default=0)
    one.set_defaults(run=table)
    two = commands.add_parser("search")
    two.add_argument("csv", type=pathlib.Path)
    two.add_argument("target")
    two.add_argument("--threads", type=int, default=2)
    two.set_defaults(run=search)
    a = parser.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
