//! Configurations by their average rank on past tasks.

use super::evidence::Evidence;
use super::{Question, Transfer};
use crate::space::Config;

/// Proposes the configurations of least average loss quantile over the past tasks they were tried
/// on: `(0.5 + sum_t w_t q_t) / (1 + sum_t w_t)`, with one made-up task of middling loss, so that
/// many good results count for more than one.
///
/// Reference: Brazdil, Soares 2000, A Comparison of Ranking Methods for Classification Algorithm
/// Selection, doi:10.1007/3-540-45164-1_8.
#[derive(Debug, Clone, Copy)]
pub struct AverageRank;

impl Transfer for AverageRank {
    fn name(&self) -> &'static str {
        "average_rank"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Brazdil, Soares 2000, A Comparison of Ranking Methods, doi:10.1007/3-540-45164-1_8"]
    }

    fn propose(&self, question: &Question<'_>) -> Vec<Config> {
        let evidence = Evidence::gather(question);
        let mut sums = vec![(0.5, 1.0); evidence.configs.len()];
        for (weight, losses) in &evidence.tasks {
            for &(index, loss) in losses {
                sums[index].0 += weight * loss;
                sums[index].1 += weight;
            }
        }
        let mut ranked: Vec<(f64, usize)> =
            sums.iter().enumerate().map(|(i, (loss, weight))| (loss / weight, i)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // What is worse than middling is no proposal.
        let good = ranked.into_iter().filter(|(loss, _)| *loss < 0.5);
        good.take(question.k).map(|(_, index)| evidence.configs[index].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, facts, task};
    use super::*;

    #[test]
    fn good_on_many_tasks_beats_best_on_one() {
        let past = [
            task("a", 1000, &[(1, 0.0), (2, 0.1), (3, 1.0)]),
            task("b", 1000, &[(4, 0.0), (2, 0.1), (3, 1.0)]),
            task("c", 1000, &[(5, 0.0), (2, 0.1), (3, 1.0)]),
        ];
        let facts = facts("d", 1000);
        let question = Question { past: &past, facts: &facts, limit_ns: f64::INFINITY, k: 9 };
        let found = AverageRank.propose(&question);
        assert_eq!(found, [config(2), config(1), config(4), config(5)]);
    }

    #[test]
    fn of_two_best_ones_the_one_of_the_more_similar_task_comes_first() {
        let past = [
            task("far", 1_000_000, &[(1, 0.0), (9, 1.0)]),
            task("near", 1000, &[(2, 0.0), (9, 1.0)]),
        ];
        let facts = facts("d", 1000);
        let question = Question { past: &past, facts: &facts, limit_ns: f64::INFINITY, k: 1 };
        assert_eq!(AverageRank.propose(&question), [config(2)]);
    }
}
