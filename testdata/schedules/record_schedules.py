"""Records the learning rates of Keras, PyTorch and optax into library_schedules.json.

    pip install keras==3.15.1 jax==0.10.2 optax==0.2.8 torch==2.15.0 numpy
    python record_schedules.py

The versions that were used are written into the file. Every case is {"library", "name", "schedule",
"n_steps", "rates", "momentum"}: `schedule` is what it is called here, with its parameters; rates
are those of steps 0, 1, 2, ... past the end, with base rate 0.1.
"""

import json
import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
warnings.filterwarnings("ignore")

import jax
import keras
import numpy as np
import optax
import torch

keras.backend.set_floatx("float64")
# Keras computes these with 32 bits whatever its floats are; its schedules are recorded with 64.
for word in ["cos", "log", "power", "floor", "ceil"]:
    setattr(keras.src.ops, word, getattr(jax.numpy, word))
STEPS = 36
N = 30
BASE = 0.1
cases = []


def shown(values):
    return [float(f"{float(value):.9g}") for value in values]


def record(library, name, schedule, rates, momentum=None, n_steps=N):
    case = {"library": library, "name": name, "schedule": schedule, "n_steps": n_steps,
            "rates": shown(rates)}
    if momentum is not None:
        case["momentum"] = shown(momentum)
    cases.append(case)


def wide(value):
    """Keras takes Python's floats for 32 bits."""
    if isinstance(value, list):
        return [wide(one) for one in value]
    return np.float64(value) if isinstance(value, float) else value


def keras_case(name, schedule, *args, **kwargs):
    args, kwargs = [wide(arg) for arg in args], {key: wide(arg) for key, arg in kwargs.items()}
    made = getattr(keras.optimizers.schedules, name)(*args, **kwargs)
    record("keras", name, schedule, [made(np.float64(step)) for step in range(STEPS)])


def optax_case(name, schedule, *args, **kwargs):
    made = getattr(optax, name)(*args, **kwargs)
    record("optax", name, schedule, [made(np.float64(step)) for step in range(STEPS)])


def torch_run(make, base=BASE, steps=STEPS):
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=base, momentum=0.9)
    scheduler = make(optimizer)
    rates, momentum = [], []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        momentum.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
    return rates, momentum


ts = torch.optim.lr_scheduler


def torch_case(name, schedule, *args, keep_momentum=False, steps=STEPS, **kwargs):
    rates, momentum = torch_run(lambda o: getattr(ts, name)(o, *args, **kwargs), steps=steps)
    record("torch", name, schedule, rates, momentum if keep_momentum else None)


# Constant.
optax_case("constant_schedule", "constant", BASE)
torch_case("ConstantLR", "constant(factor=0.25; factor_steps=7)", factor=0.25, total_iters=7)

# Exponential, step, inverse time.
for rate, steps, stairs in [(0.5, 7, False), (0.5, 7, True), (0.96, 1, False), (2.0, 10, False)]:
    text = f"exponential(decay_rate={rate}; decay_steps={steps}; staircase={str(stairs).lower()})"
    keras_case("ExponentialDecay", text, BASE, steps, rate, stairs)
    optax_case("exponential_decay", text, BASE, steps, rate, staircase=stairs)
for rate, end, stairs in [(0.5, 0.2, False), (0.5, 0.2, True), (1.5, 2.0, False)]:
    text = (f"exponential(decay_rate={rate}; decay_steps=5; begin=4; end={end}; "
            f"staircase={str(stairs).lower()})")
    optax_case("exponential_decay", text, BASE, 5, rate, 4, stairs, end * BASE)
torch_case("ExponentialLR", "exponential(decay_rate=0.9; decay_steps=1)", 0.9)
torch_case("MultiplicativeLR", "exponential(decay_rate=0.95; decay_steps=1)", lambda epoch: 0.95)
torch_case("StepLR", "step(step_size=6; gamma=0.1)", 6, 0.1)
torch_case("StepLR", "step(step_size=1; gamma=0.7)", 1, 0.7)
for stairs in [False, True]:
    keras_case("InverseTimeDecay", f"inverse_time(decay_rate=0.5; decay_steps=4; staircase={str(stairs).lower()})",
               BASE, 4, 0.5, stairs)

