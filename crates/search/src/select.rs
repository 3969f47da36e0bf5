//! Greedy selection of an ensemble under limits of latency and size.

use std::ops::ControlFlow;

/// Loss of an ensemble: members by ascending index with weights that sum to 1.
pub type LossOf<'a> = dyn FnMut(&[(usize, f64)]) -> f64 + 'a;

/// What an ensemble may cost, and when its growth ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Largest latency of a row, in nanoseconds.
    pub ns: f64,
    /// Largest size, in bytes.
    pub bytes: f64,
    /// Rounds after the first member; each adds a member or makes one heavier.
    pub max_rounds: usize,
    /// Different members at most; at least 1.
    pub max_members: usize,
    /// A round that gains no more than this ends the growth; not negative.
    pub tolerance: f64,
}

/// One round of the growth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The candidate that was added.
    pub candidate: usize,
    /// Loss after it.
    pub loss: f64,
    /// Latency after it, in nanoseconds.
    pub ns: f64,
}

/// An ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Members by ascending index with their weights, which sum to 1.
    pub weights: Vec<(usize, f64)>,
    /// Its loss.
    pub loss: f64,
    /// Its latency, in nanoseconds.
    pub ns: f64,
    /// How it grew; the first entry is the best single candidate.
    pub trace: Vec<Round>,
}

/// Grows an ensemble from the best single candidate that fits, with replacement: each round adds
/// the candidate that lowers the loss most, a member again to make it heavier. Of candidates whose
/// gains are within the tolerance of the largest, the one with most gain per added nanosecond is
/// taken. It ends when no candidate gains more than the tolerance.
///
/// `loss_of` gets members by ascending index with weights that sum to 1; a loss that is not finite
/// counts as worst. `ns_of` and `bytes_of` get members by ascending index. Makes up to
/// `n_candidates` calls of `loss_of` a round. `None` if no single candidate fits with a finite
/// loss.
///
/// Reference: Caruana, Niculescu-Mizil, Crew, Ksikes 2004, Ensemble Selection from Libraries of
/// Models, doi:10.1145/1015330.1015432.
pub fn greedy(
    n_candidates: usize,
    loss_of: &mut LossOf<'_>,
    ns_of: &dyn Fn(&[usize]) -> f64,
    bytes_of: &dyn Fn(&[usize]) -> f64,
    limits: &Limits,
) -> Option<Selection> {
    let mut growth =
        Growth { n_candidates, counts: vec![0; n_candidates], loss_of, ns_of, bytes_of, limits };
    let mut trace = vec![growth.start()?];
    for _ in 0..limits.max_rounds {
        let last = trace[trace.len() - 1];
        match growth.grow(last) {
            ControlFlow::Continue(round) => trace.push(round),
            ControlFlow::Break(()) => break,
        }
    }
    let Round { loss, ns, .. } = trace[trace.len() - 1];
    Some(Selection { weights: weights(&growth.counts), loss, ns, trace })
}

struct Growth<'a, 'f> {
    n_candidates: usize,
    /// How often each candidate was added.
    counts: Vec<u32>,
    loss_of: &'a mut LossOf<'f>,
    ns_of: &'a dyn Fn(&[usize]) -> f64,
    bytes_of: &'a dyn Fn(&[usize]) -> f64,
    limits: &'a Limits,
}

impl Growth<'_, '_> {
    /// The best single candidate; ties to the faster, then the earlier one.
    fn start(&mut self) -> Option<Round> {
        let mut singles = self.rounds();
        singles.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.ns.total_cmp(&b.ns)));
        let first = *singles.first()?;
        self.counts[first.candidate] = 1;
        Some(first)
    }

    fn grow(&mut self, last: Round) -> ControlFlow<(), Round> {
        let mut rounds = self.rounds();
        rounds.retain(|round| last.loss - round.loss > self.limits.tolerance);
        let largest = rounds.iter().map(|round| last.loss - round.loss).fold(0.0, f64::max);
        rounds.retain(|round| last.loss - round.loss >= largest - self.limits.tolerance);
        let per_ns = |round: &Round| (last.loss - round.loss) / (round.ns - last.ns).max(1e-9);
        // `max_by` takes the last of equals, hence from behind.
        let Some(best) = rounds.into_iter().rev().max_by(|a, b| per_ns(a).total_cmp(&per_ns(b)))
        else {
            return ControlFlow::Break(());
        };
        self.counts[best.candidate] += 1;
        ControlFlow::Continue(best)
    }

    /// What each candidate that fits would make of the ensemble.
    fn rounds(&mut self) -> Vec<Round> {
        (0..self.n_candidates).filter_map(|candidate| self.with(candidate)).collect()
    }

    fn with(&mut self, candidate: usize) -> Option<Round> {
        self.counts[candidate] += 1;
        let weights = weights(&self.counts);
        self.counts[candidate] -= 1;
        let members: Vec<usize> = weights.iter().map(|(index, _)| *index).collect();
        let ns = (self.ns_of)(&members);
        let fits = members.len() <= self.limits.max_members.max(1)
            && ns <= self.limits.ns
            && (self.bytes_of)(&members) <= self.limits.bytes;
        if !fits {
            return None;
        }
        let loss = (self.loss_of)(&weights);
        loss.is_finite().then_some(Round { candidate, loss, ns })
    }
}

