"""Makes the models of CatBoost and in ONNX that tests import, with rows and the libraries' answers.

    python3 -m venv target/py
    target/py/bin/pip install catboost==1.2.10 lightgbm==4.7.0 numpy==2.4.6 onnx==1.23.2 \
        onnxmltools==1.16.0 onnxruntime==1.32.0 pandas==3.1.1 scikit-learn==1.9.1 skl2onnx==1.20.0 \
        xgboost==3.2.0
    target/py/bin/python testdata/import/make_onnx_catboost.py DATA

DATA is a folder with NAME/data.csv.gz for the tables below (see CONTRIBUTING.md). Each model NAME has
NAME.json or NAME.onnx, NAME.csv (rows: drawn from the table, with missing cells, zeros, and values at
and beside thresholds) and an entry in figures.json: predictions, and the leaf of each tree where the
library tells it. Models below refused/ cannot be imported.
"""

import json
import os
import sys
import warnings

import catboost
import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import xgboost
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from onnx import TensorProto, helper
from onnxmltools.convert import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloats
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
DATA = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
N_ROWS = 48


def table(name, n=700):
    frame = pd.read_csv(f"{DATA}/{name}/data.csv.gz")
    return frame.sample(min(n, len(frame)), random_state=7).reset_index(drop=True)


def rows_of(frame, thresholds, seed=0):
    """Rows of a table; a third of the cells of numbers replaced by what is hard."""
    random = np.random.default_rng(seed)
    rows = frame.sample(N_ROWS, random_state=seed, replace=len(frame) < N_ROWS).reset_index(drop=True)
    for column in rows.columns:
        if rows[column].dtype.kind not in "fiu":
            continue
        values = rows[column].astype(float).to_numpy(copy=True)
        at = thresholds.get(column, [0.0])
        for row in range(N_ROWS):
            choice = random.integers(0, 18)
            threshold = float(random.choice(at))
            hard = [
                np.nan,
                0.0,
                threshold,
                np.nextafter(threshold, np.inf),
                np.nextafter(threshold, -np.inf),
                float(np.nextafter(np.float32(threshold), np.float32(-np.inf))),
            ]
            if choice < len(hard):
                values[row] = hard[choice]
        rows[column] = values
    return rows


def save_rows(folder, name, rows):
    rows.to_csv(f"{HERE}/{folder}/{name}.csv", index=False, float_format="%.17g", lineterminator="\n")


def plain(array):
    return [[float(value) for value in np.ravel(row)] for row in np.asarray(array)]


# ------------------------------------------------------------------------------------- CatBoost

catboost_figures = {}
SMALL = dict(iterations=8, depth=3, verbose=0, allow_writing_files=False, thread_count=1, random_seed=3)


def catboost_model(name, model, x, y, cats=(), with_pool=True, refused=False):
    pool = Pool(x, y, cat_features=list(cats))
    model.fit(pool)
    folder = "catboost/refused" if refused else "catboost"
    path = f"{HERE}/{folder}/{name}.json"
    model.save_model(path, format="json", pool=pool if with_pool and len(cats) else None)
    if not refused:
        record(name, model, x, cats)


def record(name, model, x, cats):
    path = f"{HERE}/catboost/{name}.json"
    info = json.load(open(path))["features_info"]
    borders = {f.get("feature_name") or f["feature_id"]: f["borders"] for f in info["float_features"]}
    rows = rows_of(x, {key: value for key, value in borders.items() if value}, seed=len(name))
    for index, column in enumerate(cats):
        # Categories that the model has not seen.
        rows.loc[index::9, column] = "never seen"
    save_rows("catboost", name, rows)
    asked = Pool(rows, cat_features=list(cats))
    classifies = hasattr(model, "predict_proba")
    answer = model.predict_proba(asked) if classifies else model.predict(asked)
    if classifies and answer.shape[1] == 2:
        answer = answer[:, 1]
    catboost_figures[name] = {
        "predictions": plain(answer),
        "leaves": np.asarray(model.calc_leaf_indexes(asked)).tolist(),
    }


