//! A random forest as the surrogate, as in SMAC.

use super::acquire::{Effort, most_promising};
use super::gaussian_process::ln_expected_improvement;
use super::known::{Known, targets};
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;

/// Proposes the place of greatest expected improvement under a forest of randomised regression
/// trees: the mean of their answers, and their disagreement together with the spread in their
/// leaves. Every eighth trial is random, since a forest is sure of itself where it knows nothing;
/// the first ones (3, and one more for each four parameters) are quasi-random.
///
/// Reference: Hutter, Hoos, Leyton-Brown 2011, Sequential Model-based Optimization for General
/// Algorithm Configuration, doi:10.1007/978-3-642-25566-3_40; Lindauer et al. 2022, SMAC3,
/// arXiv:2109.09831; Geurts, Ernst, Wehenkel 2006, doi:10.1007/s10994-006-6226-1 (random
/// thresholds).
#[derive(Debug, Clone, Copy)]
pub struct Forest;

const N_TREES: usize = 12;
/// Fewest trials of a leaf.
const MIN_LEAF: usize = 2;
/// Share of the trials that are random.
const RANDOM_EVERY: f64 = 0.125;

impl Sampler for Forest {
    fn name(&self) -> &'static str {
        "forest"
    }

    fn origin(&self) -> Origin {
        Origin::Model
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Hutter, Hoos, Leyton-Brown 2011, Sequential Model-based Optimization, doi:10.1007/978-3-642-25566-3_40",
            "Lindauer et al. 2022, SMAC3, arXiv:2109.09831",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0xF0]);
        if known.n() < 3 + known.axes.n() / 4 {
            return super::sobol::place(draw, &known, &mut stream);
        }
        if stream.uniform() < RANDOM_EVERY {
            let place = known.axes.random_place(&mut stream);
            return known.config(&place, &mut stream);
        }
        let effort = Effort::of(known.n());
        let Some(trees) = Trees::grow(&known, effort.n_known, &mut stream) else {
            return super::sobol::place(draw, &known, &mut stream);
        };
        let promise = |place: &[f64]| {
            let (mean, sd) = trees.guess(place);
            ln_expected_improvement(trees.best, mean, sd)
        };
        let place = most_promising(&known, &promise, &effort, &mut stream)?;
        known.config(&place, &mut stream)
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy)]
enum Node {
    /// Whether the coordinate is above the threshold (or equal to it on an axis without order)
    /// leads to the second node, else to the first.
    Split { axis: usize, threshold: f64, is_ordered: bool, to: [u32; 2] },
    /// Mean and variance.
    Leaf { mean: f64, variance: f64 },
}

struct Trees {
    trees: Vec<Vec<Node>>,
    best: f64,
}

/// What trees grow on.
struct Rows {
    places: Vec<Vec<f64>>,
    targets: Vec<f64>,
    is_ordered: Vec<bool>,
}

impl Trees {
    /// Grows on `n` trials: the best, beside a sample of the others.
    fn grow(known: &Known<'_>, n: usize, stream: &mut Stream) -> Option<Trees> {
        let mut chosen = known.ranked();
        if chosen.len() > n {
            let mut others = chosen.split_off(n / 2);
            stream.shuffle(&mut others);
            chosen.extend(others.into_iter().take(n - n / 2));
        }
        let losses: Vec<f64> = chosen.iter().map(|&trial| known.losses[trial]).collect();
        let place = |&trial: &usize| known.axes.filled(known.place(trial));
        let rows = Rows {
            places: chosen.iter().map(place).collect(),
            targets: targets(&losses)?,
            is_ordered: known.axes.axes.iter().map(|axis| axis.is_ordered).collect(),
        };
        let best = rows.targets.iter().copied().fold(f64::INFINITY, f64::min);
        let tree = |_| {
            let n = chosen.len();
            let mut sample: Vec<usize> = (0..n).map(|_| stream.below(n)).collect();
            let mut nodes = Vec::new();
            rows.grow(&mut sample, &mut nodes, stream);
            nodes
        };
        Some(Trees { trees: (0..N_TREES).map(tree).collect(), best })
    }

    /// Mean, and standard deviation by the law of total variance.
    fn guess(&self, place: &[f64]) -> (f64, f64) {
        let n = self.trees.len() as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for tree in &self.trees {
            let (mean, variance) = answer(tree, place);
            sum += mean;
            squares += variance + mean * mean;
        }
        let mean = sum / n;
        (mean, (squares / n - mean * mean).max(1e-6).sqrt())
    }
}

