//! The best question for a node, from its histogram.
//!
//! With sums `G` of gradients and `H` of hessians, the gain of a split is
//! `score(left) + score(right) - score(node)` where `score = G^2 / (H + lambda_l2)`; with several
//! channels (outputs) it is summed over them.
//!
//! Reference: Chen, Guestrin 2016, doi:10.1145/2939672.2939785; sets of levels by sorting:
//! Fisher 1958, doi:10.1080/01621459.1958.10501479.

use eyas_model::{BinSet, Test};

use super::binned::Binned;
use super::parameters::Parameters;
use crate::kernels::histogram::Cell;
use crate::random::{self, Stream};

/// What one whole gradient and one whole hessian stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub gradient: f64,
    pub hessian: f64,
}

/// Sums as real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sums {
    gradient: f64,
    hessian: f64,
    count: f64,
}

impl Sums {
    fn new(cell: Cell, scale: Scale) -> Sums {
        Sums {
            gradient: cell.gradient as f64 * scale.gradient,
            hessian: cell.hessian() as f64 * scale.hessian,
            count: cell.count() as f64,
        }
    }

    fn plus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            count: self.count + other.count,
        }
    }

    fn minus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            count: self.count - other.count,
        }
    }

    fn score(self, l2: f64) -> f64 {
        let weight = self.hessian + l2;
        if weight > 0.0 { self.gradient * self.gradient / weight } else { 0.0 }
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
    /// Cells `(n_channels, n_cells)`.
    pub histogram: &'a [Cell],
    /// Sum of the node by channel.
    pub totals: &'a [Cell],
    /// Key of its randomness.
    pub key: u64,
}

/// Memory and constants of the search for splits.
pub(super) struct Search<'a> {
    binned: &'a Binned,
    parameters: &'a Parameters,
    /// Scale of each channel; set for each tree.
    pub scales: Vec<Scale>,
    cells: Box<[Cell; 256]>,
    left: Box<[Sums; 256]>,
    low: Box<[f64; 256]>,
    high: Box<[f64; 256]>,
    levels: Vec<Sums>,
    order: Vec<usize>,
    chosen: Vec<usize>,
    right: Vec<Sums>,
}

