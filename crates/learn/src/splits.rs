//! Which rows are learnt from and which are predicted, to find out how good a strategy is.
//!
//! - *Folds*: rows are dealt out; every row is predicted once a repeat. Classes (quantile bins of a
//!   numeric target) keep their shares; rows of one group stay together.
//! - *Hold-out*: one split, for data so large that one is enough.
//! - With times, earlier rows predict later ones: folds become expanding windows.
//!
//! Rows in results are ascending. Results depend on the arguments and the seed only.
//! Reference: Kohavi 1995 (stratified folds); Arlot and Celisse 2010, doi:10.1214/09-SS054.

use crate::dataset::Target;
use crate::error::Error;
use crate::random::Stream;

mod group_folds;
mod grouped;
mod scikit_learn;
mod stratified;
mod timed;

pub use group_folds::scikit_learn_group_folds;
pub use scikit_learn::scikit_learn_folds;
pub(crate) use stratified::quantile_bins;

/// Rows to learn from and rows to predict, both ascending, disjoint and not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to learn from.
    pub train: Vec<u32>,
    /// Rows to predict.
    pub valid: Vec<u32>,
}

/// What is known of the rows to be split.
#[derive(Debug, Clone, Copy)]
pub struct SplitInput<'a> {
    /// The target `(n_rows,)`, whose classes or quantile bins keep their shares.
    pub target: &'a Target,
    /// Group of each row `(n_rows,)`, where rows of one group must stay together.
    pub groups: Option<&'a [u32]>,
    /// Time of each row `(n_rows,)`, where later rows must be predicted from earlier ones.
    pub times: Option<&'a [f64]>,
}

impl SplitInput<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self.target {
            Target::Numbers(numbers) => numbers.len(),
            Target::Classes(classes) => classes.len(),
        }
    }
}

/// What a user may ask for; at most one of `folds` and `hold_out`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SplitOptions {
    /// Number of folds, at least 2.
    pub folds: Option<usize>,
    /// How often the folds are dealt anew, at least 1; 1 if absent.
    pub repeats: Option<usize>,
    /// Share of the rows that is held out, between 0 and 1.
    pub hold_out: Option<f64>,
}

/// How rows are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Folds, dealt anew each repeat. With times: windows, and one repeat.
    Folds {
        /// Number of folds; fewer where there are fewer rows, groups or times.
        n_folds: usize,
        /// How often they are dealt.
        n_repeats: usize,
    },
    /// One split.
    HoldOut {
        /// Rows to predict; about as many where groups or equal times stay together.
        n_valid: usize,
    },
}

/// Below this many rows, [`SMALL_FOLDS`]; the error of a score is large, and fits are cheap.
const SMALL_ROWS: usize = 1_000;
const SMALL_FOLDS: usize = 8;
/// Below this many rows and cells, [`FOLDS`]; from here on a fifth of the rows tells as much as
/// ever is needed: the standard error of an accuracy of 0.9 on 4,000 rows is 0.005.
const HOLD_OUT_ROWS: usize = 20_000;
const HOLD_OUT_CELLS: usize = 20_000_000;
const FOLDS: usize = 5;
/// More rows than these cost time and tell nothing.
const MAX_VALID_ROWS: usize = 50_000;
/// Groups are held out as one of at most so many parts: dealing costs parts times groups.
const MAX_GROUPED_PARTS: usize = 1_000;

/// The plan for data of this size, where the user does not say.
///
/// | rows | plan |
/// |---|---|
/// | below 1,000 | 8 folds |
/// | below 20,000, and below 20 million cells | 5 folds |
/// | below 2,000 (wide data) | 3 folds |
/// | else | hold-out of a fifth, at most 50,000 rows |
///
/// # Errors
/// [`Error::Parameter`] where an option is out of its range or two exclude each other.
pub fn choose(n_rows: usize, n_cells: usize, options: &SplitOptions) -> Result<Plan, Error> {
    check(options)?;
    let n_repeats = options.repeats.unwrap_or(1);
    if let Some(n_folds) = options.folds {
        return Ok(Plan::Folds { n_folds, n_repeats });
    }
    if let Some(share) = options.hold_out {
        let n_valid = (share * n_rows as f64).round() as usize;
        return Ok(Plan::HoldOut { n_valid: n_valid.max(1) });
    }
    let is_wide = n_cells >= HOLD_OUT_CELLS;
    Ok(match n_rows {
        _ if is_wide && n_rows < 2 * SMALL_ROWS => Plan::Folds { n_folds: 3, n_repeats },
        _ if n_rows < SMALL_ROWS => Plan::Folds { n_folds: SMALL_FOLDS, n_repeats },
        _ if n_rows < HOLD_OUT_ROWS && !is_wide => Plan::Folds { n_folds: FOLDS, n_repeats },
        _ => Plan::HoldOut { n_valid: (n_rows / 5).min(MAX_VALID_ROWS) },
    })
}

