//! Which rows a tree learns from.

use super::goss;
use super::gradients::Pair;
use super::parameters::{Parameters, Sampling};
use crate::kernels::arch::{Kernel, widest};
use crate::random::{self, Stream};
use crate::threads::Threads;

/// Rows that one thread draws from at a time.
const PIECE: usize = 8192;
/// Sums that are added side by side.
const LANES: usize = 8;

/// The rows a tree learns from. Its memory is used again, round by round.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Rows, ascending; `None` is all.
    pub rows: Option<Vec<u32>>,
    /// Factors on their gradients `(n_rows,)`; `None` is all 1.
    pub weights: Option<Vec<f32>>,
}

impl Sample {
    /// Draws the rows of a round from the pairs `(n_rows,)` of all outputs.
    pub fn draw(
        &mut self,
        parameters: &Parameters,
        pairs: &[Vec<Pair>],
        key: u64,
        threads: &Threads,
    ) {
        let share = parameters.subsample;
        match parameters.sampling {
            _ if share >= 1.0 => {}
            Sampling::Goss => *self = goss::draw(parameters, pairs, key),
            sampling => self.take(share, sampling, pairs, key, threads),
        }
    }

    /// Draws each row by itself.
    fn take(
        &mut self,
        share: f64,
        sampling: Sampling,
        pairs: &[Vec<Pair>],
        key: u64,
        threads: &Threads,
    ) {
        let n_rows = pairs[0].len();
        let rows = self.rows.get_or_insert_default();
        rows.resize(n_rows, 0);
        let taken = match sampling {
            Sampling::Bernoulli => {
                let mut pieces: Vec<_> = rows.chunks_mut(PIECE).map(|rows| (rows, 0)).collect();
                threads.for_each_mut(&mut pieces, |piece, (rows, n)| {
                    *n = widest(Evenly { share, key, first: piece * PIECE, rows });
                });
                pieces.into_iter().map(|(_, n)| n).collect()
            }
            _ => {
                let weights = self.weights.get_or_insert_default();
                weights.resize(n_rows, 0.0);
                minimal_variance(share * n_rows as f64, pairs, key, threads, rows, weights)
            }
        };
        close_up(rows, taken);
    }
}

/// Moves the rows that are in front of each piece together.
fn close_up(rows: &mut Vec<u32>, taken: Vec<usize>) {
    let mut end = 0;
    for (piece, n) in taken.into_iter().enumerate() {
        rows.copy_within(piece * PIECE..piece * PIECE + n, end);
        end += n;
    }
    rows.truncate(end);
}

/// A uniform number in `[0, 1)` for each row: the first of the stream of `[key, row]`.
#[inline(always)]
fn uniform(front: u64, row: usize) -> f64 {
    Stream::of_key(random::longer(front, row as u64)).uniform()
}

/// Takes rows with equal probability, and says how many; they are put in front.
struct Evenly<'a> {
    share: f64,
    key: u64,
    first: usize,
    rows: &'a mut [u32],
}

impl Kernel for Evenly<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let front = random::key(&[self.key]);
        let mut n = 0;
        for row in self.first..self.first + self.rows.len() {
            self.rows[n] = row as u32;
            n += usize::from(uniform(front, row) < self.share);
        }
        n
    }
}

/// Takes rows with probability `min(1, size / threshold)`, where `size^2 = sum of g^2 + h^2`, each
/// counted `1 / probability` times; says how many are taken of each piece. `wanted` are expected.
///
/// Reference: Ibragimov, Gusev 2019, Minimal Variance Sampling in Stochastic Gradient Boosting,
/// arXiv:1910.13204.
fn minimal_variance(
    wanted: f64,
    pairs: &[Vec<Pair>],
    key: u64,
    threads: &Threads,
    rows: &mut [u32],
    weights: &mut [f32],
) -> Vec<usize> {
    let mut pieces: Vec<&mut [f32]> = weights.chunks_mut(PIECE).collect();
    threads.for_each_mut(&mut pieces, |piece, sizes| {
        widest(Sizes { pairs, first: piece * PIECE, sizes });
    });
    let threshold = threshold(weights, wanted, threads);
    let pieces = weights.chunks_mut(PIECE).zip(rows.chunks_mut(PIECE));
    let mut pieces: Vec<_> = pieces.map(|(weights, rows)| (weights, rows, 0)).collect();
    threads.for_each_mut(&mut pieces, |piece, (sizes, rows, n)| {
        *n = widest(BySize { threshold, key, first: piece * PIECE, sizes, rows });
    });
    pieces.into_iter().map(|(.., n)| n).collect()
}

/// Sizes of pairs, over all outputs.
struct Sizes<'a> {
    pairs: &'a [Vec<Pair>],
    first: usize,
    sizes: &'a mut [f32],
}

impl Kernel for Sizes<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.sizes.fill(0.0);
        for pairs in self.pairs {
            for (size, pair) in self.sizes.iter_mut().zip(&pairs[self.first..]) {
                *size += pair[0] * pair[0] + pair[1] * pair[1];
            }
        }
        for size in self.sizes {
            *size = size.sqrt();
        }
    }
}

