//! Learners: one file each, and one line in [`LEARNERS`].
//!
//! A fit scores *every* truncation of itself: a trial is a curve, not a point.

use std::fmt::Debug;

use eyas_model::{Link, Part, Shape};
use eyas_search::{Config, Space};

use crate::checkpoints::Checkpoints;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::metrics::Metric;
use crate::sweep::Axis;
use crate::task::Facts;
use crate::threads::Threads;

pub mod baseline;
pub mod boosting;
mod checked;
pub mod extra_trees;
pub mod forest;
mod growing;
pub mod linear;
pub mod mlp;
mod out_of_bag;

pub use out_of_bag::OutOfBag;

/// Every learner, in the order of reports and of first trials.
pub static LEARNERS: &[&dyn Learner] = &[
    &baseline::Baseline,
    &linear::LinearModel,
    &boosting::Boosting,
    &forest::RandomForest,
    &extra_trees::ExtraTrees,
    &mlp::Mlp,
];

/// The learner of this name.
pub fn learner(name: &str) -> Option<&'static dyn Learner> {
    LEARNERS.iter().copied().find(|learner| learner.name() == name)
}

/// Told how much work is done, it says when to end; asked once a tree or epoch, so an answer must
/// cost well under a microsecond.
pub trait Stop: Sync {
    /// Adds `work` units (one unit: one histogram update, one multiply-add, or like it) to what
    /// this fit has used, and says whether the fit must end now. What is fitted so far is kept.
    fn spent(&self, work: u64) -> bool;
}

/// Never ends a fit early.
#[derive(Debug, Clone, Copy)]
pub struct NeverStop;

impl Stop for NeverStop {
    fn spent(&self, _work: u64) -> bool {
        false
    }
}

/// All that a fit may depend on. Equal inputs give byte-identical fits on any number of threads,
/// unless `stop` ends one early.
#[derive(Clone, Copy)]
pub struct FitInput<'a> {
    /// All rows.
    pub data: &'a Dataset,
    /// Rows to learn from, ascending.
    pub train: &'a [u32],
    /// Rows to score truncations on, ascending; disjoint from `train`. Empty: nothing is scored,
    /// no early stopping, and the grid goes up to what the configuration says.
    pub valid: &'a [u32],
    /// Features that may be used, ascending.
    pub features: &'a [u32],
    /// What is minimised on `valid`.
    pub metric: &'a Metric,
    /// Values of the learner's parameters; absent ones take their defaults.
    pub config: &'a Config,
    /// Seed of all randomness.
    pub seed: u64,
    /// Ends the fit early.
    pub stop: &'a dyn Stop,
    /// Threads that the fit may use; its results do not depend on how many there are.
    pub threads: &'a Threads,
    /// Fit no further than this entry of the grid: of a refit no more is wanted.
    pub last_truncation: Option<usize>,
    /// Where the fit goes on from if it was cut off before, and where its state is kept now and then.
    pub checkpoints: &'a dyn Checkpoints,
}

/// One truncation of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Truncation {
    /// The nested parameter and its value, e.g. `n_estimators=120`; equal labels mean equal
    /// truncations across folds.
    pub label: String,
    /// Loss on the validation rows; NaN where there are none.
    pub loss: f64,
    /// What it would cost to predict with.
    pub shape: Shape,
}

/// A fit and all its truncations.
///
/// Grids are fixed by the configuration, so that entry `i` of two folds is the same truncation;
/// a fold that ended early has a shorter grid.
pub trait FittedModel: Debug + Send + Sync {
    /// The grid, by ascending cost.
    fn truncations(&self) -> &[Truncation];

    /// The model of one truncation.
    fn part(&self, truncation: usize) -> Part;

    /// From its scores to predictions.
    fn link(&self) -> Link;

    /// What happened by step, for reports.
    fn steps(&self) -> &[Step] {
        &[]
    }

    /// Predictions of the training rows by those parts of the model that did not learn from them,
    /// where the configuration asks for them (`oob_score` of forests).
    fn out_of_bag(&self) -> Option<&OutOfBag> {
        None
    }

    /// Which schedule the learning rate followed, and why; empty where there is none to speak of.
    fn schedule(&self) -> &str {
        ""
    }
}

/// One step of a training that has steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Round or epoch, counted from 0.
    pub step: u64,
    /// Learning rate used.
    pub learning_rate: f64,
    /// Validation loss after it; NaN where there is none.
    pub loss: f64,
    /// How often the training went back to its last good state in it, having diverged.
    pub n_recovered: u32,
}

/// How a fit ended.
#[derive(Debug)]
pub struct Fit {
    /// The model and its truncations; at least one truncation.
    pub model: Box<dyn FittedModel>,
    /// Whether [`Stop`] ended it early.
    pub stopped: bool,
}

/// A way to learn.
pub trait Learner: Sync {
    /// Name in configurations and reports.
    fn name(&self) -> &'static str;

    /// Where the method comes from: authors, year, title, DOI or arXiv id.
    fn references(&self) -> &'static [&'static str];

    /// Its parameters for a task of these facts. Only here are they declared.
    fn space(&self, facts: &Facts) -> Space;

    /// Configurations to try first, best guess first; the first one is the default.
    fn portfolio(&self, facts: &Facts) -> Vec<Config>;

    /// Work units that a fit is expected to spend.
    fn work(&self, facts: &Facts, config: &Config) -> u64;

    /// What a model fitted so would cost at the least (its cheapest truncation), before it is
    /// trained.
    fn cheapest_shape(&self, facts: &Facts, config: &Config) -> Shape;

    /// Whether a run whose budget is small does without it: its price then decides nothing, neither
    /// how rows are validated nor whether newcomers are screened.
    fn is_extra(&self) -> bool {
        false
    }

    /// Bytes of memory that a fit needs beyond the data.
    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64;

    /// Fits.
    ///
    /// # Errors
    /// A parameter out of its range. Divergence is not an error: such truncations have a NaN or
    /// infinite loss.
    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error>;

    /// Its parameters in a grid that a user gives ([`crate::sweep`]): those of [`Learner::space`],
    /// and such as are no use to a search. Here every parameter is nested that a grid shares.
    fn grid_space(&self, facts: &Facts) -> Space {
        self.space(facts)
    }

    /// Fits once and scores every point of a grid of nested parameters, in the grid's order, however
    /// many there are; `None` if only the learner's own truncations can serve.
    fn fit_grid(&self, _input: &FitInput<'_>, _axes: &[Axis]) -> Option<Result<Fit, Error>> {
        None
    }

    /// As [`sweep::fit`](crate::sweep::fit) for each of these sets of features, ascending, instead of
    /// those of the input; `None` if a fit a set is all there is to do.
    fn fit_feature_sets(
        &self,
        _input: &FitInput<'_>,
        _sets: &[Vec<u32>],
        _axes: &[Axis],
    ) -> Option<Result<Vec<Fit>, Error>> {
        None
    }

    /// Losses of every point of a grid of nested parameters, in the grid's order, where each
    /// training row is predicted by the fit of all the others; `None` if that takes a fit a row.
    /// The rows to validate on are not used.
    ///
    /// # Errors
    /// A parameter out of its range, or one with which it takes a fit a row.
    fn leave_one_out(
        &self,
        _input: &FitInput<'_>,
        _axes: &[Axis],
    ) -> Option<Result<Vec<f64>, Error>> {
        None
    }
}
