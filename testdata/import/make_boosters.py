"""Small models of LightGBM and XGBoost on real tables, rows, and what the libraries say of them.

    python make_boosters.py DATA [lightgbm] [lightgbm3] [xgboost] [xgboost2]

DATA holds NAME/data.csv.gz for each table. Writes below the folder of this file, for each model:
- `LIBRARY/NAME.txt|json|ubj`: the model as the library saves it;
- `LIBRARY/NAME.csv`: rows to predict, with numbers that lie on thresholds and next to them, missing
  cells, zeros, infinities (where the library takes them) and categories that were never seen;
- `LIBRARY/NAME.figures.json`: the leaf of every row and tree, scores before the link and predictions.

Leaves of XGBoost are numbered among the leaves of their tree, in the order of the nodes. Predictions of
`multi:softmax` and `binary:logitraw` are probabilities that are computed from the scores here. The models
of older versions are named `v2_...` and `v3_...`; `xgboost2` and `lightgbm3` are run in an environment that has
them. versions.txt says which versions were used.
"""
import json
import pathlib
import sys

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(sys.argv[1])
N_REAL, N_MISSING, N_SPECIAL = 18, 10, 26


def table(name, columns=None, n_rows=500):
    frame = pd.read_csv(DATA / name / "data.csv.gz")
    frame = frame.sample(n=n_rows + N_REAL, random_state=7).reset_index(drop=True)
    target = frame.columns[-1]
    x = frame[columns] if columns else frame.drop(columns=target)
    return x.copy(), frame[target]


def codes(y):
    return y.astype("category").cat.codes.to_numpy()