fn check(options: &SplitOptions) -> Result<(), Error> {
    let wrong = |name: &str, value: String, expected: &str| {
        Err(Error::Parameter { name: name.into(), value, expected: expected.into() })
    };
    match options {
        SplitOptions { folds: Some(folds), .. } if *folds < 2 => {
            wrong("folds", folds.to_string(), "at least 2 folds are needed")
        }
        SplitOptions { repeats: Some(0), .. } => {
            wrong("repeats", "0".into(), "folds are dealt at least once")
        }
        SplitOptions { hold_out: Some(share), .. } if !(*share > 0.0 && *share < 1.0) => {
            wrong("hold_out", share.to_string(), "the share held out must be between 0 and 1")
        }
        SplitOptions { hold_out: Some(share), folds: Some(_), .. } => {
            wrong("hold_out", share.to_string(), "`folds` is given too; leave one of them out")
        }
        SplitOptions { hold_out: Some(share), repeats: Some(2..), .. } => {
            wrong("hold_out", share.to_string(), "only folds are repeated; leave `repeats` out")
        }
        _ => Ok(()),
    }
}

impl Plan {
    /// The splits of this plan: `n_folds * n_repeats`, by repeat and fold, or one.
    ///
    /// - Folds: every row is in `valid` exactly once a repeat, and in `train` of the other folds.
    ///   A class with fewer rows than folds is spread over as many folds as it has rows.
    /// - Times: a fold's `train` is strictly earlier than its `valid`. With groups, too, rows of
    ///   groups to be predicted are left out of `train`.
    /// - Hold-out: a class is never held out whole, unless it must be to hold out any row.
    ///
    /// # Errors
    /// [`Error::Task`] where there are fewer than two rows, groups or distinct times, or a time
    /// is NaN.
    ///
    /// # Panics
    /// If the lengths of groups or times are not `n_rows`.
    pub fn splits(&self, input: &SplitInput<'_>, seed: u64) -> Result<Vec<Split>, Error> {
        let n_rows = input.n_rows();
        assert!(input.groups.is_none_or(|groups| groups.len() == n_rows), "a group for each row");
        assert!(input.times.is_none_or(|times| times.len() == n_rows), "a time for each row");
        if n_rows < 2 {
            return Err(Error::Task(format!(
                "{n_rows} rows cannot be split into rows to learn from and rows to check on; at \
                 least 2 rows with a target are needed"
            )));
        }
        match (input.times, *self) {
            (Some(times), plan) => timed::splits(times, input.groups, plan),
            (None, Plan::Folds { n_folds, n_repeats }) => {
                let mut splits = Vec::new();
                for repeat in 0..n_repeats {
                    let mut stream = stream(seed, repeat);
                    let folds = fold_of_rows(input, n_folds, &mut stream)?;
                    splits.extend(splits_of_folds(&folds));
                }
                Ok(splits)
            }
            (None, Plan::HoldOut { n_valid }) => {
                let held_out = held_out(input, n_valid.clamp(1, n_rows - 1), seed)?;
                Ok(vec![split(n_rows, |row| held_out[row], |row| !held_out[row])])
            }
        }
    }
}

fn stream(seed: u64, repeat: usize) -> Stream {
    // Any constant that sets these numbers apart from those of learners with the same seed.
    Stream::new(&[seed, 0x5350_4C49_5453, repeat as u64])
}

/// Fold of each row `(n_rows,)`; no fold is empty.
fn fold_of_rows(
    input: &SplitInput<'_>,
    n_folds: usize,
    stream: &mut Stream,
) -> Result<Vec<u32>, Error> {
    let n_folds = n_folds.clamp(2, input.n_rows());
    let strata = stratified::strata(input.target, n_folds);
    match input.groups {
        None => Ok(stratified::folds(&strata, n_folds, stream)),
        Some(groups) => grouped::folds(groups, &strata, n_folds, stream),
    }
}

/// Whether a row is held out `(n_rows,)`.
fn held_out(input: &SplitInput<'_>, n_valid: usize, seed: u64) -> Result<Vec<bool>, Error> {
    let mut stream = stream(seed, 0);
    let Some(groups) = input.groups else {
        let strata = stratified::strata(input.target, 2);
        return Ok(stratified::hold_out(&strata, n_valid, &mut stream));
    };
    let n_folds = (input.n_rows() as f64 / n_valid as f64).round() as usize;
    let n_folds = n_folds.clamp(2, MAX_GROUPED_PARTS);
    let strata = stratified::strata(input.target, n_folds);
    let folds = grouped::folds(groups, &strata, n_folds, &mut stream)?;
    let mut sizes = vec![0usize; folds.iter().max().map_or(0, |last| *last as usize + 1)];
    folds.iter().for_each(|&fold| sizes[fold as usize] += 1);
    let nearest = (0..sizes.len()).min_by_key(|&fold| sizes[fold].abs_diff(n_valid));
    Ok(folds.iter().map(|&fold| Some(fold as usize) == nearest).collect())
}

fn splits_of_folds(folds: &[u32]) -> Vec<Split> {
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    let of = |fold| split(folds.len(), |row| folds[row] == fold, |row| folds[row] != fold);
    (0..n_folds).map(of).collect()
}

fn split(n_rows: usize, valid: impl Fn(usize) -> bool, train: impl Fn(usize) -> bool) -> Split {
    let rows = |wanted: &dyn Fn(usize) -> bool| -> Vec<u32> {
        (0..n_rows).filter(|&row| wanted(row)).map(|row| row as u32).collect()
    };
    Split { train: rows(&train), valid: rows(&valid) }
}

#[cfg(test)]
mod tests;
