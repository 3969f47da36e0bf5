//! The rate rises on a straight line before another schedule takes over.

use super::kind::equals;
use super::parameters::{Domain, FLAG, SHARE, SOME_STEPS, STEPS, mistake, parameter};
use super::polynomial::POWER;
use super::{Constant, Cosine, CosineAfter, Schedule, ScheduleKind, exponential};

/// The listing of [`Warmup`]: a twentieth of the steps, then a cosine to zero.
pub(super) const COSINE_KIND: ScheduleKind = ScheduleKind {
    name: "warmup_cosine",
    formula: "a0 * (start + (1 - start) t / w) for t < w, then a cosine over the other n - w steps to a0 * alpha",
    help: "rises on a straight line for a twentieth of the steps, then falls along a cosine",
    references: &[
        "Goyal, P. et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour. arXiv:1706.02677",
        "Loshchilov, I.; Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. arXiv:1608.03983",
    ],
    equals: equals![optax warmup_cosine_decay_schedule, keras CosineDecay],
    parameters: &[
        parameter("warmup", STEPS, "n/20", "steps w of the rise"),
        parameter("start", SHARE, "0", "share of a0 at step 0 (optax: init_value, as a rate)"),
        parameter("steps", STEPS, "n", "steps n of the schedule (decay_steps)"),
        parameter(
            "includes_warmup",
            FLAG,
            "true",
            "whether `steps` count the warm-up (optax: true, Keras: false)",
        ),
        parameter("alpha", SHARE, "0", "share of a0 that is left (optax: end_value, as a rate)"),
        parameter("power", POWER, "1", "power of the wave (optax: exponent)"),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        let (n_warmup, all) = (values.steps("warmup"), values.steps("steps"));
        let n_steps =
            if values.flag("includes_warmup") { all.checked_sub(n_warmup) } else { Some(all) };
        let n_steps = n_steps.ok_or_else(|| {
            mistake("warmup", &n_warmup.to_string(), &format!("at most `steps`, {all}"))
        })?;
        let cosine = Cosine {
            base_rate: values.base_rate,
            alpha: values.number("alpha"),
            n_steps,
            power: values.number("power"),
            after: CosineAfter::Hold,
        };
        Ok(boxed(values.base_rate, values.number("start"), n_warmup, cosine))
    },
};

/// The listing of [`Warmup`] before a constant rate.
pub(super) const CONSTANT_KIND: ScheduleKind = ScheduleKind {
    name: "warmup_constant",
    formula: "a0 * (start + (1 - start) t / w) for t < w, then a0",
    help: "rises on a straight line for a twentieth of the steps, then stays",
    references: &[
        "Goyal, P. et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour. arXiv:1706.02677",
    ],
    equals: equals![optax warmup_constant_schedule, torch LinearLR],
    parameters: &[
        parameter("warmup", STEPS, "n/20", "steps w of the rise"),
        parameter("start", SHARE, "0", "share of a0 at step 0 (optax: init_value, as a rate)"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let base_rate = values.base_rate;
        let constant = Constant { base_rate, factor: 1.0, n_factor: 0 };
        Ok(boxed(base_rate, values.number("start"), values.steps("warmup"), constant))
    },
};

/// The listing of [`Warmup`] before an exponential decay.
pub(super) const EXPONENTIAL_KIND: ScheduleKind = ScheduleKind {
    name: "warmup_exponential",
    formula: "a0 * (start + (1 - start) t / w) for t < w, then a0 * r^((t - w) / d)",
    help: "rises on a straight line for a twentieth of the steps, then falls by equal ratios",
    references: &[
        "Goyal, P. et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour. arXiv:1706.02677",
    ],
    equals: equals![optax warmup_exponential_decay_schedule],
    parameters: &[
        parameter("warmup", STEPS, "n/20", "steps w of the rise"),
        parameter("start", SHARE, "0", "share of a0 at step 0 (optax: init_value, as a rate)"),
        parameter("decay_rate", exponential::DECAY_RATE, "0.01", "factor r after decay_steps"),
        parameter(
            "decay_steps",
            SOME_STEPS,
            "n",
            "steps d of one factor (optax: transition_steps)",
        ),
        parameter("staircase", FLAG, "false", "whether it falls only at multiples of decay_steps"),
        parameter("begin", STEPS, "0", "steps between rise and fall (optax: transition_begin)"),
        parameter("end", SHARE, "", "share of a0 that it never passes (optax: end_value)"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let fall = exponential::of(values);
        Ok(boxed(values.base_rate, values.number("start"), values.steps("warmup"), fall))
    },
};

/// The listing of [`Warmup`] before any schedule.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "warmup",
    formula: "a0 * (start + (1 - start) t / w) for t < w, then another schedule at t - w",
    help: "rises on a straight line for a twentieth of the steps, then follows any schedule",
    references: &[
        "Goyal, P. et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour. arXiv:1706.02677",
    ],
    equals: &[],
    parameters: &[
        parameter("warmup", STEPS, "n/20", "steps w of the rise"),
        parameter("start", SHARE, "0", "share of a0 at step 0"),
        parameter(
            "then",
            Domain::Schedules,
            "linear",
            "what follows, over the steps that are left",
        ),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (base_rate, n_warmup) = (values.base_rate, values.steps("warmup"));
        let [then] = values.schedules("then") else {
            return Err(mistake("then", "a list", "one schedule; `sequence` joins several"));
        };
        let after = then.build(base_rate, values.n_steps.saturating_sub(n_warmup))?;
        Ok(Box::new(Warmup { base_rate, start: values.number("start"), n_warmup, after }))
    },
};

fn boxed(
    base_rate: f64,
    start: f64,
    n_warmup: u64,
    after: impl Schedule + 'static,
) -> Box<dyn Schedule> {
    Box::new(Warmup { base_rate, start, n_warmup, after: Box::new(after) })
}

/// `a0 * (start + (1 - start) t / w)` for `t < w`, then `after(t - w)`.
///
/// The steps of `after` are counted without the warm-up, as by Keras's `CosineDecay` with
/// `warmup_target`; optax's `warmup_cosine_decay_schedule` counts them with it.
#[derive(Debug)]
pub struct Warmup {
    /// The rate `a0` that it rises to.
    pub base_rate: f64,
    /// Share of `a0` at step 0.
    pub start: f64,
    /// Steps of the rise `w`; 0 is no warm-up.
    pub n_warmup: u64,
    /// What follows.
    pub after: Box<dyn Schedule>,
}

impl Schedule for Warmup {
    fn rate(&self, step: u64) -> f64 {
        if step >= self.n_warmup {
            return self.after.rate(step - self.n_warmup);
        }
        let share = step as f64 / self.n_warmup as f64;
        self.base_rate * (self.start + (1.0 - self.start) * share)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        self.after.momentum(step.saturating_sub(self.n_warmup))
    }
}