def all_of_catboost():
    titanic = table("titanic")
    numbers, survived = titanic[["pclass", "age", "sibsp", "parch", "fare"]], titanic.survived
    catboost_model("logloss", CatBoostClassifier(**SMALL), numbers, survived)
    catboost_model("logloss_nan_max", CatBoostClassifier(**SMALL, nan_mode="Max"), numbers, survived)
    catboost_model("lossguide", CatBoostClassifier(**SMALL, grow_policy="Lossguide"), numbers, survived)
    catboost_model("names_true_false", CatBoostClassifier(**SMALL), numbers, survived > 0)
    whole = numbers.fillna(30.0)
    catboost_model("rmse_nan_as_is", CatBoostRegressor(**SMALL), whole[["age", "fare"]], whole.pclass)
    abalone = table("abalone")
    target = abalone.pop("Class_number_of_rings")
    sizes = abalone.select_dtypes("number")
    catboost_model("rmse", CatBoostRegressor(**SMALL), sizes, target)
    catboost_model("depthwise", CatBoostRegressor(**SMALL, grow_policy="Depthwise"), sizes, target)
    catboost_model("quantile", CatBoostRegressor(**SMALL, loss_function="Quantile:alpha=0.8"), sizes, target)
    catboost_model("mae_deep", CatBoostRegressor(**{**SMALL, "depth": 6, "iterations": 3}, loss_function="MAE"), sizes, target)
    catboost_model("poisson", CatBoostRegressor(**SMALL, loss_function="Poisson"), sizes, target)
    catboost_model("tweedie", CatBoostRegressor(**SMALL, loss_function="Tweedie:variance_power=1.4"), sizes, target)
    catboost_model("huber", CatBoostRegressor(**SMALL, loss_function="Huber:delta=2"), sizes, target)
    vehicle = table("vehicle")
    kind = vehicle.pop("Class")
    catboost_model("multiclass", CatBoostClassifier(**SMALL, loss_function="MultiClass"), vehicle, kind)
    catboost_model("one_vs_all", CatBoostClassifier(**SMALL, loss_function="MultiClassOneVsAll"), vehicle, kind)
    catboost_model("multiclass_lossguide", CatBoostClassifier(**SMALL, loss_function="MultiClass", grow_policy="Lossguide"), vehicle, kind)
    catboost_model("multiclass_of_two", CatBoostClassifier(**SMALL, loss_function="MultiClass"), numbers, survived)
    adult = table("adult", 1200)
    rich = adult.pop("class").str.contains(">")
    cats = ["workclass", "education", "occupation", "sex"]
    mixed = adult[["age", "hours-per-week"] + cats].copy()
    # CatBoost does not take missing categories; empty text is one of its own.
    mixed[cats] = mixed[cats].fillna("")
    one_hot = dict(SMALL, one_hot_max_size=255)
    catboost_model("one_hot", CatBoostClassifier(**one_hot), mixed, rich, cats)
    catboost_model("one_hot_lossguide", CatBoostClassifier(**one_hot, grow_policy="Lossguide"), mixed, rich, cats)
    simple = dict(SMALL, max_ctr_complexity=1, iterations=20)
    catboost_model("ctr", CatBoostClassifier(**simple), mixed, rich, cats)
    catboost_model("ctr_buckets", CatBoostClassifier(**simple, simple_ctr=["Buckets"]), mixed, rich, cats)
    catboost_model("ctr_mean", CatBoostClassifier(**simple, simple_ctr=["BinarizedTargetMeanValue"]), mixed, rich, cats)
    catboost_model("ctr_counter", CatBoostClassifier(**simple, simple_ctr=["Counter"]), mixed, rich, cats)
    hours = pd.cut(adult["hours-per-week"], [0, 38, 42, 100], labels=["short", "full", "long"]).astype(str)
    catboost_model("ctr_multiclass", CatBoostClassifier(**simple, loss_function="MultiClass"), mixed[["age"] + cats], hours, cats)
    catboost_model("ctr_regression", CatBoostRegressor(**simple), mixed[["age"] + cats], adult["hours-per-week"], cats)
    summed_and_scaled(numbers, survived)
    refused_by_catboost(mixed, rich, cats, sizes, target)


def summed_and_scaled(x, y):
    first = CatBoostRegressor(**SMALL).fit(x, y)
    first.set_scale_and_bias(2.5, -0.75)
    first.save_model(f"{HERE}/catboost/scale_and_bias.json", format="json")
    record("scale_and_bias", first, x, ())
    models = [CatBoostClassifier(**dict(SMALL, random_seed=seed)).fit(x, y) for seed in (1, 2)]
    both = catboost.sum_models(models, weights=[0.3, 0.7])
    both.save_model(f"{HERE}/catboost/sum_of_models.json", format="json")
    record("sum_of_models", both, x, ())
    raw = np.asarray(catboost_figures["sum_of_models"]["predictions"])
    catboost_figures["sum_of_models"]["predictions"] = plain(1 / (1 + np.exp(-raw)))


