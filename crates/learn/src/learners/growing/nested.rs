//! One fit, every truncation: trees are scored as they are made, at every depth of the grid.
//!
//! Each tree is walked once a validation row; the value at each depth of the grid is added to that
//! depth's sums. Where the number of trees is in the grid, the sums of each depth are a truncation.

use eyas_model::tree::{TreeOutput, Trees};
use eyas_model::{Link, Part, Shape, TaskKind};

use super::blocks::ByRow;
use super::classes::Classes;
use super::columns::{Column, columns};
use super::grow::{Grower, Grown, Statistic, goes_right};
use super::moments::Moments;
use super::sample::Pool;
use super::settings::Settings;
use super::validation::Validation;
use crate::learners::baseline::prior;
use crate::learners::{Fit, FitInput, FittedModel, Truncation};
use crate::random::key;

/// Depths that are scored, besides the largest.
const DEPTHS: [usize; 6] = [4, 6, 8, 10, 12, 16];
/// Numbers of trees that are scored, besides the largest; with [`DEPTHS`] at most 49 losses.
const TREES: [usize; 6] = [1, 4, 8, 16, 32, 64];
/// Work is reported after so much of it, a few milliseconds.
const REPORTED_WORK: u64 = 1 << 20;
/// Kinds of keys of random numbers, so that those of rows and of nodes differ.
const ROWS: u64 = 1;
const NODES: u64 = 2;

/// The grid of one parameter: `steps` below `largest`, and `largest`.
pub(in crate::learners) fn grid(steps: &[usize], largest: usize) -> Vec<usize> {
    steps.iter().copied().filter(|&step| step < largest).chain([largest]).collect()
}

/// Fits a forest and scores its truncations.
pub(in crate::learners) fn fit(input: &FitInput<'_>, settings: &Settings) -> Fit {
    let prior = prior(input.data, input.train);
    let entropy = settings.entropy;
    match input.data.task() {
        TaskKind::Multiclass => {
            let forest = Forest::new(input, settings, 0.0, &prior);
            let statistic = Classes::new(prior.len(), entropy, forest.pool.is_whole());
            forest.fit(statistic, &prior)
        }
        TaskKind::Binary => {
            Forest::new(input, settings, 0.0, &prior).fit(Moments::binary(entropy), &prior)
        }
        TaskKind::Regression => {
            Forest::new(input, settings, prior[0], &prior).fit(Moments::regression(), &[0.0])
        }
    }
}

/// A forest in the making.
struct Forest<'a> {
    input: &'a FitInput<'a>,
    settings: &'a Settings,
    /// Subtracted from numbers, and the start of every sum.
    center: f64,
    width: usize,
    columns: Vec<Column<'a>>,
    pool: Pool,
    validation: Validation<'a>,
    depths: Vec<usize>,
    /// Sums of values `(n_depths)` x `(n_valid, width)`.
    sums: Vec<Vec<f64>>,
    counts: Counts,
    trees: Vec<Grown>,
    truncations: Vec<Truncation>,
    /// Number of trees and index in `depths` of each truncation.
    places: Vec<(usize, usize)>,
}

