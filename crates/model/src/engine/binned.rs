//! Packed trees for rows that are binned already: what learners validate with.

use crate::encoder::Feature;
use crate::engine::arch::Rows;
use crate::engine::encode::Places;
use crate::engine::flat::Forest;
use crate::engine::pack::{PackedTrees, Room, stride_of};
use crate::engine::slots::Slots;
use crate::engine::tier::Tier;
use crate::engine::usage::Usage;
use crate::error::Error;
use crate::tree::Trees;

/// Trees packed to score rows of bins. Equals [`Trees::score_by`] bit for bit.
#[derive(Debug)]
pub struct BinnedTrees {
    trees: PackedTrees,
    features: Vec<BinnedFeature>,
    stride: usize,
}

/// What the slots of one feature hold.
#[derive(Debug)]
struct BinnedFeature {
    feature: u32,
    slot: usize,
    n_slots: usize,
    /// By bin: `(n_bins, n_slots)`.
    table: Vec<u8>,
}

/// Memory that [`BinnedTrees::score`] writes to; fits itself.
#[derive(Debug, Default)]
pub struct BinnedScratch {
    slots: Vec<u8>,
    room: Room,
}

impl BinnedTrees {
    /// Packs trees over `features`.
    ///
    /// # Errors
    /// [`Error::BadModel`] if they ask more than the packed form can hold.
    pub fn new(trees: &Trees, features: &[Feature]) -> Result<BinnedTrees, Error> {
        let mut usage = Usage::new(features);
        trees.trees.iter().for_each(|tree| usage.add_tree(tree, &tree.depths()));
        let mut places = vec![Places::default(); features.len()];
        let mut coded = Vec::new();
        let mut n_slots = 0;
        for (index, used) in usage.features.iter().enumerate().filter(|(_, u)| u.n_slots() > 0) {
            let width = used.n_slots();
            let (by_merged, firsts) = (used.table(), used.first_bins());
            let mut table = Vec::with_capacity(features[index].bins.n_bins() * width);
            for bin in 0..features[index].bins.n_bins() {
                let merged = firsts.partition_point(|&first| usize::from(first) <= bin) - 1;
                table.extend_from_slice(&by_merged[merged * width..(merged + 1) * width]);
            }
            places[index].slot = n_slots;
            coded.push(BinnedFeature {
                feature: index as u32,
                slot: n_slots,
                n_slots: width,
                table,
            });
            n_slots += width;
        }
        crate::engine::encode::check_slots(n_slots)?;
        let tier = Tier::best();
        let slots = Slots::new(&usage, &places);
        let mut forest = Forest::default();
        trees.trees.iter().for_each(|tree| forest.add(tree, |f, test| slots.of(f, test)));
        let trees = PackedTrees::new(trees, forest, n_slots, tier)?;
        Ok(BinnedTrees { trees, features: coded, stride: stride_of(tier, n_slots) })
    }

    /// Sets `scores` `(n_outputs,)` to those of the row whose bins `bin_of(feature)` gives.
    pub fn score(
        &self,
        bin_of: impl Fn(u32) -> u8,
        scratch: &mut BinnedScratch,
        scores: &mut [f64],
    ) {
        scratch.slots.resize(self.stride, 0);
        for feature in &self.features {
            let from = usize::from(bin_of(feature.feature)) * feature.n_slots;
            let slots = &mut scratch.slots[feature.slot..feature.slot + feature.n_slots];
            slots.copy_from_slice(&feature.table[from..from + feature.n_slots]);
        }
        let rows = Rows { slots: &scratch.slots, stride: self.stride, n_rows: 1 };
        self.trees.score(rows, None, &mut scratch.room, scores);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::Synthetic;
    use crate::members::Part;
    use crate::random::Random;

    #[test]
    fn equals_the_oracle_on_every_row() {
        let shape =
            Synthetic { n_numeric: 5, n_categorical: 3, n_trees: 21, ..Synthetic::default() };
        let model = shape.model();
        let mut random = Random(5);
        let mut scratch = BinnedScratch::default();
        for member in &model.members {
            let Part::Trees(trees) = &member.part else { continue };
            let packed = BinnedTrees::new(trees, &model.features).expect("few slots");
            for _ in 0..500 {
                let bin = |f: &Feature| random.below(f.bins.n_bins()) as u8;
                let bins: Vec<u8> = model.features.iter().map(bin).collect();
                let mut slow = vec![0.0; trees.base.len()];
                trees.score(&bins, &mut slow);
                let mut fast = slow.clone();
                packed.score(|feature| bins[feature as usize], &mut scratch, &mut fast);
                assert_eq!(slow, fast);
            }
        }
    }
}
