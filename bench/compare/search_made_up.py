"""Made-up tables of hyper-parameters, in the form of `search_peers.py export`.

search_made_up.py FOLDER

The constants of the default search were chosen on these tables and on those of NASBench-201, so that
the tables that `cargo xtask bench search` reports on stayed unseen. A loss is a bowl with
interactions along some axes, a cliff where a rate is too large, effects of categories that depend on
each other, and ruggedness like that of a network trained from another seed.
"""

import json
import pathlib
import sys

import numpy as np

SHAPES = [
    ([10, 10, 3, 10, 10], 0),
    ([8, 8, 8, 8], 0),
    ([4, 3, 3, 6, 6, 6, 2, 2, 2], 3),
    ([5, 5, 5, 5, 3, 3], 2),
    ([12, 6, 6, 6, 4], 1),
    ([4, 4, 4, 4, 4, 4, 2], 3),
]


def table(seed):
    random = np.random.default_rng(seed)
    sizes, n_categories = SHAPES[seed % len(SHAPES)]
    n_ordered = len(sizes) - n_categories
    units = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in sizes], indexing="ij")
    loss = np.zeros(sizes)
    weights = np.exp(-2.5 * random.random(n_ordered))
    optimum = 0.15 + 0.7 * random.random(n_ordered)
    offsets = [u - o for u, o in zip(units, optimum)]
    for weight, offset in zip(weights, offsets):
        loss += weight * offset**2
    for _ in range(n_ordered):
        a, b = random.choice(n_ordered, 2, replace=False)
        loss += 0.7 * (2 * random.random() - 1) * np.sqrt(weights[a] * weights[b]) * offsets[a] * offsets[b]
    steep, gentle = random.choice(n_ordered, 2, replace=False)
    edge = 0.75 + 0.3 * random.random() + 0.3 * (units[gentle] - 0.5)
    loss += 0.5 / (1.0 + np.exp(-(units[steep] - edge) / 0.04))
    for at in range(n_ordered, len(sizes)):
        effect = 0.15 * random.random(sizes[at])
        shape = [1] * len(sizes)
        shape[at] = sizes[at]
        loss += effect.reshape(shape)
        other = random.integers(len(sizes))
        if other != at:
            shape[other] = sizes[other]
            loss += 0.1 * random.random((sizes[min(at, other)], sizes[max(at, other)])).reshape(shape)
    loss += 0.01 * random.standard_normal(sizes) * (0.2 + loss)
    loss = np.exp(3.0 * loss) if seed % 2 else loss
    seconds = 10.0 * np.exp(2.0 * sum(random.standard_normal() * u for u in units[:3]))
    space = {
        "suite": "made up",
        "names": [f"p{at}" for at in range(len(sizes))],
        "sizes": sizes,
        "ordered": [at < n_ordered for at in range(len(sizes))],
    }
    return space, loss, seconds


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(12):
        space, loss, seconds = table(seed)
        (folder / f"made_{seed}.json").write_text(json.dumps(space) + "\n")
        (folder / f"made_{seed}.loss").write_bytes(loss.astype("<f8").tobytes())
        (folder / f"made_{seed}.seconds").write_bytes(seconds.astype("<f8").tobytes())


if __name__ == "__main__":
    main()
