//! The best question for a node, from its histogram.
//!
//! With sums `G` of gradients and `H` of hessians, the gain of a split is
//! `score(left) + score(right) - score(node)` where `score = G^2 / (H + lambda_l2)`; with several
//! channels (outputs) it is summed over them.
//!
//! Reference: Chen, Guestrin 2016, doi:10.1145/2939672.2939785; one random threshold: Geurts, Ernst,
//! Wehenkel 2006, doi:10.1007/s10994-006-6226-1.

use eyas_model::Test;

use super::binned::{Binned, Part};
use super::leaf::Leaf;
use super::parameters::Parameters;
use super::reuse::Reuse;
use super::threshold::{Best, Whole};
use crate::kernels::histogram::Cell;
use crate::random::Stream;

/// What one whole gradient and one whole hessian stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub gradient: f64,
    pub hessian: f64,
}

/// Sums as real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sums {
    pub gradient: f64,
    pub hessian: f64,
    pub count: f64,
}

impl Sums {
    pub fn new(cell: Cell, scale: Scale) -> Sums {
        Sums {
            gradient: cell.gradient as f64 * scale.gradient,
            hessian: cell.hessian() as f64 * scale.hessian,
            count: cell.count() as f64,
        }
    }

    pub fn plus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            count: self.count + other.count,
        }
    }

    pub fn minus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            count: self.count - other.count,
        }
    }
}

/// A question and what it gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// Decrease of the sum of scores.
    pub gain: f64,
    /// Index in [`Binned::features`].
    pub feature: usize,
    /// The question.
    pub test: Test,
}

/// A node as the search sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeSums<'a> {
    /// Cells of a part of the features `(n_channels, n_cells)`.
    pub histogram: &'a [Cell],
    /// Where they start in a whole histogram of one channel.
    pub first: usize,
    /// Sum of the node by channel.
    pub totals: &'a [Cell],
    /// Key of its randomness.
    pub key: u64,
    /// Least and largest value of leaves below.
    pub bounds: [f64; 2],
}

impl<'a> NodeSums<'a> {
    /// The cells of a feature by bin; `memory` holds what is not stored in this form.
    pub fn cells<'c>(
        self,
        binned: &Binned<'_>,
        feature: usize,
        channel: usize,
        memory: &'c mut [Cell; 256],
    ) -> &'c [Cell]
    where
        'a: 'c,
    {
        let n_cells = self.histogram.len() / self.totals.len();
        let histogram = &self.histogram[channel * n_cells..][..n_cells];
        binned.cells(feature, histogram, self.first, self.totals[channel], memory)
    }
}

/// Memory and constants of the search for splits.
pub(super) struct Search<'a> {
    pub(super) binned: &'a Binned<'a>,
    pub(super) parameters: &'a Parameters,
    /// Scale of each channel; set for each tree.
    pub scales: Vec<Scale>,
    pub(super) cells: Box<[Cell; 256]>,
    left: Box<[Sums; 256]>,
    pub(super) low: Box<[f64; 256]>,
    high: Box<[f64; 256]>,
    pub(super) levels: Vec<Sums>,
    pub(super) order: Vec<usize>,
    pub(super) chosen: Vec<usize>,
    pub(super) right: Vec<Sums>,
    /// Direction of each feature; empty if all are free.
    monotone: &'a [i8],
    /// Questions that the model asks already.
    pub reuse: Reuse,
}

