//! Gradients rounded to whole numbers, and which rows a tree learns from.

use super::goss;
use super::parameters::{Parameters, Sampling};
use super::split::Scale;
use crate::kernels::arch::{Kernel, widest};
use crate::kernels::histogram::Packing;
use crate::random::{self, Stream};
use crate::threads::{ONE_THREAD, Threads};

/// Rows whose gradients one thread rounds.
const PIECE: usize = 8192;

/// Gradient and hessian of a row.
pub(super) type Pair = [f32; 2];

/// What one tree learns.
#[derive(Debug, Clone)]
pub(super) struct Gradients {
    /// Packed numbers `(n_channels)` x `(n_rows,)`.
    pub packed: Vec<Vec<u64>>,
    /// How they are packed.
    pub packing: Packing,
    /// What they stand for, by channel.
    pub scales: Vec<Scale>,
}

impl Gradients {
    pub fn new(n_channels: usize, n_rows: usize, packing: Packing) -> Gradients {
        let scales = vec![Scale { gradient: 1.0, hessian: 1.0 }; n_channels];
        Gradients { packed: vec![vec![0; n_rows]; n_channels], packing, scales }
    }

    /// Rounds the pairs `(n_rows,)` of one channel, times `weights`.
    pub fn set(
        &mut self,
        channel: usize,
        pairs: &[Pair],
        weights: Option<&[f32]>,
        threads: &Threads,
    ) {
        let threads = if pairs.len() < 4 * PIECE { &ONE_THREAD } else { threads };
        let packing = self.packing;
        let largest = largest(pairs, weights, threads);
        let gradient_unit = unit(largest[0], packing.largest_gradient());
        let hessian_unit = match packing {
            Packing::Both => unit(largest[1], packing.largest_hessian()),
            Packing::Gradient => 1.0,
        };
        let per_unit = [1.0 / gradient_unit, 1.0 / hessian_unit];
        let mut pieces: Vec<&mut [u64]> = self.packed[channel].chunks_mut(PIECE).collect();
        threads.for_each_mut(&mut pieces, |piece, out| {
            let rows = piece * PIECE..piece * PIECE + out.len();
            let weights = weights.map(|weights| &weights[rows.clone()]);
            widest(Round { packing, pairs: &pairs[rows], weights, per_unit, out });
        });
        self.scales[channel] =
            Scale { gradient: gradient_unit.into(), hessian: hessian_unit.into() };
    }
}

/// The largest size of a gradient, and the largest hessian.
fn largest(pairs: &[Pair], weights: Option<&[f32]>, threads: &Threads) -> Pair {
    let pieces = threads.map(pairs.len().div_ceil(PIECE), |place| {
        let rows = place * PIECE..pairs.len().min((place + 1) * PIECE);
        let weights = weights.map(|weights| &weights[rows.clone()]);
        widest(Largest { pairs: &pairs[rows], weights })
    });
    pieces.into_iter().fold([0; 2], larger).map(|bits| f32::from_bits(bits as u32))
}

/// The largest sizes of pairs, times `weights`, as bits: numbers that are not negative are in the
/// order of their bits, and whole numbers have a maximum that is quick.
struct Largest<'a> {
    pairs: &'a [Pair],
    weights: Option<&'a [f32]>,
}

impl Kernel for Largest<'_> {
    type Output = [i32; 2];

    #[inline(always)]
    fn run(self) -> [i32; 2] {
        let bits = |pair: Pair| pair.map(|x| x.abs().to_bits() as i32);
        match self.weights {
            None => self.pairs.iter().fold([0; 2], |top, &pair| larger(top, bits(pair))),
            Some(weights) => {
                weighted(self.pairs, weights).fold([0; 2], |top, pair| larger(top, bits(pair)))
            }
        }
    }
}

#[inline(always)]
fn larger(a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
    [a[0].max(b[0]), a[1].max(b[1])]
}

#[inline(always)]
fn weighted(pairs: &[Pair], weights: &[f32]) -> impl Iterator<Item = Pair> {
    pairs.iter().zip(weights).map(|(pair, w)| [pair[0] * w, pair[1] * w])
}

/// Rounds pairs, times `weights`, to whole numbers of units.
struct Round<'a> {
    packing: Packing,
    pairs: &'a [Pair],
    weights: Option<&'a [f32]>,
    per_unit: [f32; 2],
    out: &'a mut [u64],
}

