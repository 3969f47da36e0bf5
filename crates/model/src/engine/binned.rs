//! Packed trees and nets for rows that are binned already: what learners validate with.

use crate::encoder::Feature;
use crate::engine::arch::Rows;
use crate::engine::encode::Places;
use crate::engine::flat::Forest;
use crate::engine::net::{NetRoom, PackedNet};
use crate::engine::pack::{PackedTrees, Room, stride_of};
use crate::engine::slots::Slots;
use crate::engine::tier::Tier;
use crate::engine::usage::Usage;
use crate::engine::validate::check_net;
use crate::error::Error;
use crate::net::Net;
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

/// A net packed to score rows of numbers and bins. Equals [`Net::score_by`] bit for bit.
#[derive(Debug)]
pub struct BinnedNet {
    net: PackedNet,
    /// Features whose numbers and whose bins it reads.
    numbers: Vec<u32>,
    bins: Vec<u32>,
}

/// Memory that [`BinnedNet::score`] writes to; fits itself.
#[derive(Debug, Default)]
pub struct BinnedNetScratch {
    numbers: Vec<f64>,
    bins: Vec<u8>,
    room: NetRoom,
}

impl BinnedNet {
    /// Packs a net over `features`.
    ///
    /// # Errors
    /// [`Error::BadModel`] if its parts do not fit together, or a number is not finite.
    pub fn new(net: &Net, features: &[Feature]) -> Result<BinnedNet, Error> {
        check_net(net, features, net.base.len()).map_err(Error::BadModel)?;
        let mut places = vec![Places::default(); features.len()];
        let (mut numbers, mut bins) = (Vec::new(), Vec::new());
        for input in &net.inputs {
            let place = &mut places[input.feature() as usize];
            let (list, place) = match input.reads_bin() {
                true => (&mut bins, &mut place.bin),
                false => (&mut numbers, &mut place.number),
            };
            *place = list.len();
            list.push(input.feature());
            // A feature may be read twice: both read the last place, which holds the same.
        }
        let net = PackedNet::new(net, &places, Tier::best());
        Ok(BinnedNet { net, numbers, bins })
    }

    /// Adds the scores of a row to `scores` `(n_outputs,)`: `number_of` gives a feature's number (NaN
    /// if missing), `bin_of` its bin.
    pub fn score(
        &self,
        number_of: impl Fn(u32) -> f64,
        bin_of: impl Fn(u32) -> u8,
        scratch: &mut BinnedNetScratch,
        scores: &mut [f64],
    ) {
        let BinnedNetScratch { numbers, bins, room } = scratch;
        numbers.clear();
        numbers.extend(self.numbers.iter().map(|&feature| number_of(feature)));
        bins.clear();
        bins.extend(self.bins.iter().map(|&feature| bin_of(feature)));
        self.net.score(numbers, bins, room, scores);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::Synthetic;
    use crate::members::Part;
    use crate::random::Random;

    #[test]
    fn a_net_equals_the_oracle_on_every_row() {
        let mut n_nets = 0;
        for seed in 0..40 {
            let mut random = Random(seed);
            let model = crate::engine::examples::any_model(5 * seed + 3);
            let mut scratch = BinnedNetScratch::default();
            for member in &model.members {
                let Part::Net(net) = &member.part else { continue };
                n_nets += 1;
                let packed = BinnedNet::new(net, &model.features).expect("a sound net");
                for _ in 0..20 {
                    let bin = |f: &Feature| random.below(f.bins.n_bins()) as u8;
                    let bins: Vec<u8> = model.features.iter().map(bin).collect();
                    let number = |_: &Feature| match random.below(8) {
                        0 => f64::NAN,
                        _ => random.unit() * 6.0 - 3.0,
                    };
                    let numbers: Vec<f64> = model.features.iter().map(number).collect();
                    let number_of = |feature: u32| numbers[feature as usize];
                    let bin_of = |feature: u32| bins[feature as usize];
                    let mut slow = vec![0.0; net.base.len()];
                    net.score_by(number_of, bin_of, &mut slow);
                    let mut fast = vec![0.0; net.base.len()];
                    packed.score(number_of, bin_of, &mut scratch, &mut fast);
                    assert_eq!(slow, fast);
                }
            }
        }
        assert!(n_nets > 10, "{n_nets} nets");
    }

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