fn answer(tree: &[Node], place: &[f64]) -> (f64, f64) {
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf { mean, variance } => return (mean, variance),
            Node::Split { axis, threshold, is_ordered, to } => {
                at = to[usize::from(is_second(place[axis], threshold, is_ordered))] as usize;
            }
        }
    }
}

fn is_second(unit: f64, threshold: f64, is_ordered: bool) -> bool {
    if is_ordered { unit > threshold } else { unit == threshold }
}

impl Rows {
    /// Appends the tree of a sample; the place of its root.
    fn grow(&self, sample: &mut [usize], nodes: &mut Vec<Node>, stream: &mut Stream) -> u32 {
        let at = nodes.len();
        let (mean, variance) = self.moments(sample);
        nodes.push(Node::Leaf { mean, variance });
        let split = if variance > 1e-12 { self.split(sample, stream) } else { None };
        if let Some((axis, threshold)) = split {
            let is_ordered = self.is_ordered[axis];
            let second = |row: usize| is_second(self.places[row][axis], threshold, is_ordered);
            sample.sort_by_key(|&row| second(row));
            let n_first = sample.partition_point(|&row| !second(row));
            let (a, b) = sample.split_at_mut(n_first);
            let to = [self.grow(a, nodes, stream), self.grow(b, nodes, stream)];
            nodes[at] = Node::Split { axis, threshold, is_ordered, to };
        }
        at as u32
    }

    fn moments(&self, sample: &[usize]) -> (f64, f64) {
        let n = sample.len() as f64;
        let mean = sample.iter().map(|&row| self.targets[row]).sum::<f64>() / n;
        let squares = sample.iter().map(|&row| (self.targets[row] - mean).powi(2));
        (mean, squares.sum::<f64>() / n)
    }

    /// The best of one random threshold for most axes; `None` if none leaves enough on both sides.
    fn split(&self, sample: &[usize], stream: &mut Stream) -> Option<(usize, f64)> {
        let total: f64 = sample.iter().map(|&row| self.targets[row]).sum();
        let mut best: Option<(f64, usize, f64)> = None;
        for (axis, &is_ordered) in self.is_ordered.iter().enumerate() {
            // Five axes of six.
            if stream.below(6) == 0 {
                continue;
            }
            let unit = |row: usize| self.places[row][axis];
            let threshold = if is_ordered {
                let units = sample.iter().map(|&row| unit(row));
                let (low, high) =
                    units.fold((1.0, 0.0), |(l, h), u| (f64::min(l, u), f64::max(h, u)));
                low + stream.uniform() * (high - low)
            } else {
                unit(sample[stream.below(sample.len())])
            };
            let (mut n, mut sum) = (0usize, 0.0);
            for &row in sample {
                if is_second(unit(row), threshold, is_ordered) {
                    n += 1;
                    sum += self.targets[row];
                }
            }
            let n_other = sample.len() - n;
            if n < MIN_LEAF || n_other < MIN_LEAF {
                continue;
            }
            // Least squares is greatest sum of squared sums over counts.
            let gain = sum * sum / n as f64 + (total - sum) * (total - sum) / n_other as f64;
            if best.is_none_or(|(top, ..)| gain > top) {
                best = Some((gain, axis, threshold));
            }
        }
        best.map(|(_, axis, threshold)| (axis, threshold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_learn_steps_and_disagree_where_they_have_seen_nothing() {
        let mut stream = Stream::new(&[4]);
        let places: Vec<Vec<f64>> =
            (0..120).map(|_| vec![0.6 * stream.uniform(), stream.below(3) as f64]).collect();
        let step = |p: &[f64]| if p[0] > 0.3 && p[1] == 2.0 { 1.0 } else { 0.0 };
        let targets = places.iter().map(|p| step(p)).collect();
        let rows = Rows { places: places.clone(), targets, is_ordered: vec![true, false] };
        let trees = (0..N_TREES).map(|_| {
            let mut sample: Vec<usize> = (0..120).map(|_| stream.below(120)).collect();
            let mut nodes = Vec::new();
            rows.grow(&mut sample, &mut nodes, &mut stream);
            nodes
        });
        let trees = Trees { trees: trees.collect(), best: 0.0 };
        let error: f64 = places.iter().map(|p| (trees.guess(p).0 - step(p)).abs()).sum();
        assert!(error / 120.0 < 0.1, "{error}");
        assert!(trees.guess(&[0.1, 0.0]).1 < trees.guess(&[0.3, 2.0]).1);
    }
}
