//! One fit, every truncation: trees are grown once, under the laxest limits, and scored as they
//! are made.
//!
//! Where a number of trees of the plan is reached, the sums of each of the limits are a truncation.
//! Trees are grown side by side, a few at a time, and added in their order.

use std::sync::Mutex;

use eyas_model::tree::{TreeOutput, Trees};
use eyas_model::{Link, Part, Shape, TaskKind};

use super::blocks::ByRow;
use super::checkpoint::Checkpoint;
use super::classes::Classes;
use super::columns::{Column, columns};
use super::flags::Flags;
use super::grow::{Grower, Grown, Growth};
use super::limits::Limits;
use super::moments::Moments;
use super::plan::Plan;
use super::sample::Pool;
use super::scoring::{Counts, Marked, Sums, Table};
use super::settings::Settings;
use super::statistic::Statistic;
use super::validation::Validation;
use crate::error::Error;
use crate::learners::baseline::prior;
use crate::learners::{Fit, FitInput, FittedModel, OutOfBag, Truncation};
use crate::random::key;
use crate::sweep::Axis;

/// Work is reported after so much of it, a few milliseconds.
const REPORTED_WORK: u64 = 1 << 20;
/// Trees grown side by side, for each thread.
const TREES_A_THREAD: usize = 8;
/// Kinds of keys of random numbers, so that those of rows and of nodes differ.
pub(super) const ROWS: u64 = 1;
const NODES: u64 = 2;

/// Fits a forest and scores the truncations of a trial.
///
/// # Errors
/// Scores out of bags where there are none, or other rows to be scored.
pub(in crate::learners) fn fit(input: &FitInput<'_>, settings: &Settings) -> Result<Fit, Error> {
    fit_plan(input, settings, Plan::of_trial(settings, input.last_truncation))
}

/// Fits a forest and scores every point of a grid of nested parameters, in its order.
///
/// # Errors
/// An axis or a value that is none of the nested ones; else as [`fit`].
pub(in crate::learners) fn fit_grid(
    input: &FitInput<'_>,
    settings: &Settings,
    axes: &[Axis],
) -> Result<Fit, Error> {
    fit_plan(input, settings, Plan::of_grid(settings, axes)?)
}

fn fit_plan(input: &FitInput<'_>, settings: &Settings, plan: Plan) -> Result<Fit, Error> {
    settings.check_oob(input.valid.len())?;
    let prior = prior(input.data, input.train);
    let entropy = settings.entropy;
    Ok(match input.data.task() {
        TaskKind::Multiclass => {
            let forest = Forest::new(input, settings, plan, 0.0, prior.len());
            let (n_classes, whole) = (prior.len(), forest.pool.is_whole());
            forest.fit(|| Classes::new(n_classes, entropy, whole), &prior)
        }
        TaskKind::Binary => Forest::new(input, settings, plan, 0.0, prior.len())
            .fit(|| Moments::binary(entropy), &prior),
        TaskKind::Regression => Forest::new(input, settings, plan, prior[0], prior.len())
            .fit(Moments::regression, &[0.0]),
    })
}

/// A forest in the making.
struct Forest<'a> {
    input: &'a FitInput<'a>,
    settings: &'a Settings,
    plan: Plan,
    growth: Growth,
    /// Subtracted from numbers, and the start of every sum.
    center: f64,
    width: usize,
    pool: Pool,
    validation: Validation<'a>,
    sums: Sums,
    /// By row: trees that did not draw it, where these are what it is scored by.
    n_out: Option<Vec<u32>>,
    /// Numbers of trees, and rows that all of them drew.
    n_unscored: Vec<(usize, usize)>,
    counts: Counts,
    trees: Vec<Grown>,
    checkpoint: Checkpoint,
    /// One a point of the plan, where it is scored yet.
    truncations: Vec<Option<Truncation>>,
}

