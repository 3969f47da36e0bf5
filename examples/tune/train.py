"""Fits a polynomial to a noisy curve by gradient descent: a training in miniature.

    python3 train.py RATE DEGREE MOMENTUM

Every 20 passes it prints its loss on rows that it does not learn from, and on the last line the
result. Needs nothing but Python.
"""

import json
import math
import sys

STEPS = 200

rate, degree = float(sys.argv[1]), int(sys.argv[2])
momentum = 0.9 if sys.argv[3] == "true" else 0.0


def rows(first, last):
    """Pairs of a polynomial's inputs and its target, with a noise that is the same every time."""
    made = []
    for at in range(first, last):
        x = math.sin(12.9898 * at)
        noise = 0.1 * math.sin(78.233 * at * at)
        made.append(([x**power for power in range(degree + 1)], math.sin(3.0 * x) + noise))
    return made


def predict(weights, inputs):
    return sum(weight * value for weight, value in zip(weights, inputs))


def loss(weights, data):
    return sum((predict(weights, x) - y) ** 2 for x, y in data) / len(data)


train, valid = rows(0, 60), rows(60, 100)
weights, speed = [0.0] * (degree + 1), [0.0] * (degree + 1)
for step in range(1, STEPS + 1):
    slope = [0.0] * (degree + 1)
    for x, y in train:
        error = predict(weights, x) - y
        slope = [s + 2.0 * error * value / len(train) for s, value in zip(slope, x)]
    speed = [momentum * v - rate * s for v, s in zip(speed, slope)]
    weights = [weight + v for weight, v in zip(weights, speed)]
    if step % 20 == 0:
        print(json.dumps({"step": step, "loss": loss(weights, valid)}), flush=True)
print(json.dumps({"loss": loss(weights, valid), "train_loss": loss(weights, train)}))