fn weights(counts: &[u32]) -> Vec<(usize, f64)> {
    let total = f64::from(counts.iter().sum::<u32>());
    let members = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    members.map(|(index, &count)| (index, f64::from(count) / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const FREE: Limits = Limits {
        ns: f64::INFINITY,
        bytes: f64::INFINITY,
        max_rounds: 50,
        max_members: 50,
        tolerance: 1e-9,
    };

    /// Predictions of candidates for 200 rows: the truth plus errors of their own.
    fn errors(n_candidates: usize) -> Vec<Vec<f64>> {
        let mut stream = Stream::new(&[9]);
        let scale = |candidate: usize| 1.0 + candidate as f64 * 0.1;
        let row =
            |candidate| (0..200).map(|_| scale(candidate) * (stream.uniform() - 0.5)).collect();
        (0..n_candidates).map(row).collect()
    }

    fn mse(errors: &[Vec<f64>], weights: &[(usize, f64)]) -> f64 {
        let row = |r: usize| weights.iter().map(|(c, w)| w * errors[*c][r]).sum::<f64>();
        (0..200).map(|r| row(r) * row(r)).sum::<f64>() / 200.0
    }

    fn run(errors: &[Vec<f64>], limits: &Limits) -> Option<Selection> {
        let ns_of = |members: &[usize]| members.iter().map(|&m| 10.0 + m as f64).sum();
        let bytes_of = |members: &[usize]| 100.0 * members.len() as f64;
        greedy(errors.len(), &mut |w| mse(errors, w), &ns_of, &bytes_of, limits)
    }

    #[test]
    fn independent_errors_average_out() {
        let errors = errors(8);
        let found = run(&errors, &FREE).unwrap();
        let single = found.trace[0].loss;
        assert!(found.loss < 0.25 * single, "{} from {single}", found.loss);
        assert!(found.trace.windows(2).all(|w| w[1].loss < w[0].loss));
        assert!((found.weights.iter().map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((mse(&errors, &found.weights) - found.loss).abs() < 1e-15);
        assert_eq!(Some(found), run(&errors, &FREE));
    }

    #[test]
    fn limits_hold() {
        let errors = errors(8);
        let by_ns = run(&errors, &Limits { ns: 35.0, ..FREE }).unwrap();
        assert!(by_ns.ns <= 35.0 && by_ns.weights.len() > 1);
        let by_bytes = run(&errors, &Limits { bytes: 250.0, ..FREE }).unwrap();
        assert_eq!(by_bytes.weights.len(), 2);
        let single = run(&errors, &Limits { max_members: 1, ..FREE }).unwrap();
        assert_eq!((single.weights.len(), single.trace.len()), (1, 1));
        assert_eq!(run(&errors, &Limits { max_rounds: 0, ..FREE }).unwrap().trace.len(), 1);
        assert_eq!(run(&errors, &Limits { ns: 5.0, ..FREE }), None);
    }

    #[test]
    fn losses_that_are_not_finite_are_never_taken() {
        let losses = [f64::NAN, 0.5, f64::NEG_INFINITY, 0.4];
        let mut loss_of = |w: &[(usize, f64)]| w.iter().map(|(c, w)| w * losses[*c]).sum();
        let found = greedy(4, &mut loss_of, &|_| 1.0, &|_| 1.0, &FREE).unwrap();
        assert_eq!(found.weights, [(3, 1.0)]);
        assert_eq!(greedy(0, &mut |_| 0.0, &|_| 1.0, &|_| 1.0, &FREE), None);
    }

    #[test]
    fn of_equal_gains_the_cheaper_one_is_taken() {
        // Candidates 1 and 2 help alike, 2 at half the price.
        let mut loss_of = |w: &[(usize, f64)]| match w {
            [(0, _)] => 0.5,
            [_] => 0.9,
            [(0, _), _] => 0.4,
            _ => 0.45,
        };
        let ns_of = |members: &[usize]| members.iter().map(|m| [10.0, 20.0, 10.0][*m]).sum();
        let found = greedy(3, &mut loss_of, &ns_of, &|_| 1.0, &FREE).unwrap();
        assert_eq!(found.trace[1].candidate, 2);
    }
}
