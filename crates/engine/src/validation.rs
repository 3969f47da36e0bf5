//! Which rows are learned from, which are validated on, and which nobody sees until the end.

use eyas_learn::splits::{self, Plan, Split, SplitInput, SplitOptions};
use eyas_learn::{Dataset, Target, Task};

use crate::error::Error;
use crate::options::Validation;

/// From this many rows on, a share of them is sealed: no trial sees it, the final score is its.
/// Smaller data has folds, whose models are the final ones: what is sealed would be lost to them.
pub const SEALED_FROM_ROWS: usize = 20_000;
/// Fewer rows than these have folds whatever they cost.
const HOLD_OUT_IF_DEAR_FROM: usize = 1_500;
const SEALED_SHARE: f64 = 0.1;
const SEALED_MOST_ROWS: usize = 20_000;

/// How the rows of a run are used.
#[derive(Debug)]
pub struct Rows {
    /// Folds, or one hold-out.
    pub splits: Vec<Split>,
    /// Rows of the final score, ascending; empty for small data.
    pub sealed: Vec<u32>,
    /// Validation rows of all splits, one after the other.
    pub pooled: Vec<u32>,
    /// Every row that the final model may learn from, ascending.
    pub all: Vec<u32>,
    /// In words, e.g. `5 folds`.
    pub words: String,
}

/// Decides how the rows are used.
///
/// Where `dear`, the budget is too small for folds: a fifth of the rows is held out instead, unless
/// there are so few that it would tell nothing.
///
/// With a validation table its rows come last in `data`: the last `n_validation_rows` ones.
///
/// # Errors
/// A number of folds or a share that the data does not allow.
pub fn plan(
    data: &Dataset,
    task: &Task,
    wish: &Validation,
    n_validation_rows: usize,
    dear: bool,
    seed: u64,
) -> Result<Rows, Error> {
    let every: Vec<u32> = (0..data.n_rows as u32).collect();
    if n_validation_rows > 0 {
        let first = data.n_rows - n_validation_rows;
        let (train, valid) = every.split_at(first);
        let split = Split { train: train.to_vec(), valid: valid.to_vec() };
        let words = format!("a file of {n_validation_rows} rows");
        return Ok(Rows::new(vec![split], Vec::new(), train.to_vec(), words));
    }
    let every_row = Chosen::new(data, task, every);
    let (open, sealed) = every_row.sealed(seed)?;
    let open = Chosen::new(data, task, open);
    let options = match wish {
        Validation::Folds(n) => SplitOptions { folds: Some(*n), ..Default::default() },
        Validation::Holdout(share) => SplitOptions { hold_out: Some(*share), ..Default::default() },
        _ if dear && open.rows.len() >= HOLD_OUT_IF_DEAR_FROM => {
            SplitOptions { hold_out: Some(0.2), ..Default::default() }
        }
        Validation::Auto | Validation::Table(_) => SplitOptions::default(),
    };
    let n_rows = open.rows.len();
    let plan = splits::choose(n_rows, n_rows * data.n_features(), &options)?;
    let splits = open.split(plan, seed)?;
    let words = match plan {
        Plan::Folds { .. } => format!("{} folds", splits.len()),
        Plan::HoldOut { .. } => format!("{} rows held out", splits[0].valid.len()),
    };
    Ok(Rows::new(splits, sealed, every_row.rows, words))
}

impl Rows {
    fn new(splits: Vec<Split>, sealed: Vec<u32>, all: Vec<u32>, words: String) -> Rows {
        let pooled = splits.iter().flat_map(|split| split.valid.iter().copied()).collect();
        Rows { splits, sealed, pooled, all, words }
    }

    /// Rows that a trial learns from, at most.
    pub fn n_train(&self) -> usize {
        self.splits.iter().map(|split| split.train.len()).max().unwrap_or(0)
    }
}

/// Some rows with what splitting must know of them.
struct Chosen {
    rows: Vec<u32>,
    target: Target,
    groups: Option<Vec<u32>>,
    times: Option<Vec<f64>>,
}

impl Chosen {
    fn new(data: &Dataset, task: &Task, rows: Vec<u32>) -> Chosen {
        fn of<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| values[row as usize]).collect()
        }
        let target = match &data.target {
            Target::Numbers(values) => Target::Numbers(of(values, &rows)),
            Target::Classes(codes) => Target::Classes(of(codes, &rows)),
        };
        let groups = task.groups.as_ref().map(|groups| of(groups, &rows));
        let times = task.times.as_ref().map(|times| of(times, &rows));
        Chosen { rows, target, groups, times }
    }

    /// Splits in row numbers of the dataset.
    fn split(&self, plan: Plan, seed: u64) -> Result<Vec<Split>, Error> {
        let (groups, times) = (self.groups.as_deref(), self.times.as_deref());
        let input = SplitInput { target: &self.target, groups, times };
        let of = |places: &[u32]| places.iter().map(|&place| self.rows[place as usize]).collect();
        let splits = plan.splits(&input, seed)?;
        Ok(splits.iter().map(|s| Split { train: of(&s.train), valid: of(&s.valid) }).collect())
    }

    /// Open and sealed rows.
    fn sealed(&self, seed: u64) -> Result<(Vec<u32>, Vec<u32>), Error> {
        let n_rows = self.rows.len();
        if n_rows < SEALED_FROM_ROWS {
            return Ok((self.rows.clone(), Vec::new()));
        }
        let share = SEALED_SHARE.min(SEALED_MOST_ROWS as f64 / n_rows as f64);
        let plan = Plan::HoldOut { n_valid: (share * n_rows as f64) as usize };
        let mut split = self.split(plan, seed ^ 0x5EA1)?;
        let split = split.pop().expect("a hold-out is one split");
        Ok((split.train, split.valid))
    }
}
