//! Trees of a model that asks more than vectors can look up, cut into sections that each ask less.
//!
//! A section has a row of its own, gathered from the whole row, with the slots that its trees ask.

use std::collections::HashSet;
use std::hash::Hash;

/// Slots of a section.
pub(crate) const SECTION_SLOTS: usize = 256;

/// Assigns trees to sections, in order: a tree goes where the one before it went, if its slots
/// still fit.
#[derive(Debug, Clone)]
pub(crate) struct Sectioner<T> {
    slots: HashSet<T>,
    /// Slots of the sections that are full.
    n_closed: usize,
    n_sections: usize,
}

impl<T: Eq + Hash + Copy> Sectioner<T> {
    pub fn new() -> Self {
        Sectioner { slots: HashSet::new(), n_closed: 0, n_sections: 1 }
    }

    /// Section of a tree that asks these slots.
    pub fn add(&mut self, asked: &HashSet<T>) -> usize {
        let n_new = asked.iter().filter(|slot| !self.slots.contains(slot)).count();
        let fits = n_new == 0 || self.slots.len() + n_new <= SECTION_SLOTS;
        if !fits && !self.slots.is_empty() {
            self.n_closed += self.slots.len();
            self.n_sections += 1;
            self.slots.clear();
        }
        self.slots.extend(asked);
        self.n_sections - 1
    }

    /// Slots of all sections together.
    pub fn n_gathered(&self) -> usize {
        self.n_closed + self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_hold_what_fits() {
        let mut sectioner = Sectioner::new();
        let asked = |from: u32, n: u32| (from..from + n).collect::<HashSet<u32>>();
        assert_eq!(sectioner.add(&asked(0, 200)), 0);
        assert_eq!(sectioner.add(&asked(100, 156)), 0);
        assert_eq!(sectioner.add(&asked(255, 2)), 1);
        // More than fits is alone.
        assert_eq!(sectioner.add(&asked(1000, 400)), 2);
        assert_eq!(sectioner.add(&asked(1000, 1)), 2);
        assert_eq!(sectioner.add(&asked(0, 1)), 3);
        assert_eq!(sectioner.n_gathered(), 256 + 2 + 400 + 1);
    }
}
