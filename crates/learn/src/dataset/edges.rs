//! Thresholds of numeric features, and the bins they make.
//!
//! Up to 255 distinct values: a threshold between every two neighbours, so bins lose nothing.
//! More: values as heavy as a bin of equal share get a bin of their own, and the others are filled
//! up to equal shares, from the lowest up, the share being taken anew after each bin.
//! A threshold lies in the middle between neighbours.
//!
//! Reference: Ke et al. 2017, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree",
//! NeurIPS 30 (histograms); Chen and Guestrin 2016, doi:10.1145/2939672.2939785 (quantiles).

use eyas_model::encoder::MAX_EDGES;

use crate::kernels::arch::{Kernel, widest};
use crate::random::Stream;

/// Most rows that thresholds of columns with many distinct values are made from.
pub const SAMPLED_ROWS: usize = 200_000;
/// Bins of present values.
const MAX_BINS: usize = MAX_EDGES + 1;

/// Rows to make thresholds from: all, or a sample of [`SAMPLED_ROWS`], ascending.
///
/// Every subset is as likely (selection sampling: Knuth, TAOCP 2, algorithm 3.4.2S); equal
/// `n_rows` and `seed` give equal samples.
pub fn sampled_rows(n_rows: usize, seed: u64) -> Option<Vec<u32>> {
    if n_rows <= SAMPLED_ROWS {
        return None;
    }
    let mut random = Stream::new(&[seed, 0x0065_6467_6573]);
    let mut rows = Vec::with_capacity(SAMPLED_ROWS);
    for row in 0..n_rows {
        if random.below(n_rows - row) < SAMPLED_ROWS - rows.len() {
            rows.push(row as u32);
        }
    }
    Some(rows)
}

/// Thresholds of a column `(n_rows,)`, NaN is missing; ascending, at most [`MAX_EDGES`].
pub fn edges_of(values: &[f64], sample: Option<&[u32]>) -> Vec<f64> {
    let sorted = match (sample, few_distinct(values)) {
        (_, Some(distinct)) => return midpoints(&distinct),
        (Some(rows), None) => sorted_present(rows.iter().map(|&row| values[row as usize])),
        (None, None) => sorted_present(values.iter().copied()),
    };
    let (distinct, counts) = counted(&sorted);
    if distinct.len() <= MAX_BINS { midpoints(&distinct) } else { equal_shares(&distinct, &counts) }
}

/// The distinct values, ascending, if there are at most 255 of them.
pub fn few_distinct(values: &[f64]) -> Option<Vec<f64>> {
    const SLOTS: usize = 1024;
    let mut slots = [f64::NAN; SLOTS];
    let mut distinct = Vec::with_capacity(MAX_BINS);
    for &value in values {
        let value = value + 0.0;
        if value.is_nan() {
            continue;
        }
        let mut slot = (value.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize;
        while !slots[slot].is_nan() && slots[slot] != value {
            slot = (slot + 1) % SLOTS;
        }
        if slots[slot].is_nan() {
            if distinct.len() == MAX_BINS {
                return None;
            }
            slots[slot] = value;
            distinct.push(value);
        }
    }
    distinct.sort_unstable_by(f64::total_cmp);
    Some(distinct)
}

fn sorted_present(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn counted(sorted: &[f64]) -> (Vec<f64>, Vec<u64>) {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).unzip()
}

/// A number `m` with `a <= m < b`, in the middle; `a < b`.
fn midpoint(a: f64, b: f64) -> f64 {
    let middle = f64::midpoint(a, b);
    if a <= middle && middle < b { middle } else { a }
}

/// Thresholds between all neighbours.
pub(super) fn midpoints(distinct: &[f64]) -> Vec<f64> {
    distinct.windows(2).map(|pair| midpoint(pair[0], pair[1])).collect()
}

/// Thresholds of at most [`MAX_BINS`] bins with about equal counts.
fn equal_shares(distinct: &[f64], counts: &[u64]) -> Vec<f64> {
    let total: u64 = counts.iter().sum();
    let heavy_from = total as f64 / MAX_BINS as f64;
    let is_heavy = |i: usize| counts[i] as f64 >= heavy_from;
    let heavy: Vec<usize> = (0..counts.len()).filter(|&i| is_heavy(i)).collect();
    let mut light_left = total - heavy.iter().map(|&i| counts[i]).sum::<u64>();
    let mut light_bins = (MAX_BINS - heavy.len()) as f64;
    let mut share = light_left as f64 / light_bins.max(1.0);
    let mut edges = Vec::with_capacity(MAX_EDGES);
    let mut held = 0u64;
    for i in 0..distinct.len() - 1 {
        held += counts[i];
        light_left -= if is_heavy(i) { 0 } else { counts[i] };
        let before_heavy = is_heavy(i + 1) && held as f64 >= (0.5 * share).max(1.0);
        if !(is_heavy(i) || held as f64 >= share || before_heavy) {
            continue;
        }
        edges.push(midpoint(distinct[i], distinct[i + 1]));
        if edges.len() == MAX_EDGES {
            break;
        }
        held = 0;
        if !is_heavy(i) {
            light_bins -= 1.0;
            share = light_left as f64 / light_bins.max(1.0);
        }
    }
    edges
}

/// Bins of a column, equal to [`eyas_model::encoder::bin_of_number`]: a value is compared with the
/// last edge of each block, then with all of one block, so that no branch depends on it.
pub fn bins_of_numbers(edges: &[f64], values: &[f64]) -> Vec<u8> {
    assert!(edges.len() <= MAX_EDGES, "{} edges", edges.len());
    let mut blocks = [[f64::INFINITY; BLOCK]; BLOCK];
    blocks.as_flattened_mut()[..edges.len()].copy_from_slice(edges);
    let lasts = blocks.map(|block| block[BLOCK - 1]);
    let mut bins = vec![0; values.len()];
    widest(Search { blocks: &blocks, lasts: &lasts, values, bins: &mut bins });
    bins
}

/// Edges of a block, and blocks.
const BLOCK: usize = 16;

struct Search<'a> {
    blocks: &'a [[f64; BLOCK]; BLOCK],
    lasts: &'a [f64; BLOCK],
    values: &'a [f64],
    bins: &'a mut [u8],
}

