//! From a number to its bin among ascending edges, without a branch on the number.
//!
//! Edges lie in blocks of 16, filled up with infinity (no number is above it). The bin is one plus
//! the number of edges below the value: first the full blocks below it are counted, by their last
//! edges, then the edges in the block that is left. Both counts are 16 compares at once. A binary
//! search of 8 steps waits for each load before the next one.

use crate::engine::narrow::{AT_ONCE, Keys, NarrowSearch};

pub(crate) const WIDTH: usize = 16;
pub(crate) type Block = [f64; WIDTH];

/// A way to count edges below a value.
pub(crate) trait Count {
    /// How many of the edges are below the value; none if it is NaN.
    fn n_below(edges: &Block, value: f64) -> usize;

    /// How many of the keys are below that of the value; none if it is NaN.
    fn n_keys_below(keys: &Keys, key: f32) -> usize;

    /// Bins of many numbers; 0 for NaN.
    #[inline(always)]
    fn bins(search: &NarrowSearch, values: &[f64; AT_ONCE], bins: &mut [u8; AT_ONCE])
    where
        Self: Sized,
    {
        for (bin, &value) in bins.iter_mut().zip(values) {
            *bin = bin_or(0, value, search.rank::<Self>(value));
        }
    }
}

/// Bin of a number with so many edges below it; `missing` for NaN.
#[inline(always)]
pub(crate) fn bin_or(missing: u8, value: f64, n_below: usize) -> u8 {
    // In whole numbers, so that no branch is made of it: which ones are missing cannot be guessed.
    let is_nan = u8::from(value.to_bits() << 1 > f64::INFINITY.to_bits() << 1).wrapping_neg();
    (1 + n_below as u8) & !is_nan | missing & is_nan
}

/// Counting in portable code.
pub(crate) struct Portable;

impl Count for Portable {
    #[inline(always)]
    fn n_below(edges: &Block, value: f64) -> usize {
        edges.iter().map(|&edge| u64::from(value > edge)).sum::<u64>() as usize
    }

    #[inline(always)]
    fn n_keys_below(keys: &Keys, key: f32) -> usize {
        keys.iter().map(|&other| u32::from(key > other)).sum::<u32>() as usize
    }
}

/// Edges of one feature.
#[derive(Debug, Clone)]
pub(crate) struct EdgeSearch {
    /// Last edge of every full block, then infinity.
    last: Block,
    /// All edges; the last block has at least one infinity.
    blocks: Vec<Block>,
}

impl EdgeSearch {
    /// `edges` ascend, all finite, at most [`crate::encoder::MAX_EDGES`].
    pub fn new(edges: &[f64]) -> Self {
        let mut blocks = vec![[f64::INFINITY; WIDTH]; Self::n_blocks(edges.len())];
        for (index, &edge) in edges.iter().enumerate() {
            blocks[index / WIDTH][index % WIDTH] = edge;
        }
        let mut last = [f64::INFINITY; WIDTH];
        last.iter_mut().zip(&blocks).for_each(|(last, block)| *last = block[WIDTH - 1]);
        EdgeSearch { last, blocks }
    }

    /// Bin of a number; NaN is missing (bin 0).
    #[inline(always)]
    pub fn bin<C: Count>(&self, value: f64) -> u8 {
        let block = if self.blocks.len() == 1 { 0 } else { C::n_below(&self.last, value) };
        let inside = C::n_below(&self.blocks[block], value);
        let bin = (1 + WIDTH * block + inside) as u8;
        if value.is_nan() { 0 } else { bin }
    }

    fn n_blocks(n_edges: usize) -> usize {
        n_edges / WIDTH + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::bin_of_number;
    use proptest::prelude::*;

    fn same_bins(edges: &[f64], values: impl IntoIterator<Item = f64>) {
        let search = EdgeSearch::new(edges);
        for value in values {
            assert_eq!(
                search.bin::<Portable>(value),
                bin_of_number(edges, value),
                "{value} {edges:?}"
            );
        }
    }

    #[test]
    fn every_number_of_edges_finds_every_edge_and_its_neighbours() {
        for n_edges in 0..=254 {
            let edges: Vec<f64> = (0..n_edges).map(|edge| f64::from(edge) * 0.37 - 20.0).collect();
            same_bins(&edges, edges.iter().flat_map(|&e| [e, e.next_up(), e.next_down()]));
            let special = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0];
            same_bins(&edges, special.into_iter().chain([f64::MAX, f64::MIN]));
        }
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
            edges.dedup_by(|a, b| a == b);
            same_bins(&edges, values.into_iter().chain(edges.iter().copied()));
        }
    }
}