class Case:
    """A model's training rows and the rows that it predicts."""

    def __init__(self, x, y, categories=(), as_codes=()):
        self.x, self.y, self.categories = x.copy(), np.asarray(y), list(categories)
        for name in as_codes:
            column = self.x[name].astype("category")
            self.x[name] = column.cat.codes.astype(float).where(column.notna(), np.nan)
        for name in self.x.columns.difference(self.categories):
            self.x[name] = self.x[name].astype(float)
        for name in self.categories:
            self.x[name] = self.x[name].astype("category")
        self.dtypes = self.x.dtypes

    @property
    def train(self):
        return self.x.iloc[N_REAL:], self.y[N_REAL:]

    def rows(self, thresholds, near, specials, unseen=None):
        """Real rows, some with missing cells, and some with a special number or category."""
        rng = np.random.default_rng(11)
        real = self.x.iloc[:N_REAL].astype(object).to_numpy()
        missing = real[rng.integers(N_REAL, size=N_MISSING)].copy()
        missing[rng.random(missing.shape) < 0.4] = np.nan
        special = real[rng.integers(N_REAL, size=N_SPECIAL)].copy()
        numeric = [i for i, n in enumerate(self.x.columns) if n not in self.categories]
        for row in special:
            for _ in range(4):
                pick = rng.integers(3)
                if pick < 2 and thresholds:
                    column, value = thresholds[rng.integers(len(thresholds))]
                    row[column] = near(value, rng)
                elif numeric and pick == 2:
                    row[numeric[rng.integers(len(numeric))]] = specials[rng.integers(len(specials))]
        if unseen is not None:
            for row in special[: N_SPECIAL // 3]:
                name = self.categories[rng.integers(len(self.categories))]
                row[self.x.columns.get_loc(name)] = unseen
        rows = np.concatenate([real, missing, special])
        return pd.DataFrame({name: rows[:, i] for i, name in enumerate(self.x.columns)})

    def typed(self, rows):
        frame = rows.copy()
        for name in self.x.columns:
            if name in self.categories:
                known = self.dtypes[name].categories
                more = [v for v in frame[name].dropna().unique() if v not in set(known)]
                frame[name] = pd.Categorical(frame[name], categories=list(known) + more)
            else:
                frame[name] = frame[name].astype(float)
        return frame


def text_of(cell):
    if isinstance(cell, float) and np.isnan(cell):
        return ""
    return repr(float(cell)) if isinstance(cell, (float, np.floating)) else str(cell)


def save(folder, name, rows, leaves, raw, predictions):
    lines = [",".join(rows.columns)]
    lines += [",".join(text_of(cell) for cell in row) for row in rows.astype(object).to_numpy()]
    assert all(line.count(",") == lines[0].count(",") for line in lines), name
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    as_rows = lambda a: [[float(v) for v in np.atleast_1d(row)] for row in np.asarray(a)]
    figures = {
        "leaves": [[int(v) for v in np.atleast_1d(row)] for row in np.asarray(leaves).reshape(len(rows), -1)],
        "raw": as_rows(raw),
        "predictions": as_rows(predictions),
    }
    text = json.dumps(figures).replace("], [", "],\n[")
    (folder / f"{name}.figures.json").write_text(text + "\n")


def ames():
    return table("ames-housing", ["Lot.Frontage", "Mas.Vnr.Area", "area", "Overall.Qual", "Year.Built", "Garage.Yr.Blt", "Total.Bsmt.SF"])


def yeast():
    x, y = table("yeast", n_rows=700)
    return x, codes(y)


def car():
    x, y = table("car", n_rows=600)
    return x, codes(y)


def adult():
    x, y = table("adult", n_rows=700)
    return x, codes(y)


def titanic(columns):
    x, y = table("titanic", columns, n_rows=600)
    return x, y.to_numpy()


def bike(n_rows=500):
    x, y = table("bike-sharing", n_rows=n_rows)
    return x.select_dtypes("number"), y.to_numpy(dtype=float)


ADULT_CATEGORIES = ["workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country"]


def softmax(raw):
    e = np.exp(raw - raw.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ---------------------------------------------------------------- LightGBM

def lightgbm_models(older):
    import lightgbm as lgb

    folder = HERE / "lightgbm"
    prefix = "v3_" if older else ""
    zero = float(np.float32(1e-35))
    specials = [0.0, -0.0, 1e-36, zero, -zero, np.nextafter(zero, 1), np.nextafter(-zero, -1), np.inf, -np.inf, 1e300, -1e300, 1e-5, -3.0]

    def near(value, rng):
        return [value, np.nextafter(value, np.inf), np.nextafter(value, -np.inf)][rng.integers(3)]

    def write(name, case, params, n_trees, specials=specials, unseen=None, dataset=None, as_array=True, codes_in=(), objective=None):
        x, y = case.train
        params = dict(verbose=-1, num_threads=1, seed=1, deterministic=True, force_row_wise=True, num_leaves=8, min_data_in_leaf=8) | params
        as_array = as_array and not case.categories
        data = lgb.Dataset(
            x.to_numpy() if as_array else x, y, feature_name=list(x.columns) if as_array else "auto",
            categorical_feature=[x.columns.get_loc(n) for n in codes_in] if codes_in else "auto",
            **(dataset or {}),
        )
        if objective is not None:
            params["objective"] = objective
        booster = lgb.train(params, data, n_trees)
        booster.save_model(folder / f"{prefix}{name}.txt")
        thresholds = []
        splits = booster.trees_to_dataframe()
        for _, split in splits[splits.decision_type == "<="].iterrows():
            thresholds.append((booster.feature_name().index(split.split_feature), float(split.threshold)))
        if codes_in:
            thresholds += [(x.columns.get_loc(n), v) for n in codes_in for v in (0.0, 1.0, 2.7, -0.5, -1.0, -7.0, 3.0, 5.0, 99.0, 4e9)]
        rows = case.rows(thresholds, near, specials, unseen)
        given = case.typed(rows)
        given = given.to_numpy() if as_array else given
        save(
            folder, f"{prefix}{name}", rows, booster.predict(given, pred_leaf=True),
            booster.predict(given, raw_score=True), booster.predict(given),
        )

    def refused(name, case, params, n_trees):
        x, y = case.train
        data = lgb.Dataset(x, y)
        lgb.train(dict(verbose=-1, num_threads=1, seed=1, num_leaves=4) | params, data, n_trees).save_model(folder / f"{name}.txt")

    x, y = table("kc1", n_rows=600)
    kc1 = Case(x, codes(y))
    write("binary", kc1, dict(objective="binary"), 12)
    many = dict(cat_smooth=1, cat_l2=1, min_data_per_group=5, max_cat_to_onehot=3)
    x, y = table("credit-g", n_rows=600)
    words = list(x.select_dtypes(exclude="number").columns)[:8]
    credit = Case(x[words + list(x.select_dtypes("number").columns)[:3]], codes(y), as_codes=words)
    credit.x.iloc[::7, 0] = np.nan
    write("codes", credit, dict(objective="binary") | many, 10, codes_in=words)
    x, y = ames()
    homes = Case(x, y)
    write("regression_missing", homes, dict(objective="regression"), 12)
    if older:
        return f"lightgbm {lgb.__version__}, for the models named v3_"
    write("binary_unbalanced_sigmoid", kc1, dict(objective="binary", sigmoid=0.7, is_unbalance=True), 6)
    write("goss", kc1, dict(objective="binary", data_sample_strategy="goss"), 6)
    write("regression_no_missing", homes, dict(objective="regression", use_missing=False), 8)
    write("regression_zero_as_missing", homes, dict(objective="regression", zero_as_missing=True), 12)
    # Many zeros, and thresholds on both sides of zero.
    x, y = table("adult", ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"], 700)
    centred = Case(x - x.median(), codes(y))
    write("zeros_none", centred, dict(objective="binary"), 10)
    write("zeros_missing", centred, dict(objective="binary", zero_as_missing=True), 10)
    centred = Case((x - x.median()).where(np.random.default_rng(3).random(x.shape) > 0.1), codes(y))
    write("zeros_nan", centred, dict(objective="binary"), 10)
    write("zeros_nan_missing", centred, dict(objective="binary", zero_as_missing=True), 10)
    write("regression_sqrt", homes, dict(objective="regression", reg_sqrt=True), 8)
    write("extra_trees", homes, dict(objective="regression", extra_trees=True), 8)
    x, y = table("abalone", n_rows=500)
    shells = Case(x, y, as_codes=[x.columns[0]])
    write("monotone", shells, dict(objective="regression", monotone_constraints=[0, 1, 1, 0, 0, 0, 0, 1], monotone_constraints_method="advanced"), 8)
    for objective in ["regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"]:
        write(objective, shells, dict(objective=objective), 5)
    share = (shells.y - shells.y.min()) / (shells.y.max() - shells.y.min())
    shares = Case(x, share, as_codes=[x.columns[0]])
    for objective in ["cross_entropy", "cross_entropy_lambda"]:
        write(objective, shares, dict(objective=objective), 5)
    grades = Case(x, np.clip(shells.y // 5, 0, 4).astype(int), as_codes=[x.columns[0]])
    for objective in ["lambdarank", "rank_xendcg"]:
        write(objective, grades, dict(objective=objective), 5, dataset=dict(group=[25] * 20))
    write("custom", shells, {}, 5, objective=lambda predicted, data: (predicted - data.get_label(), np.ones_like(predicted)))
    x, y = adult()
    people = Case(x, y, ADULT_CATEGORIES)
    write("pandas_categories", people, dict(objective="binary") | many, 10, unseen="never seen")
    write("random_forest", people, dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7) | many, 8, unseen="never seen")
    x, y = titanic(["pclass", "sex", "age", "sibsp", "parch", "fare", "embarked"])
    x["pclass"] = x["pclass"] / 2
    x["parch"] = x["parch"] > 0
    write("pandas_levels", Case(x, y, ["pclass", "sex", "sibsp", "parch", "embarked"]), dict(objective="binary") | many, 8)
    x, y = yeast()
    write("multiclass", Case(x, y), dict(objective="multiclass", num_class=10, num_leaves=5), 4)
    x, y = car()
    cars = Case(x, y, list(x.columns))
    write("multiclassova", cars, dict(objective="multiclassova", num_class=4, sigmoid=2.0) | many, 5, unseen="never seen")
    write("random_forest_multiclass", cars, dict(objective="multiclass", num_class=4, boosting="rf", bagging_freq=1, bagging_fraction=0.6) | many, 3)
    write("multiclass_two", kc1, dict(objective="multiclass", num_class=2), 5)
    x, y = bike()
    rides = Case(x, y)
    write("dart", rides, dict(objective="regression", boosting="dart", drop_rate=0.5, skip_drop=0.0), 12)
    write("random_forest_regression", rides, dict(objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6), 8)
    x, _ = table("adult", n_rows=2000)
    write("many_thresholds", Case(x[["fnlwgt", "hours-per-week"]], x["age"]), dict(objective="regression", bagging_fraction=0.3, bagging_freq=1, max_bin=2000, min_data_in_bin=1, num_leaves=48, min_data_in_leaf=2), 12)
    write("no_split", rides, dict(objective="regression", min_data_in_leaf=10_000), 2)
    named = rides.x.rename(columns={n: f"naïve {n}" for n in rides.x.columns})
    write("names", Case(named, y[: len(named)]), dict(objective="regression"), 3, as_array=False)
    refused("refused_linear", rides, dict(objective="regression", linear_tree=True), 2)
    x, y = titanic(["pclass", "sex", "age"])
    x["pclass"] = pd.Categorical(x["pclass"], ordered=True)
    x["sex"] = x["sex"].astype("category")
    ordered = Case(x[["age"]], y)
    ordered.x = x
    refused("refused_ordered", ordered, dict(objective="binary"), 2)
    return f"lightgbm {lgb.__version__}"


# ---------------------------------------------------------------- XGBoost

def xgboost_models(older):
    import xgboost as xgb

    folder = HERE / "xgboost"
    prefix = "v2_" if older else ""
    specials = [0.0, -0.0, 1e-36, 1e-46, -1e-46, 1e30, -1e30, 0.1, 1e-5, -3.0, float(np.float32(0.1))]

    def near(value, rng):
        t = np.float32(value)
        below = float(np.nextafter(t, np.float32(-np.inf)))
        middle = (float(t) + below) / 2
        return [float(t), below, float(np.nextafter(t, np.float32(np.inf))), middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf)][rng.integers(6)]

    def leaf_ranks(booster):
        learner = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
        model = learner.get("gbtree", learner)["model"]
        return [np.cumsum(np.array(t["left_children"]) == -1) - 1 for t in model["trees"]], model["trees"]

    def write(name, case, params, n_trees, endings=("json",), unseen=None, codes_in=(), names=True, groups=None, bounds=False):
        x, y = case.train
        params = dict(nthread=1, seed=1, max_depth=3, verbosity=1) | params
        types = ["c" if n in codes_in else "q" for n in x.columns]

        def matrix(frame, label=None):
            more = {} if case.categories else dict(
                feature_names=list(frame.columns) if names else None, feature_types=types if codes_in else None)
            data = xgb.DMatrix(frame if case.categories else frame.to_numpy(), label, enable_categorical=True, **more)
            return data

        data = matrix(x, None if bounds else y)
        if groups:
            data.set_group(groups)
        if bounds:
            data.set_float_info("label_lower_bound", y)
            data.set_float_info("label_upper_bound", np.where(np.arange(len(y)) % 3 == 0, np.inf, y))
        booster = xgb.train(params, data, n_trees)
        for ending in endings:
            booster.save_model(folder / f"{prefix}{name}.{ending}")
        ranks, trees = leaf_ranks(booster)
        thresholds = []
        for tree in trees:
            sets = set(tree["categories_nodes"])
            for node, child in enumerate(tree["left_children"]):
                if child != -1 and node not in sets:
                    thresholds.append((tree["split_indices"][node], tree["split_conditions"][node]))
        if codes_in:
            thresholds += [(x.columns.get_loc(n), v) for n in codes_in for v in (0.0, 1.0, 2.7, -0.5, -1.0, 0.99999999999, 3.0, 5.0, 99.0, 2e7)]
        rows = case.rows(thresholds, near, specials, unseen)
        given = matrix(case.typed(rows))
        nodes = booster.predict(given, pred_leaf=True).reshape(len(rows), -1).astype(int)
        leaves = np.stack([ranks[tree][nodes[:, tree]] for tree in range(nodes.shape[1])], axis=1)
        raw = booster.predict(given, output_margin=True)
        predictions = booster.predict(given)
        if params.get("objective") == "multi:softmax":
            predictions = softmax(raw.astype(float))
        if params.get("objective") == "binary:logitraw":
            predictions = 1 / (1 + np.exp(-raw.astype(float)))
        save(folder, f"{prefix}{name}", rows, leaves, raw, predictions)

    def refused(name, case, params, n_trees, label=None):
        x, y = case.train
        booster = xgb.train(dict(nthread=1, max_depth=2) | params, xgb.DMatrix(x.to_numpy(), y if label is None else label), n_trees)
        booster.save_model(folder / f"{prefix}{name}.json")

    def stopped(name, case):
        """An estimator predicts with the rounds up to the best one."""
        x, y = (np.asarray(part) for part in case.train)
        model = xgb.XGBClassifier(n_estimators=40, max_depth=2, learning_rate=1.0, early_stopping_rounds=3, n_jobs=1)
        model.fit(x[::2], y[::2], eval_set=[(x[1::2], y[1::2])], verbose=False)
        assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
        model.save_model(folder / f"{prefix}{name}.json")
        rows = case.rows([], near, specials)
        given = case.typed(rows).to_numpy()
        nodes = model.apply(given).reshape(len(rows), -1).astype(int)
        ranks = leaf_ranks(model.get_booster())[0]
        leaves = np.stack([ranks[tree][nodes[:, tree]] for tree in range(nodes.shape[1])], axis=1)
        save(folder, f"{prefix}{name}", rows, leaves, model.predict(given, output_margin=True), model.predict_proba(given))

    both = ("json", "ubj")
    x, y = table("kc1", n_rows=600)
    kc1 = Case(x, codes(y))
    x, y = ames()
    homes = Case(x, y)
    x, y = car()
    cars = Case(x, y, list(x.columns))
    x, y = adult()
    people = Case(x, y, ADULT_CATEGORIES)
    x, y = yeast()
    cells = Case(x, y)
    x, y = table("credit-g", n_rows=600)
    words = list(x.select_dtypes(exclude="number").columns)[:8]
    credit = Case(x[words + list(x.select_dtypes("number").columns)[:3]], codes(y), as_codes=words)
    credit.x.iloc[::7, 0] = np.nan
    write("binary", kc1, dict(objective="binary:logistic"), 10, both)
    write("regression_missing", homes, dict(objective="reg:squarederror"), 10, both)
    write("dart_multiclass", cells, dict(objective="multi:softprob", num_class=10, booster="dart", rate_drop=0.4, max_depth=2), 3, both)
    write("codes", credit, dict(objective="binary:logistic", tree_method="hist", max_cat_to_onehot=3), 10, both, codes_in=words)
    x, y = table("abalone", n_rows=500)
    shells = Case(x, y, as_codes=[x.columns[0]])
    write("poisson", shells, dict(objective="count:poisson"), 5)
    if older:
        for objective in ["binary:logitraw", "binary:hinge"]:
            write(objective.replace(":", "_"), kc1, dict(objective=objective), 4)
        # Categories of pandas are codes in this version's files.
        coded = Case(cars.x.astype(object), cars.y, as_codes=list(cars.x.columns))
        write("categories", coded, dict(objective="multi:softprob", num_class=4, tree_method="hist", max_cat_to_onehot=2), 4, both, codes_in=list(cars.x.columns))
        return f"xgboost {xgb.__version__}, for the models named v2_"
    write("exact", kc1, dict(objective="binary:logistic", tree_method="exact", max_depth=5), 8)
    write("approx", homes, dict(objective="reg:squarederror", tree_method="approx"), 8)
    write("lossguide", homes, dict(objective="reg:squarederror", grow_policy="lossguide", max_leaves=12, max_depth=0, gamma=0.1), 5)
    write("no_names", homes, dict(objective="reg:squarederror"), 5, both, names=False)
    write("dart", kc1, dict(objective="binary:logistic", booster="dart", rate_drop=0.4), 10)
    write("random_forest", homes, dict(objective="reg:squarederror", num_parallel_tree=4, subsample=0.6, colsample_bynode=0.7), 3, both)
    write("random_forest_multiclass", cells, dict(objective="multi:softprob", num_class=10, num_parallel_tree=2, subsample=0.6, max_depth=2), 2)
    write("softmax", cells, dict(objective="multi:softmax", num_class=10), 3)
    write("multiclass_two", kc1, dict(objective="multi:softprob", num_class=2), 4)
    write("pandas_categories", people, dict(objective="binary:logistic", tree_method="hist", max_cat_to_onehot=4), 8, both)
    write("pandas_categories_approx", cars, dict(objective="multi:softprob", num_class=4, tree_method="approx", max_cat_to_onehot=1), 4)
    x, y = titanic(["pclass", "sex", "age", "sibsp", "fare", "embarked"])
    write("pandas_levels", Case(x, y, ["pclass", "sex", "sibsp", "embarked"]), dict(objective="binary:logistic"), 6, both)
    write("monotone", shells, dict(objective="reg:squarederror", monotone_constraints="(0,1,1,0,0,0,0,1)"), 8)
    write("start", kc1, dict(objective="binary:logistic", base_score=0.2), 3)
    for objective in ["reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:gamma", "reg:tweedie"]:
        start = dict(base_score=9) if "log" in objective or "huber" in objective else {}
        write(objective.replace(":", "_"), shells, dict(objective=objective) | start, 4)
    write("reg_quantileerror", shells, dict(objective="reg:quantileerror", quantile_alpha=0.3), 4)
    for objective in ["binary:logitraw", "binary:hinge", "reg:logistic"]:
        write(objective.replace(":", "_"), kc1, dict(objective=objective), 4)
    write("survival_cox", shells, dict(objective="survival:cox"), 4)
    write("survival_aft", shells, dict(objective="survival:aft"), 4, bounds=True)
    x, y = table("abalone", n_rows=500)
    grades = Case(x, np.clip(shells.y // 5, 0, 4).astype(int), as_codes=[x.columns[0]])
    for objective in ["rank:pairwise", "rank:ndcg"]:
        write(objective.replace(":", "_"), grades, dict(objective=objective), 4, groups=[25] * 20)
    binary_grades = Case(x, (shells.y > 10).astype(int), as_codes=[x.columns[0]])
    write("rank_map", binary_grades, dict(objective="rank:map"), 4, groups=[25] * 20)
    x, _ = table("adult", n_rows=2000)
    write("many_thresholds", Case(x[["fnlwgt", "hours-per-week"]], x["age"]), dict(objective="reg:squarederror", tree_method="exact", max_depth=6, subsample=0.5), 12, ("ubj",))
    stopped("early_stopped", Case(shells.x, np.clip(shells.y // 4, 1, 3).astype(int) - 1))
    refused("refused_linear", homes_without_missing(homes), dict(objective="reg:squarederror", booster="gblinear"), 2)
    refused("refused_targets", shells, dict(objective="reg:squarederror", multi_strategy="multi_output_tree"), 2, np.stack([shells.train[1]] * 2, axis=1))
    refused("refused_quantiles", shells, dict(objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]), 2)
    return f"xgboost {xgb.__version__}"


def homes_without_missing(case):
    return Case(case.x.fillna(0.0), case.y)


def main():
    makers = {"lightgbm": lambda: lightgbm_models(False), "lightgbm3": lambda: lightgbm_models(True), "xgboost": lambda: xgboost_models(False), "xgboost2": lambda: xgboost_models(True)}
    file = HERE / "versions.txt"
    known = dict(line.split(": ", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    for name in sys.argv[2:] or ["lightgbm", "xgboost"]:
        known[name] = f"{makers[name]()}; pandas {pd.__version__}, numpy {np.__version__}"
    file.write_text("".join(f"{name}: {text}\n" for name, text in sorted(known.items())))


if __name__ == "__main__":
    main()
