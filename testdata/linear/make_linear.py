"""Records coefficients and predictions of scikit-learn's linear models into linear.json.

    pip install scikit-learn numpy
    python make_linear.py

Data come with scikit-learn: iris (Fisher 1936), breast cancer (first ten features; Wolberg et al.
1995) and diabetes (Efron et al. 2004); the first two are CC BY 4.0 of UCI, the last is public.
Features are standardised, so is diabetes' target; `penalty` is that of the mean loss.
"""

import json
import os

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

PENALTIES = [0.1, 0.01, 0.001]


def data(load, n_features):
    x, y = load(return_X_y=True)
    return np.round(x[:, :n_features], 6), y


def logistic(x, y, penalty):
    return LogisticRegression(C=1 / (penalty * len(y)), tol=1e-10, max_iter=10000, solver="newton-cg").fit(x, y)


cases = []
for name, load, n_features in [("iris", load_iris, 4), ("breast_cancer", load_breast_cancer, 10)]:
    x, y = data(load, n_features)
    z = StandardScaler().fit_transform(x)
    fits = []
    for penalty in PENALTIES:
        model = logistic(z, y, penalty)
        fits.append({"penalty": penalty, "l1_ratio": 0.0, "coefficients": model.coef_.tolist(),
                     "predictions": model.predict_proba(z)[::10].tolist()})
    cases.append({"name": name, "kind": "multiclass" if len(set(y)) > 2 else "binary",
                  "x": x.tolist(), "y": [int(v) for v in y], "fits": fits})

x, y = data(load_diabetes, 10)
y = np.round(y, 6)
z = StandardScaler().fit_transform(x)
center, scale = y.mean(), y.std()
fits = []
for penalty in PENALTIES:
    for l1_ratio in [0.0, 0.5, 1.0]:
        if l1_ratio == 0.0:
            model = Ridge(alpha=penalty * len(y))
        else:
            model = ElasticNet(alpha=penalty, l1_ratio=l1_ratio, tol=1e-12, max_iter=100000)
        model.fit(z, (y - center) / scale)
        fits.append({"penalty": penalty, "l1_ratio": l1_ratio,
                     "coefficients": [(model.coef_ * scale).tolist()],
                     "predictions": (model.predict(z)[::10] * scale + center)[:, None].tolist()})
cases.append({"name": "diabetes", "kind": "regression", "x": x.tolist(), "y": y.tolist(), "fits": fits})

versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]}}\n')
