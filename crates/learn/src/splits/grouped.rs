//! Whole groups dealt out to folds of nearly equal size.

use crate::error::Error;
use crate::random::Stream;

/// A group: its rows and how many of each stratum it holds.
struct Group {
    rows: Vec<u32>,
    /// (stratum, rows of it), ascending.
    strata: Vec<(u32, f64)>,
}

/// Fold of each row; rows of one group are in one fold, no fold is empty.
///
/// The largest group goes first (ties in random order), to the fold where the strata stay most
/// even, among those folds that it does not make larger than the smallest by more than the
/// largest group: so the sizes of any two folds differ by at most the largest group.
///
/// Reference: Graham 1969, doi:10.1137/0117039 (longest first).
///
/// # Errors
/// [`Error::Task`] with fewer than two groups.
pub(super) fn folds(
    groups: &[u32],
    strata: &[u32],
    n_folds: usize,
    stream: &mut Stream,
) -> Result<Vec<u32>, Error> {
    let mut groups = groups_of(groups, strata);
    if groups.len() < 2 {
        return Err(Error::Task(
            "all rows belong to one group, so none can be held out; at least 2 groups are needed, \
             or leave the group column out"
                .into(),
        ));
    }
    stream.shuffle(&mut groups);
    groups.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
    let mut deal = Deal::new(strata, n_folds.min(groups.len()), groups[0].rows.len());
    let mut folds = vec![0; strata.len()];
    for (index, group) in groups.iter().enumerate() {
        let fold = deal.place(group, groups.len() - index);
        group.rows.iter().for_each(|&row| folds[row as usize] = fold as u32);
    }
    Ok(folds)
}

fn groups_of(groups: &[u32], strata: &[u32]) -> Vec<Group> {
    let mut rows: Vec<u32> = (0..groups.len() as u32).collect();
    rows.sort_by_key(|&row| (groups[row as usize], strata[row as usize]));
    let same_group = |a: &u32, b: &u32| groups[*a as usize] == groups[*b as usize];
    let same_stratum = |a: &u32, b: &u32| strata[*a as usize] == strata[*b as usize];
    let counts = |rows: &[u32]| {
        let runs = rows.chunk_by(same_stratum);
        runs.map(|run| (strata[run[0] as usize], run.len() as f64)).collect()
    };
    let of = |rows: &[u32]| Group { strata: counts(rows), rows: rows.to_vec() };
    rows.chunk_by(same_group).map(of).collect()
}

/// Folds that are being filled.
struct Deal {
    sizes: Vec<usize>,
    /// Rows by fold and stratum `(n_folds, n_strata)`.
    counts: Vec<f64>,
    /// Rows of each stratum.
    totals: Vec<f64>,
    largest_group: usize,
}

impl Deal {
    fn new(strata: &[u32], n_folds: usize, largest_group: usize) -> Deal {
        let n_strata = strata.iter().max().map_or(0, |last| *last as usize + 1);
        let mut totals = vec![0.0; n_strata];
        strata.iter().for_each(|&stratum| totals[stratum as usize] += 1.0);
        let counts = vec![0.0; n_folds * n_strata];
        Deal { sizes: vec![0; n_folds], counts, totals, largest_group }
    }

    /// Puts a group into a fold; `n_left` groups are yet to be placed, this one included.
    fn place(&mut self, group: &Group, n_left: usize) -> usize {
        let smallest = self.sizes.iter().copied().min().unwrap_or(0);
        let n_empty = self.sizes.iter().filter(|&&size| size == 0).count();
        let allowed = |fold: usize| {
            let size = self.sizes[fold] + group.rows.len();
            size - smallest <= self.largest_group && (n_left > n_empty || self.sizes[fold] == 0)
        };
        let candidates = (0..self.sizes.len()).filter(|&fold| allowed(fold));
        let unevenness = |fold: &usize| self.unevenness(group, *fold);
        let best = candidates
            .min_by(|a, b| unevenness(a).total_cmp(&unevenness(b)))
            .expect("the smallest fold is always allowed");
        self.sizes[best] += group.rows.len();
        for &(stratum, n) in &group.strata {
            self.counts[best * self.totals.len() + stratum as usize] += n;
        }
        best
    }

    /// What the group would add to the sum of squares of shares, of strata and of size.
    fn unevenness(&self, group: &Group, fold: usize) -> f64 {
        let counts = &self.counts[fold * self.totals.len()..];
        let of_stratum = |&(stratum, n): &(u32, f64)| {
            n * (2.0 * counts[stratum as usize] + n) / self.totals[stratum as usize].powi(2)
        };
        let n_rows: f64 = self.totals.iter().sum();
        let (size, n) = (self.sizes[fold] as f64, group.rows.len() as f64);
        let of_size = n * (2.0 * size + n) / n_rows.powi(2);
        group.strata.iter().map(of_stratum).sum::<f64>() + of_size
    }
}
