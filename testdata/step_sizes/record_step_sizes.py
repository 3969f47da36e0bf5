"""Records what the published implementations of optimizers and step-size rules do into
step_sizes.json: parameters of a small softmax regression after some steps, and rates.

    pip install torch==2.15.0 optax==0.2.8 jax==0.10.2 keras==3.15.1 numpy schedulefree==1.4.1 \
        dadaptation==3.2 prodigyopt==1.1.2 dog-optimizer==1.0.3
    python record_step_sizes.py

All run with 64-bit floats. The problem is convex: the mean cross-entropy of softmax(W x + b) over
the rows plus 0.005 |W|^2; W has 3 rows and 4 columns, b has 3.
"""

import json
import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
warnings.filterwarnings("ignore")

import dadaptation
import dog
import jax
import keras
import numpy as np
import optax
import prodigyopt
import schedulefree
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

keras.backend.set_floatx("float64")
random = np.random.default_rng(3)
X = np.round(random.normal(size=(24, 4)), 3)
Y = (X @ random.normal(size=(4, 3)) + 0.5 * random.normal(size=(24, 3))).argmax(1)
W0 = np.float32(np.round(random.normal(size=(3, 4)), 3)).astype(np.float64)
B0 = np.float32(np.round(random.normal(size=3), 3)).astype(np.float64)
STEPS = [1, 2, 3, 5, 10, 20, 40]
cases = []


def shown(values):
    return [float(f"{float(value):.9g}") for value in values]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(W0))
        self.b = torch.nn.Parameter(torch.tensor(B0))

    def loss(self):
        scores = torch.tensor(X) @ self.w.T + self.b
        return torch.nn.functional.cross_entropy(scores, torch.tensor(Y)) + 0.005 * (self.w ** 2).sum()

    def flat(self):
        return np.concatenate([self.w.detach().numpy().ravel(), self.b.detach().numpy()])


def run(optimizers, model, after=None, predicted=None, end=None):
    """Parameters after steps, and those to predict with."""
    params, evals = {}, {}
    for step in range(1, max(STEPS) + 1):
        for optimizer in optimizers:
            optimizer.zero_grad()
        model.loss().backward()
        for optimizer in optimizers:
            optimizer.step()
        if after:
            after()
        if step in STEPS:
            params[step] = shown(model.flat())
            if predicted:
                evals[step] = shown(predicted())
    return params, evals


def record(library, name, optimizer, options, lr, params, evals=None):
    case = {"library": library, "name": name, "optimizer": optimizer, "options": options, "lr": lr,
            "params": params}
    if evals:
        case["eval"] = evals
    cases.append(case)


def torch_case(make, name, optimizer, options, lr, library="torch"):
    model = Model()
    params, _ = run([make(list(model.parameters()))], model)
    record(library, name, optimizer, options, lr, params)


o = torch.optim
for momentum, dampening, nesterov, decay in [(0, 0, False, 0), (0, 0, False, 0.1), (0.9, 0, False, 0.01),
                                             (0.9, 0.5, False, 0), (0.9, 0, True, 0.01)]:
    options = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": decay}
    torch_case(lambda p: o.SGD(p, lr=0.1, **options), "SGD", "sgd", options, 0.1)
for betas, eps, decay in [((0.9, 0.999), 1e-8, 0), ((0.8, 0.95), 1e-3, 0.1)]:
    options = {"beta1": betas[0], "beta2": betas[1], "eps": eps, "weight_decay": decay}
    torch_case(lambda p: o.Adam(p, lr=0.05, betas=betas, eps=eps, weight_decay=decay), "Adam", "adam", options, 0.05)
    torch_case(lambda p: o.AdamW(p, lr=0.05, betas=betas, eps=eps, weight_decay=decay), "AdamW", "adamw", options, 0.05)
    for decoupled in [False, True]:
        torch_case(lambda p: o.NAdam(p, lr=0.05, betas=betas, eps=eps, weight_decay=decay,
                                     decoupled_weight_decay=decoupled, momentum_decay=0.01),
                   "NAdam", "nadam", {**options, "decoupled": decoupled, "momentum_decay": 0.01}, 0.05)

