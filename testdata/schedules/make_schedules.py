"""Records learning rates of Keras, PyTorch, optax and CatBoost into schedules.json.

    pip install keras==3.15.1 jax==0.10.2 optax torch catboost==1.2.10 numpy
    python make_schedules.py

The versions that were used are written into the file. Every case is
{"library", "schedule", "options", "rates"}; rates are those of steps 0, 1, 2, ...
"""

import json
import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
warnings.filterwarnings("ignore")

import catboost
import jax
import keras
import numpy as np
import optax
import torch

keras.backend.set_floatx("float64")
STEPS = 25
BASE = 0.1
cases = []


def record(library, schedule, options, rates):
    rates = [float(rate) for rate in rates]
    cases.append({"library": library, "schedule": schedule, "options": options, "rates": rates})


def keras_rates(schedule):
    return [schedule(np.float64(step)) for step in range(STEPS)]


def optax_rates(schedule):
    return [schedule(np.float64(step)) for step in range(STEPS)]


def torch_rates(make, base=BASE):
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=base)
    scheduler = make(optimizer)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


ks = keras.optimizers.schedules
ts = torch.optim.lr_scheduler

for rate, steps, stairs in [(0.5, 7, False), (0.5, 7, True), (0.96, 1, False)]:
    options = {"decay_rate": rate, "decay_steps": steps, "staircase": stairs}
    record("keras", "exponential", options, keras_rates(ks.ExponentialDecay(BASE, steps, rate, stairs)))
    record("optax", "exponential", options,
           optax_rates(optax.exponential_decay(BASE, steps, rate, staircase=stairs)))
record("torch", "exponential", {"decay_rate": 0.9, "decay_steps": 1, "staircase": False},
       torch_rates(lambda o: ts.ExponentialLR(o, 0.9)))
record("torch", "exponential", {"decay_rate": 0.1, "decay_steps": 6, "staircase": True},
       torch_rates(lambda o: ts.StepLR(o, 6, 0.1)))

for alpha, steps in [(0.0, 20), (0.1, 20)]:
    options = {"alpha": alpha, "n_steps": steps}
    record("keras", "cosine", options, keras_rates(ks.CosineDecay(BASE, steps, alpha)))
    record("optax", "cosine", options, optax_rates(optax.cosine_decay_schedule(BASE, steps, alpha)))
record("torch", "cosine", {"alpha": 0.1, "n_steps": STEPS},
       torch_rates(lambda o: ts.CosineAnnealingLR(o, STEPS, eta_min=0.1 * BASE)))

for power, end in [(1.0, 0.0), (2.0, 0.01), (0.5, 0.0)]:
    options = {"power": power, "end_rate": end, "n_steps": 20}
    record("keras", "polynomial", options, keras_rates(ks.PolynomialDecay(BASE, 20, end, power)))
    record("optax", "polynomial", options,
           optax_rates(optax.polynomial_schedule(BASE, end, power, 20)))
record("torch", "polynomial", {"power": 2.0, "end_rate": 0.0, "n_steps": 20},
       torch_rates(lambda o: ts.PolynomialLR(o, 20, 2.0)))
record("torch", "polynomial", {"power": 1.0, "end_rate": 0.02, "n_steps": 20},
       torch_rates(lambda o: ts.LinearLR(o, 1.0, 0.2, 20)))
record("optax", "polynomial", {"power": 1.0, "end_rate": 0.02, "n_steps": 20},
       optax_rates(optax.linear_schedule(BASE, 0.02, 20)))

record("keras", "inverse_time", {"decay_rate": 0.5, "decay_steps": 4},
       keras_rates(ks.InverseTimeDecay(BASE, 4, 0.5)))

# Keras counts the decay after the warm-up, optax from the start: 15 after 5 is 20 in all.
warm = {"n_warmup": 5, "n_steps": 15, "alpha": 0.0}
record("keras", "warmup_cosine", warm,
       keras_rates(ks.CosineDecay(0.0, 15, 0.0, warmup_target=BASE, warmup_steps=5)))
record("optax", "warmup_cosine", warm,
       optax_rates(optax.warmup_cosine_decay_schedule(0.0, BASE, 5, 20, 0.0)))

record("keras", "constant", {}, [BASE] * STEPS)
record("optax", "constant", {}, optax_rates(optax.constant_schedule(BASE)))
record("torch", "constant", {}, torch_rates(lambda o: ts.ConstantLR(o, 1.0)))

# Plateau: rates after each loss.
random = np.random.default_rng(0)
falling = list(np.round(1.0 / np.sqrt(1 + np.arange(20)) + 0.1 * random.random(20), 4))
LOSSES = {
    "flat": [1.0] * 24,
    "falls then flat": [1.0 - 0.1 * i for i in range(6)] + [0.5] * 18,
    "small gains": [1.0 - 0.0004 * i for i in range(24)],
    "noisy": [float(x) for x in falling] + [0.3, 0.3, 0.2, 0.5],
}


class Model:
    """What Keras's callback needs of a model."""

    def __init__(self, rate):
        self.optimizer = type("Optimizer", (), {})()
        self.optimizer.learning_rate = keras.Variable(rate, dtype="float64")


def keras_plateau(losses, **options):
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode="min", **options)
    model = Model(BASE)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
        rates.append(float(np.asarray(model.optimizer.learning_rate)))
    return rates


def torch_plateau(losses, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    scheduler = ts.ReduceLROnPlateau(optimizer, mode="min", **options)
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


for name, losses in LOSSES.items():
    for patience, cooldown, delta, low in [(3, 0, 1e-4, 0.0), (1, 2, 1e-3, 0.003), (2, 3, 0.0, 0.02)]:
        shared = {"losses": losses, "factor": 0.5, "patience": patience, "cooldown": cooldown,
                  "min_delta": delta, "min_rate": low}
        record("keras", "plateau", {**shared, "relative": False},
               keras_plateau(losses, factor=0.5, patience=patience, cooldown=cooldown,
                             min_delta=delta, min_lr=low))
        for relative in [True, False]:
            record("torch", "plateau", {**shared, "relative": relative},
                   torch_plateau(losses, factor=0.5, patience=patience, cooldown=cooldown,
                                 threshold=delta, threshold_mode="rel" if relative else "abs",
                                 min_lr=low))

# CatBoost's own rate, by kind of task, with and without a validation set.
for kind, loss, n_classes in [("regression", "RMSE", 0), ("binary", "Logloss", 2),
                              ("multiclass", "MultiClass", 3)]:
    for rows in [50, 1000, 30000]:
        for rounds in [20, 300]:
            for at_most in [True, False]:
                x = random.random((rows, 1))
                y = x[:, 0] if n_classes == 0 else np.arange(rows) % n_classes
                model = catboost.CatBoost({
                    "loss_function": loss, "iterations": rounds, "depth": 1, "thread_count": 2,
                    "verbose": False, "allow_writing_files": False, "border_count": 4,
                    "boosting_type": "Plain"})
                model.fit(x, y, eval_set=(x[:20], y[:20]) if at_most else None)
                options = {"kind": kind, "at_most": at_most, "n_rows": rows, "n_rounds": rounds}
                record("catboost", "boosting_rate", options, [model.get_all_params()["learning_rate"]])

versions = {"keras": keras.__version__, "torch": torch.__version__, "optax": optax.__version__,
            "jax": jax.__version__, "catboost": catboost.__version__, "numpy": np.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedules.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)},\n"base_rate": {BASE},\n"cases": [\n{lines}\n]}}\n')
