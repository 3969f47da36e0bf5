"""Makes figures.json: scikit-learn's scores of the features of vehicle.csv.

Run: pip install scikit-learn==1.9.1 && python make_figures.py
"""

import csv
import functools
import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.feature_selection import _mutual_info
from sklearn.feature_selection import chi2, f_classif, f_regression
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.neighbors import NearestNeighbors

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent
rows = list(csv.reader((here / "vehicle.csv").open()))
x = np.array([row[:-1] for row in rows[1:]], float)
names = sorted({row[-1] for row in rows[1:]})
classes = np.array([names.index(row[-1]) for row in rows[1:]])
target = x[:, 6]  # SCATTER_RATIO

# Chi-squared of the table of values against classes: the sum over indicators of values.
tables = [float(chi2((c[:, None] == np.unique(c)).astype(float), classes)[0].sum()) for c in x.T]

# Continuous numbers without ties, for the estimators by neighbours.
rng = np.random.default_rng(4)
n = 250
u = x[:n] + np.round(rng.uniform(-0.5, 0.5, (n, x.shape[1])), 6)
v = np.round(u[:, 6] + rng.normal(0, 3, n), 6)
assert all(len(set(c)) == n for c in [*u.T, v])

coarse = np.argsort(np.argsort(u, axis=0), axis=0) // 25

out = {
    "scikit-learn": sklearn.__version__,
    "chi2": chi2(x, classes)[0].tolist(),
    "chi2_tables": tables,
    "f_classif": f_classif(x, classes)[0].tolist(),
    "f_regression": f_regression(x, target)[0].tolist(),
    "mutual_info_discrete": mutual_info_classif(x, classes, discrete_features=True).tolist(),
    "continuous": u.T.tolist(),
    "continuous_target": v.tolist(),
    "mutual_info_classif": mutual_info_classif(u, classes[:n], random_state=0).tolist(),
    "mutual_info_regression": mutual_info_regression(u, v, random_state=0).tolist(),
    "mutual_info_regression_5": mutual_info_regression(u, v, n_neighbors=5, random_state=1).tolist(),
    "mutual_info_regression_coarse": mutual_info_regression(coarse, v, discrete_features=True, random_state=0).tolist(),
}
# Levels of up to 7 rows are searched by brute force, whose distances (|a|^2 - 2ab + |b|^2) are
# rounded, so that neighbours at the distance itself are counted or not by chance. Trees are exact.
_mutual_info.NearestNeighbors = functools.partial(NearestNeighbors, algorithm="kd_tree")
out["mutual_info_regression_discrete"] = mutual_info_regression(
    x[:n], v, discrete_features=True, random_state=0
).tolist()
(here / "figures.json").write_text(json.dumps(out, separators=(",", ":")).replace(',"', ',\n"') + "\n")
