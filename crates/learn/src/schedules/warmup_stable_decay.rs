//! The rate rises, stays, and falls at the end.

use super::parameters::{Domain, SHARE, STEPS, parameter};
use super::{Schedule, ScheduleKind, half_cosine, progress};

/// The shape of the fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecayShape {
    /// `1 - x`.
    Linear,
    /// `(1 + cos(pi x)) / 2`.
    Cosine,
    /// `1 - sqrt(x)`.
    OneMinusSqrt,
}

impl DecayShape {
    /// What is left after `x` of the fall, `x` in `[0, 1]`.
    fn left(self, x: f64) -> f64 {
        match self {
            DecayShape::Linear => 1.0 - x,
            DecayShape::Cosine => half_cosine(x),
            DecayShape::OneMinusSqrt => 1.0 - x.sqrt(),
        }
    }
}

/// The listing of [`WarmupStableDecay`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "warmup_stable_decay",
    formula: "a0 * t / w, then a0, and in the last d steps a0 * ((1 - end) * left(x) + end)",
    help: "rises for a twentieth of the steps, stays, and falls in the last fifth",
    references: &[
        "Hu, S. et al. (2024). MiniCPM: unveiling the potential of small language models with scalable training strategies. arXiv:2404.06395",
        "Haegele, A. et al. (2024). Scaling laws and compute-optimal training beyond fixed training durations. arXiv:2405.18392",
    ],
    equals: &[],
    parameters: &[
        parameter("warmup", STEPS, "n/20", "steps w of the rise"),
        parameter(
            "decay",
            STEPS,
            "n/5",
            "steps d of the fall; as many as the rise leaves, at most",
        ),
        parameter("steps", STEPS, "n", "steps of the schedule"),
        parameter(
            "shape",
            Domain::Choice(&["linear", "cosine", "one_minus_sqrt"]),
            "linear",
            "left(x): 1 - x, (1 + cos(pi x)) / 2 or 1 - sqrt(x)",
        ),
        parameter("start", SHARE, "0", "share of a0 at step 0"),
        parameter("end", SHARE, "0", "share of a0 that is left"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (n_warmup, n_steps) = (values.steps("warmup"), values.steps("steps"));
        let shape = match values.choice("shape") {
            "linear" => DecayShape::Linear,
            "cosine" => DecayShape::Cosine,
            _ => DecayShape::OneMinusSqrt,
        };
        Ok(Box::new(WarmupStableDecay {
            base_rate: values.base_rate,
            n_warmup,
            n_decay: values.steps("decay").min(n_steps.saturating_sub(n_warmup)),
            n_steps,
            shape,
            start: values.number("start"),
            end: values.number("end"),
        }))
    },
};

/// `a0 * (start + (1 - start) t / w)` for `t < w`, `a0` up to step `n - d`, then
/// `a0 * ((1 - end) left(x) + end)` with `x = (t - n + d) / d`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupStableDecay {
    /// The rate `a0` in between.
    pub base_rate: f64,
    /// Steps of the rise `w`.
    pub n_warmup: u64,
    /// Steps of the fall `d`, at most `n - w`.
    pub n_decay: u64,
    /// Steps in all `n`.
    pub n_steps: u64,
    /// Shape of the fall.
    pub shape: DecayShape,
    /// Share of `a0` at step 0.
    pub start: f64,
    /// Share of `a0` from step `n` on.
    pub end: f64,
}

impl Schedule for WarmupStableDecay {
    fn rate(&self, step: u64) -> f64 {
        if step < self.n_warmup {
            let share = step as f64 / self.n_warmup as f64;
            return self.base_rate * (self.start + (1.0 - self.start) * share);
        }
        let fall = self.n_steps.saturating_sub(self.n_decay);
        if step < fall {
            return self.base_rate;
        }
        let left = self.shape.left(progress(step - fall, self.n_decay));
        self.base_rate * ((1.0 - self.end) * left + self.end)
    }
}
