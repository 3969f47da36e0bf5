"""Times Eyas and its peers on one model, side by side in one process, and prints JSON.

    predict_peers.py MODEL_DIR HARNESS --eyas LIBRARY --model MODEL.eyas [--rounds N]

MODEL_DIR comes from predict_models.py, HARNESS is predict_harness.c as a library. Peers with a C
interface are called from C; the others from Python at their fastest, which is said beside their
figures. A round times every predictor, one after the other: single rows, distinct and in random
order, then one batch. Figures are medians over rounds of p50, p99 and of nanoseconds a row. One
core, one thread. Every predictor is compared with the reference first.
"""

import argparse
import ctypes
import importlib.metadata
import json
import os
import pathlib
import pickle
import shutil
import time

import numpy as np

ROWS = 8192  # distinct rows that are timed one by one
BATCH = 20_000
SLOW_SECONDS = 2.0  # a predictor that needs more a round times fewer rows, never below
LEAST_ROWS = 256
EYAS_TIERS = {"eyas": None, "eyas-avx2": "avx2", "eyas-scalar": "scalar"}


class Table(ctypes.Structure):
    _fields_ = [
        ("n_rows", ctypes.c_size_t),
        ("n_columns", ctypes.c_size_t),
        ("x64", ctypes.c_void_p),
        ("x32", ctypes.c_void_p),
    ]


class Harness:
    def __init__(self, path, x64, n_outputs):
        self.c = ctypes.CDLL(str(path))
        self.x64, self.x32 = x64, x64.astype(np.float32)
        assert (self.x32.astype(np.float64) == x64).all(), "rows must fit float32 exactly"
        self.table = Table(*x64.shape, self.x64.ctypes.data, self.x32.ctypes.data)
        self.n_outputs = n_outputs
        for name in ("eyas", "lightgbm", "xgboost", "onnxruntime", "lleaves", "compiled"):
            getattr(self.c, f"open_{name}").restype = ctypes.c_void_p
        self.c.harness_problem.restype = ctypes.c_char_p
        self.c.harness_clock_cost.restype = ctypes.c_double
        self.clock_cost = float(np.median([self.c.harness_clock_cost() for _ in range(9)]))

    def problem(self):
        return RuntimeError(self.c.harness_problem().decode() or "the call failed")

    def open(self, kind, *arguments):
        table, n = ctypes.byref(self.table), ctypes.c_size_t(self.n_outputs)
        first = [a.encode() if isinstance(a, str) else a for a in arguments]
        n_before = 1 if kind == "compiled" else 2
        before, after = first[:n_before], first[n_before:]
        peer = getattr(self.c, f"open_{kind}")(*before, table, n, *after)
        if not peer:
            raise self.problem()
        return ctypes.c_void_p(peer)


def numbers(array):
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


class Native:
    """A predictor behind the harness."""

    def __init__(self, harness, peer, interface):
        self.harness, self.peer, self.interface = harness, peer, interface

    def rows(self, order):
        ns = np.empty(len(order))
        order = np.ascontiguousarray(order, dtype=np.uint32)
        cost = ctypes.c_double(self.harness.clock_cost)
        place = order.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
        n = ctypes.c_size_t(len(order))
        if self.harness.c.harness_time_rows(self.peer, place, n, cost, numbers(ns)):
            raise self.harness.problem()
        return ns

    def batch(self, n):
        ns = ctypes.c_double()
        c = self.harness.c
        if c.harness_time_batch(self.peer, ctypes.c_size_t(n), ctypes.byref(ns)):
            raise self.harness.problem()
        return ns.value

    def predicted(self, n, as_batch):
        out = np.empty((n, self.harness.n_outputs))
        c = self.harness.c
        calls = [(n, out)] if as_batch else list(enumerate(out))
        for at, place in calls:
            if c.harness_predict(self.peer, int(as_batch), ctypes.c_size_t(at), numbers(place)):
                raise self.harness.problem()
        return out


class InPython:
    """A predictor without a C interface: `one` predicts what `ready` made of a row (1, n_columns)
    before the clock starts, `many` predicts rows."""

    def __init__(self, harness, x, one, many, interface, ready=np.copy):
        self.x, self.one, self.many, self.interface = x, one, many, interface
        self.ready = ready
        self.n_outputs = harness.n_outputs
        reads = [-time.perf_counter_ns() + time.perf_counter_ns() for _ in range(4096)]
        self.clock_cost = float(np.median(reads))

    def rows(self, order):
        ns = np.empty(len(order))
        for at, row in enumerate(order):
            values = self.ready(self.x[row : row + 1])
            start = time.perf_counter_ns()
            self.one(values)
            ns[at] = time.perf_counter_ns() - start
        return np.maximum(ns - self.clock_cost, 0)

    def batch(self, n):
        values = self.x[:n]
        start = time.perf_counter_ns()
        self.many(values)
        return time.perf_counter_ns() - start

    def predicted(self, n, as_batch):
        if as_batch:
            out = self.many(self.x[:n])
        else:
            rows = [self.ready(self.x[at : at + 1]) for at in range(n)]
            out = np.concatenate([np.atleast_1d(self.one(row)) for row in rows])
        return np.asarray(out, dtype=float).reshape(n, self.n_outputs)


