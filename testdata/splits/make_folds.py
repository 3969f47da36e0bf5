"""Folds of scikit-learn, and numbers of NumPy's RandomState, for the tests of `splits`.

Written with scikit-learn 1.9.1 and NumPy 2.4.6:  python make_folds.py > folds.json
"""

import json

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold


def fold_of_rows(splitter, y):
    folds = np.zeros(len(y), dtype=int)
    for fold, (_, valid) in enumerate(splitter.split(np.zeros((len(y), 1)), y)):
        folds[valid] = fold
    return folds.tolist()


def main():
    cases = []
    for n_rows, n_classes, n_folds in [(23, 2, 5), (61, 3, 5), (40, 4, 3), (700, 7, 10)]:
        y = np.random.RandomState(n_rows).randint(0, n_classes, n_rows) ** 2 % n_classes
        for seed in [None, 0, 42, 2**32 - 1]:
            more = {} if seed is None else {"shuffle": True, "random_state": seed}
            cases.append({
                "classes": y.tolist(),
                "n_folds": n_folds,
                "seed": seed,
                "stratified": fold_of_rows(StratifiedKFold(n_folds, **more), y),
                "plain": fold_of_rows(KFold(n_folds, **more), y),
            })
    rows = np.arange(1000)
    np.random.RandomState(7).shuffle(rows)
    print(json.dumps({"cases": cases, "shuffled": rows.tolist()}))


main()
