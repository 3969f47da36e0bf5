"""Tables of real data, the same split for every system.

    tables.py split DATA/NAME OUT [--folds K] [--seed 0]

DATA/NAME holds data.csv.gz and meta.json (name, task, target, metric, categorical_columns). Writes
OUT/<fold>/train.csv and test.csv (cells exactly as in the source) and OUT/meta.json, which also
says which category columns hold only numbers (readers must be told about those). Without --folds
there is one fold with a fifth of the rows in its test part. Classes are spread evenly over folds.
"""

import argparse
import csv
import gzip
import json
import pathlib

import numpy as np


def read(folder):
    """Header, rows of text cells, and meta.json of a table."""
    meta = json.loads((folder / "meta.json").read_text())
    with gzip.open(folder / "data.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:], meta


def fold_of_rows(target, is_classification, n_folds, seed):
    """Fold of each row (n_rows,): shuffled, within each class for classification."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(target))
    if is_classification:
        # Sorted by class, shuffled within: dealing them out spreads every class evenly.
        order = order[np.argsort(np.asarray(target)[order], kind="stable")]
    fold = np.empty(len(target), dtype=int)
    fold[order] = np.arange(len(target)) % n_folds
    return fold


def is_number(text):
    try:
        float(text)
    except ValueError:
        return text == ""
    return True


def split(folder, out, n_folds, seed):
    header, rows, meta = read(folder)
    at = header.index(meta["target"])
    is_classification = meta["task"] != "regression"
    fold = fold_of_rows([row[at] for row in rows], is_classification, n_folds or 5, seed)
    for test in range(n_folds or 1):
        place = out / str(test)
        place.mkdir(parents=True, exist_ok=True)
        for name, keep in (("train.csv", fold != test), ("test.csv", fold == test)):
            with open(place / name, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(row for row, kept in zip(rows, keep) if kept)
    codes = [
        name
        for name in meta.get("categorical_columns", [])
        if name != meta["target"] and all(is_number(row[header.index(name)]) for row in rows)
    ]
    meta["categories_of_numbers"] = codes
    meta["target_is_number"] = all(is_number(row[at]) for row in rows)
    (out / "meta.json").write_text(json.dumps(meta, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["split"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    split(arguments.folder, arguments.out, arguments.folds, arguments.seed)


if __name__ == "__main__":
    main()
