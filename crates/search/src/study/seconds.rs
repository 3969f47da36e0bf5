//! How long a trial will take, guessed from those that ran.

use crate::history::{Outcome, Trial};
use crate::space::{Config, Space};

/// Trials that a guess is made from.
const N_NEAREST: usize = 5;
/// Distance at which a trial counts half as much as one of the same configuration.
const HALF_DISTANCE: f64 = 0.1;

/// A guess at the seconds of configurations; prepared once a decision.
///
/// The guess is the weighted geometric mean of the seconds of the nearest trials that ran to their
/// end: seconds of training runs differ by factors. Without such trials the mean of what the
/// others took (those that failed or were stopped) is the guess; without any, it is 0, so that the
/// first trials start.
#[derive(Debug)]
pub(super) struct Seconds<'a> {
    space: &'a Space,
    /// Place and logarithm of the seconds of each trial.
    known: Vec<(Vec<f64>, f64)>,
    /// The guess without a trial that ran to its end.
    otherwise: f64,
}

impl<'a> Seconds<'a> {
    /// What the trials tell.
    pub fn new(space: &'a Space, trials: &[Trial]) -> Seconds<'a> {
        let took = |t: &&Trial| t.seconds.is_finite() && t.seconds > 0.0;
        let whole = |t: &&Trial| matches!(t.outcome, Outcome::Completed | Outcome::Diverged);
        let known = trials.iter().filter(took).filter(whole);
        let known = known.map(|t| (space.encode(&t.config), libm::log(t.seconds))).collect();
        let all: Vec<f64> = trials.iter().filter(took).map(|t| t.seconds).collect();
        let otherwise = all.iter().sum::<f64>() / all.len().max(1) as f64;
        Seconds { space, known, otherwise }
    }

    /// The guess for a configuration, in seconds.
    pub fn of(&self, config: &Config) -> f64 {
        if self.known.is_empty() {
            return self.otherwise;
        }
        let place = self.space.encode(config);
        let mut near: Vec<(f64, f64)> =
            self.known.iter().map(|(other, log)| (squared_distance(&place, other), *log)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.truncate(N_NEAREST);
        let weight = |squared: f64| 1.0 / (1.0 + squared / (HALF_DISTANCE * HALF_DISTANCE));
        let total: f64 = near.iter().map(|(squared, _)| weight(*squared)).sum();
        let mean = near.iter().map(|(squared, log)| weight(*squared) * log).sum::<f64>() / total;
        libm::exp(mean)
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Origin;
    use crate::random::Stream;
    use crate::space::{Domain, Value, tests::parameter};

    fn space() -> Space {
        let epochs = Domain::Int { low: 1, high: 100, log: true };
        let rate = Domain::Float { low: 0.0, high: 1.0, log: false };
        Space {
            learner: "program",
            parameters: vec![
                parameter("epochs", epochs, Value::Int(10)),
                parameter("rate", rate, Value::Float(0.5)),
            ],
            forbidden: Vec::new(),
        }
    }

    fn trial(config: Config, outcome: Outcome, seconds: f64) -> Trial {
        let (curve, origin) = (Vec::new(), Origin::Random);
        Trial { id: 0, config, fidelity: 1.0, seed: 0, origin, outcome, curve, seconds, work: 1 }
    }

    #[test]
    fn without_trials_anything_may_start_and_failures_are_better_than_nothing() {
        let space = space();
        let config = space.default_config();
        assert_eq!(Seconds::new(&space, &[]).of(&config), 0.0);
        let failed = trial(config.clone(), Outcome::Failed("no".into()), 2.0);
        let nan = trial(config.clone(), Outcome::Completed, f64::NAN);
        assert_eq!(Seconds::new(&space, &[failed.clone(), nan]).of(&config), 2.0);
        let whole = trial(config.clone(), Outcome::Completed, 8.0);
        assert!((Seconds::new(&space, &[failed, whole]).of(&config) - 8.0).abs() < 1e-12);
    }

    #[test]
    fn near_trials_tell_more_than_the_median_of_all() {
        let space = space();
        let mut stream = Stream::new(&[7]);
        let mut draw = || {
            let [epochs, rate] = [0, 1]
                .map(|at| space.parameters[at].domain)
                .map(|domain| domain.value_at(stream.uniform()));
            let config = space.default_config().with("epochs", epochs).with("rate", rate);
            // Seconds grow with the epochs, a little with the rate, and are noisy.
            let seconds = config.int("epochs").unwrap() as f64
                * (1.0 + 0.3 * config.float("rate").unwrap())
                * (1.0 + 0.2 * stream.uniform());
            trial(config, Outcome::Completed, seconds)
        };
        let trials: Vec<Trial> = (0..30).map(|_| draw()).collect();
        let mut sorted: Vec<f64> = trials.iter().map(|t| t.seconds).collect();
        sorted.sort_by(f64::total_cmp);
        let (guess, median) = (Seconds::new(&space, &trials), sorted[15]);
        let (mut near, mut middle) = (0.0, 0.0);
        for _ in 0..200 {
            let trial = draw();
            near += (guess.of(&trial.config) / trial.seconds).ln().abs() / 200.0;
            middle += (median / trial.seconds).ln().abs() / 200.0;
        }
        println!("mean |log error|: nearest {near:.3}, median {middle:.3}");
        assert!(near < 0.4 * middle, "nearest {near}, median {middle}");
    }
}