def refused_by_catboost(mixed, rich, cats, sizes, target):
    for name, options, data, cat in [
        ("combined", dict(SMALL, max_ctr_complexity=3, iterations=60, depth=5), (mixed[cats], rich), cats),
        ("without_pool", dict(SMALL, one_hot_max_size=255), (mixed, rich), cats),
        ("ctr_without_pool", dict(SMALL, max_ctr_complexity=1, iterations=20), (mixed, rich), cats),
    ]:
        catboost_model(name, CatBoostClassifier(**options), *data, cat, name == "combined", True)
    uncertain = CatBoostRegressor(**SMALL, loss_function="RMSEWithUncertainty")
    catboost_model("uncertainty", uncertain, sizes, target, refused=True)
    both = np.column_stack([target, target * 2])
    catboost_model("two_targets", CatBoostRegressor(**SMALL, loss_function="MultiRMSE"), sizes, both, refused=True)


# ----------------------------------------------------------------------------------------- ONNX

onnx_figures = {}
ORT = onnxruntime.SessionOptions()
ORT.intra_op_num_threads = 1


def thresholds_of(model, names):
    found = {}
    for node in model.graph.node:
        if node.op_type not in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        values = attributes.get("nodes_values", [])
        for feature, value, mode in zip(attributes["nodes_featureids"], values, attributes.get("nodes_modes", [])):
            if mode != b"LEAF":
                found.setdefault(names[feature], []).append(value)
    return found


