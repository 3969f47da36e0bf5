"""Makes a table of numbers of any size, the same for every system.

    synthetic.py OUT ROWS COLUMNS [--seed 0]

`OUT/train.npy` (ROWS, COLUMNS) are 32-bit floats: a third of the columns normal, a third
exponential, a third of 20 whole values. `OUT/train-target.npy` (ROWS,) is 0 or 1, drawn with the
logistic of a sum of 20 products, steps and waves of columns. `OUT/0/test.csv` has 50,000 more rows.
`OUT/meta.json` says what they are.
"""

import argparse
import json
import pathlib

import numpy as np

N_TEST = 50_000
BLOCK = 250_000


def block(rng, n, n_columns):
    x = np.empty((n, n_columns), dtype=np.float32)
    for at in range(n_columns):
        if at % 3 == 0:
            x[:, at] = rng.standard_normal(n, dtype=np.float32)
        elif at % 3 == 1:
            x[:, at] = rng.standard_exponential(n, dtype=np.float32)
        else:
            x[:, at] = rng.integers(20, size=n)
    return x


def score(x, plan):
    """What the target is drawn from (n,)."""
    total = np.zeros(len(x))
    for first, second, weight, kind in plan:
        a, b = x[:, first].astype(float), x[:, second].astype(float)
        total += weight * [a * np.sign(b - 1), (a > 0.5) * 1.0, np.sin(2 * a)][kind]
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("columns", type=int)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    (a.out / "0").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(a.seed)
    plan = [
        (rng.integers(a.columns), rng.integers(a.columns), rng.normal() / 2, k % 3)
        for k in range(20)
    ]
    names = [f"x{at}" for at in range(a.columns)]
    x = np.lib.format.open_memmap(
        a.out / "train.npy", mode="w+", dtype=np.float32, shape=(a.rows, a.columns)
    )
    y = np.empty(a.rows, dtype=np.float32)
    middle = np.median(score(block(np.random.default_rng(a.seed + 1), 20_000, a.columns), plan))

    def target(part):
        chance = 1 / (1 + np.exp(middle - score(part, plan)))
        return (rng.random(len(part)) < chance).astype(np.float32)

    for start in range(0, a.rows, BLOCK):
        part = block(rng, min(BLOCK, a.rows - start), a.columns)
        x[start : start + len(part)] = part
        y[start : start + len(part)] = target(part)
    x.flush()
    np.save(a.out / "train-target.npy", y)
    test = block(rng, N_TEST, a.columns)
    lines = np.column_stack([test, target(test)])
    header = ",".join([*names, "target"])
    np.savetxt(a.out / "0" / "test.csv", lines, fmt="%.9g", delimiter=",", header=header, comments="")
    meta = {
        "name": a.out.name,
        "task": "binary",
        "target": "target",
        "metric": "roc_auc",
        "categories_of_numbers": [],
    }
    (a.out / "meta.json").write_text(json.dumps(meta, indent=1))


if __name__ == "__main__":
    main()