# Muon iterates with 16-bit floats; here with as many as the parameters have.
torch.bfloat16 = torch.float64
for momentum, nesterov, decay, scale in [(0.95, True, 0.1, "match_rms_adamw"), (0.8, False, 0.0, "original")]:
    model = Model()
    pair = [o.Muon([model.w], lr=0.02, momentum=momentum, nesterov=nesterov, weight_decay=decay, adjust_lr_fn=scale),
            o.AdamW([model.b], lr=0.02, weight_decay=0.0)]
    params, _ = run(pair, model)
    record("torch", "Muon", "muon", {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay,
                                     "match": scale != "original"}, 0.02, params)


def averaged(averaging, options, make):
    """SGD, averaged after each step."""
    model = Model()
    optimizer = o.SGD(model.parameters(), lr=0.1, momentum=0.9)
    update, flat = make(model)
    params, evals = run([optimizer], model, after=update, predicted=flat)
    record(*averaging, {"momentum": 0.9, **options}, 0.1, params, evals)


def averaged_model(**kwargs):
    def make(model):
        average = AveragedModel(model, **kwargs)
        return lambda: average.update_parameters(model), lambda: average.module.flat()
    return make


def polynomial(model):
    average = dog.PolynomialDecayAverager(model, gamma=8.0)
    return average.step, lambda: average.averaged_model.flat()


averaged(("torch", "AveragedModel", "exponential_average"), {"decay": 0.9},
         averaged_model(multi_avg_fn=get_ema_multi_avg_fn(0.9)))
averaged(("torch", "AveragedModel", "uniform_average"), {}, averaged_model())
averaged(("dog-optimizer", "PolynomialDecayAverager", "polynomial_average"), {"gamma": 8.0}, polynomial)


def schedule_free(cls, optimizer, options, lr, **kwargs):
    model = Model()
    made = cls(list(model.parameters()), lr=lr, foreach=False, **kwargs)
    made.train()

    def predicted():
        made.eval()
        flat = model.flat()
        made.train()
        return flat

    params, evals = run([made], model, predicted=predicted)
    record("schedulefree", cls.__name__, optimizer, options, lr, params, evals)


for momentum, decay, r, power in [(0.9, 0.0, 0.0, 2.0), (0.8, 0.1, 1.0, 1.0)]:
    shared = {"momentum": momentum, "weight_decay": decay, "step_power": r, "rate_power": power}
    schedule_free(schedulefree.SGDScheduleFree, "schedule_free_sgd", shared, 0.5, momentum=momentum,
                  weight_decay=decay, r=r, weight_lr_power=power)
    schedule_free(schedulefree.AdamWScheduleFree, "schedule_free_adamw", {**shared, "beta2": 0.99}, 0.05,
                  betas=(momentum, 0.99), weight_decay=decay, r=r, weight_lr_power=power)

for momentum, d0, growth in [(0.0, 1e-6, float("inf")), (0.9, 1e-3, 1.5)]:
    torch_case(lambda p: dadaptation.DAdaptSGD(p, lr=1.0, momentum=momentum, weight_decay=0, d0=d0, growth_rate=growth),
               "DAdaptSGD", "d_adapt_sgd",
               {"momentum": momentum, "weight_decay": 0, "first_distance": d0, "growth_rate": min(growth, 1e300)},
               1.0, "dadaptation")
for betas, decay, decoupled, corrected, d0 in [((0.9, 0.999), 0.0, False, False, 1e-6),
                                               ((0.8, 0.95), 0.1, True, True, 1e-3),
                                               ((0.8, 0.95), 0.1, False, False, 1e-3)]:
    torch_case(lambda p: dadaptation.DAdaptAdam(p, lr=1.0, betas=betas, weight_decay=decay, decouple=decoupled,
                                                use_bias_correction=corrected, d0=d0),
               "DAdaptAdam", "d_adapt_adam",
               {"beta1": betas[0], "beta2": betas[1], "weight_decay": decay, "decoupled": decoupled,
                "bias_correction": corrected, "first_distance": d0}, 1.0, "dadaptation")
    torch_case(lambda p: prodigyopt.Prodigy(p, lr=1.0, betas=betas, weight_decay=decay, decouple=decoupled,
                                            use_bias_correction=corrected, safeguard_warmup=corrected, d0=max(d0, 1e-2)),
               "Prodigy", "prodigy",
               {"beta1": betas[0], "beta2": betas[1], "weight_decay": decay, "decoupled": decoupled,
                "bias_correction": corrected, "first_distance": max(d0, 1e-2)}, 1.0, "prodigyopt")
