"""Scores of predictions on the same rows, and the standard error of their difference.

    score.py META TEST PREDICTIONS [PREDICTIONS] [--metric NAME]

Prints JSON: `scores` as users read them, and for two files `gain` (the first over the second,
positive is better) with its standard error `gain_se`: over rows for log loss and accuracy, by a
bootstrap of the rows (1,000 draws, seed 0) for ROC AUC and RMSE.
"""

import argparse
import json
import pathlib

import numpy as np
import pandas as pd

DRAWS = 1000
CLIP = 1e-15


def auc(y, score, weight=None):
    """Area under the ROC curve; ties count half. `weight`: how often each row was drawn."""
    weight = np.ones(len(y)) if weight is None else weight
    order = np.argsort(score, kind="stable")
    y, score, weight = y[order], score[order], weight[order]
    starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    positive = np.add.reduceat(weight * y, starts)
    negative = np.add.reduceat(weight * (1 - y), starts)
    below = np.cumsum(negative) - negative
    total = positive.sum() * negative.sum()
    return float((positive * (below + negative / 2)).sum() / total) if total else float("nan")


def probabilities(table, classes):
    """Columns of the classes (n_rows, n_classes), summing to 1; 0 for a class never seen."""
    zero = np.zeros(len(table))
    columns = [table.get(f"probability_{label}", pd.Series(zero)).to_numpy() for label in classes]
    columns = np.clip(np.column_stack(columns), CLIP, None)
    return columns / columns.sum(axis=1, keepdims=True)


def losses_by_row(metric, y, table, classes):
    """What the metric averages over rows: log losses or squared errors."""
    if metric == "accuracy":
        return probabilities(table, classes).argmax(axis=1) == y
    if metric == "log_loss":
        return -np.log(probabilities(table, classes)[np.arange(len(y)), y])
    return (table["prediction"].to_numpy(dtype=float) - y) ** 2


def evaluate(metric, y, tables, classes):
    """Scores of each table, and the standard error of first minus second if there are two."""
    n = len(y)
    rng = np.random.default_rng(0)
    if metric == "roc_auc":
        columns = [probabilities(table, classes)[:, 1] for table in tables]
        scores = [auc(y, column) for column in columns]
        draws = (np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(DRAWS))
        drawn = [[auc(y, column, weight) for column in columns] for weight in draws]
    else:
        rows = [losses_by_row(metric, y, table, classes).astype(float) for table in tables]
        finish = np.sqrt if metric == "rmse" else np.asarray
        scores = [float(finish(row.mean())) for row in rows]
        if metric in ("log_loss", "accuracy"):
            spread = np.std(rows[0] - rows[-1], ddof=1) / np.sqrt(n) if len(rows) > 1 else 0.0
            return scores, float(spread)
        draws = (rng.integers(n, size=n) for _ in range(DRAWS))
        drawn = [[float(finish(row[draw].mean())) for row in rows] for draw in draws]
    drawn = np.asarray(drawn)
    return scores, float(np.nanstd(drawn[:, 0] - drawn[:, -1], ddof=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meta", type=pathlib.Path)
    parser.add_argument("test", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path, nargs="+")
    parser.add_argument("--metric")
    arguments = parser.parse_args()
    meta = json.loads(arguments.meta.read_text())
    metric = arguments.metric or meta["metric"]
    text = {"dtype": str, "keep_default_na": False}
    target = pd.read_csv(arguments.test, usecols=[meta["target"]], **text)[meta["target"]]
    labels = {"dtype": {"prediction": str}, "keep_default_na": False}
    tables = [pd.read_csv(path, **labels) for path in arguments.predictions]
    assert all(len(table) == len(target) for table in tables), "a prediction for every row"
    classes = None
    if meta["task"] == "regression":
        y = target.to_numpy(dtype=float)
    else:
        named = [c.removeprefix("probability_") for t in tables for c in t if c != "prediction"]
        classes = sorted(set(target) | set(named))
        y = target.map({label: code for code, label in enumerate(classes)}).to_numpy()
    scores, gain_se = evaluate(metric, y, tables, classes)
    out = {"scores": scores, "n_rows": len(y)}
    if len(scores) > 1:
        gain = scores[0] - scores[1]
        higher = metric in ("roc_auc", "accuracy")
        out |= {"gain": gain if higher else -gain, "gain_se": gain_se}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
