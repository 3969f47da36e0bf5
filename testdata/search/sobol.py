"""Records unscrambled Sobol points of SciPy: `python sobol.py > sobol.csv` (SciPy 1.17.1)."""

import sys

from scipy.stats import qmc

points = qmc.Sobol(40, scramble=False, bits=32).random(64)
for point in points:
    sys.stdout.write(",".join(repr(float(value)) for value in point) + "\n")