impl Kernel for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Round { packing, pairs, weights, per_unit, out } = self;
        match weights {
            None => round_each(packing, pairs.iter().copied(), per_unit, out),
            Some(weights) => round_each(packing, weighted(pairs, weights), per_unit, out),
        }
    }
}

#[inline(always)]
fn round_each(
    packing: Packing,
    pairs: impl Iterator<Item = Pair>,
    per_unit: [f32; 2],
    out: &mut [u64],
) {
    let out = out.iter_mut().zip(pairs);
    match packing {
        Packing::Both => out.for_each(|(out, pair)| {
            let hessian = nearest(pair[1] * per_unit[1]) as u64;
            *out = Packing::Both.pack(nearest(pair[0] * per_unit[0]).into(), hessian);
        }),
        Packing::Gradient => out.for_each(|(out, pair)| {
            *out = Packing::Gradient.pack(nearest(pair[0] * per_unit[0]).into(), 1);
        }),
    }
}

/// The power of two that is worth 1, so that `largest` is at most `whole` (itself a power of two).
fn unit(largest: f32, whole: f32) -> f32 {
    if !(largest > 1e-30 && largest < 1e30) {
        return 1.0;
    }
    let exponent = largest.to_bits() >> 23;
    let power = f32::from_bits((exponent + u32::from(largest.to_bits() << 9 != 0)) << 23);
    power / whole
}

/// The nearest whole number, for sizes of at most 2^22.
#[inline(always)]
fn nearest(x: f32) -> i32 {
    const ROUND: f32 = 12_582_912.0;
    (x + ROUND).to_bits() as i32 - ROUND.to_bits() as i32
}

/// The rows a tree learns from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Rows, ascending; `None` is all.
    pub rows: Option<Vec<u32>>,
    /// Factors on their gradients `(n_rows,)`; `None` is all 1.
    pub weights: Option<Vec<f32>>,
}

impl Sample {
    /// Draws the rows of a round from the pairs of all outputs.
    pub fn draw(
        parameters: &Parameters,
        pairs: &[Vec<Pair>],
        key: u64,
        threads: &Threads,
    ) -> Sample {
        let n_rows = pairs[0].len();
        if parameters.subsample >= 1.0 {
            return Sample::default();
        }
        match parameters.sampling {
            Sampling::Bernoulli => {
                let share = parameters.subsample;
                let rows = threads.map(n_rows.div_ceil(PIECE), |piece| {
                    let rows = piece * PIECE..n_rows.min((piece + 1) * PIECE);
                    let rows = rows.start as u32..rows.end as u32;
                    rows.filter(|&row| uniform(key, row) < share).collect::<Vec<u32>>()
                });
                Sample { rows: Some(rows.concat()), weights: None }
            }
            Sampling::Mvs => minimal_variance(parameters, pairs, key, threads),
            Sampling::Goss => goss::draw(parameters, pairs, key),
        }
    }
}

fn uniform(key: u64, row: u32) -> f64 {
    Stream::new(&[key, u64::from(row)]).uniform()
}

/// Rows with probability `min(1, size / threshold)`, where `size^2 = sum of g^2 + h^2`, each
/// counted `1 / probability` times.
///
/// Reference: Ibragimov, Gusev 2019, Minimal Variance Sampling in Stochastic Gradient Boosting,
/// arXiv:1910.13204.
fn minimal_variance(
    parameters: &Parameters,
    pairs: &[Vec<Pair>],
    key: u64,
    threads: &Threads,
) -> Sample {
    let n_rows = pairs[0].len();
    let mut sizes = vec![0f32; n_rows];
    let mut pieces: Vec<&mut [f32]> = sizes.chunks_mut(PIECE).collect();
    threads.for_each_mut(&mut pieces, |piece, sizes| {
        let rows = piece * PIECE..piece * PIECE + sizes.len();
        for pairs in pairs {
            for (size, pair) in sizes.iter_mut().zip(&pairs[rows.clone()]) {
                *size += pair[0] * pair[0] + pair[1] * pair[1];
            }
        }
        sizes.iter_mut().for_each(|size| *size = size.sqrt());
    });
    let threshold = threshold(&sizes, parameters.subsample * n_rows as f64);
    let mut weights = vec![0f32; n_rows];
    let mut pieces: Vec<(&mut [f32], Vec<u32>)> =
        weights.chunks_mut(PIECE).map(|weights| (weights, Vec::new())).collect();
    threads.for_each_mut(&mut pieces, |piece, (weights, rows)| {
        for (weight, row) in weights.iter_mut().zip(piece * PIECE..) {
            let probability = f64::from(sizes[row]) / threshold;
            if probability >= 1.0 || uniform(key, row as u32) < probability {
                *weight = (1.0 / probability.min(1.0)) as f32;
                rows.push(row as u32);
            }
        }
    });
    let rows = pieces.into_iter().flat_map(|(_, rows)| rows).collect();
    Sample { rows: Some(rows), weights: Some(weights) }
}

