//! What each origin of trials contributed to a run, told from its history.

use serde::{Deserialize, Serialize};

use crate::history::{History, Origin, Trial};

/// All origins, in the order of reports.
pub const ORIGINS: [Origin; 6] = [
    Origin::Default,
    Origin::Portfolio,
    Origin::Memory,
    Origin::Model,
    Origin::Local,
    Origin::Random,
];

/// What one origin contributed.
///
/// Only full fits count for losses; screened ones count as trials and cost. "Without" means that
/// its trials are struck from the history, not that the search is run again: what the others
/// would have done in its place is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Who proposed the trials.
    pub origin: Origin,
    /// Its trials.
    pub n_trials: usize,
    /// Its trials that gave the best loss of their time.
    pub n_helped: usize,
    /// Its trials that ended without a usable loss.
    pub n_failed: usize,
    /// What its trials took, in seconds.
    pub seconds: f64,
    /// What its trials took, in work units.
    pub work: u64,
    /// Best loss of its own trials.
    pub best: Option<f64>,
    /// Best loss of all trials.
    pub best_with: Option<f64>,
    /// Best loss of the others' trials.
    pub best_without: Option<f64>,
}

impl Contribution {
    /// By how much its trials lowered the best loss; `None` where there is none to compare with.
    pub fn gain(&self) -> Option<f64> {
        Some(self.best_without? - self.best_with?)
    }
}

/// What each origin contributed to the best loss within a latency, in the order of [`ORIGINS`];
/// origins without trials are included.
pub fn contributions(history: &History, limit_ns: f64) -> Vec<Contribution> {
    ORIGINS.iter().map(|&origin| contribution(history, origin, limit_ns)).collect()
}

fn contribution(history: &History, origin: Origin, limit_ns: f64) -> Contribution {
    let own = || history.trials.iter().filter(|t| t.origin == origin);
    let loss = |t: &Trial| t.best_within(limit_ns).map(|point| point.loss);
    let best = |is_counted: &dyn Fn(&Trial) -> bool| {
        let full = history.trials.iter().filter(|t| t.fidelity >= 1.0 && is_counted(t));
        full.filter_map(loss).min_by(f64::total_cmp)
    };
    Contribution {
        origin,
        n_trials: own().count(),
        n_helped: n_helped(history, origin, limit_ns),
        n_failed: own().filter(|t| loss(t).is_none()).count(),
        seconds: own().map(|t| t.seconds).sum(),
        work: own().map(|t| t.work).sum(),
        best: best(&|t| t.origin == origin),
        best_with: best(&|_| true),
        best_without: best(&|t| t.origin != origin),
    }
}

fn n_helped(history: &History, origin: Origin, limit_ns: f64) -> usize {
    let mut best = f64::INFINITY;
    let mut n_helped = 0;
    for trial in history.trials.iter().filter(|t| t.fidelity >= 1.0) {
        let loss = trial.best_within(limit_ns).map_or(f64::INFINITY, |point| point.loss);
        if loss < best {
            n_helped += usize::from(trial.origin == origin);
            best = loss;
        }
    }
    n_helped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Point};
    use crate::space::Config;

    fn trial(id: u64, origin: Origin, fidelity: f64, loss: f64) -> Trial {
        let config = Config { learner: "a".to_owned(), values: Default::default() };
        let label = String::new();
        let curve = vec![Point { truncation: 0, label, loss, loss_se: 0.0, ns: 5.0, bytes: 1 }];
        let outcome = Outcome::Completed;
        Trial { id, config, fidelity, seed: 0, origin, outcome, curve, seconds: 2.0, work: 3 }
    }

    #[test]
    fn tells_what_each_origin_was_good_for() {
        let trials = vec![
            trial(0, Origin::Default, 1.0, 0.5),
            trial(1, Origin::Memory, 1.0, 0.3),
            trial(2, Origin::Local, 1.0, 0.2),
            trial(3, Origin::Local, 0.1, 0.1),
            trial(4, Origin::Random, 1.0, f64::NAN),
        ];
        let all = contributions(&History { trials }, 10.0);
        let of = |origin| all.iter().find(|c| c.origin == origin).unwrap();
        let local = of(Origin::Local);
        assert_eq!((local.n_trials, local.n_helped, local.n_failed), (2, 1, 0));
        assert_eq!((local.seconds, local.work), (4.0, 6));
        assert_eq!((local.best, local.best_without), (Some(0.2), Some(0.3)));
        assert!((local.gain().unwrap() - 0.1).abs() < 1e-12);
        assert_eq!((of(Origin::Memory).n_helped, of(Origin::Memory).gain()), (1, Some(0.0)));
        assert_eq!((of(Origin::Random).n_failed, of(Origin::Random).best), (1, None));
        assert_eq!(of(Origin::Portfolio).n_trials, 0);
    }

    #[test]
    fn nothing_within_the_limit_is_nothing() {
        let trials = vec![trial(0, Origin::Default, 1.0, 0.5)];
        let all = contributions(&History { trials }, 1.0);
        assert_eq!((all[0].best_with, all[0].gain(), all[0].n_failed), (None, None, 1));
        assert!(contributions(&History::default(), 1.0).iter().all(|c| c.n_trials == 0));
    }
}