impl<'a> Search<'a> {
    pub fn new(binned: &'a Binned, parameters: &'a Parameters) -> Search<'a> {
        Search {
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

    /// The best split of a node among these features; `None` if none gains enough.
    pub fn best(&mut self, features: &[usize], node: NodeSums<'_>) -> Option<Split> {
        let mut best: Option<Split> = None;
        let simple = self.scales.len() == 1 && !self.parameters.extra_trees;
        for &feature in features {
            let split = if self.binned.features[feature].categorical {
                self.categorical(feature, node)
            } else if simple {
                self.numeric_simple(feature, node)
            } else {
                self.numeric(feature, &[node], false)
            };
            best = better(best, split);
        }
        best.filter(|split| split.gain > self.least_gain())
    }

    /// As [`Search::numeric`] for one node and one channel, in whole units: where most of the
    /// time of a search goes.
    fn numeric_simple(&mut self, feature: usize, node: NodeSums<'_>) -> Option<Split> {
        let (total, scale) = (node.totals[0], self.scales[0]);
        let cells = self.binned.cells(feature, node.histogram, total, &mut self.cells);
        let whole = Whole::new(self.parameters, scale);
        let mut best = Best::NONE;
        whole.scan(cells, 0, total, &mut best);
        let mut missing_right = false;
        if cells[0].count() > 0 {
            best.changed = false;
            whole.scan(cells, 1, total, &mut best);
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
    pub fn best_common(&mut self, features: &[usize], nodes: &[NodeSums<'_>]) -> Option<Split> {
        let mut best: Option<Split> = None;
        for &feature in features {
            let split = if self.binned.features[feature].categorical {
                self.one_level(feature, nodes, true)
            } else {
                self.numeric(feature, nodes, true)
            };
            best = better(best, split);
        }
        best.filter(|split| split.gain > self.least_gain())
    }

    fn least_gain(&self) -> f64 {
        // What is below is rounding, not gain.
        self.parameters.min_gain_to_split.max(1e-10)
    }

    fn score(&self, node: NodeSums<'_>) -> f64 {
        let sums =
            node.totals.iter().zip(&self.scales).map(|(&cell, &scale)| Sums::new(cell, scale));
        sums.map(|sums| sums.score(self.parameters.lambda_l2)).sum()
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
        let n_cells = self.binned.n_cells;
        for (channel, &scale) in self.scales.iter().enumerate() {
            let histogram = &node.histogram[channel * n_cells..][..n_cells];
            let total = node.totals[channel];
            let cells = self.binned.cells(feature, histogram, total, &mut self.cells);
            n_missing = cells[0].count();
            let mut sums = Sums::default();
            for (left, &cell) in self.left.iter_mut().zip(cells) {
                sums = sums.plus(Sums::new(cell, scale));
                *left = sums;
            }
            let total = Sums::new(total, scale);
            let least = Least {
                count: self.parameters.min_data_in_leaf as f64,
                hessian: self.parameters.min_sum_hessian,
                l2: self.parameters.lambda_l2,
                otherwise: if common {
                    total.score(self.parameters.lambda_l2)
                } else {
                    f64::NEG_INFINITY
                },
            };
            let n_bins = cells.len();
            let missing = Sums::new(cells[0], scale);
            add_scores(
                &self.left[..n_bins],
                Sums::default(),
                total,
                least,
                &mut self.low[..n_bins],
            );
            if n_missing > 0 {
                add_scores(&self.left[..n_bins], missing, total, least, &mut self.high[..n_bins]);
            } else if common {
                // Other nodes may have missing rows: then both sides count this node alike.
                add_scores(
                    &self.left[..n_bins],
                    Sums::default(),
                    total,
                    least,
                    &mut self.high[..n_bins],
                );
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
            let histogram = &node.histogram[..self.binned.n_cells];
            let cells = self.binned.cells(feature, histogram, node.totals[0], &mut self.cells);
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
            let histogram = &node.histogram[..self.binned.n_cells];
            let cells = self.binned.cells(feature, histogram, node.totals[0], &mut self.cells);
            left += cells[..=threshold].iter().map(|cell| cell.count()).sum::<u64>();
            all += node.totals[0].count();
        }
        2 * left < all
    }

    fn categorical(&mut self, feature: usize, node: NodeSums<'_>) -> Option<Split> {
        let histogram = &node.histogram[..self.binned.n_cells];
        let cells = self.binned.cells(feature, histogram, node.totals[0], &mut self.cells);
        let n_levels = cells.iter().filter(|cell| cell.count() > 0).count();
        if n_levels <= self.parameters.max_cat_to_onehot.max(2) {
            return self.one_level(feature, &[node], false);
        }
        self.sorted_levels(feature, node)
    }

    /// The best single level against the rest, over all nodes.
    fn one_level(&mut self, feature: usize, nodes: &[NodeSums<'_>], common: bool) -> Option<Split> {
        let n_bins = self.binned.features[feature].n_bins;
        self.low[..n_bins].fill(0.0);
        let n_cells = self.binned.n_cells;
        for node in nodes {
            for (channel, &scale) in self.scales.iter().enumerate() {
                let histogram = &node.histogram[channel * n_cells..][..n_cells];
                let total = node.totals[channel];
                let cells = self.binned.cells(feature, histogram, total, &mut self.cells);
                let total = Sums::new(total, scale);
                for (score, &cell) in self.low.iter_mut().zip(cells) {
                    let right = Sums::new(cell, scale);
                    let both = scores(self.parameters, total.minus(right), right, 0.0);
                    let otherwise = if common {
                        total.score(self.parameters.lambda_l2)
                    } else {
                        f64::NEG_INFINITY
                    };
                    *score += both.unwrap_or(otherwise);
                }
            }
        }
        let bins = match self.parameters.extra_trees {
            true => self.random_level(feature, nodes)?,
            false => 0..n_bins,
        };
        let (bin, gain) = best_of(&self.low[..n_bins], bins);
        let base: f64 = nodes.iter().map(|&node| self.score(node)).sum();
        let mut set = BinSet::default();
        set.insert(bin as u8);
        gain.is_finite().then_some(Split { gain: gain - base, feature, test: Test::In(set) })
    }

    fn random_level(
        &mut self,
        feature: usize,
        nodes: &[NodeSums<'_>],
    ) -> Option<std::ops::Range<usize>> {
        let mut present = [false; 256];
        for node in nodes {
            let histogram = &node.histogram[..self.binned.n_cells];
            let cells = self.binned.cells(feature, histogram, node.totals[0], &mut self.cells);
            present.iter_mut().zip(cells).for_each(|(is, cell)| *is |= cell.count() > 0);
        }
        let levels: Vec<usize> = (0..256).filter(|&bin| present[bin]).collect();
        let index = u64::from(self.binned.features[feature].index);
        let choice = levels[Stream::new(&[nodes[0].key, index]).below(levels.len().max(1))];
        (levels.len() > 1).then_some(choice..choice + 1)
    }

    /// The best set of levels, from either end of their order by gradient over hessian of the
    /// first channel. Levels without rows here go with the larger side.
    fn sorted_levels(&mut self, feature: usize, node: NodeSums<'_>) -> Option<Split> {
        self.read_levels(feature, node);
        self.order_levels();
        let most = self.parameters.max_cat_threshold.min(self.order.len().div_ceil(2));
        let only = self.parameters.extra_trees.then(|| {
            let index = u64::from(self.binned.features[feature].index);
            random::key(&[node.key, index]) as usize % most.max(1)
        });
        let mut best: Option<(f64, usize)> = None;
        for from_end in [false, true] {
            if from_end {
                self.order.reverse();
            }
            let found = self.best_prefix(node, most, only);
            let Some((gain, n_levels)) = found else { continue };
            if best.is_none_or(|(top, _)| gain > top) {
                best = Some((gain, n_levels));
                self.chosen.clear();
                self.chosen.extend_from_slice(&self.order[..n_levels]);
            }
        }
        let (gain, _) = best?;
        let set = self.set_of(feature, node.totals[0].count());
        Some(Split { gain: gain - self.score(node), feature, test: Test::In(set) })
    }

    /// The sums of each bin by channel, into `levels` `(n_channels, 256)`.
    fn read_levels(&mut self, feature: usize, node: NodeSums<'_>) {
        let n_cells = self.binned.n_cells;
        self.levels.resize(self.scales.len() * 256, Sums::default());
        for (channel, &scale) in self.scales.iter().enumerate() {
            let histogram = &node.histogram[channel * n_cells..][..n_cells];
            let total = node.totals[channel];
            let cells = self.binned.cells(feature, histogram, total, &mut self.cells);
            let out = &mut self.levels[channel * 256..][..256];
            out[cells.len()..].fill(Sums::default());
            out.iter_mut().zip(cells).for_each(|(sums, &cell)| *sums = Sums::new(cell, scale));
        }
    }

    /// Levels with enough rows, by gradient over hessian of the first channel, into `order`.
    fn order_levels(&mut self) {
        let smooth = self.parameters.cat_smooth;
        let levels = &self.levels[..256];
        let enough = |&bin: &usize| levels[bin].count >= smooth.max(1.0);
        self.order.clear();
        self.order.extend((0..256).filter(enough));
        let mean = |bin: usize| levels[bin].gradient / (levels[bin].hessian + smooth);
        self.order.sort_unstable_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(a.cmp(&b)));
    }

    /// The best number of levels at the start of `order` to send right, at most `most`, and the
    /// scores of both sides. With `only`, no other number than one more is tried.
    fn best_prefix(
        &mut self,
        node: NodeSums<'_>,
        most: usize,
        only: Option<usize>,
    ) -> Option<(f64, usize)> {
        let least = self.parameters.min_data_per_group as f64;
        let n_rows = node.totals[0].count() as f64;
        self.right.clear();
        self.right.resize(self.scales.len(), Sums::default());
        let (mut best, mut in_group) = (None, 0.0);
        for (taken, &bin) in self.order[..most].iter().enumerate() {
            for (channel, sums) in self.right.iter_mut().enumerate() {
                *sums = sums.plus(self.levels[channel * 256 + bin]);
            }
            in_group += self.levels[bin].count;
            if n_rows - self.right[0].count < least {
                break;
            }
            if in_group < least || only.is_some_and(|only| only != taken) {
                continue;
            }
            let sides = node.totals.iter().zip(&self.scales).zip(&self.right);
            let gain = sides.map(|((&total, &scale), &right)| {
                let left = Sums::new(total, scale).minus(right);
                scores(self.parameters, left, right, self.parameters.cat_l2)
            });
            // A sum of options is none if one of them is.
            let Some(gain) = gain.sum::<Option<f64>>() else { continue };
            in_group = 0.0;
            if best.is_none_or(|(top, _)| gain > top) {
                best = Some((gain, taken + 1));
            }
        }
        best
    }

    /// The chosen levels, with those that have no rows here if the chosen ones have most rows.
    fn set_of(&self, feature: usize, n_rows: u64) -> BinSet {
        let mut set = BinSet::default();
        self.chosen.iter().for_each(|&bin| set.insert(bin as u8));
        let n_chosen: f64 = self.chosen.iter().map(|&bin| self.levels[bin].count).sum();
        if 2.0 * n_chosen > n_rows as f64 {
            let bins = 0..self.binned.features[feature].n_bins;
            let empty = bins.filter(|&bin| self.levels[bin].count == 0.0);
            empty.for_each(|bin| set.insert(bin as u8));
        }
        set
    }
}

/// The limits of a side in whole units.
struct Whole {
    count: u64,
    hessian: u64,
    l2: f64,
    /// What one unit of `gradient^2 / hessian` stands for.
    unit: f64,
}

/// The best threshold so far, its score as a fraction: comparing needs no division then.
#[derive(Debug, Clone, Copy)]
struct Best {
    numerator: f64,
    denominator: f64,
    threshold: usize,
    changed: bool,
}

impl Best {
    const NONE: Best =
        Best { numerator: -1.0, denominator: 1.0, threshold: usize::MAX, changed: false };
}

impl Whole {
    fn new(parameters: &Parameters, scale: Scale) -> Whole {
        Whole {
            count: parameters.min_data_in_leaf,
            hessian: (parameters.min_sum_hessian / scale.hessian).ceil() as u64,
            // An empty side is excluded, but sums of tiny hessians may be 0.
            l2: (parameters.lambda_l2 / scale.hessian).max(1e-6),
            unit: scale.gradient * scale.gradient / scale.hessian,
        }
    }

    /// Tries every threshold; with `first` 0 the missing rows are left, with 1 right.
    fn scan(&self, cells: &[Cell], first: usize, total: Cell, best: &mut Best) {
        let enough = |side: Cell| side.count() >= self.count && side.hessian() >= self.hessian;
        let mut left = Cell::default();
        let mut start = first;
        while start < cells.len() {
            left = left.plus(cells[start]);
            if enough(left) {
                break;
            }
            start += 1;
        }
        let mut found = *best;
        for (threshold, cell) in cells.iter().enumerate().skip(start) {
            if threshold > start {
                left = left.plus(*cell);
            }
            let right = total.minus(left);
            if !enough(right) {
                break;
            }
            let (g, h) = (left.gradient as f64, left.hessian() as i64 as f64 + self.l2);
            let (other_g, other_h) =
                (right.gradient as f64, right.hessian() as i64 as f64 + self.l2);
            let numerator = g * g * other_h + other_g * other_g * h;
            let denominator = h * other_h;
            if numerator * found.denominator > found.numerator * denominator {
                found = Best { numerator, denominator, threshold, changed: true };
            }
        }
        *best = found;
    }

    /// The gain in real units; `None` if there is no threshold.
    fn gain(&self, best: Best, total: Cell) -> Option<f64> {
        let (gradient, hessian) = (total.gradient as f64, total.hessian() as f64 + self.l2);
        let score = best.numerator / best.denominator - gradient * gradient / hessian;
        (best.threshold != usize::MAX).then_some(score * self.unit)
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
fn best_of(scores: &[f64], places: std::ops::Range<usize>) -> (usize, f64) {
    let start = (places.start, f64::NEG_INFINITY);
    places.fold(
        start,
        |best, place| if scores[place] > best.1 { (place, scores[place]) } else { best },
    )
}

/// The scores of both sides, or `None` if one of them is too small.
fn scores(parameters: &Parameters, left: Sums, right: Sums, more_l2: f64) -> Option<f64> {
    let l2 = parameters.lambda_l2 + more_l2;
    let count = parameters.min_data_in_leaf as f64;
    let enough = |side: Sums| side.count >= count && side.hessian >= parameters.min_sum_hessian;
    (enough(left) && enough(right)).then(|| left.score(l2) + right.score(l2))
}

/// What a side of a split must have.
#[derive(Debug, Clone, Copy)]
struct Least {
    count: f64,
    hessian: f64,
    l2: f64,
    /// The score where a side has less.
    otherwise: f64,
}

/// Adds `score(left - without) + score(total - (left - without))` to `out`.
fn add_scores(left: &[Sums], without: Sums, total: Sums, least: Least, out: &mut [f64]) {
    for (out, &left) in out.iter_mut().zip(left) {
        let left = left.minus(without);
        let right = total.minus(left);
        let enough = (left.count >= least.count)
            & (right.count >= least.count)
            & (left.hessian >= least.hessian)
            & (right.hessian >= least.hessian);
        let (a, b) = (left.hessian + least.l2, right.hessian + least.l2);
        let both = left.gradient * left.gradient * b + right.gradient * right.gradient * a;
        let product = a * b;
        *out += if enough & (product > 0.0) { both / product } else { least.otherwise };
    }
}
