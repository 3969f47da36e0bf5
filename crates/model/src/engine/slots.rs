//! From a test to the slot that answers it, by tables, as a large model has many tests.

use crate::engine::encode::Places;
use crate::engine::usage::{FeatureUse, Usage};
use crate::tree::{BinSet, Test};

/// Slot and threshold of every test of a model.
#[derive(Debug)]
pub(crate) struct Slots<'a> {
    features: Vec<FeatureSlots<'a>>,
}

#[derive(Debug)]
struct FeatureSlots<'a> {
    used: &'a FeatureUse,
    /// First slot of the feature.
    first: usize,
    /// Slot of a test by where a missing value goes: left, right.
    ranks: [u16; 2],
    /// Merged bin of every threshold that is a rank.
    merged: Vec<u8>,
}

impl<'a> Slots<'a> {
    pub fn new(usage: &'a Usage, places: &[Places]) -> Self {
        let features = usage.features.iter().zip(places);
        Slots {
            features: features.map(|(used, place)| FeatureSlots::new(used, place.slot)).collect(),
        }
    }

    /// Slot and threshold of a test.
    #[inline]
    pub fn of(&self, feature: u32, test: &Test) -> (u16, u8) {
        let slots = &self.features[feature as usize];
        if let Test::Above { threshold, missing_right } = *test
            && let Some(&merged) = slots.merged.get(usize::from(threshold))
        {
            return (slots.ranks[usize::from(missing_right)], merged);
        }
        let (slot, threshold) = slots.used.slot_of(&slots.used.asked(test));
        ((slots.first + slot) as u16, threshold)
    }
}

impl<'a> FeatureSlots<'a> {
    fn new(used: &'a FeatureUse, first: usize) -> Self {
        let ranks =
            [false, true].map(|missing_right| (first + used.rank_slot(missing_right)) as u16);
        FeatureSlots { used, first, ranks, merged: used.merged_thresholds() }
    }
}

/// Slots of tests in sets, remembered by the number of the set: most nodes ask what others asked.
#[derive(Debug)]
pub(crate) struct SetSlots<'a> {
    sets: &'a [BinSet],
    /// By set: the feature that was asked last, and its slot and threshold.
    last: Vec<Option<(u32, (u16, u8))>>,
}

impl<'a> SetSlots<'a> {
    pub fn new(sets: &'a [BinSet]) -> Self {
        SetSlots { sets, last: vec![None; sets.len()] }
    }

    /// As [`Slots::of`] for a set.
    pub fn of(&mut self, slots: &Slots<'_>, feature: u32, set: u32) -> (u16, u8) {
        let last = &mut self.last[set as usize];
        match *last {
            Some((of, found)) if of == feature => found,
            _ => {
                let found = slots.of(feature, &Test::In(self.sets[set as usize]));
                *last = Some((feature, found));
                found
            }
        }
    }
}
