//! A handful of configurations that together suit as many past tasks as possible.

use super::evidence::Evidence;
use super::{Question, Transfer};
use crate::space::Config;

/// Chooses configurations one after the other so that the weighted sum over past tasks of the
/// least loss quantile among those chosen falls most. A configuration that was not tried on a
/// task does nothing for it. Ends early if no further one lowers the sum.
///
/// Reference: Wistuba, Schilling, Schmidt-Thieme 2015, Sequential Model-free Hyperparameter
/// Tuning, doi:10.1109/ICDM.2015.20; Feurer et al. 2022, arXiv:2007.04074.
#[derive(Debug, Clone, Copy)]
pub struct GreedyCover;

impl Transfer for GreedyCover {
    fn name(&self) -> &'static str {
        "greedy_cover"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Wistuba, Schilling, Schmidt-Thieme 2015, Sequential Model-free Hyperparameter Tuning, \
             doi:10.1109/ICDM.2015.20"]
    }

    fn propose(&self, question: &Question<'_>) -> Vec<Config> {
        let evidence = Evidence::gather(question);
        let mut covered = vec![1.0; evidence.tasks.len()];
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < question.k {
            let gains = gains(&evidence, &covered);
            // Of equal gains the first, hence from behind.
            let best = gains.iter().enumerate().rev().max_by(|(_, a), (_, b)| a.total_cmp(b));
            let Some((index, _)) = best.filter(|(_, gain)| **gain > 1e-12) else { break };
            for (least, (_, losses)) in covered.iter_mut().zip(&evidence.tasks) {
                let own = losses.iter().filter(|(i, _)| *i == index).map(|(_, loss)| *loss);
                *least = own.fold(*least, f64::min);
            }
            chosen.push(index);
        }
        chosen.into_iter().map(|index| evidence.configs[index].clone()).collect()
    }
}

/// By how much each configuration would lower the sum.
fn gains(evidence: &Evidence<'_>, covered: &[f64]) -> Vec<f64> {
    let mut gains = vec![0.0; evidence.configs.len()];
    for ((weight, losses), least) in evidence.tasks.iter().zip(covered) {
        for &(index, loss) in losses {
            gains[index] += weight * (least - loss).max(0.0);
        }
    }
    gains
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, facts, task};
    use super::*;

    #[test]
    fn covers_tasks_that_like_different_things() {
        // Depth 1 suits three tasks, depth 5 the fourth; depth 2 is second on the first three.
        let past = [
            task("a", 1000, &[(1, 0.0), (2, 0.1), (5, 1.0)]),
            task("b", 1000, &[(1, 0.0), (2, 0.1), (5, 1.0)]),
            task("c", 1000, &[(1, 0.0), (2, 0.1), (5, 1.0)]),
            task("d", 1000, &[(1, 1.0), (2, 0.9), (5, 0.0)]),
        ];
        let facts = facts("e", 1000);
        let question = Question { past: &past, facts: &facts, limit_ns: f64::INFINITY, k: 9 };
        assert_eq!(GreedyCover.propose(&question), [config(1), config(5)]);
    }
}