impl<'a> Forest<'a> {
    fn new(
        input: &'a FitInput<'a>,
        settings: &'a Settings,
        center: f64,
        prior: &[f64],
    ) -> Forest<'a> {
        let width = prior.len();
        let depths = grid(&DEPTHS, settings.growth.max_depth);
        let columns = columns(input);
        let sums = vec![vec![0.0; input.valid.len() * width]; depths.len()];
        let counts = Counts::new(depths.len(), columns.len());
        Forest {
            input,
            settings,
            center,
            width,
            pool: Pool::new(input.data, input.train, center),
            validation: Validation::new(input),
            depths,
            sums,
            counts,
            columns,
            trees: Vec::new(),
            truncations: Vec::new(),
            places: Vec::new(),
        }
    }

    fn fit(mut self, statistic: impl Statistic, prior: &[f64]) -> Fit {
        let columns = std::mem::take(&mut self.columns);
        let prior: Vec<f32> = prior.iter().map(|&value| value as f32).collect();
        let by_row = ByRow::new(&columns, self.settings.growth.n_tried);
        let mut grower =
            Grower::new(&columns, by_row.as_ref(), self.settings.growth, statistic, prior.clone());
        let mut stopped = false;
        let last = self.input.last_truncation;
        let n_wanted = last.map_or(usize::MAX, |last| last / self.depths.len() + 1);
        for n_trees in grid(&TREES, self.settings.n_estimators).into_iter().take(n_wanted) {
            while self.trees.len() < n_trees && !stopped {
                stopped = !self.add_tree(&mut grower, &columns);
            }
            if self.trees.len() < n_trees {
                break;
            }
            self.add_truncations(&columns);
        }
        if self.truncations.is_empty() {
            self.add_constant(&prior);
        }
        let (base, outputs) = match self.input.data.task() {
            TaskKind::Multiclass => (vec![0.0; self.width], TreeOutput::All),
            TaskKind::Binary | TaskKind::Regression => (vec![self.center], TreeOutput::One(0)),
        };
        let columns = columns.into_iter().map(Column::without_bytes).collect();
        let (truncations, places) = (self.truncations, self.places);
        let (trees, depths, width) = (self.trees, self.depths, self.width);
        let model =
            NestedForest { base, outputs, width, columns, trees, depths, places, truncations };
        Fit { model: Box::new(model), stopped }
    }

    /// Grows and scores a tree; returns whether it was done before the fit had to end.
    fn add_tree<S: Statistic>(
        &mut self,
        grower: &mut Grower<'_, S>,
        columns: &[Column<'_>],
    ) -> bool {
        let (seed, tree) = (self.input.seed, self.trees.len() as u64);
        let rows_key = [seed, tree, ROWS];
        self.pool.draw(self.settings.draw, &rows_key, &mut grower.rows, &mut grower.examples);
        let mut unreported = self.pool.len() as u64;
        let stop = self.input.stop;
        let mut spend = |work| {
            unreported += work;
            unreported >= REPORTED_WORK && stop.spent(std::mem::take(&mut unreported))
        };
        let Some(grown) = grower.grow(key(&[seed, tree, NODES]), &mut spend) else {
            return false;
        };
        self.counts.add(&grown, &self.depths, self.width);
        for (place, &row) in self.validation.rows.iter().enumerate() {
            let cells = place * self.width..(place + 1) * self.width;
            add_values(&grown, columns, row as usize, &self.depths, |depth, values| {
                let sums = &mut self.sums[depth][cells.clone()];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
            });
        }
        self.trees.push(grown);
        // A tree that is done is kept, even if the fit ends with it.
        !stop.spent(unreported) || self.trees.len() == self.settings.n_estimators
    }

    /// Scores the trees made so far at every depth.
    fn add_truncations(&mut self, columns: &[Column<'_>]) {
        let n_trees = self.trees.len();
        let scale = 1.0 / n_trees as f64;
        let mut predictions = Vec::new();
        for depth in 0..self.depths.len() {
            let max_depth = self.depths[depth];
            let label = format!("n_estimators={n_trees} max_depth={max_depth}");
            let above = depth.checked_sub(1).map(|above| self.depths[above]);
            let loss = if above.is_some_and(|above| self.counts.deepest <= above) {
                // No tree is deeper than the truncation before: it is the same model.
                self.truncations.last().map_or(f64::NAN, |before| before.loss)
            } else {
                predictions.clear();
                predictions.extend(self.sums[depth].iter().map(|sum| self.center + scale * sum));
                self.validation.loss(&predictions)
            };
            let shape = self.counts.shape(depth, max_depth, columns);
            self.truncations.push(Truncation { label, loss, shape });
            self.places.push((n_trees, depth));
        }
    }

    /// The fit ended before its first tree: one leaf takes the place of the forest.
    fn add_constant(&mut self, prior: &[f32]) {
        let values = prior.to_vec();
        let grown = Grown { nodes: vec![Default::default()], values };
        let value = |&value: &f32| self.center + f64::from(value);
        let prediction: Vec<f64> = prior.iter().map(value).collect();
        let loss = self.validation.loss(&prediction.repeat(self.validation.rows.len()));
        self.trees = vec![grown];
        self.counts = Counts::new(self.depths.len(), 0);
        self.counts.add(&self.trees[0], &self.depths, self.width);
        let shape = self.counts.shape(0, 0, &[]);
        self.truncations = vec![Truncation { label: "constant".to_owned(), loss, shape }];
        self.places = vec![(1, 0)];
    }
}

/// Calls `add(index of depth, values)` for every depth of the grid with the value that a row has
/// in the tree cut to that depth.
fn add_values(
    grown: &Grown,
    columns: &[Column<'_>],
    row: usize,
    depths: &[usize],
    mut add: impl FnMut(usize, &[f32]),
) {
    let width = grown.values.len() / grown.nodes.len();
    let value = |index: usize| &grown.values[index * width..][..width];
    let (mut index, mut depth) = (0, 0);
    for (place, &max_depth) in depths.iter().enumerate() {
        while depth < max_depth {
            let node = &grown.nodes[index];
            if node.left == 0 {
                break;
            }
            let byte = columns[node.column as usize].bytes[row];
            let right = goes_right(byte, node.threshold, node.missing_right);
            index = if right { node.right } else { node.left } as usize;
            depth += 1;
        }
        add(place, value(index));
    }
}

/// Running shapes by depth of the grid, over the trees made so far.
struct Counts {
    shapes: Vec<Shape>,
    deepest: usize,
    /// Depth of the highest test of each column, over all trees.
    highest: Vec<usize>,
}

impl Counts {
    fn new(n_depths: usize, n_columns: usize) -> Counts {
        Counts {
            shapes: vec![Shape::default(); n_depths],
            deepest: 0,
            highest: vec![usize::MAX; n_columns],
        }
    }

    fn add(&mut self, grown: &Grown, depths: &[usize], width: usize) {
        let mut by_depth =
            vec![0; 1 + grown.nodes.iter().map(|n| n.depth).max().unwrap_or(0) as usize];
        for node in &grown.nodes {
            by_depth[usize::from(node.depth)] += 1;
            if node.left != 0 {
                let highest = &mut self.highest[node.column as usize];
                *highest = (*highest).min(usize::from(node.depth));
            }
        }
        let deepest = by_depth.len() - 1;
        self.deepest = self.deepest.max(deepest);
        for (shape, &depth) in self.shapes.iter_mut().zip(depths) {
            let depth = depth.min(deepest);
            let n_nodes = by_depth[..=depth].iter().sum::<usize>();
            shape.add_tree_like(depth, n_nodes.div_ceil(2), width);
        }
    }

    /// Shape of the trees counted, cut to a depth of the grid.
    fn shape(&self, place: usize, max_depth: usize, columns: &[Column<'_>]) -> Shape {
        let used = |categorical: bool| {
            let columns = columns.iter().zip(&self.highest);
            let used = columns.filter(|(column, highest)| {
                column.is_categorical() == categorical && **highest < max_depth
            });
            used.count() as f64
        };
        with_features(self.shapes[place], used(false), used(true))
    }
}

/// A shape of trees with the features that they ask: at least one slot each.
pub(in crate::learners) fn with_features(trees: Shape, n_binned: f64, n_looked_up: f64) -> Shape {
    Shape { n_binned, n_looked_up, n_slots: n_binned + n_looked_up, ..trees }
}

/// A fitted forest that keeps the values of inner nodes.
#[derive(Debug)]
struct NestedForest {
    base: Vec<f64>,
    outputs: TreeOutput,
    width: usize,
    columns: Vec<Column<'static>>,
    trees: Vec<Grown>,
    depths: Vec<usize>,
    places: Vec<(usize, usize)>,
    truncations: Vec<Truncation>,
}

impl FittedModel for NestedForest {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let (n_trees, depth) = self.places[truncation];
        let cut = |grown: &Grown| grown.truncated(self.depths[depth], &self.columns, self.width);
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
}