impl<'a> Forest<'a> {
    fn new(
        input: &'a FitInput<'a>,
        settings: &'a Settings,
        plan: Plan,
        center: f64,
        width: usize,
    ) -> Forest<'a> {
        let n_limits = plan.limits.len();
        let laxest = Limits::laxest(&plan.limits);
        let growth = Growth {
            max_depth: laxest.max_depth,
            min_samples_split: laxest.min_samples_split,
            min_impurity_decrease: laxest.min_impurity_decrease,
            ..settings.growth
        };
        let pool = Pool::new(input.data, input.train, center);
        let validation = match settings.oob_score {
            true => Validation::over(input, pool.rows().to_vec().into()),
            false => Validation::new(input),
        };
        Forest {
            input,
            settings,
            growth,
            center,
            width,
            sums: Sums::new(validation.rows.len(), n_limits, width),
            n_out: settings.oob_score.then(|| vec![0; pool.len()]),
            n_unscored: Vec::new(),
            pool,
            validation,
            counts: Counts::new(n_limits, input.features.len()),
            trees: Vec::new(),
            checkpoint: Checkpoint::new(input, settings.n_estimators, width),
            truncations: vec![None; plan.points.len()],
            plan,
        }
    }

    fn fit<S: Statistic + Send>(mut self, statistic: impl Fn() -> S + Sync, prior: &[f64]) -> Fit {
        let columns = columns(self.input);
        let by_row = ByRow::new(&columns, self.growth.n_tried);
        let flags = Flags::new(&columns);
        let table = Table { columns: &columns, by_row: by_row.as_ref() };
        let prior: Vec<f32> = prior.iter().map(|&value| value as f32).collect();
        let growth = self.growth;
        let growers = Growers {
            idle: Mutex::new(Vec::new()),
            make: || {
                let (by_row, flags) = (by_row.as_ref(), flags.as_ref());
                Grower::new(&columns, by_row, flags, growth, statistic(), prior.clone())
            },
        };
        let mut stopped = false;
        for n_trees in self.plan.steps() {
            while self.trees.len() < n_trees && !stopped {
                stopped = !self.add_trees(&growers, &table, n_trees);
            }
            if self.trees.len() < n_trees {
                break;
            }
            self.score(&columns);
        }
        if !stopped {
            self.checkpoint.keep(self.input, &self.trees, true);
        }
        drop(growers);
        let columns = columns.into_iter().map(Column::without_bytes).collect();
        Fit { model: Box::new(self.finish(columns, &prior)), stopped }
    }

    /// Grows and scores the next trees; returns whether that was done before the fit had to end.
    fn add_trees<'g, S: Statistic + Send, F: Fn() -> Grower<'g, S> + Sync>(
        &mut self,
        growers: &Growers<'g, S, F>,
        table: &Table<'_>,
        n_trees: usize,
    ) -> bool {
        let n_threads = self.input.threads.count();
        // One thread grows a tree at a time, so that all that is done is kept.
        let n_beside = if n_threads > 1 { n_threads * TREES_A_THREAD } else { 1 };
        let first = self.trees.len();
        let n_new = n_beside.min(n_trees - first);
        let grown = self.input.threads.map(n_new, |place| self.grow(growers, first + place));
        let mut goes_on = true;
        let mut trees = Vec::new();
        for (tree, may_go_on) in grown {
            goes_on &= may_go_on;
            let Some(tree) = tree else { break };
            self.counts.add(&tree, self.width);
            if let (Some(n_out), Some(places)) = (&mut self.n_out, &tree.scored) {
                places.iter().for_each(|&place| n_out[place as usize] += 1);
            }
            trees.push(tree);
        }
        self.sums.add(&trees, table, &self.validation.rows, self.input.threads);
        self.trees.extend(trees.into_iter().map(|tree| tree.grown));
        if goes_on {
            self.checkpoint.keep(self.input, &self.trees, false);
        }
        // A tree that is done is kept, even if the fit ends with it.
        goes_on || self.trees.len() == self.settings.n_estimators.max(n_trees)
    }

    /// One tree, `None` if the fit has to end in it, and whether the fit may go on.
    fn grow<'g, S: Statistic, F: Fn() -> Grower<'g, S>>(
        &self,
        growers: &Growers<'g, S, F>,
        tree: usize,
    ) -> (Option<Marked>, bool) {
        let mut grower = growers.take();
        let (seed, tree) = (self.input.seed, tree as u64);
        let rows_key = [seed, tree, ROWS];
        self.pool.draw(self.settings.draw, &rows_key, &mut grower.rows, &mut grower.examples);
        let scored = self.n_out.is_some().then(|| self.pool.left_out(&grower.rows));
        let mut unreported = self.pool.len() as u64;
        let mut work = unreported;
        let stop = self.input.stop;
        let mut spend = |more| {
            (work, unreported) = (work + more, unreported + more);
            unreported >= REPORTED_WORK && stop.spent(std::mem::take(&mut unreported))
        };
        let grown = match self.checkpoint.take(tree as usize) {
            Some((grown, before)) => {
                (work, unreported) = (before, before);
                Some(grown)
            }
            None => grower.grow(key(&[seed, tree, NODES]), &mut spend),
        };
        self.checkpoint.note(tree as usize, work);
        growers.give_back(grower);
        let Some(grown) = grown else { return (None, false) };
        let marked = Marked::new(grown, scored, &self.plan.limits, self.input.features.len());
        let may_go_on = !stop.spent(unreported) || self.checkpoint.has(tree as usize + 1);
        (Some(marked), may_go_on)
    }

    /// Scores the trees made so far, where the plan has points of so many.
    fn score(&mut self, columns: &[Column<'_>]) {
        let n_trees = self.trees.len();
        let of_now = |point: &usize| self.plan.points[*point].n_trees == n_trees;
        let points: Vec<usize> = (0..self.plan.points.len()).filter(of_now).collect();
        let places = self.scored_places();
        let fewer = places.as_ref().map(|places| self.validation.of(places));
        if let Some(places) = &places {
            self.n_unscored.push((n_trees, self.validation.rows.len() - places.len()));
        }
        let validation = fewer.as_ref().unwrap_or(&self.validation);
        let loss = |place: usize| {
            let limits = self.plan.points[points[place]].limits;
            if place > 0 && self.is_as_before(points[place - 1], points[place]) {
                return None;
            }
            Some(validation.loss(&self.means(limits, places.as_deref())))
        };
        let losses = self.input.threads.map(points.len(), loss);
        let mut before = f64::NAN;
        for (&point, loss) in points.iter().zip(losses) {
            before = loss.unwrap_or(before);
            let shape = self.counts.shape(self.plan.points[point].limits, columns);
            let label = self.plan.points[point].label.clone();
            self.truncations[point] = Some(Truncation { label, loss: before, shape });
        }
    }

    /// Places of the rows that have a prediction, where not all have.
    fn scored_places(&self) -> Option<Vec<usize>> {
        let n_out = self.n_out.as_ref()?;
        Some((0..n_out.len()).filter(|&place| n_out[place] > 0).collect())
    }

    /// Predictions of the rows at `places`, or of all, by the trees made so far.
    fn means(&self, limits: usize, places: Option<&[usize]>) -> Vec<f64> {
        let n_trees = self.trees.len();
        let of = |place: usize| self.n_out.as_ref().map_or(n_trees, |out| out[place] as usize);
        let means = self.sums.means(limits, of, self.center);
        match places {
            Some(places) if places.len() < self.validation.rows.len() => {
                let of_row = |&place: &usize| &means[place * self.width..][..self.width];
                places.iter().flat_map(of_row).copied().collect()
            }
            _ => means,
        }
    }

    /// What trees say of rows that they did not draw, if that is what they are scored by.
    fn out_of_bag(&mut self) -> Option<OutOfBag> {
        let places = self.scored_places()?;
        let n_trees = self.plan.points.iter().map(|point| point.n_trees).max();
        let last = self.plan.points.iter().rfind(|point| Some(point.n_trees) == n_trees)?;
        let n_out = self.n_out.as_ref()?;
        Some(OutOfBag {
            rows: places.iter().map(|&place| self.validation.rows[place]).collect(),
            n_trees: places.iter().map(|&place| n_out[place]).collect(),
            predictions: self.means(last.limits, Some(&places)),
            n_unscored: std::mem::take(&mut self.n_unscored),
        })
    }

    /// Whether the truncation is the one before it: its depth is larger, but no tree is.
    fn is_as_before(&self, before: usize, point: usize) -> bool {
        let [before, point] = [before, point].map(|point| self.plan.points[point].limits);
        let [stricter, laxer] = [before, point].map(|place| self.plan.limits[place]);
        // Only without these does a deeper tree hold the other one.
        let holds = laxer.max_leaf_nodes == usize::MAX && laxer.ccp_alpha == 0.0;
        holds
            && laxer == Limits { max_depth: laxer.max_depth, ..stricter }
            && laxer.max_depth >= stricter.max_depth
            && self.counts.are_alike(before, point)
    }

    fn finish(mut self, columns: Vec<Column<'static>>, prior: &[f32]) -> NestedForest {
        let (base, outputs) = match self.input.data.task() {
            TaskKind::Multiclass => (vec![0.0; self.width], TreeOutput::All),
            TaskKind::Binary | TaskKind::Regression => (vec![self.center], TreeOutput::One(0)),
        };
        let out_of_bag = self.out_of_bag();
        if self.trees.is_empty() {
            self.add_constant(prior);
        }
        let points = self.plan.points.iter().zip(self.truncations);
        let scored = points.map_while(|(point, truncation)| {
            let unscored = || Truncation {
                label: point.label.clone(),
                loss: f64::NAN,
                shape: Shape::default(),
            };
            let truncation = match self.plan.ascending {
                true => truncation?,
                false => truncation.unwrap_or_else(unscored),
            };
            Some((truncation, (point.n_trees.min(self.trees.len()), point.limits)))
        });
        let (truncations, places) = scored.unzip();
        let (trees, width, limits) = (self.trees, self.width, self.plan.limits);
        NestedForest {
            base,
            outputs,
            width,
            columns,
            trees,
            limits,
            places,
            truncations,
            out_of_bag,
        }
    }

    /// The fit ended before its first tree: one leaf takes the place of the forest.
    fn add_constant(&mut self, prior: &[f32]) {
        let values = prior.to_vec();
        let grown = Grown { nodes: vec![Default::default()], values, scale: 0.0 };
        let value = |&value: &f32| self.center + f64::from(value);
        let prediction: Vec<f64> = prior.iter().map(value).collect();
        let loss = self.validation.loss(&prediction.repeat(self.validation.rows.len()));
        let tree = Marked::new(grown, None, &self.plan.limits, 0);
        let mut counts = Counts::new(self.plan.limits.len(), 0);
        counts.add(&tree, self.width);
        let shape = counts.shape(0, &[]);
        self.trees = vec![tree.grown];
        let label = "constant".to_owned();
        self.truncations[0] = Some(Truncation { label, loss, shape });
    }
}