/// The threshold at which `wanted` rows are expected.
fn threshold(sizes: &[f32], wanted: f64) -> f64 {
    let total: f64 = sizes.iter().map(|&size| f64::from(size)).sum();
    let mut threshold = (total / wanted).max(f64::MIN_POSITIVE);
    // Rows over the threshold count 1; what they have too much goes to the rest. The threshold
    // falls each time, and few steps suffice.
    for _ in 0..20 {
        let (mut over, mut rest) = (0.0, 0.0);
        for &size in sizes {
            let size = f64::from(size);
            if size >= threshold { over += 1.0 } else { rest += size }
        }
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

/// Draws signs `(n_outputs, n_channels)` for the projection of a round.
///
/// Reference: Iosipoi, Vakhrushev 2022, SketchBoost, arXiv:2211.12858.
fn signs(n_outputs: usize, n_channels: usize, key: u64) -> Vec<f32> {
    let size = 1.0 / (n_channels as f32).sqrt();
    let sign = |i: usize| if random::key(&[key, i as u64]) & 1 == 1 { size } else { -size };
    (0..n_outputs * n_channels).map(sign).collect()
}

/// Projects the gradients of all outputs onto few channels (all of them if they are few), with
/// rows counted as hessians: the structure of a vector tree is found from these.
pub(super) fn sketch(
    pairs: &[Vec<Pair>],
    n_channels: usize,
    key: u64,
    out: &mut [Vec<Pair>],
    threads: &Threads,
) {
    let n_outputs = pairs.len();
    if n_channels == n_outputs {
        threads.for_each_mut(out, |channel, out| out.clone_from(&pairs[channel]));
        return;
    }
    let signs = signs(n_outputs, n_channels, key);
    threads.for_each_mut(out, |channel, out| {
        for (place, out) in out.chunks_mut(PIECE).enumerate() {
            out.iter_mut().for_each(|pair| *pair = [0.0, 1.0]);
            for (output, pairs) in pairs.iter().enumerate() {
                let sign = signs[output * n_channels + channel];
                let pairs = &pairs[place * PIECE..];
                out.iter_mut().zip(pairs).for_each(|(out, pair)| out[0] += sign * pair[0]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two_that_fit() {
        for largest in [1e-6f32, 0.3, 0.5, 1.0, 1.0001, 77.0, 1e6] {
            let unit = unit(largest, 8192.0);
            assert!(largest / unit <= 8192.0 && largest / unit > 4095.9, "{largest}");
            assert_eq!(unit.to_bits() << 9, 0);
        }
    }

    #[test]
    fn nearest_rounds_both_signs() {
        for x in [-4_194_304.0f32, -8191.6, -0.4, 0.0, 0.6, 8191.4, 4_194_304.0] {
            assert_eq!(nearest(x), x.round() as i32, "{x}");
        }
    }

    #[test]
    fn minimal_variance_takes_the_share_and_keeps_sums() {
        let pairs: Vec<Pair> =
            (0..20_000).map(|i| [((i % 97) as f32 / 97.0).powi(4), 0.1]).collect();
        let sizes: Vec<f32> = pairs.iter().map(|p| (p[0] * p[0] + p[1] * p[1]).sqrt()).collect();
        let threshold = threshold(&sizes, 6000.0);
        let expected: f64 = sizes.iter().map(|&s| (f64::from(s) / threshold).min(1.0)).sum();
        assert!((expected - 6000.0).abs() < 60.0, "{expected}");
    }
}