def onnx_model(name, model, x, leaves=None, single_inputs=False):
    """Saves a model that reads the numbers of `x`; leaves: rows -> (n_rows, n_trees)."""
    path = f"{HERE}/onnx/{name}.onnx"
    model.doc_string = ""
    onnx.save(model, path)
    names = list(x.columns)
    rows = rows_of(x, thresholds_of(model, names), seed=len(name))
    session = onnxruntime.InferenceSession(path, ORT, providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    kind = {"tensor(double)": np.float64, "tensor(int64)": np.int64}.get(first.type, np.float32)
    if kind == np.int64:
        rows = rows.fillna(0).round()
    values = rows.to_numpy(dtype=float).astype(kind)
    feed = {first.name: values}
    if single_inputs:
        feed = {name: values[:, [place]] for place, name in enumerate(names)}
    else:
        rows.columns = [f"f{place}" for place in range(len(names))]
    save_rows("onnx", name, rows)
    outputs = session.run(None, feed)
    answer = outputs[-1]
    if isinstance(answer, list):
        answer = np.array([list(row.values()) for row in answer])
    if len(outputs) > 1 and answer.shape[1] == 2:
        answer = answer[:, 1]
    onnx_figures[name] = {"predictions": plain(answer)}
    if leaves is not None:
        known = ~np.isnan(values).any(axis=1)
        asked = np.asarray(leaves(values[known]))
        all_leaves = [None] * len(values)
        for place, row in zip(np.flatnonzero(known), asked.reshape(len(asked), -1)):
            all_leaves[place] = [int(leaf) for leaf in row]
        onnx_figures[name]["leaves"] = all_leaves


def sklearn_model(name, model, x, y, **options):
    model.fit(x.to_numpy(np.float32), y)
    converted = to_onnx(model, x.to_numpy(np.float32)[:1], **options)
    onnx_model(name, converted, x, getattr(model, "apply", None) if "gb" not in name else None)


def refuse_onnx(name, model):
    onnx.save(model, f"{HERE}/onnx/refused/{name}.onnx")


def all_of_sklearn():
    vehicle = table("vehicle")
    kind = vehicle.pop("Class")
    code = pd.factorize(kind)[0]
    shape = vehicle.iloc[:, :8]
    abalone = table("abalone")
    rings = abalone.pop("Class_number_of_rings")
    sizes = abalone.select_dtypes("number")
    phoneme = table("phoneme")
    nasal = phoneme.pop("Class")
    nasal = pd.factorize(nasal)[0]
    small = dict(random_state=5)
    forest = dict(n_estimators=6, max_depth=4, n_jobs=1, **small)
    sklearn_model("tree_binary", DecisionTreeClassifier(max_depth=5, **small), phoneme, nasal)
    sklearn_model("tree_multiclass", DecisionTreeClassifier(max_depth=5, **small), shape, kind)
    sklearn_model("tree_regression", DecisionTreeRegressor(max_depth=5, **small), sizes, rings)
    sklearn_model("forest_binary", RandomForestClassifier(**forest), phoneme, nasal)
    sklearn_model("forest_binary_no_zipmap", RandomForestClassifier(**forest), phoneme, nasal, options={"zipmap": False})
    sklearn_model("forest_multiclass", RandomForestClassifier(**forest), shape, code)
    sklearn_model("forest_names", RandomForestClassifier(**forest), shape, kind, options={"zipmap": False})
    sklearn_model("forest_regression", RandomForestRegressor(**forest), sizes, rings)
    sklearn_model("extra_binary", ExtraTreesClassifier(**forest), phoneme, nasal)
    sklearn_model("extra_multiclass", ExtraTreesClassifier(**forest), shape, kind)
    sklearn_model("extra_regression", ExtraTreesRegressor(**forest), sizes, rings)
    boosting = dict(n_estimators=8, max_depth=3, **small)
    sklearn_model("gb_binary", GradientBoostingClassifier(**boosting), phoneme, nasal)
    sklearn_model("gb_binary_plain", GradientBoostingClassifier(**boosting), phoneme, nasal, options={"zipmap": False, "nocl": False})
    sklearn_model("gb_multiclass", GradientBoostingClassifier(**boosting), shape, kind)
    sklearn_model("gb_regression", GradientBoostingRegressor(**boosting), sizes, rings)
    n = sizes.shape[1]
    double = RandomForestRegressor(**forest).fit(sizes, rings)
    double = convert_sklearn(double, initial_types=[("X", DoubleTensorType([None, n]))])
    # The converter declares an output that no operator makes.
    double.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    onnx_model("forest_double", double, sizes)
    single = Pipeline([
        ("all", ColumnTransformer([("same", "passthrough", list(range(n)))])),
        ("forest", RandomForestRegressor(**forest)),
    ]).fit(sizes.to_numpy(), rings)
    types = [(name, FloatTensorType([None, 1])) for name in sizes.columns]
    onnx_model("forest_inputs", convert_sklearn(single, initial_types=types), sizes, single_inputs=True)
    first = sizes.to_numpy(np.float32)
    refuse_onnx("adaboost", to_onnx(AdaBoostClassifier(n_estimators=3, **small).fit(first, (rings > 9).astype(int)), first[:1]))
    refuse_onnx("scaled", to_onnx(make_pipeline(StandardScaler(), RandomForestRegressor(**forest)).fit(first, rings), first[:1]))
    two = np.column_stack([rings, rings * 2])
    refuse_onnx("two_targets", to_onnx(RandomForestRegressor(**forest).fit(first, two), first[:1]))


def converted(convert, model, x, **options):
    return convert(model, initial_types=[("X", OtherFloats([None, x.shape[1]]))], **options)


def all_of_boosters():
    titanic = table("titanic")
    numbers, survived = titanic[["pclass", "age", "sibsp", "parch", "fare"]], titanic.survived
    vehicle = table("vehicle")
    kind = pd.factorize(vehicle.pop("Class"))[0]
    shape = vehicle.iloc[:, :8]
    abalone = table("abalone")
    rings = abalone.pop("Class_number_of_rings")
    sizes = abalone.select_dtypes("number")
    small = dict(n_estimators=6, num_leaves=7, n_jobs=1, random_state=5, verbose=-1)

    def light(name, model, x, y, options={}, **fit):
        model.fit(x.to_numpy(), y, **fit)
        onnx_model(f"lightgbm_{name}", converted(convert_lightgbm, model, x, **options), x)

    light("binary", lightgbm.LGBMClassifier(**small), numbers, survived)
    light("multiclass", lightgbm.LGBMClassifier(**small), shape, kind)
    light("multiclass_no_zipmap", lightgbm.LGBMClassifier(**small), shape, kind, {"zipmap": False})
    light("binary_no_zipmap", lightgbm.LGBMClassifier(**small), numbers, survived, {"zipmap": False})
    light("regression", lightgbm.LGBMRegressor(**small), sizes, rings)
    light("poisson", lightgbm.LGBMRegressor(objective="poisson", **small), sizes, rings)
    light("tweedie", lightgbm.LGBMRegressor(objective="tweedie", **small), sizes, rings)
    light("missing", lightgbm.LGBMRegressor(**small), numbers, numbers.fare.fillna(0.0))
    light("categories", lightgbm.LGBMRegressor(**small, max_cat_to_onehot=1, min_data_per_group=5, cat_smooth=1), numbers.fillna(0.0), survived, categorical_feature=[0, 2, 3])
    split = lightgbm.LGBMRegressor(**dict(small, n_estimators=9)).fit(sizes.to_numpy(), rings)
    summed = convert_lightgbm(split, initial_types=[("X", OtherFloats([None, sizes.shape[1]]))], split=3)
    onnx_model("lightgbm_split", summed, sizes)
    forest = lightgbm.LGBMClassifier(boosting_type="rf", bagging_freq=1, bagging_fraction=0.7, **small)
    refuse_onnx("lightgbm_forest", converted(convert_lightgbm, forest.fit(numbers.to_numpy(), survived), numbers))
    small = dict(n_estimators=6, max_depth=3, n_jobs=1, random_state=5)

    def xg(name, model, x, y):
        model.fit(x.to_numpy(), y)
        onnx_model(f"xgboost_{name}", converted(convert_xgboost, model, x), x)

    xg("binary", xgboost.XGBClassifier(**small), numbers, survived)
    xg("multiclass", xgboost.XGBClassifier(**small), shape, kind)
    xg("regression", xgboost.XGBRegressor(**small), sizes, rings)
    xg("poisson", xgboost.XGBRegressor(objective="count:poisson", **small), sizes, rings)
    xg("forest", xgboost.XGBRFClassifier(**small), numbers, survived)
    xg("missing", xgboost.XGBRegressor(**small), numbers, numbers.fare.fillna(0.0))
    xg("probability", xgboost.XGBRegressor(objective="reg:logistic", **small), numbers, survived)


def all_made_by_hand():
    """What the specification allows and no converter at hand writes."""
    numbers = table("abalone").select_dtypes("number").iloc[:, :2]
    stumps = dict(
        nodes_treeids=[0, 0, 0, 0, 0, 1, 1, 1],
        nodes_nodeids=[0, 1, 2, 3, 4, 5, 7, 6],
        nodes_featureids=[0, 1, 0, 0, 0, 1, 0, 0],
        nodes_values=[0.5, 0.25, 0, 0, 0, 0.4, 0, 0],
        nodes_truenodeids=[1, 2, 0, 0, 0, 6, 0, 0],
        nodes_falsenodeids=[4, 3, 0, 0, 0, 7, 0, 0],
    )
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]

    def save(name, operator, attributes, version, outputs):
        node = helper.make_node(operator, ["X"], [output.name for output in outputs], domain="ai.onnx.ml", **attributes)
        given = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])
        graph = helper.make_graph([node], "by hand", [given], outputs)
        sets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", version)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=8)
        return model

    number = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [None])
    shares = helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, None])
    for place, mode in enumerate(modes):
        for tracks in (0, 1):
            attributes = dict(
                stumps,
                nodes_modes=[mode, modes[(place + 1) % 6], "LEAF", "LEAF", "LEAF", mode, "LEAF", "LEAF"],
                nodes_missing_value_tracks_true=[tracks, 1 - tracks, 0, 0, 0, tracks, 0, 0],
                target_treeids=[0, 0, 0, 1, 1],
                target_nodeids=[2, 3, 4, 6, 7],
                target_ids=[0] * 5,
                target_weights=[1.0, 2.0, 4.0, 8.0, 16.0],
                n_targets=1,
                base_values=[0.5],
                aggregate_function="AVERAGE" if tracks else "SUM",
            )
            name = f"hand_{mode[7:].lower()}_{tracks}"
            onnx_model(name, save(name, "TreeEnsembleRegressor", attributes, 1, [number]), numbers)
    plain_modes = dict(stumps, nodes_modes=["BRANCH_LEQ"] * 2 + ["LEAF"] * 3 + ["BRANCH_LEQ"] + ["LEAF"] * 2)

    def classifier(name, ids, weights, transform, base=None, labels=(3, 5), refused=False):
        leaves = [(0, 2), (0, 3), (0, 4), (1, 6), (1, 7)]
        attributes = dict(
            plain_modes,
            class_treeids=[tree for tree, _ in leaves for _ in ids],
            class_nodeids=[node for _, node in leaves for _ in ids],
            class_ids=list(ids) * 5,
            class_weights=weights,
            classlabels_int64s=list(labels),
            post_transform=transform,
        )
        if base:
            attributes["base_values"] = base
        model = save(name, "TreeEnsembleClassifier", attributes, 1, [label, shares])
        refuse_onnx(name, model) if refused else onnx_model(name, model, numbers)

    half = [0.1, 0.2, 0.5, 0.3, 0.4]
    both = [value for share in half for value in (0.5 - share, share)]
    signed = [-0.4, 0.3, 0.2, -0.1, 0.7]
    pairs = [value for share in signed for value in (share * 0.3, -share)]
    classifier("hand_shares_one_set", [0], half, "NONE")
    classifier("hand_shares_two_sets", [0, 1], both, "NONE")
    classifier("hand_logistic_positive", [0], half, "LOGISTIC")
    classifier("hand_logistic_base", [0], signed, "LOGISTIC", [0.3])
    classifier("hand_softmax_two_sets", [0, 1], pairs, "SOFTMAX")
    classifier("hand_softmax_second", [1], signed, "SOFTMAX")
    three = [value for share in signed for value in (share, 0.5 * share, 0.1)]
    classifier("hand_softmax_three", [0, 1, 2], three, "SOFTMAX", [0.1, 0.2, 0.3], (1, 2, 3))
    classifier("hand_logistic_three", [0, 1, 2], three, "LOGISTIC", None, (1, 2, 3))
    classifier("hand_softmax_few_weights", [1], signed, "SOFTMAX", None, (1, 2, 3))
    for name, arguments in {
        "scores": ([0], signed, "NONE"),
        "softmax_one_set": ([0], signed, "SOFTMAX"),
        "logistic_two_sets": ([0, 1], pairs, "LOGISTIC"),
        "logistic_second": ([1], signed, "LOGISTIC"),
        "probit": ([0], signed, "PROBIT"),
        "base_of_two": ([0], signed, "LOGISTIC", [0.1, 0.2]),
    }.items():
        classifier(name, *arguments, refused=True)
    for aggregate in ("MIN", "MAX"):
        attributes = dict(plain_modes, target_treeids=[0], target_nodeids=[2], target_ids=[0], target_weights=[1.0], aggregate_function=aggregate)
        refuse_onnx(aggregate.lower(), save(aggregate, "TreeEnsembleRegressor", attributes, 1, [number]))
    attributes = dict(plain_modes, target_treeids=[0], target_nodeids=[2], target_ids=[0], target_weights=[1.0], post_transform="LOGISTIC")
    refuse_onnx("logistic_regressor", save("logistic", "TreeEnsembleRegressor", attributes, 1, [number]))
    version_5(numbers, number, save)


