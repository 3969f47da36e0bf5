//! Exhaustive search over a grid by cross-validation, as scikit-learn's `GridSearchCV`: the same
//! folds, mean and standard deviation by point, ranks, and a refit of the best on all rows. Forests
//! can be scored on the rows that their trees leave out instead: one fit on all rows then.
//!
//! Points that differ in nested parameters only share their fits ([`eyas_learn::sweep`]).

use eyas_learn::dataset::BuildOptions;
use eyas_learn::prune::k_best;
use eyas_learn::splits::{Split, SplitInput, scikit_learn_folds, scikit_learn_group_folds};
use eyas_learn::sweep::{self, Axis};
use eyas_learn::task::Facts;
use eyas_learn::{Dataset, Table, Task, TaskOptions, Threads};
use eyas_model::{Member, Model, TaskKind};
use eyas_search::{Space, Value};
use serde::Serialize;

use crate::assemble::build_model;
use crate::error::Error;

mod names;
mod search;

use names::{Scoring, axes, find_learner, with_oob_score, without_early_stopping};
use search::{Scored, Search};

/// What is to be searched.
#[derive(Debug, Clone)]
pub struct GridOptions {
    /// Target and columns. Weights count in fits and in scores; rows of one group are in one fold.
    pub task: TaskOptions,
    /// Columns whose kind the user stated.
    pub stated_columns: Vec<String>,
    /// Name of the learner, or one of its other names.
    pub learner: String,
    /// Parameters with their values, as text; a name comes once.
    pub params: Vec<(String, Vec<String>)>,
    /// Which rows are scored.
    pub validation: GridValidation,
    /// Metric; accuracy or R2 if absent, as scikit-learn's own scores.
    pub scoring: Option<String>,
    /// Seed of the fits, and of the folds if they are shuffled.
    pub seed: u64,
    /// Threads, at least 1. Results do not depend on them.
    pub threads: usize,
}

/// Which rows a point is scored on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GridValidation {
    /// Those of each fold, by a fit on the others.
    Folds {
        /// Number of folds, at least 2.
        n: usize,
        /// Whether rows are shuffled before they are dealt, by the seed.
        shuffle: bool,
    },
    /// All, each by the trees that did not draw it: forests only.
    OutOfBag,
    /// All, each by the fit of all others, without making it: ridge regression only.
    LeaveOneOut,
}

/// Told how many fits are done, of how many; from any thread.
pub type FitsDone<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// What a grid gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridReport {
    /// Name of the learner.
    pub learner: String,
    /// Name of the metric.
    pub metric: String,
    /// Whether larger scores are better.
    pub higher_is_better: bool,
    /// Rows with a target.
    pub n_rows: usize,
    /// How rows were dealt, e.g. `StratifiedKFold(5)`.
    pub folds: String,
    /// Fits that were made for the scores.
    pub n_fits: usize,
    /// Fits that one for each point and fold would have been.
    pub n_fits_alone: usize,
    /// The parameters of the grid that shared fits.
    pub nested: Vec<String>,
    /// The best point, the first of rank 1.
    pub best: GridPoint,
    /// All points, in the order of scikit-learn's `ParameterGrid`.
    pub points: Vec<GridPoint>,
    /// What was noticed about the data.
    pub notices: Vec<String>,
}

/// The scores of one point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridPoint {
    /// Parameters and values, by name.
    pub params: Vec<(String, Value)>,
    /// Score of each fold.
    pub scores: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (of the folds as a population); none of a single score.
    pub std: Option<f64>,
    /// From 1; equal means share the best of their ranks.
    pub rank: usize,
}

/// The parameters that a grid of this learner may name, for a task of this kind.
///
/// # Errors
/// There is no such learner.
pub fn parameters(learner: &str, kind: TaskKind) -> Result<Space, Error> {
    // Ranges and defaults depend on the kind alone; the figures are those of a table of middle size.
    let n_outputs = if kind == TaskKind::Multiclass { 3 } else { 1 };
    let facts =
        Facts { kind, n_rows: 1000, n_features: 10, n_categorical: 0, n_outputs, n_bins: 1000 };
    let mut space = find_learner(learner)?.grid_space(&facts);
    without_early_stopping(&mut space);
    space.parameters.retain(|parameter| !names::is_refused(parameter.name));
    space.parameters.push(k_best::parameter());
    Ok(space)
}

