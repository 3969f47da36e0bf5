//! Exhaustive search over a grid by cross-validation, as scikit-learn's `GridSearchCV`: the same
//! folds, mean and standard deviation by point, ranks, and a refit of the best on all rows.
//!
//! Points that differ in nested parameters only share their fits ([`eyas_learn::sweep`]).

use eyas_learn::data::Notice;
use eyas_learn::data::nearest::nearest_name;
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::{LEARNERS, NeverStop, learner};
use eyas_learn::metrics::{METRICS, metric};
use eyas_learn::prune::k_best;
use eyas_learn::splits::{Split, SplitInput, scikit_learn_folds};
use eyas_learn::sweep::{self, Axis, Shared};
use eyas_learn::{Dataset, FitInput, Learner, Metric, Table, Task, TaskOptions, Threads};
use eyas_model::{Member, Model, TaskKind};
use eyas_search::{Config, Parameter, Space, Value};
use serde::Serialize;

use crate::assemble::build_model;
use crate::error::Error;

/// Other names of learners, many of them scikit-learn's.
const ALIASES: &[(&str, &str)] = &[
    ("forest", "random_forest"),
    ("RandomForestClassifier", "random_forest"),
    ("RandomForestRegressor", "random_forest"),
    ("ExtraTreesClassifier", "extra_trees"),
    ("ExtraTreesRegressor", "extra_trees"),
    ("gradient_boosting", "boosting"),
    ("logistic", "linear"),
    ("ridge", "linear"),
    ("elastic_net", "linear"),
];

/// What is to be searched.
#[derive(Debug, Clone)]
pub struct GridOptions {
    /// Target and columns.
    pub task: TaskOptions,
    /// Columns whose kind the user stated.
    pub stated_columns: Vec<String>,
    /// Name of the learner, or one of its other names.
    pub learner: String,
    /// Parameters with their values, as text; a name comes once.
    pub params: Vec<(String, Vec<String>)>,
    /// Number of folds, at least 2; `None` leaves each row out by itself, without a fit for each:
    /// ridge regression only.
    pub folds: Option<usize>,
    /// Whether rows are shuffled before they are dealt, by `seed`.
    pub shuffle: bool,
    /// Metric; accuracy or R2 if absent, as scikit-learn's own scores.
    pub scoring: Option<String>,
    /// Seed of the fits, and of the folds if they are shuffled.
    pub seed: u64,
    /// Threads, at least 1. Results do not depend on them.
    pub threads: usize,
}

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
    /// Their standard deviation (of the folds as a population).
    pub std: f64,
    /// From 1; equal means share the best of their ranks.
    pub rank: usize,
}

/// Searches the grid; the model is the best point fitted on all rows.
///
/// # Errors
/// The caller's mistakes: unknown learners, parameters, values or metrics, folds that the data does
/// not allow.
pub fn grid(table: &Table, options: &GridOptions) -> Result<(GridReport, Model), Error> {
    let learner = find_learner(&options.learner)?;
    let (task, mut notices) = Task::new(table, &options.task)?;
    let build = BuildOptions {
        stated: options.stated_columns.clone(),
        threads: options.threads,
        memory_limit_bytes: None,
        // Only linear models read numbers.
        bins_only: learner.name() != "linear",
        seed: options.seed,
    };
    let (data, more) = Dataset::build(table, &task, &build)?;
    notices.extend(more);
    let mut space = learner.grid_space(&data.facts(data.n_rows));
    without_early_stopping(&mut space);
    space.parameters.push(k_best::parameter());
    let search = Search {
        learner,
        metric: find_metric(options.scoring.as_deref(), data.task())?,
        axes: axes(&space, &options.params)?,
        splits: folds(&data, options)?,
        threads: Threads::new(options.threads),
        seed: options.seed,
        leaves_one_out: options.folds.is_none(),
        space,
        data: &data,
    };
    let shares = sweep::share(&search.space, &search.space.default_config(), &search.axes);
    let scores = search.scores(&shares)?;
    let points = search.points(scores);
    let best = points.iter().position(|point| point.rank == 1).unwrap_or(0);
    check_scores(&points, best, search.metric, &mut notices)?;
    let model = search.refit(&points, best)?;
    let n_folds = search.splits.len();
    let kind = match data.task() {
        _ if search.leaves_one_out => "LeaveOneOut",
        TaskKind::Regression => "KFold",
        _ => "StratifiedKFold",
    };
    let n_alone = if search.leaves_one_out { data.n_rows } else { n_folds };
    let shuffled =
        if options.shuffle { format!(", shuffled by {}", options.seed) } else { String::new() };
    let report = GridReport {
        learner: learner.name().to_owned(),
        metric: search.metric.name.to_owned(),
        higher_is_better: search.metric.higher_is_better,
        n_rows: data.n_rows,
        folds: format!("{kind}({n_alone}{shuffled})"),
        n_fits: shares.len() * n_folds,
        n_fits_alone: points.len() * n_alone,
        nested: shares[0].axes.iter().map(|axis| axis.name.clone()).collect(),
        best: points[best].clone(),
        points,
        notices: notices.into_iter().map(|notice| notice.to_string()).collect(),
    };
    Ok((report, model))
}

