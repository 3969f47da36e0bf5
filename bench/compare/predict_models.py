"""Trains the models of the prediction benchmark on real tables, and compiles them for each peer.

    predict_models.py MODEL DATA OUT

DATA holds NAME/data.csv.gz and NAME/meta.json. Writes below OUT: the model in the format that
`eyas import` reads, the same model in every form that a peer predicts with, rows to predict
(x64.npy, float64 that fit float32 exactly) and meta.json. What cannot be made is named there with
the reason. Done once for each version of this file.
"""

import argparse
import concurrent.futures
import hashlib
import json
import multiprocessing
import pathlib
import pickle
import shutil
import subprocess

import numpy as np
import pandas as pd

TRAINED_ROWS = 100_000
TEST_ROWS = 20_480
# YDF sorts every column at every node; its model has the asked size with these too.
YDF_ROWS = 20_000
LLEAVES_LEAVES = 16_000
LLEAVES_SECONDS = 1200
SEED = 0
# As fast as the compiler makes it on this machine.
OPTIMISE = ["-O3", "-march=native", "-fPIC"]


def flights(data):
    """Arrival delay from 9 numbers, 3 origins, 16 carriers and the flight's number: 29 columns."""
    table = pd.read_csv(data / "nyc-flights" / "data.csv.gz")
    numbers = ["month", "day", "dep_time", "sched_dep_time", "dep_delay", "sched_arr_time"]
    x = table[numbers + ["distance", "hour", "minute", "flight"]]
    codes = pd.get_dummies(table[["origin", "carrier"]], dtype=float)
    return pd.concat([x, codes], axis=1), table["arr_delay"].to_numpy(float)


def covertype(data):
    """Seven kinds of forest from 54 numbers."""
    table = pd.read_csv(data / "covertype" / "data.csv.gz")
    return table.drop(columns="Cover_Type"), table["Cover_Type"].to_numpy(int) - 1


def parts(x, y):
    """Rows to train with and rows to predict, apart."""
    order = np.random.default_rng(SEED).permutation(len(x))
    test, train = order[:TEST_ROWS], order[TEST_ROWS : TEST_ROWS + TRAINED_ROWS]
    x = x.to_numpy(np.float32).astype(np.float64)
    return x[train], y[train], x[test]


# ---- Training ----


def lightgbm_model(x, y, out, rounds, leaves, rate, classes=1):
    import lightgbm

    parameters = {"num_leaves": leaves, "learning_rate": rate, "verbosity": -1, "seed": SEED}
    parameters["objective"] = "regression" if classes == 1 else "multiclass"
    if classes > 1:
        parameters["num_class"] = classes
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, label=y), num_boost_round=rounds)
    booster.save_model(out / "model.txt")
    return booster, "model.txt"


def xgboost_model(x, y, out, rounds, depth):
    import xgboost

    parameters = {"max_depth": depth, "eta": 0.1, "tree_method": "hist", "seed": SEED}
    booster = xgboost.train(parameters, xgboost.DMatrix(x, label=y), num_boost_round=rounds)
    booster.save_model(out / "model.json")
    return booster, "model.json"


def catboost_model(x, y, out, rounds, depth):
    import catboost

    model = catboost.CatBoostRegressor(
        iterations=rounds, depth=depth, random_seed=SEED, verbose=False, allow_writing_files=False
    )
    model.fit(x, y)
    model.save_model(str(out / "model.json"), format="json")
    return model, "model.json"


def forest_model(x, y, out, trees):
    import skl2onnx
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(trees, n_jobs=-1, random_state=SEED).fit(x, y)
    kind = skl2onnx.common.data_types.FloatTensorType([None, x.shape[1]])
    told = {id(forest): {"zipmap": False}}
    onnx = skl2onnx.convert_sklearn(forest, initial_types=[("x", kind)], options=told)
    (out / "model.onnx").write_bytes(onnx.SerializeToString())
    return forest, "model.onnx"


# ---- Forms of a model ----


def compile_units(sources, library, compiler="gcc"):
    """Compiles files, two at a time, and links them."""

    def one(source):
        unit = source.with_suffix(".o")
        subprocess.run([compiler, *OPTIMISE, "-c", source, "-o", unit], check=True)
        return unit

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        units = list(pool.map(one, sources))
    subprocess.run([compiler, "-shared", "-o", library, *units, "-lm"], check=True)


def with_tl2cgen(model, out):
    """Treelite's trees as C, compiled by gcc."""
    import tl2cgen

    folder = out / "tl2cgen"
    tl2cgen.generate_c_code(model, dirpath=folder, params={"parallel_comp": 16}, verbose=False)
    header = (folder / "header.h").read_text()
    is_float = "float fvalue" in header
    number = "float" if is_float else "double"
    (folder / "peer.c").write_text(
        '#include "header.h"\n'
        "void peer_row(const void *row, double *out)\n{\n"
        f"    {number} result[16] = {{0}};\n"
        "    predict((union Entry *)row, 0, result);\n"
        f"    for (int at = 0; at < N_OUTPUTS; at++) out[at] = result[at];\n}}\n"
    )
    return folder, is_float


