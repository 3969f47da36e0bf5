//! Transfer: what past tasks propose for a new one. They propose, they never decide: the strategy
//! tries every default anyway and gives the memory only the share that it earns.
//!
//! One file per method, and one line in [`TRANSFERS`]. A method is a function of (past tasks,
//! facts, latency limit, number): it reads no table and no clock.

mod average_rank;
mod evidence;
mod greedy_cover;
mod same_task;

pub use average_rank::AverageRank;
pub use greedy_cover::GreedyCover;
pub use same_task::SameTask;

use serde::{Deserialize, Serialize};

use crate::space::Config;

/// From this many past tasks on a cover is chosen, below it an average rank.
pub const N_FOR_COVER: usize = 20;

/// What is known of a task before it is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskFacts {
    /// The same for tasks that are the same but for their rows: made by the engine from the names
    /// and types of the columns and the target.
    pub fingerprint: String,
    /// Kind of task, e.g. `regression`.
    pub kind: String,
    /// Rows.
    pub n_rows: u64,
    /// Features.
    pub n_features: u64,
    /// Categorical features among them.
    pub n_categorical: u64,
    /// Classes; 0 for regression.
    pub n_classes: u64,
    /// Share of the values that are missing, in `[0, 1]`.
    pub missing_share: f64,
}

/// A full trial of a past task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastTrial {
    /// What was tried.
    pub config: Config,
    /// Its loss among the losses of its task, see [`quantile_normalise`]: 0 the best, 1 the worst.
    pub loss: f64,
    /// What it took, in seconds.
    pub seconds: f64,
    /// Latency of its best point, in nanoseconds.
    pub ns: f64,
}

/// A task of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastTask {
    /// What it was like.
    pub facts: TaskFacts,
    /// What was tried on it.
    pub trials: Vec<PastTrial>,
}

/// All that a proposal may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Past tasks, latest first; of two with the same fingerprint the first one counts most.
    pub past: &'a [PastTask],
    /// The task at hand.
    pub facts: &'a TaskFacts,
    /// Largest latency allowed, in nanoseconds; trials above it are not seen.
    pub limit_ns: f64,
    /// How many configurations are asked for.
    pub k: usize,
}

/// A way to learn from past tasks.
pub trait Transfer: Sync {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// Where the method comes from: authors, year, title, DOI or arXiv id.
    fn references(&self) -> &'static [&'static str];

    /// Up to `k` different configurations, best guess first. Empty if the past says nothing.
    fn propose(&self, question: &Question<'_>) -> Vec<Config>;
}

/// Transfers nothing: what every other method is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Transfer for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    fn propose(&self, _question: &Question<'_>) -> Vec<Config> {
        Vec::new()
    }
}

/// Every method of transfer.
pub static TRANSFERS: &[&dyn Transfer] = &[&Nothing, &SameTask, &AverageRank, &GreedyCover];

/// What the past proposes: first what was best on this very task, if it was seen before (the
/// nightly retrain), then the average rank or, from [`N_FOR_COVER`] past tasks on, a greedy cover.
/// Up to `k` different configurations, best guess first; none of an empty past.
pub fn propose(past: &[PastTask], facts: &TaskFacts, limit_ns: f64, k: usize) -> Vec<Config> {
    let question = Question { past, facts, limit_ns, k };
    let method: &dyn Transfer = match past.len() {
        0..N_FOR_COVER => &AverageRank,
        _ => &GreedyCover,
    };
    let mut proposed = SameTask.propose(&question);
    // Half the places go to the task itself, so that a stale best is not all that is tried.
    proposed.truncate(k.div_ceil(2));
    for config in method.propose(&question) {
        if proposed.len() < k && !proposed.contains(&config) {
            proposed.push(config);
        }
    }
    proposed
}