/// Takes rows by their sizes, which become their weights.
struct BySize<'a> {
    threshold: f64,
    key: u64,
    first: usize,
    sizes: &'a mut [f32],
    rows: &'a mut [u32],
}

impl Kernel for BySize<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let BySize { threshold, key, first, sizes, rows } = self;
        let front = random::key(&[key]);
        for (size, row) in sizes.iter_mut().zip(first..) {
            let probability = f64::from(*size) / threshold;
            let is_taken = uniform(front, row) < probability;
            *size = if is_taken { (1.0 / probability.min(1.0)) as f32 } else { 0.0 };
        }
        let mut n = 0;
        for (weight, row) in sizes.iter().zip(first..) {
            rows[n] = row as u32;
            n += usize::from(*weight > 0.0);
        }
        n
    }
}

/// The threshold at which `wanted` rows are expected.
fn threshold(sizes: &[f32], wanted: f64, threads: &Threads) -> f64 {
    let (_, total) = split_at(sizes, f64::INFINITY, threads);
    let mut threshold = (total / wanted).max(f64::MIN_POSITIVE);
    // Rows over the threshold count 1; what they have too much goes to the rest. The threshold
    // falls each time, and few steps suffice.
    for _ in 0..20 {
        let (over, rest) = split_at(sizes, threshold, threads);
        if over >= wanted || rest == 0.0 {
            break;
        }
        let next = rest / (wanted - over);
        if next >= threshold * 0.999 {
            break;
        }
        threshold = next;
    }
    threshold
}

/// How many sizes are not below a threshold, and the sum of the others.
fn split_at(sizes: &[f32], threshold: f64, threads: &Threads) -> (f64, f64) {
    let pieces = threads.map(sizes.len().div_ceil(PIECE), |piece| {
        let sizes = &sizes[piece * PIECE..sizes.len().min((piece + 1) * PIECE)];
        widest(SplitAt { sizes, threshold })
    });
    pieces.into_iter().fold((0.0, 0.0), |sum, piece| (sum.0 + piece.0, sum.1 + piece.1))
}

struct SplitAt<'a> {
    sizes: &'a [f32],
    threshold: f64,
}

impl Kernel for SplitAt<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let (mut over, mut rest) = ([0.0; LANES], [0.0; LANES]);
        let (lanes, others) = self.sizes.as_chunks::<LANES>();
        let mut add = |lane: usize, size: f32| {
            let size = f64::from(size);
            let is_over = size >= self.threshold;
            over[lane] += if is_over { 1.0 } else { 0.0 };
            rest[lane] += if is_over { 0.0 } else { size };
        };
        for sizes in lanes {
            for (lane, &size) in sizes.iter().enumerate() {
                add(lane, size);
            }
        }
        others.iter().for_each(|&size| add(0, size));
        (over.iter().sum(), rest.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::ONE_THREAD;

    fn pairs(n_rows: usize) -> Vec<Pair> {
        (0..n_rows).map(|i| [((i % 97) as f32 / 97.0).powi(4), 0.1]).collect()
    }

    #[test]
    fn as_many_rows_are_expected_as_are_wanted() {
        let pairs = pairs(20_000);
        let sizes: Vec<f32> = pairs.iter().map(|p| (p[0] * p[0] + p[1] * p[1]).sqrt()).collect();
        let threshold = threshold(&sizes, 6000.0, &ONE_THREAD);
        let expected: f64 = sizes.iter().map(|&s| (f64::from(s) / threshold).min(1.0)).sum();
        assert!((expected - 6000.0).abs() < 60.0, "{expected}");
    }

    #[test]
    fn samples_are_those_of_the_definition() {
        for n_rows in [1, 7, PIECE, 20_001] {
            let pairs = vec![pairs(n_rows)];
            let mut sample = Sample::default();
            for (round, sampling) in
                [Sampling::Mvs, Sampling::Mvs, Sampling::Bernoulli].into_iter().enumerate()
            {
                let key = random::key(&[5, round as u64]);
                sample.take(0.4, sampling, &pairs, key, &Threads::new(1 + round));
                let sizes: Vec<f32> =
                    pairs[0].iter().map(|p| (p[0] * p[0] + p[1] * p[1]).sqrt()).collect();
                let threshold = threshold(&sizes, 0.4 * n_rows as f64, &ONE_THREAD);
                let probability = |row: usize| match sampling {
                    Sampling::Bernoulli => 0.4,
                    _ => (f64::from(sizes[row]) / threshold).min(1.0),
                };
                let taken = |row: &u32| {
                    Stream::new(&[key, u64::from(*row)]).uniform() < probability(*row as usize)
                };
                let rows: Vec<u32> = (0..n_rows as u32).filter(taken).collect();
                assert_eq!(sample.rows.as_ref(), Some(&rows));
                if sampling == Sampling::Mvs {
                    let weights = sample.weights.as_ref().expect("they are weighted");
                    for &row in &rows {
                        let expected = (1.0 / probability(row as usize)) as f32;
                        assert_eq!(weights[row as usize], expected);
                    }
                }
            }
        }
    }
}