# ---- Predictors ----


def package_file(package, pattern):
    spec = importlib.util.find_spec(package)
    return str(next(pathlib.Path(spec.origin).parent.glob(pattern)))


def open_eyas(harness, name, arguments, folder):
    """A copy of the library for each tier, since it looks at the variable once."""
    tier = EYAS_TIERS[name]
    library = folder / f"lib{name}.so"
    shutil.copyfile(arguments.eyas, library)
    if tier is None:
        os.environ.pop("EYAS_TIER", None)
    else:
        os.environ["EYAS_TIER"] = tier
    peer = harness.open("eyas", str(library), str(arguments.model))
    # The variable may be read at the first prediction.
    native = Native(harness, peer, "libeyas, C" + (f", EYAS_TIER={tier}" if tier else ""))
    native.predicted(2, False), native.predicted(2, True)
    os.environ.pop("EYAS_TIER", None)
    return native


def open_peer(harness, peer, folder):
    kind, file = peer["kind"], str(folder / peer.get("file", ""))
    if kind == "none":
        raise RuntimeError(peer["problem"])
    if kind == "lightgbm":
        library = package_file("lightgbm", "lib/lib_lightgbm.so")
        interface = "C: PredictForMatSingleRowFast, PredictForMat"
        return Native(harness, harness.open(kind, library, file), interface)
    if kind == "xgboost":
        library = package_file("xgboost", "lib/libxgboost.so")
        return Native(harness, harness.open(kind, library, file), "C: PredictFromDense, in place")
    if kind == "onnxruntime":
        library = package_file("onnxruntime", "capi/libonnxruntime.so*")
        names = peer.get("input", "x"), peer["output"]
        return Native(harness, harness.open(kind, library, file, *names), "C: Run, bound tensors")
    if kind == "compiled":
        handle = harness.open(kind, file, ctypes.c_int(peer["is_float"]))
        return Native(harness, handle, "compiled, -O3 -march=native")
    return IN_PYTHON[kind](harness, peer, folder)


def open_lleaves(harness, peer, folder):
    import lleaves

    entries, harness.kept = [], getattr(harness, "kept", [])
    for name, block in (("lleaves-row.o", peer["row_block"]), ("lleaves-batch.o", 34)):
        model = lleaves.Model(str(folder / "model.txt"))
        model.compile(cache=str(folder / name), fblocksize=block)
        harness.kept.append(model)
        entries.append(ctypes.cast(model._c_entry_func, ctypes.c_void_p))
    handle = harness.open("lleaves", *entries)
    blocks = f"compiled entry; blocks of {peer['row_block']} trees for rows, of 34 for batches"
    return Native(harness, handle, blocks)


def open_catboost(harness, peer, folder):
    import catboost

    model = catboost.CatBoost()
    model.load_model(str(folder / peer["file"]), format="json")
    pools = {}

    def many(rows):
        if len(rows) not in pools:
            pools[len(rows)] = catboost.Pool(rows)
        return one(pools[len(rows)])

    def one(pool):
        return model.predict(pool, thread_count=1)

    interface = "Python; the Pool made before"
    return InPython(harness, harness.x32, one, many, interface, catboost.Pool)


def open_sklearn(harness, peer, folder):
    model = pickle.loads((folder / peer["file"]).read_bytes())
    return InPython(harness, harness.x32, model.predict_proba, model.predict_proba, "Python")


def open_ydf(harness, peer, folder):
    import ydf

    model = ydf.load_model(str(folder / peer["file"]))
    names = [f"f{at}" for at in range(harness.x32.shape[1])]

    def predict(rows):
        return model.predict(dict(zip(names, rows.T)), num_threads=1)

    return InPython(harness, harness.x32, predict, predict, "Python; a model of its own")


IN_PYTHON = {
    "lleaves": open_lleaves,
    "catboost": open_catboost,
    "sklearn": open_sklearn,
    "ydf": open_ydf,
}


# ---- Measuring ----


