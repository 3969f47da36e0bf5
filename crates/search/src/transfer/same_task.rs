//! The same task again.

use super::{Question, Transfer, evidence};
use crate::space::Config;

/// Proposes what was best the last times this very task was searched, e.g. the night before.
#[derive(Debug, Clone, Copy)]
pub struct SameTask;

impl Transfer for SameTask {
    fn name(&self) -> &'static str {
        "same_task"
    }

    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    fn propose(&self, question: &Question<'_>) -> Vec<Config> {
        let Some(task) = evidence::same(question.past, question.facts) else { return Vec::new() };
        let usable = task.trials.iter().filter(|t| t.loss.is_finite() && t.ns <= question.limit_ns);
        let mut ranked: Vec<_> = usable.collect();
        ranked.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.ns.total_cmp(&b.ns)));
        let mut proposed: Vec<Config> = Vec::new();
        for trial in ranked {
            if proposed.len() < question.k && !proposed.contains(&trial.config) {
                proposed.push(trial.config.clone());
            }
        }
        proposed
    }
}