/// A fit that looks at the fold it is scored on would be scored too well.
fn without_early_stopping(space: &mut Space) {
    let rounds = |parameter: &&mut Parameter| parameter.name == EARLY_STOPPING;
    if let Some(parameter) = space.parameters.iter_mut().find(rounds) {
        parameter.default = Value::Int(0);
    }
}

const EARLY_STOPPING: &str = "early_stopping_rounds";
/// Most points of a grid.
const MOST_POINTS: usize = 100_000;

/// Fails if no point has a score, and tells if some have none.
fn check_scores(
    points: &[GridPoint],
    best: usize,
    metric: &Metric,
    notices: &mut Vec<Notice>,
) -> Result<(), Error> {
    if points[best].mean.is_nan() {
        return Err(Error::Option {
            option: "--scoring",
            value: format!("`{}`", metric.name),
            expected: "it is not defined on at least one fold of each point: a fold has too few \
                       rows, or only one class; take fewer folds with --cv, --shuffle, or another \
                       metric"
                .into(),
        });
    }
    let n_without = points.iter().filter(|point| point.mean.is_nan()).count();
    if n_without > 0 {
        let what = format!("is not defined for {n_without} of {} points", points.len());
        notices.push(Notice::new(metric.name, what));
    }
    Ok(())
}

/// The learner of a name or one of its other names.
fn find_learner(name: &str) -> Result<&'static dyn Learner, Error> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    learner(alias.map_or(name, |(_, name)| name)).ok_or_else(|| {
        let known: Vec<&str> = LEARNERS.iter().map(|learner| learner.name()).collect();
        let names = known.iter().copied().chain(ALIASES.iter().map(|(alias, _)| *alias));
        let meant = nearest_name(name, names).map(|near| format!("did you mean `{near}`? "));
        let expected = format!(
            "there is no such learner; {}the learners are {}",
            meant.unwrap_or_default(),
            known.join(", ")
        );
        Error::Option { option: "--learner", value: format!("`{name}`"), expected }
    })
}

/// The metric of a name, also with scikit-learn's `neg_` before it.
fn find_metric(name: Option<&str>, kind: TaskKind) -> Result<&'static Metric, Error> {
    let default = if kind == TaskKind::Regression { "r2" } else { "accuracy" };
    let name = name.unwrap_or(default);
    let found = metric(name.strip_prefix("neg_").unwrap_or(name));
    if let Some(found) = found.filter(|metric| metric.tasks.contains(&kind)) {
        return Ok(found);
    }
    let allowed = METRICS.iter().filter(|metric| metric.tasks.contains(&kind));
    let names: Vec<&str> = allowed.map(|metric| metric.name).collect();
    let meant = nearest_name(name, names.iter().copied());
    let meant = meant.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let expected = format!("{meant}this task is scored by one of {}", names.join(", "));
    Err(Error::Option { option: "--scoring", value: format!("`{name}`"), expected })
}

/// Axes by name, as scikit-learn orders them.
fn axes(space: &Space, params: &[(String, Vec<String>)]) -> Result<Vec<Axis>, Error> {
    let mut axes = Vec::new();
    for (name, values) in params {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        axes.push(sweep::axis(space, name, &values)?);
    }
    if axes.iter().any(|axis: &Axis| axis.name == EARLY_STOPPING) {
        return Err(Error::Option {
            option: "--param",
            value: format!("`{EARLY_STOPPING}`"),
            expected: "a fit that stops by the fold it is scored on is scored too well, and the \
                       refit has no such rows; give values of n_estimators instead, they share fits"
                .into(),
        });
    }
    let lengths = axes.iter().map(|axis| axis.values.len());
    let n_points = lengths.fold(1_usize, |product, n| product.saturating_mul(n));
    if n_points > MOST_POINTS {
        return Err(Error::Option {
            option: "--param",
            value: format!("a grid of {n_points} points"),
            expected: format!("at most {MOST_POINTS} can be scored; leave values out"),
        });
    }
    axes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = axes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let value = format!("`{}` twice", pair[0].name);
        let expected = "a parameter is given once, with all its values".into();
        return Err(Error::Option { option: "--param", value, expected });
    }
    Ok(axes)
}

