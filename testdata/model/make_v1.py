"""Reads v1.eyas as docs/FORMAT.md describes it, and nothing else, and records its predictions.

    pip install xxhash==4.1.0
    python make_v1.py        # writes v1.predictions.csv
"""

import datetime
import math
import pathlib
import struct

import xxhash

HERE = pathlib.Path(__file__).parent
FILE = (HERE / "v1.eyas").read_bytes()


def sections():
    magic, version, n, length, checksum = struct.unpack_from("<8sIIQQ", FILE)
    assert magic == bytes.fromhex("89455941530D0A1A") and version == 1 and length == len(FILE)
    head = bytearray(FILE[: 64 + 32 * n])
    head[24:32] = bytes(8)
    assert xxhash.xxh3_64_intdigest(bytes(head)) == checksum
    found, end = {}, len(head)
    for i in range(n):
        number, start, size, checksum = struct.unpack_from("<4Q", FILE, 64 + 32 * i)
        assert start == -(-end // 64) * 64 and not any(FILE[end:start])
        found[number] = FILE[start : start + size]
        assert xxhash.xxh3_64_intdigest(found[number]) == checksum
        end = start + size
    assert end == len(FILE)
    return found


class Streams:
    def __init__(self, found):
        self.rest, self.text_at = dict(found), 0

    def take(self, section, form):
        size = struct.calcsize("<" + form)
        taken, self.rest[section] = self.rest[section][:size], self.rest[section][size:]
        return struct.unpack("<" + form, taken)

    def text(self):
        (end,) = self.take(1, "I")
        size, self.text_at = end - self.text_at, end
        return self.take(2, f"{size}s")[0].decode()


def read():
    s = Streams(sections())
    task, n_classes = s.take(3, "B3xI")
    target, classes = s.text(), [s.text() for _ in range(n_classes)]
    columns = [(s.text(), kind) for kind in s.take(4, f"{len(s.rest[4])}B")]
    features = []
    while s.rest[5]:
        column, derive, kind, n = s.take(5, "IBB2xI")
        s.text()
        bins = list(s.take(6, f"{n}d")) if kind == 0 else [s.text() for _ in range(n)]
        features.append((column, derive, kind, bins))
    sets = []
    while s.rest[14]:
        sets.append(sum(word << (64 * i) for i, word in enumerate(s.take(14, "4Q"))))
    members = []
    while s.rest[7]:
        weight, link, part, n_numbers, n_items = s.take(7, "dBB2xII4x")
        numbers = s.take(8, f"{n_numbers}d")
        items = [[tree, term][part](s, sets) for _ in range(n_items)]
        members.append((weight, link, part, numbers, items))
    s.take(16, f"{len(s.rest[16])}s")
    assert not any(s.rest.values())
    return classes, columns, features, members


def term(s, _):
    feature, kind, n_weights, n_missing = s.take(9, "IB3xII")
    scaling = s.take(8, "3d") if kind == 0 else None
    return feature, scaling, s.take(8, f"{n_weights}d"), s.take(8, f"{n_missing}d")


def tree(s, sets):
    n_nodes, n_values, output = s.take(10, "III")
    nodes = []
    for kind in s.take(11, f"{n_nodes}B"):
        if kind == 0:
            nodes.append(s.take(13, "I")[0])
        else:
            feature, asked, left, right, _gain = s.take(12, "IIIIf")
            nodes.append((kind, feature, sets[asked] if kind == 3 else asked, left, right))
    return nodes, s.take(15, f"{n_values}f"), output


def leaf(nodes, bins):
    at = 0
    while isinstance(nodes[at], tuple):
        kind, feature, asked, left, right = nodes[at]
        b = bins[feature]
        yes = asked >> b & 1 if kind == 3 else b > asked or (b == 0 and kind == 2)
        at = right if yes else left
    return nodes[at]


def encode(features, row):
    numbers, bins = [], []
    for column, derive, kind, known in features:
        cell, number, b = row[column], math.nan, 0
        if cell and kind == 1:
            b = known.index(cell) + 1 if cell in known else len(known) + 1
        elif cell:
            assert derive in (0, 3)
            number = float(cell) if derive == 0 else datetime.date.fromisoformat(cell).weekday()
            b = 1 + sum(number > edge for edge in known)
        numbers.append(number)
        bins.append(b)
    return numbers, bins


def scores(part, n, numbers_of, items, numbers, bins):
    if part == 2:
        return list(numbers_of)
    if part == 0:
        sums = [0.0] * n
        for nodes, values, output in items:
            row = leaf(nodes, bins)
            if output == 0xFFFFFFFF:
                sums = [a + b for a, b in zip(sums, values[row * n :])]
            else:
                sums[output] += values[row]
        return [base + numbers_of[-1] * total for base, total in zip(numbers_of, sums)]
    out = list(numbers_of)
    for feature, scaling, weights, missing in items:
        if scaling is None:
            factor, added = 1.0, weights[bins[feature] * n :]
        elif math.isnan(numbers[feature]):
            factor, added = 1.0, missing
        else:
            center, scale, clip = scaling
            factor = max(-clip, min(clip, (numbers[feature] - center) / scale))
            added = weights
        out = [a + factor * b for a, b in zip(out, added)]
    return out


def predict(model, row):
    classes, _, features, members = model
    numbers, bins = encode(features, row)
    out = [0.0] * len(classes)
    for weight, link, part, numbers_of, items in members:
        member = scores(part, len(classes), numbers_of, items, numbers, bins)
        assert link in (0, 2)
        if link == 2:
            exps = [math.exp(score) for score in member]
            member = [e / sum(exps) for e in exps]
        out = [a + weight * b for a, b in zip(out, member)]
    return out


def main():
    model = read()
    lines = ["# Made by make_v1.py with xxhash " + xxhash.VERSION]
    lines.append(",".join([name for name, _ in model[1]] + model[0]))
    for age in ["", "18", "31", "200"]:
        for colour, date in [("rouge", "2024-03-01"), ("vert", "2024-03-02"), ("bleu", "")]:
            row = [age, colour, date]
            lines.append(",".join(row + [repr(p) for p in predict(model, row)]))
    (HERE / "v1.predictions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
