//! What a model asks of its features: which edges, which sets of bins, which numbers.
//!
//! Both the encoder and the cost are laid out from this, so a shape counts exactly what a
//! compiled predictor holds.
//!
//! The encoded row is bytes, and every test is `row[slot] > threshold`:
//! - a *rank slot* holds the bin; missing is 0 in one and 255 in the other, so that it goes left
//!   or right of every threshold;
//! - a *set slot* holds 255 if the bin is in one set of bins, else 0.
//!
//! Bins of a numeric feature that no test tells apart are merged: only the *cuts* remain.

use std::collections::{BTreeSet, HashSet};

use crate::encoder::{Bins, Feature};
use crate::linear::{Linear, Term};
use crate::members::Part;
use crate::net::Net;
use crate::tree::{BinSet, Node, Test, Tree};

/// A test in the one form that slots know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Rank { threshold: u8, missing_right: bool },
    Set(BinSet),
}

/// What a model asks of one feature.
#[derive(Debug, Clone, Default)]
pub(crate) struct FeatureUse {
    n_bins: usize,
    categorical: bool,
    /// Bit `k`: bins `k` and `k + 1` are told apart (`1 <= k`).
    cuts: BinSet,
    /// Rank slots wanted: missing left, missing right.
    ranks: [bool; 2],
    /// Set slots wanted.
    sets: BTreeSet<BinSet>,
    /// Whether a linear term uses the number.
    pub number: bool,
    /// Whether a linear term uses the bin.
    pub bin: bool,
}

impl FeatureUse {
    pub fn new(bins: &Bins) -> Self {
        let (n_bins, categorical) = (bins.n_bins(), bins.is_categorical());
        let mut used = FeatureUse { n_bins, categorical, ..FeatureUse::default() };
        if categorical {
            // Names are looked up one by one, so merging their bins would save nothing.
            (1..n_bins - 1).for_each(|bin| used.cuts.insert(bin as u8));
        }
        used
    }

    pub fn is_used(&self) -> bool {
        self.is_coded() || self.number
    }

    /// Whether its bin is needed.
    pub fn is_coded(&self) -> bool {
        self.n_slots() > 0 || self.bin
    }

    pub fn is_categorical(&self) -> bool {
        self.categorical
    }

    pub fn n_slots(&self) -> usize {
        self.n_ranks() + self.sets.len()
    }

    /// Whether its bin is wanted in one or two slots, and nothing else of it.
    pub fn is_ranked_only(&self) -> bool {
        self.n_ranks() > 0 && self.sets.is_empty() && !self.number && !self.bin
    }

    fn n_ranks(&self) -> usize {
        self.ranks.iter().filter(|&&wanted| wanted).count()
    }

    /// Number of merged bins, missing included.
    pub fn n_merged(&self) -> usize {
        let n_cuts: u32 = self.cuts.0.iter().map(|word| word.count_ones()).sum();
        n_cuts as usize + 2
    }

    /// First bin of every merged bin, ascending, bin 0 (missing) included.
    pub fn first_bins(&self) -> Vec<u8> {
        let cuts = (1..self.n_bins.saturating_sub(1)).filter(|&k| self.cuts.contains(k as u8));
        [0, 1].into_iter().chain(cuts.map(|k| k as u8 + 1)).collect()
    }

    /// The one form of a test: bins that do not exist are left out.
    pub fn asked(&self, test: &Test) -> Asked {
        match *test {
            Test::Above { threshold, missing_right } => {
                if usize::from(threshold) + 1 < self.n_bins {
                    return Asked::Rank { threshold, missing_right };
                }
                let mut only_missing = BinSet::default();
                if missing_right {
                    only_missing.insert(0);
                }
                Asked::Set(only_missing)
            }
            Test::In(BinSet(words)) => {
                let existing = below(self.n_bins);
                Asked::Set(BinSet(std::array::from_fn(|word| words[word] & existing[word])))
            }
        }
    }

    pub fn add_test(&mut self, test: &Test) {
        match self.asked(test) {
            Asked::Rank { threshold, missing_right } => {
                self.ranks[usize::from(missing_right)] = true;
                if threshold > 0 {
                    self.cuts.insert(threshold);
                }
            }
            Asked::Set(set) => {
                if self.sets.insert(set) {
                    self.cut_where(|bin| set.contains(bin) != set.contains(bin + 1));
                }
            }
        }
    }

    fn cut_where(&mut self, differs: impl Fn(u8) -> bool) {
        for bin in 1..self.n_bins - 1 {
            if differs(bin as u8) {
                self.cuts.insert(bin as u8);
            }
        }
    }

    /// Place of a test among the feature's slots, and its threshold there.
    pub fn slot_of(&self, asked: &Asked) -> (usize, u8) {
        match asked {
            Asked::Rank { threshold, missing_right } => {
                (self.rank_slot(*missing_right), self.merged(*threshold))
            }
            Asked::Set(set) => (self.n_ranks() + self.sets.range(..set).count(), 0),
        }
    }

    /// Place of a rank slot among the feature's slots.
    pub fn rank_slot(&self, missing_right: bool) -> usize {
        usize::from(missing_right && self.ranks[0])
    }

    /// Merged bin of every threshold that asks for a rank; none if no rank slot is wanted.
    pub fn merged_thresholds(&self) -> Vec<u8> {
        if self.n_ranks() == 0 {
            return Vec::new();
        }
        let mut merged = 1;
        let thresholds = (0..self.n_bins.saturating_sub(1)).map(|bin| {
            let of_bin = if bin == 0 { 0 } else { merged };
            // At most 254 cuts are below a bin.
            merged += u8::from(bin > 0 && self.cuts.contains(bin as u8));
            of_bin
        });
        thresholds.collect()
    }