/// Losses as quantiles in `[0, 1]`: 0 for the least, 1 for the greatest, equal ones alike (the
/// mean of their ranks). NaN and infinite losses are worst. One loss by itself is 0, if finite.
///
/// Reference: Salinas, Shen, Perrone 2020, A Quantile-based Approach for Hyperparameter Transfer
/// Learning, arXiv:1909.13595.
pub fn quantile_normalise(losses: &[f64]) -> Vec<f64> {
    let key = |loss: f64| if loss.is_finite() { loss } else { f64::INFINITY };
    let last = losses.len().saturating_sub(1) as f64;
    let quantile = |&loss: &f64| {
        if !loss.is_finite() {
            return 1.0;
        }
        let n_below = losses.iter().filter(|&&other| key(other) < loss).count() as f64;
        let n_equal = losses.iter().filter(|&&other| key(other) == loss).count() as f64;
        // A task whose losses are all alike says that all of them are best.
        if last == 0.0 || n_equal > last { 0.0 } else { (n_below + (n_equal - 1.0) / 2.0) / last }
    };
    losses.iter().map(quantile).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(crate) fn config(depth: i64) -> Config {
        Config { learner: "forest".to_owned(), values: BTreeMap::new() }.with("depth", depth)
    }

    pub(crate) fn facts(fingerprint: &str, n_rows: u64) -> TaskFacts {
        TaskFacts {
            fingerprint: fingerprint.to_owned(),
            kind: "regression".to_owned(),
            n_rows,
            n_features: 10,
            n_categorical: 0,
            n_classes: 0,
            missing_share: 0.0,
        }
    }

    /// A task on which trials of these (depth, loss) were made, each of `100 * depth` ns.
    pub(crate) fn task(fingerprint: &str, n_rows: u64, trials: &[(i64, f64)]) -> PastTask {
        let trial = |&(depth, loss): &(i64, f64)| PastTrial {
            config: config(depth),
            loss,
            seconds: 1.0,
            ns: 100.0 * depth as f64,
        };
        PastTask { facts: facts(fingerprint, n_rows), trials: trials.iter().map(trial).collect() }
    }

    const FREE: f64 = f64::INFINITY;

    #[test]
    fn every_method_is_silent_without_a_past_and_keeps_to_its_contract() {
        let mut past: Vec<PastTask> = (0..30)
            .map(|i| {
                task(&i.to_string(), 1000 * (i + 1), &[(i as i64 % 7, 0.0), (8, 0.3), (9, 1.0)])
            })
            .collect();
        past[3].trials[0].loss = f64::NAN;
        let facts = facts("3", 5000);
        for transfer in TRANSFERS {
            let ask = |past, limit_ns, k| {
                transfer.propose(&Question { past, facts: &facts, limit_ns, k })
            };
            assert!(ask(&[], FREE, 5).is_empty(), "{}", transfer.name());
            assert!(ask(&past, FREE, 0).is_empty(), "{}", transfer.name());
            let found = ask(&past, 500.0, 4);
            assert!(found.len() <= 4);
            for (i, config) in found.iter().enumerate() {
                assert!(!found[..i].contains(config), "{} repeats itself", transfer.name());
                assert!(config.int("depth").unwrap() <= 5, "{} is too slow", transfer.name());
            }
            assert_eq!(found, ask(&past, 500.0, 4));
        }
        assert!(propose(&[], &facts, FREE, 5).is_empty());
    }

    #[test]
    fn the_same_task_comes_first() {
        let past = [
            task("a", 1000, &[(1, 0.0), (2, 0.5), (3, 1.0)]),
            task("b", 1000, &[(1, 0.0), (2, 1.0), (4, 0.5)]),
            task("mine", 900, &[(7, 0.0), (2, 0.2), (1, 1.0)]),
        ];
        let found = propose(&past, &facts("mine", 1000), FREE, 4);
        assert_eq!(found[..2], [config(7), config(2)]);
        assert_eq!(found[2], config(1));
    }

    #[test]
    fn quantiles_are_mean_ranks() {
        assert_eq!(quantile_normalise(&[]), [0.0; 0]);
        assert_eq!(quantile_normalise(&[3.0]), [0.0]);
        assert_eq!(quantile_normalise(&[f64::NAN]), [1.0]);
        assert_eq!(quantile_normalise(&[2.0, 2.0, 2.0]), [0.0; 3]);
        assert_eq!(quantile_normalise(&[5.0, 1.0, 3.0]), [1.0, 0.0, 0.5]);
        assert_eq!(quantile_normalise(&[1.0, 1.0, 3.0]), [0.25, 0.25, 1.0]);
        assert_eq!(quantile_normalise(&[1.0, f64::NAN, f64::INFINITY]), [0.0, 1.0, 1.0]);
    }
}
