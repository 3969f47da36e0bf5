//! Which layout a tree gets in the tiers with vectors.
//!
//! A vector holds 64 tests `row[slot] > threshold`; a permutation of the row and one compare answer
//! all of them. What differs is how the leaf is found from the answers:
//!
//! | packing | trees | a vector holds | the leaf |
//! |---|---|---|---|
//! | oblivious | one test a level, up to 12 levels | 64 / depth trees | the answers are its number |
//! | perfect | up to 6 levels | 8, 4, 2 or 1 trees in heap order | one shift a level, 8 trees at once |
//! | paths | up to 16 or 32 leaves, any depth | 4 or 2 trees | all paths are compared at once |
//! | chain | any | blocks of 15 tests with 16 exits | paths, block after block |
//!
//! A tree that no vector can serve (too many slots, or a tier without vectors) is walked.

/// Layout of one tree. The order is that of the layouts in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Packing {
    /// So many levels.
    Oblivious(u8),
    /// Padded to so many levels, 3 to 6.
    Perfect(u8),
    /// Up to 16 leaves.
    Paths16,
    /// Up to 32 leaves.
    Paths32,
    /// Blocks.
    Chain,
}

/// Most levels of an oblivious tree that is packed as one.
pub(crate) const MAX_OBLIVIOUS: usize = 12;
/// Tests of a vector.
pub(crate) const LANES: usize = 64;
/// Tests of a block of a chain.
pub(crate) const BLOCK_TESTS: usize = 15;

impl Packing {
    /// The layout of a tree by its depth and number of leaves; `oblivious` if all nodes of a level
    /// ask the same.
    pub fn of(depth: usize, n_leaves: usize, oblivious: bool) -> Packing {
        match (depth, n_leaves) {
            (1..=MAX_OBLIVIOUS, _) if oblivious => Packing::Oblivious(depth as u8),
            (0..=3, _) => Packing::Perfect(3),
            (4, _) => Packing::Perfect(4),
            (_, 0..=16) => Packing::Paths16,
            (5, _) => Packing::Perfect(5),
            (6, _) => Packing::Perfect(6),
            (_, 0..=32) => Packing::Paths32,
            _ => Packing::Chain,
        }
    }

    /// Tests of a vector that a tree takes.
    pub fn n_lanes(self) -> usize {
        match self {
            Packing::Oblivious(depth) => usize::from(depth),
            Packing::Perfect(depth) => 1 << depth,
            Packing::Paths16 => 16,
            Packing::Paths32 => 32,
            Packing::Chain => LANES,
        }
    }

    /// Trees of a vector.
    pub fn n_trees(self) -> usize {
        LANES / self.n_lanes()
    }

    /// Rows of leaf values that a tree takes; none if it has as many as it has leaves.
    pub fn n_values(self) -> Option<usize> {
        match self {
            Packing::Oblivious(depth) | Packing::Perfect(depth) => Some(1 << depth),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tree_has_a_layout_that_holds_it() {
        for depth in 0..40usize {
            for n_leaves in depth + 1..=300.min(1usize << depth.min(20)) {
                let packing = Packing::of(depth, n_leaves, false);
                let holds = match packing {
                    Packing::Perfect(levels) => depth <= usize::from(levels),
                    Packing::Paths16 => n_leaves <= 16,
                    Packing::Paths32 => n_leaves <= 32,
                    _ => packing == Packing::Chain,
                };
                assert!(holds, "{depth} {n_leaves} {packing:?}");
                assert!(packing.n_trees() * packing.n_lanes() <= LANES);
            }
        }
        assert_eq!(Packing::of(6, 64, true), Packing::Oblivious(6));
        assert_eq!(Packing::Oblivious(6).n_trees(), 10);
        assert_eq!(Packing::of(1, 2, true).n_trees(), 64);
    }
}
