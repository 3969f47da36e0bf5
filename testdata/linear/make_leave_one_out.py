"""Records scores of scikit-learn's RidgeCV by leave-one-out into leave_one_out.json.

    pip install scikit-learn numpy
    python make_leave_one_out.py

Data: diabetes (Efron et al. 2004; public), which comes with scikit-learn: all rows, few rows, and
fewer rows than columns (squares and products). Columns are standardised over all rows. A score is
that of all predictions together, as RidgeCV reports it: the sign is that of `scoring`.
"""

import json
import os

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

ALPHAS = [0.01, 0.1, 1.0, 10.0]
SCORINGS = {"mse": None, "mae": "neg_mean_absolute_error", "r2": "r2"}

x, y = load_diabetes(return_X_y=True)
x, y = np.round(100 * x, 4), np.round(y, 6)
wide = PolynomialFeatures(2, include_bias=False).fit_transform(x[:40])
cases = []
for name, x, y in [("all", x, y), ("few", x[:25], y[:25]), ("wide", np.round(wide, 4), y[:40])]:
    z = StandardScaler().fit_transform(x)
    scores = {}
    for metric, scoring in SCORINGS.items():
        one = lambda alpha: RidgeCV(alphas=[alpha], scoring=scoring).fit(z, y).best_score_
        scores[metric] = [float(one(alpha)) for alpha in ALPHAS]
    cases.append({"name": name, "x": x.tolist(), "y": y.tolist(), "alphas": ALPHAS, "scores": scores})

versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "leave_one_out.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]}}\n')
