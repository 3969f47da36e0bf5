"""Trains one peer on one split and times it.

    train_peers.py SYSTEM FOLDER PREDICTIONS --threads N [--trees 300 --leaves 31 --rate 0.1]
    train_peers.py prepare FOLDER

FOLDER holds `meta.json` and `0/train.csv`, `0/test.csv` as `tables.py` writes them, or
`train.npy`, `train-target.npy` and `test.csv` as `synthetic.py` does. `prepare` turns the text
into what peers take (numbers, pandas categories, dates as seconds) and keeps it, so that reading is
in nobody's time. The time is that of making the peer's own data object and of training. Memory is
the highest resident memory while that went on, less what was resident before: the input is not
counted, all copies of it are. Prints JSON.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import pandas as pd

from lightgbm_peer import features, write


def resident_bytes(field):
    """`VmRSS` (now) or `VmHWM` (highest) of this process."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def forget_peak():
    """Sets the highest resident memory to that of now."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def prepare(folder):
    """Features and target as peers take them, kept as a pickle."""
    kept = folder / "prepared.pkl"
    if kept.exists():
        return pd.read_pickle(kept)
    meta = json.loads((folder / "meta.json").read_text())
    text = {"dtype": str, "keep_default_na": False}
    train, test = (pd.read_csv(folder / "0" / f"{part}.csv", **text) for part in ("train", "test"))
    x_train, x_test = features(train, test, meta)
    x_train.columns = x_test.columns = [f"f{at}" for at in range(x_train.shape[1])]
    target = train[meta["target"]]
    classes, y = None, None
    if meta["task"] == "regression":
        y = target.astype(float).to_numpy()
    else:
        classes = sorted(target.unique())
        y = target.map({label: code for code, label in enumerate(classes)}).to_numpy()
    out = {"meta": meta, "x": x_train, "y": y, "x_test": x_test, "classes": classes}
    pd.to_pickle(out, kept)
    return out


def synthetic(folder):
    """A table of 32-bit numbers."""
    meta = json.loads((folder / "meta.json").read_text())
    test = pd.read_csv(folder / "0" / "test.csv")
    y = np.load(folder / "train-target.npy")
    classes = None if meta["task"] == "regression" else sorted(str(int(v)) for v in np.unique(y))
    return {
        "meta": meta,
        "x": np.load(folder / "train.npy"),
        "y": y,
        "x_test": test.drop(columns=[meta["target"]]).to_numpy(dtype=np.float32),
        "classes": classes,
    }


def objective(data, names):
    """One of three names, by the task."""
    if data["classes"] is None:
        return names[0]
    return names[1] if len(data["classes"]) == 2 else names[2]


def is_category(column):
    return isinstance(column.dtype, pd.CategoricalDtype)


def as_numbers(x):
    """Codes instead of categories, for peers that know none; missing is NaN."""
    if isinstance(x, np.ndarray):
        return x
    out = {}
    for name in x:
        column = x[name]
        if is_category(column):
            codes = column.cat.codes.to_numpy().astype(np.float32)
            out[name] = np.where(codes < 0, np.nan, codes)
        else:
            out[name] = column.to_numpy(dtype=np.float32)
    return pd.DataFrame(out).to_numpy(dtype=np.float32)


def run_lightgbm(data, a):
    import lightgbm

    parameters = {
        "objective": objective(data, ["regression", "binary", "multiclass"]),
        "learning_rate": a.rate,
        "num_leaves": a.leaves,
        "num_threads": a.threads,
        "verbosity": -1,
    }
    if objective(data, [0, 1, 2]) == 2:
        parameters["num_class"] = len(data["classes"])
    began = time.perf_counter()
    rows = lightgbm.Dataset(data["x"], label=data["y"], params=parameters).construct()
    read = time.perf_counter() - began
    model = lightgbm.train(parameters, rows, num_boost_round=a.trees)
    return read, time.perf_counter() - began, model.predict, lightgbm.__version__


def run_xgboost(data, a):
    import xgboost

    parameters = {
        "objective": objective(data, ["reg:squarederror", "binary:logistic", "multi:softprob"]),
        "learning_rate": a.rate,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": a.leaves,
        "max_depth": 0,
        "nthread": a.threads,
    }
    if objective(data, [0, 1, 2]) == 2:
        parameters["num_class"] = len(data["classes"])
    began = time.perf_counter()
    rows = xgboost.QuantileDMatrix(
        data["x"], label=data["y"], nthread=a.threads, enable_categorical=True
    )
    read = time.perf_counter() - began
    model = xgboost.train(parameters, rows, num_boost_round=a.trees)
    seconds = time.perf_counter() - began

    def predict(x):
        return model.predict(xgboost.DMatrix(x, enable_categorical=True, nthread=a.threads))

    return read, seconds, predict, xgboost.__version__


def run_hessboost(data, a):
    import hessboost

    parameters = {
        "objective": objective(data, ["reg:squarederror", "binary:logistic", "multi:softprob"]),
        "eta": a.rate,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": a.leaves,
        "max_depth": 0,
        "nthread": a.threads,
    }
    if objective(data, [0, 1, 2]) == 2:
        parameters["num_class"] = len(data["classes"])
    began = time.perf_counter()
    rows = hessboost.DMatrix(data["x"], label=data["y"])
    read = time.perf_counter() - began
    model = hessboost.train(parameters, rows, num_boost_round=a.trees, verbose_eval=False)
    seconds = time.perf_counter() - began
    return read, seconds, lambda x: model.predict(hessboost.DMatrix(x)), hessboost.__version__


def run_catboost(data, a):
    """Its own kind of tree (oblivious) with as many leaves: depth 5 for 31."""
    import catboost

    x, x_test, categories = data["x"], data["x_test"], []
    if isinstance(x, pd.DataFrame):
        categories = [name for name in x if is_category(x[name])]
        texts = {name: "str" for name in categories}
        x, x_test = x.astype(texts), x_test.astype(texts)
        x, x_test = (t.fillna({name: "" for name in categories}) for t in (x, x_test))
    parameters = {
        "loss_function": objective(data, ["RMSE", "Logloss", "MultiClass"]),
        "iterations": a.trees,
        "learning_rate": a.rate,
        "depth": max(1, round(np.log2(a.leaves + 1))),
        "thread_count": a.threads,
        "verbose": False,
        "allow_writing_files": False,
        "random_seed": 0,
    }
    began = time.perf_counter()
    rows = catboost.Pool(x, label=data["y"], cat_features=categories, thread_count=a.threads)
    read = time.perf_counter() - began
    model = catboost.CatBoost(parameters).fit(rows)
    seconds = time.perf_counter() - began
    kind = "RawFormulaVal" if data["classes"] is None else "Probability"

    def predict(_):
        predicted = model.predict(x_test, prediction_type=kind)
        return predicted[:, 1] if objective(data, [0, 1, 2]) == 1 else predicted

    return read, seconds, predict, catboost.__version__


def run_perpetual(data, a):
    """It has no rate, no number of trees and no leaves: its own settings, with its default budget."""
    import perpetual

    kind = perpetual.PerpetualRegressor if data["classes"] is None else perpetual.PerpetualClassifier
    model = kind(num_threads=a.threads)
    began = time.perf_counter()
    model.fit(data["x"], data["y"])
    seconds = time.perf_counter() - began

    def predict(x):
        if data["classes"] is None:
            return model.predict(x)
        predicted = np.asarray(model.predict_proba(x))
        return predicted[:, 1] if objective(data, [0, 1, 2]) == 1 else predicted

    from importlib.metadata import version

    return 0.0, seconds, predict, version("perpetual")


def run_forest(data, a):
    """scikit-learn's forest: trees of full depth, defaults otherwise."""
    import sklearn
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    x, x_test = as_numbers(data["x"]), as_numbers(data["x_test"])
    kind = RandomForestRegressor if data["classes"] is None else RandomForestClassifier
    model = kind(n_estimators=a.trees, n_jobs=a.threads, random_state=0)
    began = time.perf_counter()
    model.fit(x, data["y"])
    seconds = time.perf_counter() - began

    def predict(_):
        if data["classes"] is None:
            return model.predict(x_test)
        predicted = model.predict_proba(x_test)
        return predicted[:, 1] if objective(data, [0, 1, 2]) == 1 else predicted

    return 0.0, seconds, predict, sklearn.__version__


SYSTEMS = {
    "lightgbm": run_lightgbm,
    "xgboost": run_xgboost,
    "hessboost": run_hessboost,
    "catboost": run_catboost,
    "perpetual": run_perpetual,
    "scikit-learn": run_forest,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", choices=["prepare", *SYSTEMS])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path, nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--rate", type=float, default=0.1)
    a = parser.parse_args()
    is_synthetic = (a.folder / "train.npy").exists()
    if a.system == "prepare":
        if not is_synthetic:
            prepare(a.folder)
        return
    data = (synthetic if is_synthetic else prepare)(a.folder)
    forget_peak()
    before = resident_bytes("VmRSS")
    read, seconds, predict, version = SYSTEMS[a.system](data, a)
    peak = resident_bytes("VmHWM") - before
    if a.predictions is not None:
        write(np.asarray(predict(data["x_test"])), data["classes"], a.predictions)
    out = {"seconds": seconds, "data_seconds": read, "peak_bytes": peak, "version": version}
    sys.stdout.write("\n" + json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
