//! The rate falls along half a cosine wave.

use super::kind::equals;
use super::parameters::{Domain, SHARE, STEPS, parameter};
use super::polynomial::POWER;
use super::{Schedule, ScheduleKind, half_cosine, progress};

/// The listing of [`Cosine`] to zero.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "cosine",
    formula: "a0 * ((1 - alpha) ((1 + cos(pi t / n)) / 2)^power + alpha)",
    help: "falls along half a cosine wave to zero at the end",
    references: &[
        "Loshchilov, I.; Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. arXiv:1608.03983",
    ],
    equals: equals![keras CosineDecay, torch CosineAnnealingLR, optax cosine_decay_schedule],
    parameters: &[
        parameter("alpha", SHARE, "0", "share of a0 that is left (torch: eta_min, as a rate)"),
        parameter("steps", STEPS, "n", "steps of the fall (torch: T_max)"),
        parameter("power", POWER, "1", "power of the wave (optax: exponent)"),
        parameter(
            "after",
            Domain::Choice(&["hold", "rise"]),
            "hold",
            "stay at the end (Keras, optax), or rise along the wave (torch)",
        ),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        let after =
            if values.choice("after") == "rise" { CosineAfter::Rise } else { CosineAfter::Hold };
        Ok(Box::new(Cosine {
            base_rate: values.base_rate,
            alpha: values.number("alpha"),
            n_steps: values.steps("steps"),
            power: values.number("power"),
            after,
        }))
    },
};

/// What comes after the fall. The libraries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CosineAfter {
    /// The rate stays at its end (Keras, optax).
    Hold,
    /// The wave goes on and the rate rises again (PyTorch).
    Rise,
}

/// `a0 * ((1 - alpha) ((1 + cos(pi t / n)) / 2)^power + alpha)`.
///
/// Equals Keras's `CosineDecay`, PyTorch's `CosineAnnealingLR` (`after` is `Rise`), optax's
/// `cosine_decay_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Share of `a0` that is left at the end.
    pub alpha: f64,
    /// Steps of the whole fall `n`.
    pub n_steps: u64,
    /// Power of the wave.
    pub power: f64,
    /// What comes after step `n`.
    pub after: CosineAfter,
}

impl Schedule for Cosine {
    fn rate(&self, step: u64) -> f64 {
        let phase = match self.after {
            // The wave repeats itself after 2 n steps.
            CosineAfter::Rise if self.n_steps > 0 => {
                (step as u128 % (2 * self.n_steps as u128)) as f64 / self.n_steps as f64
            }
            _ => progress(step, self.n_steps),
        };
        let share = libm::pow(half_cosine(phase), self.power);
        self.base_rate * ((1.0 - self.alpha) * share + self.alpha)
    }
}
