//! As [`crate::engine::edges`], with edges that are looked for in 32 bits and settled in 64.
//!
//! Rounding to f32 keeps the order: `v <= e` implies `f32(v) <= f32(e)`. So an edge whose key is below
//! that of the value is below the value, and one whose key is above is not; where the keys of all edges
//! differ, at most one edge has the key of the value, and comparing with this one in f64 settles
//! the bin exactly. A register then holds twice as many edges.

use crate::engine::edges::{Count, WIDTH};

/// Rows that are looked for together.
pub(crate) const AT_ONCE: usize = 64;

/// Keys of a block.
pub(crate) type Keys = [f32; WIDTH];

/// Edges of one feature, and their keys.
#[derive(Debug, Clone)]
pub(crate) struct NarrowSearch {
    /// Last key of every full block, then infinity.
    pub pivots: Keys,
    /// Keys of all edges, filled up with infinity; the last key of the last block is one. As many
    /// blocks as edges fill, and one more if they fill it: at most 16.
    pub keys: Vec<Keys>,
    /// All edges, filled up with infinity: as many as keys.
    pub edges: Vec<[f64; WIDTH]>,
}

impl NarrowSearch {
    /// `edges` ascend, all finite, at most [`crate::encoder::MAX_EDGES`]. None if two of them have
    /// one key.
    pub fn new(edges: &[f64]) -> Option<Self> {
        if edges.windows(2).any(|pair| pair[0] as f32 == pair[1] as f32) {
            return None;
        }
        let n_blocks = edges.len() / WIDTH + 1;
        let mut search = NarrowSearch {
            pivots: [f32::INFINITY; WIDTH],
            keys: vec![[f32::INFINITY; WIDTH]; n_blocks],
            edges: vec![[f64::INFINITY; WIDTH]; n_blocks],
        };
        for (index, &edge) in edges.iter().enumerate() {
            search.keys[index / WIDTH][index % WIDTH] = edge as f32;
            search.edges[index / WIDTH][index % WIDTH] = edge;
        }
        let last = search.keys.iter().map(|keys| keys[WIDTH - 1]);
        search.pivots.iter_mut().zip(last).for_each(|(pivot, last)| *pivot = last);
        Some(search)
    }

    /// How many edges are below a value; none if it is NaN.
    #[inline(always)]
    pub fn rank<C: Count>(&self, value: f64) -> usize {
        let key = value as f32;
        let block = if self.keys.len() == 1 { 0 } else { C::n_keys_below(&self.pivots, key) };
        let below = C::n_keys_below(&self.keys[block], key);
        let settled = value > self.edges[block][below % WIDTH];
        WIDTH * block + below + usize::from(settled)
    }

    /// Bytes that a search among `n_edges` edges may touch.
    pub fn n_bytes(n_edges: usize) -> usize {
        let n_blocks = n_edges / WIDTH + 1;
        let pivots = if n_blocks > 1 { size_of::<Keys>() } else { 0 };
        pivots + n_blocks * (size_of::<Keys>() + size_of::<[f64; WIDTH]>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::bin_of_number;
    use crate::engine::Tier;
    use crate::engine::arch;
    use proptest::prelude::*;

    /// Checks every tier, value by value and many together.
    fn same_bins(edges: &[f64], values: &[f64]) {
        let Some(search) = NarrowSearch::new(edges) else { return };
        let expected: Vec<u8> = values.iter().map(|&value| bin_of_number(edges, value)).collect();
        for tier in Tier::all() {
            for (values, expected) in values.chunks(AT_ONCE).zip(expected.chunks(AT_ONCE)) {
                let mut numbers = [0.0; AT_ONCE];
                numbers[..values.len()].copy_from_slice(values);
                let mut bins = [7; AT_ONCE];
                arch::bins(tier, &search, &numbers, &mut bins);
                assert_eq!(&bins[..values.len()], expected, "{tier} {values:?} {edges:?}");
            }
        }
    }

    #[test]
    fn every_number_of_edges_finds_every_edge_and_its_neighbours() {
        for n_edges in 0..=254 {
            let edges: Vec<f64> = (0..n_edges).map(|edge| f64::from(edge) * 0.37 - 20.0).collect();
            let mut values: Vec<f64> =
                edges.iter().flat_map(|&e| [e, e.next_up(), e.next_down()]).collect();
            values.extend([f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0]);
            values.extend([f64::MAX, f64::MIN, 1e39, -1e39, 1e-50]);
            same_bins(&edges, &values);
        }
    }

    #[test]
    fn edges_beyond_f32_are_served_or_refused() {
        let values = [f64::MAX, 2e300, 1e300, 1e299, 1e39, -1e39, -2e300, f64::INFINITY, -1.0];
        same_bins(&[-1e300, 0.0, 1e-60, 1e300], &values);
        same_bins(&[-1e300, 1e-60, 1e300], &[1e-60, 2e-60, 0.0, -1e-60, f64::INFINITY, 1e300]);
        assert!(NarrowSearch::new(&[1e300, 2e300]).is_none());
        assert!(NarrowSearch::new(&[1.0, 1.0f64.next_up()]).is_none());
        assert!(NarrowSearch::new(&[-1e-60, 1e-60]).is_none());
    }

    proptest! {
        #[test]
        fn equals_the_plain_search(
            edges in prop::collection::vec(prop_oneof![-2.0..2.0f64, any::<f64>()], 0..=254),
            values in prop::collection::vec(any::<f64>(), 20),
        ) {
            let mut edges = edges;
            edges.retain(|edge| edge.is_finite());
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup_by(|a, b| *a as f32 == *b as f32);
            let near = edges.iter().flat_map(|&e| [e, f64::from(e as f32), e.next_up()]);
            let values: Vec<f64> = values.into_iter().chain(near).collect();
            same_bins(&edges, &values);
        }
    }
}