for cls, layerwise in [(dog.DoG, False), (dog.LDoG, True)]:
    for decay in [0.0, 0.1]:
        torch_case(lambda p: cls(p, reps_rel=1e-2, weight_decay=decay), cls.__name__, "l_dog" if layerwise else "dog",
                   {"first_distance": 1e-2, "weight_decay": decay}, 1.0, "dog-optimizer")


def jax_loss(params):
    w, b = params
    scores = X @ w.T + b
    return optax.softmax_cross_entropy_with_integer_labels(scores, Y).mean() + 0.005 * (w ** 2).sum()


def optax_run(made, with_value=False, observe=None):
    params = (jax.numpy.array(W0), jax.numpy.array(B0))
    state, taken = made.init(params), {}
    step_of = jax.jit(lambda g, s, p, v: made.update(g, s, p, **({"value": v} if with_value else {})))
    for step in range(1, max(STEPS) + 1):
        value, grads = jax.value_and_grad(jax_loss)(params)
        updates, state = step_of(grads, state, params, value)
        params = optax.apply_updates(params, updates)
        if step in STEPS:
            taken[step] = shown(np.concatenate([np.ravel(params[0]), params[1]]))
    return taken


for decay in [0.0, 1e-2]:
    record("optax", "contrib.mechanize", "mechanic", {"weight_decay": decay, "base": "sgd"}, 1.0,
           optax_run(optax.contrib.mechanize(optax.sgd(1.0), weight_decay=decay)))
    record("optax", "contrib.mechanize", "mechanic", {"weight_decay": decay, "base": "adam"}, 0.1,
           optax_run(optax.contrib.mechanize(optax.adam(0.1), weight_decay=decay)))
record("optax", "contrib.schedule_free_sgd", "schedule_free_sgd",
       {"momentum": 0.9, "weight_decay": 0.0, "step_power": 0.0, "rate_power": 2.0}, 0.5,
       optax_run(optax.contrib.schedule_free_sgd(0.5, b1=0.9, weight_lr_power=2.0)))
for top, scale, lowest in [(1.0, 1.0, 0.0), (0.5, 0.5, 0.2)]:
    record("optax", "polyak_sgd", "polyak", {"max_rate": top, "scale": scale, "lowest_loss": lowest}, 1.0,
           optax_run(optax.polyak_sgd(top, scale, lowest, variant="sps+"), with_value=True))


def hypergradient(additive, beta):
    """Baydin et al. 2018, algorithm 4 and its multiplicative form, written out."""
    model, rate, before = Model(), 0.05, None
    params = {}
    for step in range(1, max(STEPS) + 1):
        model.zero_grad()
        model.loss().backward()
        grad = np.concatenate([model.w.grad.numpy().ravel(), model.b.grad.numpy()])
        if before is not None:
            product = float(grad @ before)
            if additive:
                rate += beta * product
            else:
                rate *= 1 + beta * product / (np.linalg.norm(grad) * np.linalg.norm(before))
        before = grad
        with torch.no_grad():
            model.w -= rate * model.w.grad
            model.b -= rate * model.b.grad
        if step in STEPS:
            params[step] = shown(model.flat())
    record("paper", "arXiv:1703.04782", "hypergradient", {"additive": additive, "hyper_rate": beta}, 0.05, params)


hypergradient(True, 0.1)
hypergradient(False, 0.1)

# Plateau: rates after each loss.
noisy = np.round(1.0 / np.sqrt(1 + np.arange(20)) + 0.1 * random.random(20), 4)
LOSSES = {
    "flat": [1.0] * 24,
    "falls then flat": [1.0 - 0.1 * i for i in range(6)] + [0.5] * 18,
    "small gains": [1.0 - 0.0004 * i for i in range(24)],
    "noisy": [float(x) for x in noisy] + [0.3, 0.3, 0.2, 0.5],
}


class KerasModel:
    """What Keras's callback needs of a model."""

    def __init__(self, rate):
        self.optimizer = type("Optimizer", (), {})()
        self.optimizer.learning_rate = keras.Variable(rate, dtype="float64")


