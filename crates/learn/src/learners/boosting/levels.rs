//! The best set of levels of a categorical feature.
//!
//! Where the loss is convex, the best set is at one end of the levels' order by mean gradient.
//!
//! Reference: Fisher 1958, doi:10.1080/01621459.1958.10501479; Ke et al. 2017, LightGBM.

use eyas_model::{BinSet, Test};

use super::leaf::Leaf;
use super::split::{NodeSums, Search, Split, Sums, best_of, scores};
use crate::random::{self, Stream};

impl Search<'_> {
    pub(super) fn categorical(&mut self, feature: usize, node: NodeSums<'_>) -> Option<Split> {
        let cells = node.cells(self.binned, feature, 0, &mut self.cells);
        let n_levels = cells.iter().filter(|cell| cell.count() > 0).count();
        if n_levels <= self.parameters.max_cat_to_onehot.max(2) {
            return self.one_level(feature, &[node], false);
        }
        self.sorted_levels(feature, node)
    }

    /// The best single level against the rest, over all nodes.
    pub(super) fn one_level(
        &mut self,
        feature: usize,
        nodes: &[NodeSums<'_>],
        common: bool,
    ) -> Option<Split> {
        let n_bins = self.binned.features[feature].n_bins;
        self.low[..n_bins].fill(0.0);
        for node in nodes {
            let leaf = Leaf::new(self.parameters, node.bounds);
            for (channel, &scale) in self.scales.iter().enumerate() {
                let total = node.totals[channel];
                let cells = node.cells(self.binned, feature, channel, &mut self.cells);
                let total = Sums::new(total, scale);
                let otherwise = if common { leaf.score(total) } else { f64::NEG_INFINITY };
                for (score, &cell) in self.low.iter_mut().zip(cells) {
                    let right = Sums::new(cell, scale);
                    let both = scores(self.parameters, total.minus(right), right, leaf);
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
            let cells = node.cells(self.binned, feature, 0, &mut self.cells);
            present.iter_mut().zip(cells).for_each(|(is, cell)| *is |= cell.count() > 0);
        }
        let levels: Vec<usize> = (0..256).filter(|&bin| present[bin]).collect();
        if levels.len() < 2 {
            return None;
        }
        let index = u64::from(self.binned.features[feature].index);
        let choice = levels[Stream::new(&[nodes[0].key, index]).below(levels.len())];
        Some(choice..choice + 1)
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
        self.levels.resize(self.scales.len() * 256, Sums::default());
        for (channel, &scale) in self.scales.iter().enumerate() {
            let cells = node.cells(self.binned, feature, channel, &mut self.cells);
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
        let leaf = Leaf::new(self.parameters, node.bounds).with_more_l2(self.parameters.cat_l2);
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
                scores(self.parameters, left, right, leaf)
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