/// Searches the grid; the model is the best point fitted on all rows. `done` is told of every fit.
///
/// # Errors
/// The caller's mistakes: unknown learners, parameters, values or metrics, folds that the data does
/// not allow.
pub fn grid(
    table: &Table,
    options: &GridOptions,
    done: FitsDone<'_>,
) -> Result<(GridReport, Model), Error> {
    let learner = find_learner(&options.learner)?;
    let (task, noticed) = Task::new(table, &options.task)?;
    let build = BuildOptions {
        stated: options.stated_columns.clone(),
        threads: options.threads,
        memory_limit_bytes: None,
        // Only linear models read numbers.
        bins_only: learner.name() != "linear",
        seed: options.seed,
    };
    let (data, more) = Dataset::build(table, &task, &build)?;
    let mut notices: Vec<String> = noticed.iter().chain(&more).map(ToString::to_string).collect();
    let mut space = learner.grid_space(&data.facts(data.n_rows));
    without_early_stopping(&mut space);
    space.parameters.push(k_best::parameter());
    if options.validation == GridValidation::OutOfBag {
        with_oob_score(&mut space)?;
    }
    let (splits, folds) = splits(&data, task.groups.as_deref(), options)?;
    let search = Search {
        learner,
        scoring: Scoring::find(options.scoring.as_deref(), data.task())?,
        axes: axes(&space, &options.params, &mut notices)?,
        splits,
        threads: Threads::new(options.threads),
        seed: options.seed,
        leaves_one_out: options.validation == GridValidation::LeaveOneOut,
        space,
        data: &data,
    };
    let shares = sweep::share(&search.space, &search.space.default_config(), &search.axes);
    let Scored { scores, whole, n_unscored } = search.scores(&shares, done)?;
    let points = search.points(scores);
    let best = points.iter().position(|point| point.rank == 1).unwrap_or(0);
    check_scores(&points, best, &search.scoring.name(), &mut notices)?;
    notices.extend(unscored(&n_unscored, data.n_rows));
    let n_splits = search.splits.len();
    let n_alone = if search.leaves_one_out { data.n_rows } else { n_splits };
    let report = GridReport {
        learner: learner.name().to_owned(),
        metric: search.scoring.name(),
        higher_is_better: search.scoring.higher_is_better(),
        n_rows: data.n_rows,
        folds,
        n_fits: shares.len() * n_splits,
        n_fits_alone: points.len() * n_alone,
        nested: shares[0].axes.iter().map(|axis| axis.name.clone()).collect(),
        best: points[best].clone(),
        points,
        notices,
    };
    let (fit, truncation) = match whole {
        Some(fit) => (fit, best),
        None => {
            let fit = search.refit(&report.best)?;
            let last = fit.model.truncations().len() - 1;
            (fit, last)
        }
    };
    let member = Member { weight: 1.0, link: fit.model.link(), part: fit.model.part(truncation) };
    let notes = notes(&report, &search.axes, options.seed);
    Ok((report, build_model(&data, vec![member], notes)))
}

/// How the model was found, for those who inspect it.
fn notes(report: &GridReport, axes: &[Axis], seed: u64) -> String {
    let params: Vec<_> = axes.iter().map(|axis| (&axis.name, &axis.values)).collect();
    let notes = serde_json::json!({
        "metric": report.metric,
        "grid": {
            "learner": report.learner,
            "params": params,
            "folds": report.folds,
            "n_rows": report.n_rows,
            "n_points": report.points.len(),
            "seed": seed,
            "best": report.best,
        },
    });
    notes.to_string()
}

/// Tells if rows were in the bags of all trees.
fn unscored(n_unscored: &[(usize, usize)], n_rows: usize) -> Option<String> {
    let &(n_trees, n) = n_unscored.iter().max_by_key(|(_, n_unscored)| *n_unscored)?;
    let what = format!(
        "--cv oob leaves out {n} of {n_rows} rows where trees are {n_trees}: all of these drew \
         them; scores of more trees are of more rows"
    );
    (n > 0).then_some(what)
}

/// Fails if no point has a score, and tells if some have none.
fn check_scores(
    points: &[GridPoint],
    best: usize,
    metric: &str,
    notices: &mut Vec<String>,
) -> Result<(), Error> {
    if points[best].mean.is_nan() {
        return Err(Error::Option {
            option: "--scoring",
            value: format!("`{metric}`"),
            expected: "it is not defined on at least one fold of each point: a fold has too few \
                       rows, or only one class; take fewer folds with --cv, --shuffle, or another \
                       metric"
                .into(),
        });
    }
    let n_without = points.iter().filter(|point| point.mean.is_nan()).count();
    if n_without > 0 {
        let n_points = points.len();
        notices.push(format!("{metric} is not defined for {n_without} of {n_points} points"));
    }
    Ok(())
}

/// The rows of each fit, and how they were dealt.
fn splits(
    data: &Dataset,
    groups: Option<&[u32]>,
    options: &GridOptions,
) -> Result<(Vec<Split>, String), Error> {
    let GridValidation::Folds { n, shuffle } = options.validation else {
        let train = (0..data.n_rows as u32).collect();
        let words = match options.validation {
            GridValidation::LeaveOneOut => format!("LeaveOneOut({})", data.n_rows),
            _ => "out-of-bag rows".into(),
        };
        return Ok((vec![Split { train, valid: Vec::new() }], words));
    };
    if let Some(groups) = groups {
        if shuffle {
            return Err(Error::Option {
                option: "--shuffle",
                value: "given with --groups".into(),
                expected: "groups are dealt by their size; leave --shuffle out".into(),
            });
        }
        return Ok((scikit_learn_group_folds(groups, n)?, format!("GroupKFold({n})")));
    }
    let seed = match shuffle {
        true => Some(u32::try_from(options.seed).map_err(|_| Error::Option {
            option: "--seed",
            value: options.seed.to_string(),
            expected: "shuffled folds take a seed below 4294967296, as NumPy's generator".into(),
        })?),
        false => None,
    };
    let input = SplitInput { target: &data.target, groups: None, times: None };
    let kind = if data.task() == TaskKind::Regression { "KFold" } else { "StratifiedKFold" };
    let shuffled = seed.map_or_else(String::new, |seed| format!(", shuffled by {seed}"));
    Ok((scikit_learn_folds(&input, n, seed)?, format!("{kind}({n}{shuffled})")))
}
