//! What past tasks say of each configuration, and how much each task counts.

use super::{PastTask, Question, TaskFacts};
use crate::space::Config;

/// How the past tasks of a question speak of the configurations tried on them.
pub(super) struct Evidence<'a> {
    /// Configurations within the latency limit, each once, in the order of the past.
    pub configs: Vec<&'a Config>,
    /// By task: its weight, and (index of a configuration, loss) of its trials.
    pub tasks: Vec<(f64, Vec<(usize, f64)>)>,
}

impl<'a> Evidence<'a> {
    /// Trials that are too slow or have no loss are left out.
    pub fn gather(question: &Question<'a>) -> Evidence<'a> {
        let mut configs: Vec<&Config> = Vec::new();
        let mut tasks = Vec::new();
        for task in question.past {
            let usable = |loss: f64, ns: f64| loss.is_finite() && ns <= question.limit_ns;
            let mut losses = Vec::new();
            for trial in task.trials.iter().filter(|t| usable(t.loss, t.ns)) {
                let known = configs.iter().position(|config| **config == trial.config);
                let index = known.unwrap_or_else(|| {
                    configs.push(&trial.config);
                    configs.len() - 1
                });
                losses.push((index, trial.loss.clamp(0.0, 1.0)));
            }
            tasks.push((similarity(&task.facts, question.facts), losses));
        }
        Evidence { configs, tasks }
    }
}

/// Weight of a past task, in `[0.25, 1]`: it falls with the distance in (log rows, log columns),
/// and halves for another kind. It is mild, since which configurations are good depends
/// little on what is known of a task beforehand.
///
/// Reference: Feurer, Eggensperger, Falkner, Lindauer, Hutter 2022, Auto-sklearn 2.0,
/// arXiv:2007.04074 (two facts suffice).
pub(super) fn similarity(past: &TaskFacts, facts: &TaskFacts) -> f64 {
    let log_ratio =
        |a: u64, b: u64| libm::log((a.max(1)) as f64 / (b.max(1)) as f64) / std::f64::consts::LN_10;
    let distance = libm::hypot(
        log_ratio(past.n_rows, facts.n_rows),
        log_ratio(past.n_features, facts.n_features),
    );
    let by_kind = if past.kind == facts.kind { 1.0 } else { 0.5 };
    by_kind * (0.5 + 0.5 * libm::exp(-distance))
}

/// The first task of the past that is the same.
pub(super) fn same<'a>(past: &'a [PastTask], facts: &TaskFacts) -> Option<&'a PastTask> {
    past.iter().find(|task| task.facts.fingerprint == facts.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, task};
    use super::*;

    #[test]
    fn similar_tasks_count_more_but_not_by_much() {
        let here = facts("here", 1000);
        assert_eq!(similarity(&facts("a", 1000), &here), 1.0);
        let far = similarity(&facts("b", 1_000_000), &here);
        assert!((0.5..0.6).contains(&far), "{far}");
        let mut other_kind = facts("c", 1000);
        other_kind.kind = "binary".to_owned();
        assert_eq!(similarity(&other_kind, &here), 0.5);
        assert!(similarity(&facts("d", 0), &facts("e", 0)).is_finite());
    }

    #[test]
    fn each_configuration_is_counted_once() {
        let past = [task("a", 10, &[(1, 0.0), (2, 1.0)]), task("b", 10, &[(2, 0.5), (9, 0.0)])];
        let facts = facts("c", 10);
        let question = Question { past: &past, facts: &facts, limit_ns: 500.0, k: 3 };
        let evidence = Evidence::gather(&question);
        assert_eq!(evidence.configs.len(), 2);
        assert_eq!(evidence.tasks[1].1, [(1, 0.5)]);
        assert!(same(&past, &facts).is_none());
    }
}