    /// Merged bin of a bin.
    fn merged(&self, bin: u8) -> u8 {
        if bin == 0 {
            return 0;
        }
        let below_bin = below(usize::from(bin));
        let cuts =
            self.cuts.0.iter().zip(below_bin).map(|(cuts, below)| (cuts & below).count_ones());
        // At most 254 cuts are below a bin.
        1 + cuts.sum::<u32>() as u8
    }

    /// What the slots hold, by merged bin: `(n_merged, n_slots)`, row-major.
    pub fn table(&self) -> Vec<u8> {
        let mut table = Vec::with_capacity(self.n_merged() * self.n_slots());
        for (merged, first) in self.first_bins().into_iter().enumerate() {
            for missing in [0, 255] {
                if self.ranks[usize::from(missing == 255)] {
                    table.push(if first == 0 { missing } else { merged as u8 });
                }
            }
            table.extend(self.sets.iter().map(|set| if set.contains(first) { 255 } else { 0 }));
        }
        table
    }
}

/// The set of the first `n` of 256 bins.
fn below(n: usize) -> [u64; 4] {
    std::array::from_fn(|word| match n.saturating_sub(64 * word) {
        0 => 0,
        inside @ 1..64 => (1 << inside) - 1,
        _ => u64::MAX,
    })
}

/// What a model asks of all its features.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    pub features: Vec<FeatureUse>,
}

impl Usage {
    pub fn new(features: &[Feature]) -> Self {
        Usage { features: features.iter().map(|feature| FeatureUse::new(&feature.bins)).collect() }
    }

    /// Adds the tests that the root reaches, by `depths` of [`Tree::depths`].
    pub fn add_tree(&mut self, tree: &Tree, depths: &[u32]) {
        for (node, &depth) in tree.nodes.iter().zip(depths) {
            if let (Node::Split { feature, test, .. }, true) = (node, depth != Tree::UNREACHED) {
                self.features[*feature as usize].add_test(test);
            }
        }
    }

    /// What stands for each slot that a tree asks, before slots are laid out.
    pub fn asked_by(&self, tree: &Tree) -> HashSet<(u32, Asked)> {
        let slot = |node: &Node| match node {
            Node::Leaf { .. } => None,
            Node::Split { feature, test, .. } => {
                let asked = match self.features[*feature as usize].asked(test) {
                    // All thresholds of a feature share a slot.
                    Asked::Rank { missing_right, .. } => {
                        Asked::Rank { threshold: 0, missing_right }
                    }
                    set => set,
                };
                Some((*feature, asked))
            }
        };
        tree.nodes.iter().filter_map(slot).collect()
    }

    pub fn add_linear(&mut self, linear: &Linear) {
        let width = linear.intercept.len();
        for term in &linear.terms {
            match term {
                Term::Number { feature, .. } => self.features[*feature as usize].number = true,
                Term::Bins { feature, weights } => {
                    let used = &mut self.features[*feature as usize];
                    used.bin = true;
                    let row = |bin: u8| {
                        let start = usize::from(bin) * width;
                        weights[start..start + width].iter().map(|weight| weight.to_bits())
                    };
                    used.cut_where(|bin| !row(bin).eq(row(bin + 1)));
                }
            }
        }
    }

    /// Nets tell all bins apart.
    pub fn add_net(&mut self, net: &Net) {
        for input in &net.inputs {
            let used = &mut self.features[input.feature() as usize];
            if input.reads_bin() {
                used.bin = true;
                used.cut_where(|_| true);
            } else {
                used.number = true;
            }
        }
    }

    pub fn add_part(&mut self, part: &Part) {
        match part {
            Part::Trees(trees) => {
                trees.trees.iter().for_each(|tree| self.add_tree(tree, &tree.depths()));
            }
            Part::Linear(linear) => self.add_linear(linear),
            Part::Net(net) => self.add_net(net),
            Part::Constant(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_test() -> impl Strategy<Value = Test> {
        prop_oneof![
            (any::<u8>(), any::<bool>())
                .prop_map(|(threshold, missing_right)| Test::Above { threshold, missing_right }),
            any::<[u64; 4]>().prop_map(|words| Test::In(BinSet(words))),
            (0u8..6).prop_map(|bin| {
                let mut set = BinSet::default();
                set.insert(bin);
                Test::In(set)
            }),
        ]
    }

    proptest! {
        #[test]
        fn slots_answer_as_tests_do(
            n_bins in 2usize..=256,
            categorical in any::<bool>(),
            tests in prop::collection::vec(any_test(), 1..20),
        ) {
            let bins = if categorical {
                Bins::Levels((2..n_bins.min(255)).map(|level| level.to_string()).collect())
            } else {
                Bins::Edges((2..n_bins).map(|edge| edge as f64).collect())
            };
            let mut used = FeatureUse::new(&bins);
            tests.iter().for_each(|test| used.add_test(test));
            let table = used.table();
            prop_assert_eq!(table.len(), used.n_merged() * used.n_slots());
            for bin in 0..bins.n_bins() {
                let merged = usize::from(used.merged(bin as u8));
                prop_assert!(merged < used.n_merged());
                for test in &tests {
                    let (slot, threshold) = used.slot_of(&used.asked(test));
                    let right = table[merged * used.n_slots() + slot] > threshold;
                    prop_assert_eq!(right, test.goes_right(bin as u8), "bin {} {:?}", bin, test);
                }
            }
        }
    }
}