/// Growers that are used again, one for each thread.
struct Growers<'a, S, F: Fn() -> Grower<'a, S>> {
    idle: Mutex<Vec<Grower<'a, S>>>,
    make: F,
}

impl<'a, S, F: Fn() -> Grower<'a, S>> Growers<'a, S, F> {
    const HELD: &'static str = "no thread panics while it holds the lock";

    fn take(&self) -> Grower<'a, S> {
        let idle = self.idle.lock().expect(Self::HELD).pop();
        idle.unwrap_or_else(&self.make)
    }

    fn give_back(&self, grower: Grower<'a, S>) {
        self.idle.lock().expect(Self::HELD).push(grower);
    }
}

/// A fitted forest that keeps the values of inner nodes.
#[derive(Debug)]
struct NestedForest {
    base: Vec<f64>,
    outputs: TreeOutput,
    width: usize,
    columns: Vec<Column<'static>>,
    trees: Vec<Grown>,
    limits: Vec<Limits>,
    /// Number of trees and index in `limits` of each truncation.
    places: Vec<(usize, usize)>,
    truncations: Vec<Truncation>,
    out_of_bag: Option<OutOfBag>,
}

impl FittedModel for NestedForest {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let (n_trees, limits) = self.places[truncation];
        let cut = |grown: &Grown| grown.truncated(&self.limits[limits], &self.columns, self.width);
        Part::Trees(Trees {
            base: self.base.clone(),
            trees: self.trees[..n_trees].iter().map(cut).collect(),
            outputs: vec![self.outputs; n_trees],
            scale: 1.0 / n_trees as f64,
        })
    }

    fn link(&self) -> Link {
        Link::Identity
    }

    fn out_of_bag(&self) -> Option<&OutOfBag> {
        self.out_of_bag.as_ref()
    }
}
