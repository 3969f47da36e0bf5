"""Records learning curves: `python curves.py lcdb.csv > curves.csv`.

`lcdb.csv` is what `bench/compare/search_peers.py lcdb` writes (package lcdb 0.1.0). A line is data
set, learner, and rows and error by turns; every twelfth data set, curves of at least six points.
"""

import csv
import sys
from collections import defaultdict

curves = defaultdict(list)
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        curves[row["dataset"], row["learner"]].append((int(row["rows"]), 1.0 - float(row["valid"])))
wanted = sorted({int(dataset) for dataset, _ in curves})[::12]
for (dataset, learner), points in sorted(curves.items(), key=lambda item: (int(item[0][0]), item[0][1])):
    if int(dataset) in wanted and len(points) >= 6:
        told = ",".join(f"{rows},{error:.5f}" for rows, error in sorted(points))
        sys.stdout.write(f"{dataset},{learner},{told}\n")
