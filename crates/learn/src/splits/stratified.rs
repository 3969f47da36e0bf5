//! Rows dealt out so that every class, or quantile bin of a number, keeps its share.

use crate::dataset::Target;
use crate::random::Stream;

/// Most quantile bins of a numeric target.
const MAX_BINS: usize = 20;

/// Stratum of each row `(n_rows,)`: its class, or its quantile bin, of about `n_folds` rows or
/// more; equal numbers share a bin.
pub(super) fn strata(target: &Target, n_folds: usize) -> Vec<u32> {
    match target {
        Target::Classes(classes) => classes.clone(),
        Target::Numbers(numbers) => {
            quantile_bins(numbers, (numbers.len() / n_folds.max(1)).clamp(1, MAX_BINS))
        }
    }
}

/// Quantile bin of each number, below `n_bins`; equal numbers share a bin. `O(n log n)`.
pub(crate) fn quantile_bins(numbers: &[f64], n_bins: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
    order.sort_by(|&a, &b| numbers[a as usize].total_cmp(&numbers[b as usize]));
    let mut bins = vec![0; numbers.len()];
    for (rank, &row) in order.iter().enumerate() {
        let own = (rank * n_bins / numbers.len()) as u32;
        // Equal numbers take the bin of the first of them.
        let before = rank.checked_sub(1).map(|before| order[before] as usize);
        bins[row as usize] = match before {
            Some(before) if numbers[before] == numbers[row as usize] => bins[before],
            _ => own,
        };
    }
    bins
}

/// Rows in random order within each stratum, strata one after the other.
fn shuffled_by_stratum(strata: &[u32], stream: &mut Stream) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..strata.len() as u32).collect();
    stream.shuffle(&mut rows);
    rows.sort_by_key(|&row| strata[row as usize]);
    rows
}

/// Fold of each row. Rows are dealt one by one, and the deal goes on from stratum to stratum: the
/// sizes of any two folds differ by at most one, and so do their shares of any stratum.
pub(super) fn folds(strata: &[u32], n_folds: usize, stream: &mut Stream) -> Vec<u32> {
    let mut folds = vec![0; strata.len()];
    for (index, row) in shuffled_by_stratum(strata, stream).into_iter().enumerate() {
        folds[row as usize] = (index % n_folds) as u32;
    }
    folds
}

/// Whether a row is held out: `n_valid` rows spread evenly over the strata (at most one off a
/// stratum's share), less one for each stratum that would have no row left to learn from.
pub(super) fn hold_out(strata: &[u32], n_valid: usize, stream: &mut Stream) -> Vec<bool> {
    let n_rows = strata.len();
    let order = shuffled_by_stratum(strata, stream);
    let mut held_out = vec![false; n_rows];
    for (index, &row) in order.iter().enumerate() {
        held_out[row as usize] = (index + 1) * n_valid / n_rows > index * n_valid / n_rows;
    }
    let mut n_held_out = n_valid;
    for stratum in order.chunk_by(|&a, &b| strata[a as usize] == strata[b as usize]) {
        let whole = stratum.iter().all(|&row| held_out[row as usize]);
        if whole && n_held_out > 1 {
            held_out[stratum[0] as usize] = false;
            n_held_out -= 1;
        }
    }
    held_out
}