# Multi-step, piecewise. Keras keeps the old value at a boundary, the others take the new one.
torch_case("MultiStepLR", "multi_step(milestones=5,12,20; gamma=0.3)", [5, 12, 20], 0.3)
torch_case("MultiStepLR", "multi_step(milestones=0,5,5,29; gamma=0.5)", [5, 29, 5, 0], 0.5)
keras_case("PiecewiseConstantDecay", "piecewise(boundaries=5,12,29; values=1,0.3,0.5,0.02; at_boundary=old)",
           [5, 12, 29], [0.1, 0.03, 0.05, 0.002])
keras_case("PiecewiseConstantDecay", "piecewise(boundaries=0; values=1,0.3; at_boundary=old)",
           [0], [0.1, 0.03])
optax_case("piecewise_constant_schedule", "piecewise(boundaries=5,12,29; values=1,0.3,0.6,0.06)",
           BASE, {5: 0.3, 12: 2.0, 29: 0.1})
optax_case("piecewise_constant_schedule", "piecewise(boundaries=0; values=1,0.3)", BASE, {0: 0.3})
torch_case("LambdaLR", "piecewise(boundaries=5,12; values=1,0.3,0.06)",
           lambda step: 1.0 if step < 5 else 0.3 if step < 12 else 0.06)
for shape in ["linear", "cosine"]:
    optax_case("piecewise_interpolate_schedule",
               f"piecewise_interpolate(boundaries=6,15,30; values=1,0.2,2,0.1; shape={shape})",
               shape, BASE, {6: 0.2, 15: 10.0, 30: 0.05})
    optax_case("piecewise_interpolate_schedule",
               f"piecewise_interpolate(boundaries=0,10; values=0.5,1,0; shape={shape})",
               shape, 0.05, {0: 2.0, 10: 0.0})

# Linear, polynomial.
torch_case("LinearLR", "linear(start=0.3333333333333333; end=1; steps=5)")
torch_case("LinearLR", "linear(start=1; end=0.2; steps=20)", 1.0, 0.2, 20)
optax_case("linear_schedule", "linear(end=0.2; steps=20)", BASE, 0.02, 20)
optax_case("linear_schedule", "linear(start=0; end=1; steps=10; begin=7)", 0.0, BASE, 10, 7)
for power, end in [(1.0, 0.0), (2.0, 0.1), (0.5, 0.0), (3.0, 0.5)]:
    text = f"polynomial(power={power}; end={end}; steps=20)"
    keras_case("PolynomialDecay", text, BASE, 20, end * BASE, power)
    optax_case("polynomial_schedule", text, BASE, end * BASE, power, 20)
optax_case("polynomial_schedule", "polynomial(power=2; end=0.1; steps=20; begin=6)", BASE, 0.01, 2.0, 20, 6)
for steps in [7, 9, 36]:
    keras_case("PolynomialDecay", f"polynomial(power=0.5; end=0.1; steps={steps}; cycle=true)",
               BASE, steps, 0.01, 0.5, True)
torch_case("PolynomialLR", "polynomial(power=2; steps=20)", 20, 2.0)
torch_case("PolynomialLR", "polynomial(power=1; steps=5)")

# Cosine. PyTorch's rises again after T_max.
for alpha, steps in [(0.0, 20), (0.1, 20)]:
    text = f"cosine(alpha={alpha}; steps={steps})"
    keras_case("CosineDecay", text, BASE, steps, alpha)
    optax_case("cosine_decay_schedule", text, BASE, steps, alpha)
optax_case("cosine_decay_schedule", "cosine(alpha=0.1; steps=20; power=2.5)", BASE, 20, 0.1, 2.5)
torch_case("CosineAnnealingLR", "cosine(steps=10; after=rise)", 10)
torch_case("CosineAnnealingLR", "cosine(steps=20; alpha=0.1; after=rise)", 20, 0.01)
torch_case("CosineAnnealingLR", "cosine(steps=1; alpha=0.1; after=rise)", 1, 0.01)
torch_case("CosineAnnealingLR", "cosine(steps=36; alpha=0.1)", 36, 0.01)

