"""LightGBM as most people use it: 300 trees, rate 0.05, defaults otherwise.

    lightgbm_peer.py META TRAIN TEST PREDICTIONS [--threads N]

Category columns are pandas categories, dates are seconds. Writes predictions as `eyas predict
--proba` does (columns `prediction`, `probability_<class>`) and prints seconds and model bytes as JSON.
"""

import argparse
import json
import pathlib
import time

import lightgbm
import numpy as np
import pandas as pd

ROUNDS = 300
RATE = 0.05


def features(train, test, meta):
    """Both parts as LightGBM takes them: numbers, categories, dates as seconds."""
    columns = [name for name in train.columns if name != meta["target"]]
    categories = set(meta.get("categorical_columns", []))
    dates = set(meta.get("date_columns") or [])
    out_train, out_test = {}, {}
    for name in columns:
        parts = [train[name], test[name]]
        numbers = [pd.to_numeric(part.replace("", np.nan), errors="coerce") for part in parts]
        unread = any((n.isna() & (p != "")).any() for n, p in zip(numbers, parts))
        if name in dates:
            parts = [pd.to_datetime(p.replace("", None)).astype("int64") / 1e9 for p in parts]
        elif name in categories or unread:
            levels = sorted(set(train[name]) - {""})
            parts = [pd.Categorical(part, categories=levels) for part in parts]
        else:
            parts = numbers
        out_train[name], out_test[name] = parts
    return pd.DataFrame(out_train), pd.DataFrame(out_test)


def fit(meta, train, test, threads):
    x_train, x_test = features(train, test, meta)
    target = train[meta["target"]]
    parameters = {"learning_rate": RATE, "verbosity": -1, "num_threads": threads, "seed": 0}
    classes = None
    if meta["task"] == "regression":
        parameters["objective"] = "regression"
        y = target.astype(float)
    else:
        classes = sorted(target.unique())
        y = target.map({label: code for code, label in enumerate(classes)})
        parameters["objective"] = "binary" if len(classes) == 2 else "multiclass"
        if len(classes) > 2:
            parameters["num_class"] = len(classes)
    # Column names with special characters are refused by LightGBM.
    x_train.columns = x_test.columns = [f"f{at}" for at in range(x_train.shape[1])]
    began = time.perf_counter()
    data = lightgbm.Dataset(x_train, label=y, free_raw_data=False)
    booster = lightgbm.train(parameters, data, num_boost_round=ROUNDS)
    seconds = time.perf_counter() - began
    return booster.predict(x_test), classes, seconds, len(booster.model_to_string())


def write(predicted, classes, out):
    if classes is None:
        table = pd.DataFrame({"prediction": predicted})
    else:
        if len(classes) == 2:
            predicted = np.column_stack([1 - predicted, predicted])
        table = pd.DataFrame({"prediction": [classes[at] for at in predicted.argmax(axis=1)]})
        for at, label in enumerate(classes):
            table[f"probability_{label}"] = predicted[:, at]
    table.to_csv(out, index=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("meta", "train", "test", "predictions"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    meta = json.loads(arguments.meta.read_text())
    text = {"dtype": str, "keep_default_na": False}
    train, test = (pd.read_csv(part, **text) for part in (arguments.train, arguments.test))
    predicted, classes, seconds, n_bytes = fit(meta, train, test, arguments.threads)
    write(predicted, classes, arguments.predictions)
    print(json.dumps({"seconds": seconds, "bytes": n_bytes, "version": lightgbm.__version__}))


if __name__ == "__main__":
    main()