def version_5(numbers, number, save):
    tensor = lambda name, kind, values: helper.make_tensor(name, kind, [len(values)], values)
    attributes = dict(
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=[0, 2],
        nodes_featureids=[0, 1, 1],
        nodes_splits=tensor("splits", TensorProto.FLOAT, [0.5, 0.25, 0.4]),
        nodes_modes=tensor("modes", TensorProto.UINT8, [0, 4, 1]),
        nodes_truenodeids=[1, 0, 3],
        nodes_trueleafs=[0, 1, 1],
        nodes_falsenodeids=[2, 1, 4],
        nodes_falseleafs=[1, 1, 1],
        nodes_missing_value_tracks_true=[1, 0, 0],
        leaf_targetids=[0] * 5,
        leaf_weights=tensor("weights", TensorProto.FLOAT, [1.0, 2.0, 4.0, 8.0, 16.0]),
    )
    onnx_model("hand_version_5", save("version 5", "TreeEnsemble", attributes, 5, [number]), numbers)


for folder in ("catboost/refused", "onnx/refused"):
    os.makedirs(f"{HERE}/{folder}", exist_ok=True)
all_of_catboost()
all_of_sklearn()
all_of_boosters()
all_made_by_hand()
for folder, figures in (("catboost", catboost_figures), ("onnx", onnx_figures)):
    with open(f"{HERE}/{folder}/figures.json", "w") as file:
        entries = ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in sorted(figures.items()))
        file.write("{\n" + entries + "\n}\n")