def tl2cgen_peer(model, out, n_outputs):
    folder, is_float = with_tl2cgen(model, out)
    peer = folder / "peer.c"
    peer.write_text(f"#define N_OUTPUTS {n_outputs}\n" + peer.read_text())
    compile_units(sorted(folder.glob("*.c")), out / "tl2cgen.so")
    return {"name": "tl2cgen", "kind": "compiled", "file": "tl2cgen.so", "is_float": is_float}


def lleaves_peer(booster, leaves, out):
    """Once for single rows, for which its documentation advises one block of all trees."""
    # The compiler's time grows with the square of a block, and memory with the trees.
    row_block = min(booster.num_trees(), LLEAVES_LEAVES // leaves)
    for name, block in (("lleaves-batch.o", 34), ("lleaves-row.o", row_block)):
        compiling = multiprocessing.Process(
            target=lleaves_compile, args=(out / "model.txt", out / name, block)
        )
        compiling.start()
        compiling.join(LLEAVES_SECONDS)
        if compiling.is_alive():
            compiling.kill()
            raise RuntimeError(f"blocks of {block} trees do not compile in {LLEAVES_SECONDS} s")
        if compiling.exitcode != 0:
            raise RuntimeError(f"blocks of {block} trees do not compile")
    return {"name": "lleaves", "kind": "lleaves", "file": "lleaves-row.o", "row_block": row_block}


def lleaves_compile(model, cache, block):
    import lleaves

    lleaves.Model(str(model)).compile(cache=str(cache), fblocksize=block)


def onnx_peer(output):
    return {"name": "onnxruntime", "kind": "onnxruntime", "file": "model.onnx", "output": output}


def onnx_of_boosting(model, convert, n_columns, out, **options):
    from onnxmltools.convert.common.data_types import FloatTensorType

    kind = FloatTensorType([None, n_columns])
    onnx = convert(model, initial_types=[("x", kind)], target_opset=15, **options)
    (out / "model.onnx").write_bytes(onnx.SerializeToString())
    names = [output.name for output in onnx.graph.output]
    return onnx_peer("probabilities" if "probabilities" in names else names[0])


def catboost_cpp_peer(model, out):
    """The C++ code that CatBoost exports."""
    model.save_model(str(out / "catboost.cpp"), format="cpp")
    code = (out / "catboost.cpp").read_text()
    (out / "catboost-peer.cpp").write_text(
        code + "\nstatic std::vector<float> features;\n"
        f"static const int N_COLUMNS = {len(model.feature_names_)};\n"
        'extern "C" void peer_row(const void *row, double *out)\n{\n'
        "    features.assign((const float *)row, (const float *)row + N_COLUMNS);\n"
        "    *out = ApplyCatboostModel(features);\n}\n"
    )
    compile_units([out / "catboost-peer.cpp"], out / "catboost.so", "g++")
    return {"name": "catboost-cpp", "kind": "compiled", "file": "catboost.so", "is_float": True}


def catboost_onnx_peer(model, out):
    import onnx

    model.save_model(str(out / "model.onnx"), format="onnx")
    whole = onnx.load(out / "model.onnx")
    output = whole.graph.output[0]
    # It declares (rows,) for what comes out as (rows, 1).
    shape = output.type.tensor_type.shape
    while len(shape.dim) < 2:
        shape.dim.add().dim_value = 1
    onnx.save(whole, out / "model.onnx")
    return onnx_peer(output.name) | {"input": whole.graph.input[0].name}


def ydf_peer(x, y, out, trees, leaves):
    """Its own model of the same size, as its exported C++ code and through Python."""
    import ydf

    x, y = x[:YDF_ROWS], y[:YDF_ROWS]
    columns = {f"f{at}": x[:, at].astype(np.float32) for at in range(x.shape[1])}
    learner = ydf.GradientBoostedTreesLearner(
        label="y",
        task=ydf.Task.REGRESSION,
        num_trees=trees,
        growing_strategy="BEST_FIRST_GLOBAL",
        max_num_nodes=2 * leaves - 1,
        max_depth=-1,
        shrinkage=0.05,
        early_stopping="NONE",
        validation_ratio=0.0,
        random_seed=SEED,
    )
    ydf.verbose(0)
    model = learner.train(columns | {"y": y})
    model.save(str(out / "ydf"))
    return model, {"name": "ydf", "kind": "ydf", "file": "ydf", "own_model": True}


def ydf_cpp_peer(model, out, n_columns):
    code = model.to_standalone_cc(name="peer_model", algorithm="ROUTING")
    code = code if isinstance(code, str) else next(iter(code.values())).decode()
    fields = ", ".join(f".f{at} = x[{at}]" for at in range(n_columns))
    (out / "ydf-peer.cpp").write_text(
        code + '\nextern "C" void peer_row(const void *row, double *out)\n{\n'
        "    const float *x = (const float *)row;\n"
        f"    *out = peer_model::Predict(peer_model::Instance{{{fields}}});\n}}\n"
    )
    source = out / "ydf-peer.cpp"
    command = ["g++", "-std=c++20", *OPTIMISE, "-shared", source, "-o", out / "ydf.so"]
    subprocess.run(command, check=True)
    peer = {"name": "ydf-cpp", "kind": "compiled", "file": "ydf.so", "is_float": True}
    return peer | {"own_model": True}


# ---- Models ----


class Forms:
    """Peers of a model; one that cannot be made is kept with the reason."""

    def __init__(self):
        self.peers = []

    def add(self, name, make):
        try:
            self.peers.append(make())
        except Exception as error:  # noqa: BLE001: any reason is worth a line in the results
            lines = str(error).strip().splitlines() or [type(error).__name__]
            self.peers.append({"name": name, "kind": "none", "problem": lines[-1][:200]})


def lightgbm_forms(booster, leaves, out, n_columns, n_outputs):
    import onnxmltools
    import treelite

    forms = Forms()
    forms.peers.append({"name": "lightgbm", "kind": "lightgbm", "file": "model.txt"})
    load = treelite.frontend.load_lightgbm_model
    forms.add("tl2cgen", lambda: tl2cgen_peer(load(out / "model.txt"), out, n_outputs))
    forms.add("lleaves", lambda: lleaves_peer(booster, leaves, out))
    convert = onnxmltools.convert_lightgbm
    options = {"zipmap": False}
    forms.add(
        "onnxruntime", lambda: onnx_of_boosting(booster, convert, n_columns, out, **options)
    )
    return forms


def make_lightgbm(data, out, table, rounds, leaves, rate, classes=1, with_ydf=False):
    x, y, test = parts(*table(data))
    booster, source = lightgbm_model(x, y, out, rounds, leaves, rate, classes)
    forms = lightgbm_forms(booster, leaves, out, x.shape[1], classes)
    if with_ydf:
        made = []
        forms.add("ydf", lambda: made.extend(ydf_peer(x, y, out, rounds, leaves)) or made[1])
        if made:
            forms.add("ydf-cpp", lambda: ydf_cpp_peer(made[0], out, x.shape[1]))
    return test, source, forms.peers, classes


def make_xgboost(data, out, rounds, depth):
    import onnxmltools
    import treelite

    x, y, test = parts(*flights(data))
    booster, source = xgboost_model(x, y, out, rounds, depth)
    forms = Forms()
    forms.peers.append({"name": "xgboost", "kind": "xgboost", "file": source})
    load = treelite.frontend.load_xgboost_model
    forms.add("tl2cgen", lambda: tl2cgen_peer(load(out / source), out, 1))
    convert = onnxmltools.convert_xgboost
    forms.add("onnxruntime", lambda: onnx_of_boosting(booster, convert, x.shape[1], out))
    return test, source, forms.peers, 1


def make_catboost(data, out, rounds, depth):
    x, y, test = parts(*flights(data))
    model, source = catboost_model(x, y, out, rounds, depth)
    forms = Forms()
    forms.peers.append({"name": "catboost", "kind": "catboost", "file": source})
    forms.add("catboost-cpp", lambda: catboost_cpp_peer(model, out))
    forms.add("onnxruntime", lambda: catboost_onnx_peer(model, out))
    return test, source, forms.peers, 1


def make_forest(data, out, trees):
    x, y, test = parts(*covertype(data))
    forest, source = forest_model(x, y, out, trees)
    (out / "forest.pickle").write_bytes(pickle.dumps(forest.set_params(n_jobs=1)))
    forms = Forms()
    forms.peers.append({"name": "scikit-learn", "kind": "sklearn", "file": "forest.pickle"})
    forms.peers.append(onnx_peer("probabilities"))
    n_nodes = sum(tree.tree_.node_count for tree in forest.estimators_)
    problem = f"{n_nodes} nodes as C code: a compiler would need hours"
    forms.peers.append({"name": "tl2cgen", "kind": "none", "problem": problem})
    return test, source, forms.peers, 7


MODELS = {
    "lightgbm-100x31": lambda d, o: make_lightgbm(d, o, flights, 100, 31, 0.1),
    "lightgbm-500x31": lambda d, o: make_lightgbm(d, o, flights, 500, 31, 0.05, with_ydf=True),
    "lightgbm-1000x63": lambda d, o: make_lightgbm(d, o, flights, 1000, 63, 0.03),
    "lightgbm-7-classes": lambda d, o: make_lightgbm(d, o, covertype, 100, 31, 0.1, classes=7),
    "xgboost-500-depth-6": lambda d, o: make_xgboost(d, o, 500, 6),
    "catboost-1000-depth-6": lambda d, o: make_catboost(d, o, 1000, 6),
    "forest-100-full-depth": lambda d, o: make_forest(d, o, 100),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=list(MODELS))
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    meta = arguments.out / "meta.json"
    if meta.exists() and json.loads(meta.read_text())["made_by"] == digest:
        return
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    test, source, peers, n_outputs = MODELS[arguments.model](arguments.data, arguments.out)
    np.save(arguments.out / "x64.npy", np.ascontiguousarray(test, dtype=np.float64))
    facts = {"made_by": digest, "source": source, "n_outputs": n_outputs, "peers": peers}
    meta.write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