fn folds(data: &Dataset, options: &GridOptions) -> Result<Vec<Split>, Error> {
    let Some(n_folds) = options.folds else {
        if options.shuffle {
            return Err(Error::Option {
                option: "--shuffle",
                value: "given with --cv loo".into(),
                expected: "every row is left out once, in any order; leave --shuffle out".into(),
            });
        }
        return Ok(vec![Split { train: (0..data.n_rows as u32).collect(), valid: Vec::new() }]);
    };
    let shuffle = if options.shuffle {
        let seed = u32::try_from(options.seed).map_err(|_| Error::Option {
            option: "--seed",
            value: options.seed.to_string(),
            expected: "shuffled folds take a seed below 4294967296, as NumPy's generator".into(),
        })?;
        Some(seed)
    } else {
        None
    };
    let input = SplitInput { target: &data.target, groups: None, times: None };
    Ok(scikit_learn_folds(&input, n_folds, shuffle)?)
}

/// A grid on its data.
struct Search<'a> {
    learner: &'static dyn Learner,
    data: &'a Dataset,
    metric: &'static Metric,
    space: Space,
    axes: Vec<Axis>,
    splits: Vec<Split>,
    threads: Threads,
    seed: u64,
    /// Whether rows are left out one by one instead of in folds.
    leaves_one_out: bool,
}

impl Search<'_> {
    /// Losses by point and fold: fits run side by side, and so do the trees of each.
    fn scores(&self, shares: &[Shared]) -> Result<Vec<Vec<f64>>, Error> {
        let n_folds = self.splits.len();
        let fitted = self.threads.map(shares.len() * n_folds, |piece| {
            let (shared, split) = (&shares[piece / n_folds], &self.splits[piece % n_folds]);
            self.losses(shared, split)
        });
        let n_points = shares.iter().map(|shared| shared.points.len()).sum();
        let mut scores = vec![Vec::new(); n_points];
        for (piece, losses) in fitted.into_iter().enumerate() {
            let losses = losses.map_err(|error: eyas_learn::Error| Error::Learn(error))?;
            for (&point, loss) in shares[piece / n_folds].points.iter().zip(losses) {
                scores[point].push(self.metric.value(loss));
            }
        }
        Ok(scores)
    }

    /// Losses of the points that one fit serves.
    fn losses(&self, shared: &Shared, split: &Split) -> Result<Vec<f64>, eyas_learn::Error> {
        let features = self.features();
        let input = self.input(&features, &shared.config, &split.train, &split.valid);
        if self.leaves_one_out {
            return sweep::leave_one_out(self.learner, &input, &shared.axes);
        }
        let fit = sweep::fit(self.learner, &input, &shared.axes)?;
        Ok(fit.model.truncations().iter().map(|truncation| truncation.loss).collect())
    }

    fn features(&self) -> Vec<u32> {
        (0..self.data.n_features() as u32).collect()
    }

    fn input<'i>(
        &'i self,
        features: &'i [u32],
        config: &'i Config,
        train: &'i [u32],
        valid: &'i [u32],
    ) -> FitInput<'i> {
        FitInput {
            data: self.data,
            train,
            valid,
            features,
            metric: self.metric,
            config,
            seed: self.seed,
            stop: &NeverStop,
            threads: &self.threads,
            last_truncation: None,
        }
    }

    fn points(&self, scores: Vec<Vec<f64>>) -> Vec<GridPoint> {
        let summed = scores.into_iter().zip(sweep::points(&self.axes)).map(|(scores, values)| {
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            let std = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n).sqrt();
            let names = self.axes.iter().map(|axis| axis.name.clone());
            let params = names.zip(values.into_iter().cloned()).collect();
            GridPoint { params, scores, mean, std, rank: 0 }
        });
        let mut points: Vec<GridPoint> = summed.collect();
        let sign = if self.metric.higher_is_better { -1.0 } else { 1.0 };
        // What has no score comes last.
        let key = |point: &GridPoint| match point.mean.is_nan() {
            true => f64::INFINITY,
            false => sign * point.mean,
        };
        let keys: Vec<f64> = points.iter().map(key).collect();
        for (point, own) in points.iter_mut().zip(&keys) {
            point.rank = 1 + keys.iter().filter(|other| *other < own).count();
        }
        points
    }

    /// The best point, fitted on all rows.
    fn refit(&self, points: &[GridPoint], best: usize) -> Result<Model, Error> {
        let single = |(name, value): &(String, Value)| Axis {
            name: name.clone(),
            values: vec![value.clone()],
        };
        let axes: Vec<Axis> = points[best].params.iter().map(single).collect();
        let mut shares = sweep::share(&self.space, &self.space.default_config(), &axes);
        let shared = shares.pop().expect("a point is a grid");
        let all: Vec<u32> = (0..self.data.n_rows as u32).collect();
        let features = self.features();
        let input = self.input(&features, &shared.config, &all, &[]);
        let fit = sweep::fit(self.learner, &input, &shared.axes)?;
        let last = fit.model.truncations().len() - 1;
        let member = Member { weight: 1.0, link: fit.model.link(), part: fit.model.part(last) };
        let notes = serde_json::json!({
            "metric": self.metric.name,
            "grid": {"learner": self.learner.name(), "best": points[best]},
        });
        Ok(build_model(self.data, vec![member], notes.to_string()))
    }
}