def keras_plateau(losses, **options):
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", mode="min", **options)
    model = KerasModel(0.1)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
        rates.append(float(np.asarray(model.optimizer.learning_rate)))
    return rates


def torch_plateau(losses, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", **options)
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def optax_plateau(losses, **options):
    made = optax.contrib.reduce_on_plateau(**options)
    one = jax.numpy.ones(1, dtype=jax.numpy.float64)
    state, rates = made.init(one), []
    for loss in losses:
        updates, state = made.update(0.1 * one, state, value=loss)
        rates.append(updates[0])
    return rates


def plateau(library, rates, losses, **options):
    cases.append({"library": library, "name": "ReduceLROnPlateau", "plateau": options,
                  "losses": list(LOSSES.values()).index(losses), "rates": shown(rates)})


for losses in LOSSES.values():
    for patience, cooldown, delta, low in [(3, 0, 1e-4, 0.0), (1, 2, 1e-3, 0.003), (2, 3, 0.0, 0.02)]:
        shared = {"factor": 0.5, "patience": patience, "cooldown": cooldown}
        plateau("keras", keras_plateau(losses, min_delta=delta, min_lr=low, **shared), losses, **shared,
                relative=0.0, absolute=delta, min_rate=low, accumulation=1)
        for relative in [True, False]:
            mode = "rel" if relative else "abs"
            plateau("torch", torch_plateau(losses, threshold=delta, threshold_mode=mode, min_lr=low, **shared),
                    losses, **shared, relative=delta if relative else 0.0, absolute=0.0 if relative else delta,
                    min_rate=low, accumulation=1)
        plateau("torch", torch_plateau(losses, threshold=delta, threshold_mode="rel", min_lr=low, eps=0.01, **shared),
                losses, **shared, relative=delta, absolute=0.0, min_rate=low, min_change=0.01, accumulation=1)
        for rtol, atol, size in [(delta + 1e-4, 0.0, 1), (0.0, 1e-3, 2), (0.01, 1e-3, 3)]:
            plateau("optax", optax_plateau(losses, rtol=rtol, atol=atol, accumulation_size=size,
                                           min_scale=10 * low, **shared),
                    losses, **shared, relative=rtol, absolute=atol, min_rate=low, accumulation=size)

# Range test: the steepest point of smoothed losses, by numpy.gradient.
rates = 1e-4 * (1e4 ** (np.arange(40) / 39))
losses = 2.0 - 1.5 / (1 + np.exp(-2 * (np.log10(rates) + 1.5))) + np.where(rates > 0.3, 30 * (rates - 0.3), 0)
mean, smooth = 0.0, []
for step, loss in enumerate(losses):
    mean = 0.8 * mean + 0.2 * loss
    value = mean / (1 - 0.8 ** (step + 1))
    if smooth and value > 4 * min(smooth):
        break
    smooth.append(value)
cases.append({"library": "numpy", "name": "gradient", "range_test": {"low": 1e-4, "high": 1.0, "smoothing": 0.8},
              "losses": [float(x) for x in losses], "smooth": shown(smooth),
              "suggestion": float(rates[np.gradient(np.array(smooth)).argmin()])})

# D-Adaptation of Adam oscillates once its distance is found, and magnifies rounding: its own runs
# with 32 and 64 bits are 5e-3 apart after 40 steps. Ten are compared.
for case in cases:
    if case.get("optimizer") == "d_adapt_adam":
        case["params"] = {step: params for step, params in case["params"].items() if step <= 10}

versions = {"torch": torch.__version__, "optax": optax.__version__, "jax": jax.__version__,
            "keras": keras.__version__, "numpy": np.__version__, "schedulefree": "1.4.1",
            "dadaptation": "3.2", "prodigyopt": "1.1.2", "dog-optimizer": "1.0.3"}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "step_sizes.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    problem = json.dumps({"x": X.tolist(), "y": Y.tolist(), "params": [*W0.ravel(), *B0]})
    file.write(f'{{"versions": {json.dumps(versions)},\n"problem": {problem},\n"losses": {json.dumps(list(LOSSES.values()))},\n"cases": [\n{lines}\n]}}\n')
