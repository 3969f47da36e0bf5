"""Trains one peer's net on MNIST and times its epochs.

    nets_peers.py SYSTEM FOLDER --batch N [--epochs 10 --seed 0 --threads 2]

The net: 784 inputs, Dense 128 relu, Dense 10 softmax; Adam under ExponentialDecay(0.001, 1000, 0.9);
entropy of classes; rows in a new order each epoch. FOLDER holds the four idx files of MNIST. Pixels are
float32 in [0, 1], in memory before the clock starts. The seconds are the median of the epochs after the
first one, which compiles and warms up. PyTorch is written as fast as its documentation shows for data
that is in memory: slices of tensors, no loader. scikit-learn has no such schedule: its rate is constant.
Prints JSON.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import sys
import time

import numpy as np

RATE, DECAY_STEPS, DECAY_RATE, HIDDEN, CLASSES = 0.001, 1000, 0.9, 128, 10


def idx(path):
    """An array of bytes in the format of MNIST."""
    data = gzip.decompress(path.read_bytes())
    n_sides = data[3]
    sides = [int.from_bytes(data[4 + 4 * at : 8 + 4 * at], "big") for at in range(n_sides)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_sides).reshape(sides)


def read(folder):
    """Pixels (n, 784) and digits (n,) to train on and to test with."""
    out = []
    for part in ("train", "t10k"):
        images = idx(folder / f"{part}-images-idx3-ubyte.gz")
        digits = idx(folder / f"{part}-labels-idx1-ubyte.gz")
        pixels = np.ascontiguousarray(images.reshape(len(images), -1), np.float32) / np.float32(255)
        out += [pixels, digits.astype(np.int64)]
    return out


def run_torch(data, a):
    import torch

    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    x, y, x_test, y_test = (torch.from_numpy(part) for part in data)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES)
    )
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY_RATE ** (1 / DECAY_STEPS))
    seconds = []
    for _ in range(a.epochs):
        began = time.perf_counter()
        order = torch.randperm(len(x))
        for rows in order.split(a.batch):
            optimizer.zero_grad()
            loss_of(net(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
        seconds.append(time.perf_counter() - began)
    with torch.no_grad():
        right = (net(x_test).argmax(1) == y_test).float().mean().item()
        latency = row_us(lambda at: net(x_test[at : at + 1]), 2000)
    return seconds, right, latency, torch.__version__


def run_keras(data, a):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(a.threads)
    import keras

    keras.utils.set_random_seed(a.seed)
    x, y, x_test, y_test = data
    net = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            keras.layers.Dense(HIDDEN, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    rate = keras.optimizers.schedules.ExponentialDecay(RATE, DECAY_STEPS, DECAY_RATE)
    net.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    seconds = []
    for _ in range(a.epochs):
        began = time.perf_counter()
        net.fit(x, y, batch_size=a.batch, epochs=1, verbose=0, shuffle=True)
        seconds.append(time.perf_counter() - began)
    right = float((net.predict(x_test, verbose=0).argmax(1) == y_test).mean())
    call = tf.function(net, reduce_retracing=True)
    rows = tf.constant(x_test)
    call(rows[:1])
    latency = row_us(lambda at: call(rows[at : at + 1]), 2000)
    return seconds, right, latency, f"{keras.__version__}, tensorflow {tf.__version__}"


def run_scikit_learn(data, a):
    import sklearn
    from sklearn.neural_network import MLPClassifier

    x, y, x_test, y_test = data
    net = MLPClassifier(
        (HIDDEN,), batch_size=a.batch, learning_rate_init=RATE, alpha=0.0, random_state=a.seed
    )
    seconds = []
    for _ in range(a.epochs):
        began = time.perf_counter()
        net.partial_fit(x, y, classes=np.arange(CLASSES))
        seconds.append(time.perf_counter() - began)
    latency = row_us(lambda at: net.predict_proba(x_test[at : at + 1]), 2000)
    return seconds, float(net.score(x_test, y_test)), latency, sklearn.__version__


def row_us(call, n_rows):
    """Median microseconds of one row, over different rows."""
    times = []
    for at in range(n_rows):
        began = time.perf_counter()
        call(at)
        times.append(time.perf_counter() - began)
    return 1e6 * statistics.median(times)


SYSTEMS = {"torch": run_torch, "keras": run_keras, "scikit-learn": run_scikit_learn}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(a.threads))
    seconds, accuracy, latency, version = SYSTEMS[a.system](read(a.folder), a)
    out = {
        "epoch_seconds": statistics.median(seconds[1:] or seconds),
        "all_seconds": seconds,
        "accuracy": accuracy,
        "row_us": latency,
        "version": version,
    }
    sys.stdout.write("\n" + json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
