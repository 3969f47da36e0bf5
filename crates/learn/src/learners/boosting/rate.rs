//! The learning rate of each round.

use eyas_model::TaskKind;

use super::parameters::{Decay, Parameters};

/// The learning rates of a fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    start: f64,
    decay: Decay,
    n_rounds: f64,
}

impl Rate {
    /// The rates that the parameters ask for, on `n_rows` rows.
    pub fn new(parameters: &Parameters, kind: TaskKind, n_rows: usize) -> Rate {
        let rounds = parameters.n_estimators;
        let start = match parameters.rate_auto {
            true => automatic(kind, n_rows, rounds),
            false => parameters.learning_rate,
        };
        Rate { start, decay: parameters.decay, n_rounds: rounds as f64 }
    }

    /// The rate of a round, counted from 0. Where rates fall to zero at the end, the last round
    /// still learns: it is half a step before the end.
    pub fn at(&self, round: usize) -> f64 {
        let done = (round as f64 + 0.5) / self.n_rounds;
        let factor = match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done)),
            Decay::Linear => 1.0 - done,
            Decay::InverseSqrt => 1.0 / (1.0 + round as f64 / 50.0).sqrt(),
        };
        self.start * factor
    }
}

/// `exp(b + a ln(rows) + c ln(rounds / 1000))`, at most 0.5.
///
/// Reference: the closed form of CatBoost (Prokhorenkova, Gusev, Vorobev, Dorogush, Gulin 2018,
/// arXiv:1706.09516), with the constants that its documentation and source give for fits that keep
/// their best round.
fn automatic(kind: TaskKind, n_rows: usize, n_rounds: usize) -> f64 {
    let (a, b, c) = match kind {
        TaskKind::Binary => (0.246, -5.127, -0.451),
        TaskKind::Multiclass => (0.02, -2.364, -0.382),
        TaskKind::Regression => (0.157, -4.062, -0.61),
    };
    let (rows, rounds) = (n_rows.max(1) as f64, n_rounds.max(1) as f64);
    libm::exp(b + a * libm::log(rows) + c * libm::log(rounds / 1000.0)).min(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_falls_with_rounds_and_grows_with_rows() {
        let rate = automatic(TaskKind::Binary, 10_000, 1000);
        assert!((rate - 0.0572).abs() < 1e-4, "{rate}");
        assert!(automatic(TaskKind::Binary, 100_000, 1000) > rate);
        assert!(automatic(TaskKind::Binary, 10_000, 2000) < rate);
        assert_eq!(automatic(TaskKind::Regression, 10_000, 1), 0.5);
    }

    #[test]
    fn decays_start_near_the_rate_and_end_above_zero() {
        for decay in [Decay::Constant, Decay::Cosine, Decay::Linear, Decay::InverseSqrt] {
            let rate = Rate { start: 0.1, decay, n_rounds: 200.0 };
            assert!((rate.at(0) - 0.1).abs() < 0.001, "{decay:?}");
            assert!(rate.at(199) > 0.0 && rate.at(199) <= rate.at(0), "{decay:?}");
        }
    }
}
