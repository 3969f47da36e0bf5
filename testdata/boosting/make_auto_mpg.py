"""Makes auto_mpg.csv: predictions of LightGBM 4.7.0 that the trainer must agree with.

Data: Auto MPG (Quinlan 1993), UCI Machine Learning Repository, CC BY 4.0,
doi:10.24432/C5859H. Usage: python make_auto_mpg.py RAW.csv (with the columns below and `mpg`).
Bins are the ranks of the distinct values, 0 is missing. `regression` holds predictions of squared
error after 20 rounds, `binary` the probability of mpg > 22 after 20 rounds, the other columns one
of them with one parameter more, or another objective. Leaves are limited by their sum of hessians,
since LightGBM only estimates the number of their rows. There is no column for lambda_l1: LightGBM does
not ask a feature again below a node where it gained nothing, and with lambda_l1 it may gain there.
"""

import sys

import lightgbm
import numpy
import pandas

raw = pandas.read_csv(sys.argv[1])
names = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year"]
x = raw[names].rank(method="dense").fillna(0).astype(int)
x["weight"] = (x["weight"] + 1) // 2  # at most 254 bins
table = x.copy()
table["mpg"] = raw["mpg"]
features = x.astype(float).where(x > 0)
options = dict(
    num_leaves=8, learning_rate=0.1, min_data_in_leaf=1, min_sum_hessian_in_leaf=3.0,
    lambda_l2=1.0, min_data_in_bin=1, max_bin=255, num_threads=1, deterministic=True, verbose=-1,
)
target, mpg = (raw["mpg"] > 22).astype(int), raw["mpg"]
variants = [
    ("regression", mpg, {}),
    ("binary", target, {}),
    ("monotone", mpg, {"objective": "regression", "monotone_constraints": [0, 0, -1, -1, 0, 1]}),
    ("interaction", mpg,
     {"objective": "regression", "interaction_constraints": [[0, 1, 2], [2, 3], [4, 5]]}),
    ("gamma", mpg, {"objective": "gamma"}),
    ("tweedie", mpg, {"objective": "tweedie", "tweedie_variance_power": 1.3}),
]
for name, y, more in variants:
    data = lightgbm.Dataset(features, y)
    model = lightgbm.train({**options, "objective": name, **more}, data, 20)
    table[name] = numpy.round(model.predict(features), 6)
table.to_csv("auto_mpg.csv", index=False, lineterminator="\n")
