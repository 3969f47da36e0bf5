"""Records how many evaluations `cmaes` needs: `python cma_es.py > cma_es.in` (cmaes 0.13.1)."""

import sys

import numpy as np
from cmaes import CMA


def evaluations(d, goal, seed, loss):
    optimizer = CMA(mean=np.full(d, 0.9), sigma=0.25, seed=seed)
    n = 0
    while loss(optimizer.mean) > goal and n < 100_000:
        drawn = [optimizer.ask() for _ in range(optimizer.population_size)]
        optimizer.tell([(x, loss(x)) for x in drawn])
        n += len(drawn)
    return n


def sphere(x):
    return float(np.sum((x - 0.3) ** 2))


def ellipsoid(x):
    return float(np.sum(1e4 ** (np.arange(len(x)) / 4.0) * (x - 0.3) ** 2))


runs = [(5, 1e-10, sphere), (10, 1e-10, sphere), (5, 1e-8, ellipsoid)]
medians = [float(np.median([evaluations(d, g, s, f) for s in range(1, 22)])) for d, g, f in runs]
sys.stdout.write(repr(medians) + "\n")
