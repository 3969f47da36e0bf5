//! Rows of a node as words whose fields are classes: one addition sums all of them.

use super::counts::MAX_CLASSES;
use crate::kernels::arch::{Kernel, widest};
use crate::kernels::flags::sum_of_flagged;

/// One row of a node: its weight, and its class among those of the node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code(pub u32);

impl Code {
    pub fn new(weight: f32, class: u8) -> Code {
        Code(whole(weight) << 4 | u32::from(class))
    }

    /// Its weight in the field of its class, if that is one of a group.
    #[inline(always)]
    fn lane(self, group: usize) -> u64 {
        let is_of_group = self.class() / FIELDS == group;
        let field = (self.class() % FIELDS * FIELD_BITS) as u64;
        (u64::from(self.weight()) << field) & u64::from(is_of_group).wrapping_neg()
    }

    #[inline(always)]
    pub fn weight(self) -> u32 {
        self.0 >> 4
    }

    #[inline(always)]
    pub fn class(self) -> usize {
        (self.0 & 15) as usize
    }
}

/// Classes in a [`Lanes`] word.
pub(super) const FIELDS: usize = 4;
const FIELD_BITS: usize = 16;
const FIELD: u64 = (1 << FIELD_BITS) - 1;

/// Weights of rows in the fields of their classes, [`FIELDS`] classes a word, so that one addition
/// sums them all. Made for a node once they are asked for.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    groups: [Vec<u64>; MAX_CLASSES / FIELDS],
    /// Which of them are those of the node.
    made: [bool; MAX_CLASSES / FIELDS],
    /// The largest weight of the node's rows, once it is asked for.
    heaviest: Option<u32>,
}

impl Lanes {
    /// Takes up another node.
    pub fn forget(&mut self) {
        self.made = Default::default();
        self.heaviest = None;
    }

    /// Whether sums over the rows of a node fit into the fields.
    pub fn has_room(&self, weight: u32) -> bool {
        u64::from(weight) <= FIELD
    }

    /// The words of the node's rows for a group of classes.
    pub fn group(&mut self, codes: &[Code], group: usize) -> &[u64] {
        let lanes = &mut self.groups[group];
        if !self.made[group] {
            lanes.resize(codes.len(), 0);
            widest(FillLanes { codes, group, lanes });
            self.made[group] = true;
        }
        lanes
    }

    /// Weights by class of a group, over the rows whose bit `flag` is 1.
    pub fn sums(
        &mut self,
        codes: &[Code],
        weight: u32,
        group: usize,
        words: &[u64],
        flag: u32,
    ) -> [u32; FIELDS] {
        let mut sums = [0; FIELDS];
        if self.has_room(weight) {
            add(&mut sums, sum_of_flagged(words, flag, self.group(codes, group)));
            return sums;
        }
        // As many rows as no field can overflow by.
        let heaviest = || codes.iter().map(|code| code.weight()).max().unwrap_or(1);
        let heaviest = *self.heaviest.get_or_insert_with(heaviest);
        let lanes = self.group(codes, group);
        let Some(n_rows) = std::num::NonZero::new(FIELD as usize / heaviest as usize) else {
            let rows = codes.iter().zip(words);
            for (code, _) in rows.filter(|(_, word)| **word >> flag & 1 == 1) {
                let is_of_group = code.class() / FIELDS == group;
                sums[code.class() % FIELDS] += if is_of_group { code.weight() } else { 0 };
            }
            return sums;
        };
        for (words, lanes) in words.chunks(n_rows.get()).zip(lanes.chunks(n_rows.get())) {
            add(&mut sums, sum_of_flagged(words, flag, lanes));
        }
        sums
    }
}

struct FillLanes<'a> {
    codes: &'a [Code],
    group: usize,
    lanes: &'a mut [u64],
}

impl Kernel for FillLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (lane, code) in self.lanes.iter_mut().zip(self.codes) {
            *lane = code.lane(self.group);
        }
    }
}

/// A whole number below 2^32, without the branches of a cast: the low bits of its sum with 2^52.
#[inline(always)]
pub(super) fn whole(number: f32) -> u32 {
    (f64::from(number) + 4_503_599_627_370_496.0).to_bits() as u32
}

/// Weights of the first classes as one word.
pub(super) fn pack(weights: &[u32]) -> u64 {
    let fields = weights.iter().take(FIELDS).enumerate();
    fields.fold(0, |word, (field, &weight)| word | u64::from(weight) << (field * FIELD_BITS))
}

/// The sum of the first `K` fields, and that of their squares.
#[inline(always)]
pub(super) fn weight_and_squares<const K: usize>(word: u64) -> (u64, u64) {
    let (mut weight, mut squares) = (0, 0);
    for field in 0..K {
        let own = word >> (field * FIELD_BITS) & FIELD;
        weight += own;
        squares += own * own;
    }
    (weight, squares)
}

/// Adds the fields of a sum.
fn add(sums: &mut [u32; FIELDS], packed: u64) {
    for (field, sum) in sums.iter_mut().enumerate() {
        *sum += (packed >> (field * FIELD_BITS) & FIELD) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_whole_numbers_are_read() {
        assert_eq!([1.0, 7.0, 16_777_216.0, 268_435_456.0].map(whole), [1, 7, 1 << 24, 1 << 28]);
        assert_eq!(weight_and_squares::<4>(pack(&[1, 2, 0, 3])), (6, 14));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_rows(
            rows in prop::collection::vec((1u32..40_000, 0u8..16, any::<u64>()), 1..40),
            heavy in 0usize..60,
            flag in 0u32..64,
        ) {
            let weight = |(place, weight): (usize, u32)| if place == heavy { 70_000 } else { weight };
            let code = |(place, row): (usize, &(u32, u8, u64))| {
                Code::new(weight((place, row.0)) as f32, row.1)
            };
            let codes: Vec<Code> = rows.iter().enumerate().map(code).collect();
            let words: Vec<u64> = rows.iter().map(|row| row.2).collect();
            let total = codes.iter().map(|code| code.weight()).sum();
            let mut lanes = Lanes::default();
            for group in 0..4 {
                let mut slow = [0; FIELDS];
                for (code, word) in codes.iter().zip(&words) {
                    if word >> flag & 1 == 1 && code.class() / FIELDS == group {
                        slow[code.class() % FIELDS] += code.weight();
                    }
                }
                prop_assert_eq!(lanes.sums(&codes, total, group, &words, flag), slow);
            }
        }
    }
}