impl<'a> Search<'a> {
    pub fn new(
        binned: &'a Binned<'a>,
        parameters: &'a Parameters,
        monotone: &'a [i8],
    ) -> Search<'a> {
        Search {
            monotone,
            reuse: Reuse::default(),
            binned,
            parameters,
            scales: Vec::new(),
            cells: Box::new([Cell::default(); 256]),
            left: Box::new([Sums::default(); 256]),
            low: Box::new([0.0; 256]),
            high: Box::new([0.0; 256]),
            levels: Vec::new(),
            order: Vec::new(),
            chosen: Vec::new(),
            right: Vec::new(),
        }
    }

    /// The best split of a node among those of these features that are in the part; `None` if none
    /// gains enough.
    pub fn best(&mut self, features: &[usize], part: &Part, node: NodeSums<'_>) -> Option<Split> {
        let mut best: Option<Split> = None;
        let simple = self.scales.len() == 1
            && Leaf::new(self.parameters, node.bounds).is_plain()
            && self.monotone.is_empty()
            && !self.reuse.is_priced();
        let binned = self.binned;
        for &feature in features.iter().filter(|&&f| part.has(&binned.features[f])) {
            let split = if self.binned.features[feature].categorical {
                self.categorical(feature, node)
            } else if simple {
                self.numeric_simple(feature, node)
            } else {
                self.numeric(feature, &[node], false)
            };
            best = better(best, self.without_price(split));
        }
        best.filter(|split| split.gain > self.least_gain())
    }

    /// As [`Search::numeric`] for one node and one channel, in whole units: where most of the
    /// time of a search goes.
    fn numeric_simple(&mut self, feature: usize, node: NodeSums<'_>) -> Option<Split> {
        let thresholds = match self.parameters.extra_trees {
            true => self.random_threshold(feature, &[node])?,
            false => 0..self.binned.features[feature].n_bins,
        };
        let (total, scale) = (node.totals[0], self.scales[0]);
        let cells = node.cells(self.binned, feature, 0, &mut self.cells);
        let whole = Whole::new(self.parameters, scale);
        let mut best = Best::NONE;
        whole.scan(cells, 0, thresholds.clone(), total, &mut best);
        let mut missing_right = false;
        if cells[0].count() > 0 {
            best.changed = false;
            whole.scan(cells, 1, thresholds, total, &mut best);
            missing_right = best.changed;
        } else if best.threshold < cells.len() {
            let left = cells[..=best.threshold].iter().map(|cell| cell.count()).sum::<u64>();
            missing_right = 2 * left < total.count();
        }
        let gain = whole.gain(best, total)?;
        let test = Test::Above { threshold: best.threshold as u8, missing_right };
        Some(Split { gain, feature, test })
    }

    /// The best split to ask in all of these nodes at once.
    pub fn best_common(
        &mut self,
        features: &[usize],
        part: &Part,
        nodes: &[NodeSums<'_>],
    ) -> Option<Split> {
        let mut best: Option<Split> = None;
        let binned = self.binned;
        for &feature in features.iter().filter(|&&f| part.has(&binned.features[f])) {
            let split = if self.binned.features[feature].categorical {
                self.one_level(feature, nodes, true)
            } else {
                self.numeric(feature, nodes, true)
            };
            best = better(best, self.without_price(split));
        }
        best.filter(|split| split.gain > self.least_gain())
    }

    /// A split with the price of a new feature taken from its gain.
    fn without_price(&self, split: Option<Split>) -> Option<Split> {
        if !self.reuse.is_priced() {
            return split;
        }
        split.map(|split| Split { gain: split.gain - self.reuse.of_feature(&split), ..split })
    }

    fn least_gain(&self) -> f64 {
        // What is below is rounding, not gain.
        self.parameters.min_gain_to_split.max(1e-10)
    }

    pub(super) fn score(&self, node: NodeSums<'_>) -> f64 {
        let sums =
            node.totals.iter().zip(&self.scales).map(|(&cell, &scale)| Sums::new(cell, scale));
        let leaf = Leaf::new(self.parameters, node.bounds);
        sums.map(|sums| leaf.score(sums)).sum()
    }

    /// The best threshold; the gains of all nodes are added. Where `common`, a node that cannot be
    /// split gains nothing, else such a threshold is excluded.
    fn numeric(&mut self, feature: usize, nodes: &[NodeSums<'_>], common: bool) -> Option<Split> {
        let n_bins = self.binned.features[feature].n_bins;
        self.low[..n_bins].fill(0.0);
        self.high[..n_bins].fill(0.0);
        let mut missing = 0;
        for &node in nodes {
            missing += self.add_thresholds(feature, node, common);
        }
        let base: f64 = nodes.iter().map(|&node| self.score(node)).sum();
        let thresholds = match self.parameters.extra_trees {
            true => self.random_threshold(feature, nodes)?,
            false => 0..n_bins,
        };
        if self.reuse.is_priced() {
            for threshold in thresholds.clone() {
                let price = self.reuse.of_threshold(feature, threshold);
                self.low[threshold] -= price;
                self.high[threshold] -= price;
            }
        }
        let low = best_of(&self.low[..n_bins], thresholds.clone());
        let mut best = (low, false);
        if missing > 0 {
            let high = best_of(&self.high[..n_bins], thresholds);
            if high.1 > low.1 {
                best = (high, true);
            }
        } else {
            best.1 = self.larger_side_is_right(feature, nodes, low.0);
        }
        let ((threshold, gain), missing_right) = best;
        let test = Test::Above { threshold: threshold as u8, missing_right };
        gain.is_finite().then_some(Split { gain: gain - base, feature, test })
    }

    /// Adds the scores of both sides of every threshold, with the missing rows left (`low`) and
    /// right (`high`). Returns the number of missing rows.
    fn add_thresholds(&mut self, feature: usize, node: NodeSums<'_>, common: bool) -> u64 {
        let mut n_missing = 0;
        for (channel, &scale) in self.scales.iter().enumerate() {
            let total = node.totals[channel];
            let cells = node.cells(self.binned, feature, channel, &mut self.cells);
            n_missing = cells[0].count();
            let mut sums = Sums::default();
            for (left, &cell) in self.left.iter_mut().zip(cells) {
                sums = sums.plus(Sums::new(cell, scale));
                *left = sums;
            }
            let total = Sums::new(total, scale);
            let leaf = Leaf::new(self.parameters, node.bounds);
            let least = Least {
                count: self.parameters.min_data_in_leaf as f64,
                hessian: self.parameters.min_sum_hessian,
                leaf,
                direction: self.monotone.get(feature).map_or(0.0, |&d| f64::from(d)),
                otherwise: if common { leaf.score(total) } else { f64::NEG_INFINITY },
            };
            let n_bins = cells.len();
            let missing = Sums::new(cells[0], scale);
            let left = &self.left[..n_bins];
            add_scores(left, Sums::default(), total, least, &mut self.low[..n_bins]);
            if n_missing > 0 {
                add_scores(left, missing, total, least, &mut self.high[..n_bins]);
            } else if common {
                // Other nodes may have missing rows: then both sides count this node alike.
                add_scores(left, Sums::default(), total, least, &mut self.high[..n_bins]);
            }
        }
        n_missing
    }

    /// One threshold between the first and the last bin that has rows; `None` if they are one.
    fn random_threshold(
        &mut self,
        feature: usize,
        nodes: &[NodeSums<'_>],
    ) -> Option<std::ops::Range<usize>> {
        let (mut first, mut last) = (usize::MAX, 0);
        for node in nodes {
            let cells = node.cells(self.binned, feature, 0, &mut self.cells);
            for bin in (1..cells.len()).filter(|&bin| cells[bin].count() > 0) {
                (first, last) = (first.min(bin), last.max(bin));
            }
        }
        if first >= last {
            return None;
        }
        let index = u64::from(self.binned.features[feature].index);
        let threshold = first + Stream::new(&[nodes[0].key, index]).below(last - first);
        Some(threshold..threshold + 1)
    }

    fn larger_side_is_right(
        &mut self,
        feature: usize,
        nodes: &[NodeSums<'_>],
        threshold: usize,
    ) -> bool {
        let (mut left, mut all) = (0, 0);
        for node in nodes {
            let cells = node.cells(self.binned, feature, 0, &mut self.cells);
            left += cells[..=threshold].iter().map(|cell| cell.count()).sum::<u64>();
            all += node.totals[0].count();
        }
        2 * left < all
    }
}

fn better(best: Option<Split>, split: Option<Split>) -> Option<Split> {
    match (best, split) {
        (Some(best), Some(split)) if split.gain > best.gain => Some(split),
        (None, split) => split,
        (best, _) => best,
    }
}

/// First place of the largest number, and the number.
pub(super) fn best_of(scores: &[f64], places: std::ops::Range<usize>) -> (usize, f64) {
    let start = (places.start, f64::NEG_INFINITY);
    places.fold(
        start,
        |best, place| if scores[place] > best.1 { (place, scores[place]) } else { best },
    )
}

/// The scores of both sides, or `None` if one of them is too small.
pub(super) fn scores(parameters: &Parameters, left: Sums, right: Sums, leaf: Leaf) -> Option<f64> {
    let count = parameters.min_data_in_leaf as f64;
    let enough = |side: Sums| side.count >= count && side.hessian >= parameters.min_sum_hessian;
    (enough(left) && enough(right)).then(|| leaf.score(left) + leaf.score(right))
}

/// What a side of a split must have.
#[derive(Debug, Clone, Copy)]
struct Least {
    count: f64,
    hessian: f64,
    leaf: Leaf,
    /// The sign that the value on the right less that on the left must not be against.
    direction: f64,
    /// The score where a side has less.
    otherwise: f64,
}

/// Adds `score(left - without) + score(total - (left - without))` to `out`.
fn add_scores(left: &[Sums], without: Sums, total: Sums, least: Least, out: &mut [f64]) {
    if !least.leaf.is_plain() || least.direction != 0.0 {
        return add_constrained(left, without, total, least, out);
    }
    for (out, &left) in out.iter_mut().zip(left) {
        let left = left.minus(without);
        let right = total.minus(left);
        let enough = (left.count >= least.count)
            & (right.count >= least.count)
            & (left.hessian >= least.hessian)
            & (right.hessian >= least.hessian);
        let (a, b) = (left.hessian + least.leaf.l2, right.hessian + least.leaf.l2);
        let both = left.gradient * left.gradient * b + right.gradient * right.gradient * a;
        let product = a * b;
        *out += if enough & (product > 0.0) { both / product } else { least.otherwise };
    }
}

/// As [`add_scores`], where values are bounded or penalised; a threshold whose sides are in the wrong
/// order is excluded.
fn add_constrained(left: &[Sums], without: Sums, total: Sums, least: Least, out: &mut [f64]) {
    let Least { leaf, direction, .. } = least;
    let enough = |side: Sums| side.count >= least.count && side.hessian >= least.hessian;
    for (out, &left) in out.iter_mut().zip(left) {
        let left = left.minus(without);
        let right = total.minus(left);
        *out += if !(enough(left) && enough(right)) {
            least.otherwise
        } else if direction * (leaf.value(right) - leaf.value(left)) < 0.0 {
            f64::NEG_INFINITY
        } else {
            leaf.score(left) + leaf.score(right)
        };
    }
}
