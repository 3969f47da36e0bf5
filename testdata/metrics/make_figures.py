"""Makes figures.json: what scikit-learn says of some predictions.

Run: pip install scikit-learn==1.9.1 && python make_figures.py
"""

import json
import math
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20240917)
cases = []


def record(case, name, call):
    try:
        value = float(call())
    except Exception:  # scikit-learn has no number
        value = math.nan
    case["values"][name] = None if math.isnan(value) else value


def add(name, kind, truth, predictions, weights, n_outputs=1):
    case = {
        "name": name,
        "kind": kind,
        "truth": np.asarray(truth).tolist(),
        "predictions": np.asarray(predictions).ravel().tolist(),
        "n_outputs": n_outputs,
        "weights": None if weights is None else weights.tolist(),
        "values": {},
    }
    cases.append(case)
    return case


def classes(name, y, p, w):
    """Binary: p (n,) of class 1; multiclass: p (n, k)."""
    y = np.asarray(y)
    binary = p.ndim == 1
    k = 2 if binary else p.shape[1]
    case = add(name, "binary" if binary else "multiclass", y, p, w, 1 if binary else k)
    c = np.argmax(np.column_stack([1 - p, p]) if binary else p, axis=1)
    labels = list(range(k))
    s = {"sample_weight": w}
    record(case, "accuracy", lambda: m.accuracy_score(y, c, **s))
    record(case, "balanced_accuracy", lambda: m.balanced_accuracy_score(y, c, **s))
    record(case, "log_loss", lambda: m.log_loss(y, p, labels=labels, **s))
    record(case, "f1_macro", lambda: m.f1_score(y, c, average="macro", **s))
    record(case, "f1_weighted", lambda: m.f1_score(y, c, average="weighted", **s))
    record(case, "mcc", lambda: m.matthews_corrcoef(y, c, **s))
    if binary:
        record(case, "brier", lambda: m.brier_score_loss(y, p, pos_label=1, **s))
        record(case, "f1", lambda: m.f1_score(y, c, **s))
        record(case, "roc_auc", lambda: m.roc_auc_score(y, p, **s))
        record(case, "pr_auc", lambda: m.average_precision_score(y, p, **s))
    else:
        record(case, "brier", lambda: m.brier_score_loss(y, p, labels=labels, **s))
        if len(set(y.tolist())) == k:  # else scikit-learn has no number, and Eyas leaves classes out
            record(case, "roc_auc", lambda: m.roc_auc_score(y, p, multi_class="ovr", labels=labels, **s))
            record(case, "pr_auc", lambda: m.average_precision_score(y, p, **s))


def numbers(name, y, p, w):
    y, p = np.asarray(y, float), np.asarray(p, float)
    case = add(name, "regression", y, p, w)
    s = {"sample_weight": w}
    record(case, "rmse", lambda: m.root_mean_squared_error(y, p, **s))
    record(case, "mse", lambda: m.mean_squared_error(y, p, **s))
    record(case, "mae", lambda: m.mean_absolute_error(y, p, **s))
    record(case, "median_ae", lambda: m.median_absolute_error(y, p, **s))
    record(case, "mape", lambda: m.mean_absolute_percentage_error(y, p, **s))
    record(case, "r2", lambda: m.r2_score(y, p, **s))
    if (p > 0).all():  # else scikit-learn raises an error, and Eyas says infinite
        record(case, "poisson_deviance", lambda: m.mean_poisson_deviance(y, p, **s))


def weightings(n):
    yield "", None
    yield " weighted", np.round(rng.gamma(1.0, 1.0, n), 4)
    halves = rng.integers(0, 4, n) / 2
    halves[0] = 1.0
    yield " zero weights", halves


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


for n in (1, 2, 7, 60, 400):
    y = rng.integers(0, 2, n)
    for suffix, w in weightings(n):
        p = 1 / (1 + np.exp(-rng.normal(2 * y - 1, 2)))
        classes(f"binary {n}{suffix}", y, p, w)
        classes(f"binary {n} ties{suffix}", y, np.round(p, 1), w)
        classes(f"binary {n} extreme{suffix}", y, np.where(rng.random(n) < 0.3, np.round(p), p), w)
for label in (0, 1):
    for suffix, w in weightings(12):
        classes(f"binary only class {label}{suffix}", np.full(12, label), np.round(rng.random(12), 2), w)
classes("binary all alike", rng.integers(0, 2, 30), np.full(30, 0.5), None)
classes("binary rare", (np.arange(200) % 97 == 0).astype(int), np.round(rng.random(200), 3), None)
for n, k in ((3, 3), (40, 3), (300, 5)):
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)]) if n > k else np.arange(k)
    for suffix, w in weightings(n):
        if w is not None:
            w[:k] = np.maximum(w[:k], 0.5)
        p = softmax(rng.normal(size=(n, k)) + 1.5 * np.eye(k)[y])
        classes(f"multiclass {n} {k}{suffix}", y, p, w)
        votes = np.round(p * 4) + 0.25
        classes(f"multiclass {n} {k} ties{suffix}", y, votes / votes.sum(axis=1, keepdims=True), w)
classes("multiclass absent class", np.array([0, 2, 0, 2, 2, 0]), softmax(rng.normal(size=(6, 3))), None)
classes("multiclass one class", np.ones(5, int), softmax(rng.normal(size=(5, 4))), None)
for n in (1, 2, 3, 8, 151):
    for suffix, w in weightings(n):
        y = np.round(rng.gamma(2.0, 3.0, n), 3)
        numbers(f"regression {n}{suffix}", y, y * rng.lognormal(0, 0.3, n), w)
        counts = rng.poisson(1.5, n)
        numbers(f"regression {n} counts{suffix}", counts, np.round(rng.gamma(2, 1, n), 1) + 0.1, w)
        numbers(f"regression {n} negative{suffix}", rng.normal(size=n), rng.normal(size=n), w)
numbers("regression constant", np.full(9, 3.0), np.full(9, 3.0), None)
numbers("regression constant truth", np.full(9, 3.0), np.linspace(1, 5, 9), None)
numbers("regression large", 1e9 + rng.normal(size=50), 1e9 + rng.normal(size=50), None)

out = {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "cases": cases}
path = pathlib.Path(__file__).with_name("figures.json")
path.write_text(json.dumps(out, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