# Restarts.
for t_mul, m_mul, alpha in [(2.0, 1.0, 0.0), (1.0, 0.8, 0.1), (1.5, 0.5, 0.2)]:
    keras_case("CosineDecayRestarts",
               f"cosine_restarts(first_steps=4; t_mul={t_mul}; m_mul={m_mul}; alpha={alpha})",
               BASE, 4, t_mul, m_mul, alpha)
for t_0, t_mult, alpha in [(5, 1, 0.0), (4, 2, 0.1), (3, 3, 0.0), (1, 1, 0.5)]:
    torch_case("CosineAnnealingWarmRestarts",
               f"cosine_restarts(first_steps={t_0}; t_mul={t_mult}; alpha={alpha})",
               t_0, t_mult, alpha * BASE)
cycles = [dict(init_value=0.01, peak_value=0.1, warmup_steps=3, decay_steps=10, end_value=0.0),
          dict(init_value=0.0, peak_value=0.05, warmup_steps=2, decay_steps=14, end_value=0.005,
               exponent=2.0)]
optax_case("sgdr_schedule",
           "sequence(milestones=10; schedules=warmup_cosine(start=0.1; warmup=3; steps=10)"
           "|warmup_cosine(rate=0.5; warmup=2; steps=14; alpha=0.1; power=2))", cycles)

# Warm-up. Keras counts the decay after it, optax from the start.
for start, alpha in [(0.0, 0.0), (0.2, 0.1)]:
    keras_case("CosineDecay",
               f"warmup_cosine(start={start}; warmup=5; steps=15; includes_warmup=false; alpha={alpha})",
               start * BASE, 15, alpha, warmup_target=BASE, warmup_steps=5)
    optax_case("warmup_cosine_decay_schedule",
               f"warmup_cosine(start={start}; warmup=5; steps=20; alpha={alpha})",
               start * BASE, BASE, 5, 20, alpha * BASE)
optax_case("warmup_cosine_decay_schedule",
           "warmup_cosine(start=0.2; warmup=5; steps=20; alpha=0.1; power=2)",
           0.02, BASE, 5, 20, 0.01, 2.0)
optax_case("warmup_constant_schedule", "warmup_constant(start=0.1; warmup=8)", 0.01, BASE, 8)
torch_case("LinearLR", "warmup_constant(start=0.1; warmup=8)", 0.1, 1.0, 8)
for stairs in [False, True]:
    optax_case("warmup_exponential_decay_schedule",
               f"warmup_exponential(start=0.1; warmup=6; decay_rate=0.5; decay_steps=4; begin=3; "
               f"end=0.05; staircase={str(stairs).lower()})",
               0.01, BASE, 6, 4, 0.5, 3, stairs, 0.005)

# Cyclic and one cycle, with the momentum.
for mode, gamma, down in [("triangular", 1.0, 5), ("triangular2", 1.0, 3), ("exp_range", 0.97, 8)]:
    torch_case("CyclicLR",
               f"cyclic(low=0.1; up=5; down={down}; mode={mode}; gamma={gamma}; momentum_low=0.7; momentum_high=0.95)",
               0.01, BASE, 5, down, mode, gamma, base_momentum=0.7, max_momentum=0.95, keep_momentum=True)
for rise, shape, three in [(0.3, "cos", False), (0.3, "linear", False), (0.25, "cos", True), (0.33, "linear", True)]:
    word = "cosine" if shape == "cos" else "linear"
    torch_case("OneCycleLR",
               f"one_cycle(rise={rise}; shape={word}; phases={3 if three else 2}; div=20; final_div=500)",
               BASE, total_steps=N, pct_start=rise, anneal_strategy=shape, three_phase=three,
               div_factor=20, final_div_factor=500, keep_momentum=True, steps=N)
optax_case("cosine_onecycle_schedule", "one_cycle(rise=0.3; end_at=steps)", 30, BASE)
optax_case("cosine_onecycle_schedule", "one_cycle(rise=0.25; div=10; final_div=100; end_at=steps)",
           30, BASE, 0.25, 10.0, 100.0)
optax_case("linear_onecycle_schedule",
           "one_cycle(rise=0.3; phases=3; back=0.85; shape=linear; end_at=steps)", 30, BASE)