def rows_of(predictor, order):
    """How many rows of an order are timed a round."""
    seconds = np.median(predictor.rows(order[:16])) * len(order) / 1e9
    share = min(1.0, SLOW_SECONDS / max(seconds, 1e-9))
    return max(LEAST_ROWS, int(len(order) * share))


def measure(predictors, rounds):
    """Adds a list of (p50, p99, batch ns a row) for each predictor, one entry a round."""
    rng = np.random.default_rng(1)
    order = rng.permutation(ROWS)
    counts = {name: rows_of(predictor, order) for name, predictor in predictors.items()}
    figures = {name: [] for name in predictors}
    names = list(predictors)
    for number in range(rounds):
        order = rng.permutation(ROWS)
        # Whoever comes after the one that leaves the caches worst is another one each round.
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            predictor = predictors[name]
            predictor.rows(order[: min(512, counts[name])])
            ns = np.sort(predictor.rows(order[: counts[name]]))
            p50, p99 = ns[(len(ns) - 1) // 2], ns[int(np.ceil(0.99 * len(ns))) - 1]
            if number == 0:
                predictor.batch(BATCH)
            figures[name].append((p50, p99, predictor.batch(BATCH) / BATCH))
    return {name: (counts[name], np.asarray(rows)) for name, rows in figures.items()}


def differences(predictor, reference, scale):
    """Largest difference from the reference, over the spread of its outputs."""
    by_row = predictor.predicted(64, False)
    as_batch = predictor.predicted(512, True)
    apart = max(np.abs(by_row - reference[:64]).max(), np.abs(as_batch - reference).max())
    return float(apart / scale)


def load_times(harness, arguments, n=25):
    ns, ready = np.empty(n), np.empty(n)
    library, model = str(arguments.eyas).encode(), str(arguments.model).encode()
    if harness.c.time_eyas_load(library, model, ctypes.c_size_t(n), numbers(ns), numbers(ready)):
        raise harness.problem()
    return {"load_ns": float(np.median(ns)), "load_and_scratch_ns": float(np.median(ready))}


def versions():
    names = ["lightgbm", "xgboost", "catboost", "tl2cgen", "lleaves", "onnxruntime", "ydf"]
    return {name: importlib.metadata.version(name) for name in names + ["scikit-learn"]}


def open_all(harness, arguments, facts):
    found, problems = {}, {}
    opened = [(name, lambda name=name: open_eyas(harness, name, arguments, arguments.folder))
              for name in EYAS_TIERS]
    opened += [(peer["name"], lambda peer=peer: open_peer(harness, peer, arguments.folder))
               for peer in facts["peers"]]
    for name, make in opened:
        try:
            found[name] = make()
        except Exception as error:  # noqa: BLE001: any reason is worth a line in the results
            problems[name] = str(error)[:300] or type(error).__name__
    return found, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("harness", type=pathlib.Path)
    parser.add_argument("--eyas", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    facts = json.loads((arguments.folder / "meta.json").read_text())
    x64 = np.load(arguments.folder / "x64.npy")
    harness = Harness(arguments.harness, x64, facts["n_outputs"])
    predictors, problems = open_all(harness, arguments, facts)
    own = {peer["name"] for peer in facts["peers"] if peer.get("own_model")}
    source = facts["peers"][0]["name"]
    reference = predictors[source].predicted(512, True)
    scale = float(reference.std()) or 1.0
    told = {}
    for name in list(predictors):
        try:
            told[name] = None if name in own else differences(predictors[name], reference, scale)
        except Exception as error:  # noqa: BLE001
            problems[name] = str(error)[:300]
            del predictors[name]
    loads = load_times(harness, arguments) if "eyas" in predictors else {}
    systems = [{"name": name, "problem": problem} for name, problem in problems.items()]
    for name, (n_rows, figures) in measure(predictors, arguments.rounds).items():
        p50, p99, batch = np.median(figures, axis=0).round(1).tolist()
        system = {"name": name, "interface": predictors[name].interface, "n_rows": n_rows}
        system |= {"p50_ns": p50, "p99_ns": p99, "batch_ns": batch, "difference": told[name]}
        spread = np.stack([figures.min(axis=0), figures.max(axis=0)], axis=1).round(1).tolist()
        system |= dict(zip(("p50_spread_ns", "p99_spread_ns", "batch_spread_ns"), spread))
        system |= {"own_model": name in own}
        systems.append(system)
    out = {"systems": systems, "reference": source, "n_columns": x64.shape[1], "versions": versions()}
    out |= {"n_outputs": facts["n_outputs"], "rounds": arguments.rounds, **loads}
    out |= {"clock_cost_ns": harness.clock_cost, "batch_rows": BATCH}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