impl Kernel for Search<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (bin, &value) in self.bins.iter_mut().zip(self.values) {
            // The last edge of all is infinite, and above every value.
            let block = n_below(self.lasts, value) % BLOCK;
            let below = block * BLOCK + n_below(&self.blocks[block], value);
            *bin = if value.is_nan() { 0 } else { below as u8 + 1 };
        }
    }
}

/// How many of the edges a value is above.
#[inline(always)]
fn n_below(edges: &[f64; BLOCK], value: f64) -> usize {
    let mut n = 0u64;
    for &edge in edges {
        n += u64::from(edge < value);
    }
    n as usize
}

#[cfg(test)]
mod tests {
    use eyas_model::encoder::bin_of_number;
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-20i32..20).prop_map(|n| f64::from(n) / 4.0),
            2 => -1e3f64..1e3,
            1 => Just(f64::NAN),
            1 => any::<f64>().prop_filter("finite", |v| v.is_finite()),
        ]
    }

    proptest! {
        #[test]
        fn bins_are_those_of_the_model(
            mut edges in prop::collection::vec(-50f64..50.0, 0..254),
            values in prop::collection::vec(any_number(), 0..50),
            near in any::<prop::sample::Index>(),
        ) {
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            let mut values = values;
            values.extend([f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0]);
            if !edges.is_empty() {
                let edge = edges[near.index(edges.len())];
                values.extend([edge, edge.next_up(), edge.next_down()]);
            }
            let expected: Vec<u8> = values.iter().map(|&v| bin_of_number(&edges, v)).collect();
            prop_assert_eq!(bins_of_numbers(&edges, &values), expected);
        }

        #[test]
        fn few_values_are_all_told_apart(values in prop::collection::vec(any_number(), 1..250)) {
            let edges = edges_of(&values, None);
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
            let bins = bins_of_numbers(&edges, &values);
            for (a, bin_a) in values.iter().zip(&bins) {
                for (b, bin_b) in values.iter().zip(&bins) {
                    prop_assert_eq!(a == b || (a.is_nan() && b.is_nan()), bin_a == bin_b);
                    prop_assert_eq!(a < b, bin_a < bin_b && !a.is_nan());
                }
            }
        }
    }

    #[test]
    fn neighbours_are_separated() {
        for (a, b) in [
            (1.0, 1.0f64.next_up()),
            (-f64::MAX, f64::MAX),
            (f64::MAX.next_down(), f64::MAX),
            (0.0, f64::from_bits(1)),
            (-f64::from_bits(1), 0.0),
        ] {
            let middle = midpoint(a, b);
            assert!(a <= middle && middle < b, "{a:e} {middle:e} {b:e}");
        }
    }

    #[test]
    fn bins_have_equal_shares() {
        let values: Vec<f64> = (0..100_000).map(|i| f64::from(i * 7919 % 100_003)).collect();
        let edges = edges_of(&values, None);
        assert_eq!(edges.len(), MAX_EDGES);
        let mut counts = [0usize; 256];
        bins_of_numbers(&edges, &values).iter().for_each(|&bin| counts[bin as usize] += 1);
        assert_eq!(counts[0], 0);
        let (least, most) = (counts[1..].iter().min().unwrap(), counts[1..].iter().max().unwrap());
        assert!(*least >= 390 && *most <= 394, "{least} to {most} of 392");
    }

    #[test]
    fn heavy_values_have_bins_of_their_own() {
        // Half of the rows are 500, the others all distinct.
        let values: Vec<f64> =
            (0..20_000).map(|i| if i % 2 == 0 { 500.0 } else { f64::from(i) / 10.0 }).collect();
        let edges = edges_of(&values, None);
        let bins = bins_of_numbers(&edges, &values);
        let heavy = bins[0];
        let strangers = bins.iter().zip(&values).filter(|(b, v)| **b == heavy && **v != 500.0);
        assert!(strangers.count() <= 1, "only what is too little for a bin");
        assert!(edges.len() > 250, "{} edges: the others are not starved", edges.len());
    }

    #[test]
    fn samples_are_of_the_right_size() {
        assert_eq!(sampled_rows(SAMPLED_ROWS, 1), None);
        let rows = sampled_rows(250_000, 1).unwrap();
        assert_eq!(rows.len(), SAMPLED_ROWS);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows[SAMPLED_ROWS - 1] < 250_000);
        assert_ne!(Some(rows), sampled_rows(250_000, 2));
    }
}
