//! An order of the levels of a categorical feature, so that "at most this rank" is a good set.
//!
//! For one output the order by the mean of the target holds the best of all subsets (Fisher 1958,
//! doi:10.1080/01621459.1958.10501479). For classes the levels are ordered along the first
//! principal direction of their class shares (Coppersmith, Hong, Hosking 1999,
//! doi:10.1023/A:1009869804967).
//!
//! The order is computed once a fit from the training rows, not in every node: forests lose
//! nothing by it (Wright, König 2019, doi:10.7717/peerj.6339), splits stay as cheap as those of
//! numbers, and a model has at most as many distinct sets as its features have bins.

use crate::dataset::{Dataset, Target};
use crate::learners::baseline::prior;

/// Rows of the prior mixed into the statistics of a level, so that rare levels stay in the middle.
const PRIOR_ROWS: f64 = 2.0;
const POWER_STEPS: usize = 30;

/// Rank from 1 of each bin of a categorical feature `(n_bins,)`; at most `max_ranks` ranks, levels
/// next to each other share one where there are more. The missing bin is a level like any other;
/// levels without rows stand where the prior is.
pub(super) fn ranks(data: &Dataset, feature: u32, rows: &[u32], max_ranks: usize) -> Vec<u8> {
    let n_bins = data.features[feature as usize].bins.n_bins();
    let scores = scores(data, feature, rows, n_bins);
    let mut order: Vec<usize> = (0..n_bins).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    let n_ranks = n_bins.min(max_ranks);
    let mut ranks = vec![0; n_bins];
    for (place, &bin) in order.iter().enumerate() {
        // At most 255 bins, so the rank fits a byte.
        ranks[bin] = (1 + place * n_ranks / n_bins) as u8;
    }
    ranks
}

/// What each bin is ordered by.
fn scores(data: &Dataset, feature: u32, rows: &[u32], n_bins: usize) -> Vec<f64> {
    let prior = prior(data, rows);
    let width = prior.len();
    let bins = &data.bins[feature as usize];
    let mut weights = vec![0.0; n_bins];
    let mut sums = vec![0.0; n_bins * width];
    for &row in rows {
        let row = row as usize;
        let (bin, weight) = (usize::from(bins[row]), data.weight(row));
        weights[bin] += weight;
        match &data.target {
            Target::Numbers(numbers) => sums[bin] += weight * (numbers[row] - prior[0]),
            Target::Classes(classes) if width == 1 => {
                sums[bin] += weight * (f64::from(classes[row]) - prior[0]);
            }
            Target::Classes(classes) => sums[bin * width + classes[row] as usize] += weight,
        }
    }
    if width > 1 {
        for (sums, weight) in sums.chunks_exact_mut(width).zip(&weights) {
            sums.iter_mut().zip(&prior).for_each(|(sum, share)| *sum -= weight * share);
        }
    }
    for (sums, weight) in sums.chunks_exact_mut(width).zip(&weights) {
        sums.iter_mut().for_each(|sum| *sum /= weight + PRIOR_ROWS);
    }
    if width == 1 { sums } else { principal_scores(&sums, &weights, width) }
}

/// Coordinates of deviations `(n, width)` along their first principal direction, by power steps.
fn principal_scores(deviations: &[f64], weights: &[f64], width: usize) -> Vec<f64> {
    let rows = || deviations.chunks_exact(width).zip(weights);
    let norm = |row: &[f64]| dot(row, row);
    let mut direction = vec![0.0; width];
    let mut largest = 0.0;
    for (row, weight) in rows() {
        if weight * norm(row) > largest {
            largest = weight * norm(row);
            direction.copy_from_slice(row);
        }
    }
    for _ in 0..POWER_STEPS {
        let mut next = vec![0.0; width];
        for (row, weight) in rows() {
            let along = weight * dot(row, &direction);
            next.iter_mut().zip(row).for_each(|(sum, value)| *sum += along * value);
        }
        let length = norm(&next).sqrt();
        if length == 0.0 {
            break;
        }
        next.iter_mut().for_each(|value| *value /= length);
        direction = next;
    }
    rows().map(|(row, _)| dot(row, &direction)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