optax_case("linear_onecycle_schedule",
           "one_cycle(rise=0.25; phases=3; back=0.7; shape=linear; div=10; final_div=100; end_at=steps)",
           30, BASE, 0.25, 0.7, 10.0, 100.0)

# Noam, as it is written with LambdaLR, and the inverse square root as in the T5 paper.
torch_case("LambdaLR", "noam(d_model=64; warmup=8)",
           lambda t: 64 ** -0.5 * min((t + 1) ** -0.5, (t + 1) * 8 ** -1.5))
torch_case("LambdaLR", "noam(d_model=64; warmup=8; count=at_least_one)",
           lambda t: 64 ** -0.5 * min(max(t, 1) ** -0.5, max(t, 1) * 8 ** -1.5))
torch_case("LambdaLR", "inverse_sqrt", lambda t: (t + 1) ** -0.5)
torch_case("LambdaLR", "inverse_sqrt(warmup=6)", lambda t: t / 6 if t < 6 else (6 / t) ** 0.5)
# Hugging Face's get_inverse_sqrt_schedule, warm-up 6, timescale 20.
torch_case("LambdaLR", "inverse_sqrt(warmup=6; timescale=20)",
           lambda t: t / 6 if t < 6 else 1.0 / ((t + 20 - 6) / 20) ** 0.5)
# fastai's flat cosine, and coslog and flat cosine of arXiv:2407.04491, from their formulas.
torch_case("LambdaLR", "flat_cosine",
           lambda t: 0.5 * (1 + np.cos(np.pi * (max(1.0, 2 * min(t / N, 1.0)) - 1.0))))
torch_case("LambdaLR", "coslog",
           lambda t: 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * min(t / N, 1.0)))))
for shape, left in [("linear", lambda x: 1 - x), ("cosine", lambda x: 0.5 * (1 + np.cos(np.pi * x))),
                    ("one_minus_sqrt", lambda x: 1 - np.sqrt(x))]:
    torch_case("LambdaLR", f"warmup_stable_decay(warmup=5; decay=10; shape={shape})",
               lambda t: t / 5 if t < 5 else 1.0 if t < 20 else left(min((t - 20) / 10, 1.0)))


def joined(optimizer):
    return ts.SequentialLR(optimizer, [ts.LinearLR(optimizer, 0.1, 1.0, 4), ts.StepLR(optimizer, 5, 0.5),
                                       ts.ExponentialLR(optimizer, 0.8)], [4, 20])


def chained(optimizer):
    return ts.ChainedScheduler([ts.LinearLR(optimizer, 0.1, 1.0, 6), ts.ExponentialLR(optimizer, 0.95),
                                ts.MultiStepLR(optimizer, [10, 25], 0.5)])


def chained_cosine(optimizer):
    return ts.ChainedScheduler([ts.ConstantLR(optimizer, 0.5, 4), ts.CosineAnnealingLR(optimizer, 36)])


record("torch", "SequentialLR",
       "sequence(milestones=4,20; schedules=linear(start=0.1; end=1; steps=4)|step(step_size=5; gamma=0.5)"
       "|exponential(decay_rate=0.8; decay_steps=1))", torch_run(joined)[0])
record("torch", "ChainedScheduler",
       "product(schedules=linear(start=0.1; end=1; steps=6)|exponential(decay_rate=0.95; decay_steps=1)"
       "|multi_step(milestones=10,25; gamma=0.5))", torch_run(chained)[0])
record("torch", "ChainedScheduler",
       "product(schedules=constant(factor=0.5; factor_steps=4)|cosine(steps=36))", torch_run(chained_cosine)[0])
optax_case("join_schedules",
           "sequence(milestones=6,18; schedules=linear(start=0; end=1; steps=6)|constant|cosine(steps=10; alpha=0.2))",
           [optax.linear_schedule(0.0, BASE, 6), optax.constant_schedule(BASE),
            optax.cosine_decay_schedule(BASE, 10, 0.2)], [6, 18])

versions = {"keras": keras.__version__, "torch": torch.__version__, "optax": optax.__version__,
            "jax": jax.__version__, "numpy": np.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "library_schedules.json"), "w") as file:
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"versions": {json.dumps(versions)},\n"base_rate": {BASE},\n"cases": [\n{lines}\n]}}\n')
