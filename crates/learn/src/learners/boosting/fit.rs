//! The rounds of boosting.

use std::collections::BTreeSet;
use std::sync::Arc;

use eyas_model::cost::ShapeCounter;
use eyas_model::{BinSet, Node, Test, Tree, TreeOutput};

use super::binned::Binned;
use super::estimate::GRADIENT_WORK;
use super::gradients::{Gradients, Pair, Sample, sketch};
use super::grow::{Grower, Grown, TreeInput};
use super::model::{Boosted, grid, label};
use super::objective::{Loss, Objective};
use super::parameters::Parameters;
use super::rate::Rate;
use super::route::Router;
use super::validation::Validation;
use crate::kernels::histogram::Packing;
use crate::learners::{Fit, FitInput, Step, Truncation};
use crate::random;

/// Channels that the structure of a vector tree is found from.
pub(super) const MOST_CHANNELS: usize = 4;
/// Distinct sets of levels that a model may have: it is packed into 65,536 slots.
const MOST_SETS: usize = 20_000;
/// Part of keys that draw rows, and that draw projections.
const SAMPLE: u64 = 0x5A;
const SKETCH: u64 = 0x5E;

/// Fits trees round by round.
pub(super) fn fit(input: &FitInput<'_>, parameters: &Parameters) -> Fit {
    let binned = Binned::new(input.data, input.train, input.features);
    let objective = Objective::new(input.data, input.train, input.metric.name);
    let mut rounds = Rounds::new(input, parameters, &binned, &objective);
    let stopped = rounds.run();
    let model = rounds.finish();
    Fit { model: Box::new(model), stopped }
}

/// The state between two rounds.
struct Rounds<'a> {
    input: &'a FitInput<'a>,
    parameters: &'a Parameters,
    binned: &'a Binned,
    objective: &'a Objective,
    grower: Grower<'a>,
    router: Router,
    rate: Rate,
    /// Sums of leaf values `(n_outputs)` x `(n_rows,)`.
    sums: Vec<Vec<f64>>,
    pairs: Vec<Vec<Pair>>,
    /// Projections of `pairs`; empty unless trees have vector leaves.
    sketches: Vec<Vec<Pair>>,
    gradients: Gradients,
    validation: Validation<'a>,
    trees: Vec<Tree>,
    outputs: Vec<TreeOutput>,
    counter: ShapeCounter<'a>,
    /// Distinct sets of levels so far.
    sets: BTreeSet<BinSet>,
    truncations: Vec<Truncation>,
    ends: Vec<usize>,
    steps: Vec<Step>,
    /// Round and loss of the best truncation.
    best: (usize, f64),
}

impl<'a> Rounds<'a> {
    fn new(
        input: &'a FitInput<'a>,
        parameters: &'a Parameters,
        binned: &'a Binned,
        objective: &'a Objective,
    ) -> Rounds<'a> {
        let (n_rows, n_outputs) = (binned.n_rows, input.data.n_outputs());
        let vector = parameters.vector_leaves && n_outputs > 1;
        let n_channels = if vector { n_outputs.min(MOST_CHANNELS) } else { 1 };
        let weighted =
            parameters.subsample < 1.0 && parameters.sampling == super::parameters::Sampling::Mvs;
        let packing = match vector || (objective.unit_hessians() && !weighted) {
            true => Packing::Gradient,
            false => Packing::Both,
        };
        Rounds {
            input,
            parameters,
            binned,
            objective,
            grower: Grower::new(binned, parameters, input.stop),
            router: Router::default(),
            rate: Rate::new(parameters, input.data.task(), n_rows),
            sums: vec![vec![0.0; n_rows]; n_outputs],
            pairs: vec![vec![[0.0; 2]; n_rows]; n_outputs],
            sketches: vec![vec![[0.0; 2]; n_rows]; if vector { n_channels } else { 0 }],
            gradients: Gradients::new(n_channels, n_rows, packing),
            validation: Validation::new(input, binned, objective),
            trees: Vec::new(),
            outputs: Vec::new(),
            counter: ShapeCounter::new(&input.data.features),
            sets: BTreeSet::new(),
            truncations: Vec::new(),
            ends: Vec::new(),
            steps: Vec::new(),
            best: (0, f64::INFINITY),
        }
    }

    /// Runs all rounds; says whether it was stopped.
    fn run(&mut self) -> bool {
        let grid = grid(self.parameters.n_estimators);
        let mut next = 0;
        for round in 0..self.parameters.n_estimators {
            let before = self.trees.len();
            let learned = self.round(round);
            if self.grower.stopped {
                self.forget(before);
                break;
            }
            if !learned {
                break;
            }
            let mut loss = f64::NAN;
            if round + 1 == grid[next] {
                loss = self.score(round + 1);
                next += 1;
            }
            let learning_rate = self.rate.at(round);
            self.steps.push(Step { step: round as u64, learning_rate, loss });
            self.grower.ask();
            let enough = self.input.last_truncation.is_some_and(|last| next > last);
            if self.grower.stopped || enough || self.is_late(round + 1) {
                break;
            }
        }
        self.close();
        self.grower.stopped
    }

    /// One round: a tree for each output, or one for all. Returns whether any tree has a split.
    fn round(&mut self, round: usize) -> bool {
        self.objective.pairs(&self.sums, &mut self.pairs);
        self.grower.spend(GRADIENT_WORK * (self.binned.n_rows * self.pairs.len()) as u64);
        let key = random::key(&[self.input.seed, round as u64]);
        let sample = Sample::draw(self.parameters, &self.pairs, random::key(&[key, SAMPLE]));
        if !self.sketches.is_empty() {
            return self.vector_tree(round, key, &sample);
        }
        let mut learned = false;
        for output in 0..self.pairs.len() {
            self.gradients.set(0, &self.pairs[output], sample.weights.as_deref());
            learned |= self.tree(round, random::key(&[key, output as u64]), &sample, output);
        }
        learned || sample.rows.is_some()
    }

    fn vector_tree(&mut self, round: usize, key: u64, sample: &Sample) -> bool {
        let n_channels = self.sketches.len();
        sketch(&self.pairs, n_channels, random::key(&[key, SKETCH]), &mut self.sketches);
        for channel in 0..n_channels {
            self.gradients.set(channel, &self.sketches[channel], sample.weights.as_deref());
        }
        self.tree(round, key, sample, 0) || sample.rows.is_some()
    }

    /// Grows a tree and adds its values. A tree of one leaf is left out.
    fn tree(&mut self, round: usize, key: u64, sample: &Sample, output: usize) -> bool {
        self.grower.without_categories = self.sets.len() >= MOST_SETS;
        let rows = sample.rows.as_deref();
        let Some(grown) = self.grower.grow(TreeInput { gradients: &self.gradients, rows, key })
        else {
            return false;
        };
        if grown.leaves.len() < 2 {
            return false;
        }
        let values = self.values(&grown, sample, output, self.rate.at(round));
        self.add_to_sums(&grown, &values, sample, output);
        self.validation.add(&mut self.router, &grown, &values, output);
        let tree = Tree { nodes: grown.nodes, values };
        let output = match self.sketches.is_empty() {
            true => TreeOutput::One(output as u32),
            false => TreeOutput::All,
        };
        self.sets.extend(tree.nodes.iter().filter_map(set_of));
        self.counter.add_tree(&tree, output, self.pairs.len());
        self.trees.push(tree);
        self.outputs.push(output);
        true
    }

    /// Values `(n_leaves, width)` of the leaves, times the rate.
    fn values(&self, grown: &Grown, sample: &Sample, output: usize, rate: f64) -> Vec<f32> {
        let width =
            self.sketches.len().min(1) * self.pairs.len() + usize::from(self.sketches.is_empty());
        let mut values = vec![0.0; grown.leaves.len() * width];
        for k in 0..width {
            let column = self.output_values(grown, sample, output + k);
            for (leaf, value) in column.into_iter().enumerate() {
                values[leaf * width + k] = (rate * value) as f32;
            }
        }
        values
    }

    /// Newton steps (or medians) of all leaves for one output.
    fn output_values(&self, grown: &Grown, sample: &Sample, output: usize) -> Vec<f64> {
        if self.objective.loss == Loss::Absolute {
            let rows = |range: &std::ops::Range<usize>| &self.grower.rows[range.clone()];
            let sums = &self.sums[output];
            return grown
                .leaves
                .iter()
                .map(|r| self.objective.median_residual(rows(r), sums))
                .collect();
        }
        let sums: Vec<[f64; 3]> = grown
            .leaves
            .iter()
            .map(|range| {
                let rows = &self.grower.rows[range.clone()];
                leaf_sums(&self.pairs[output], rows, sample.weights.as_deref())
            })
            .collect();
        leaf_values(grown, sums, self.parameters)
    }

    fn add_to_sums(&mut self, grown: &Grown, values: &[f32], sample: &Sample, output: usize) {
        let width = values.len() / grown.leaves.len();
        let sums = &mut self.sums[output..output + width];
        let mut add = |leaf: usize, rows: &[u32]| {
            for (sums, &value) in sums.iter_mut().zip(&values[leaf * width..][..width]) {
                rows.iter().for_each(|&row| sums[row as usize] += f64::from(value));
            }
        };
        if sample.rows.is_none() {
            for (leaf, range) in grown.leaves.iter().enumerate() {
                add(leaf, &self.grower.rows[range.clone()]);
            }
        } else {
            self.router.route(grown, &self.binned.columns, self.binned.n_rows, add);
        }
    }

    /// Scores the trees so far as a truncation.
    fn score(&mut self, n_rounds: usize) -> f64 {
        let loss = self.validation.loss(self.objective);
        let shape = self.counter.shape();
        self.truncations.push(Truncation { label: label(n_rounds), loss, shape });
        self.ends.push(self.trees.len());
        if loss < self.best.1 {
            self.best = (n_rounds, loss);
        }
        loss
    }

    /// Whether the best truncation is too long ago.
    fn is_late(&self, n_rounds: usize) -> bool {
        let patience = self.parameters.early_stopping_rounds;
        patience > 0 && !self.input.valid.is_empty() && n_rounds >= self.best.0 + patience
    }

    /// Forgets the trees of a round that did not come to its end.
    fn forget(&mut self, n_trees: usize) {
        self.trees.truncate(n_trees);
        self.outputs.truncate(n_trees);
    }

    /// Makes sure that there is a truncation.
    fn close(&mut self) {
        if self.truncations.is_empty() {
            self.forget(0);
            self.counter = ShapeCounter::new(&self.input.data.features);
            self.validation = Validation::new(self.input, self.binned, self.objective);
            self.score(0);
        }
    }

    fn finish(self) -> Boosted {
        Boosted {
            trees: Arc::new(self.trees),
            outputs: self.outputs,
            base: self.objective.base.clone(),
            scale: self.objective.scale,
            link: self.objective.link(),
            truncations: self.truncations,
            ends: self.ends,
            steps: self.steps,
        }
    }
}

fn set_of(node: &Node) -> Option<BinSet> {
    match *node {
        Node::Split { test: Test::In(set), .. } => Some(set),
        _ => None,
    }
}

/// Sums of gradients, hessians and counts of some rows.
fn leaf_sums(pairs: &[Pair], rows: &[u32], weights: Option<&[f32]>) -> [f64; 3] {
    let mut sums = [0.0, 0.0, rows.len() as f64];
    for &row in rows {
        let pair = pairs[row as usize];
        let weight = weights.map_or(1.0, |weights| f64::from(weights[row as usize]));
        sums[0] += weight * f64::from(pair[0]);
        sums[1] += weight * f64::from(pair[1]);
    }
    sums
}

/// `-G / (H + lambda_l2)` for each leaf; with `path_smooth` `s` each node's value is drawn to its
/// parent's: `(n v + s v_parent) / (n + s)`.
fn leaf_values(grown: &Grown, leaves: Vec<[f64; 3]>, parameters: &Parameters) -> Vec<f64> {
    let newton = |sums: &[f64; 3]| {
        let weight = sums[1] + parameters.lambda_l2;
        if weight > 0.0 { -sums[0] / weight } else { 0.0 }
    };
    if parameters.path_smooth == 0.0 {
        return leaves.iter().map(newton).collect();
    }
    let mut sums = vec![[0.0; 3]; grown.nodes.len()];
    for (index, node) in grown.nodes.iter().enumerate().rev() {
        sums[index] = match *node {
            Node::Leaf { value } => leaves[value as usize],
            Node::Split { left, right, .. } => {
                let (left, right) = (sums[left as usize], sums[right as usize]);
                std::array::from_fn(|i| left[i] + right[i])
            }
        };
    }
    let mut values: Vec<f64> = sums.iter().map(newton).collect();
    let mut out = vec![0.0; leaves.len()];
    for (index, node) in grown.nodes.iter().enumerate() {
        match *node {
            Node::Leaf { value } => out[value as usize] = values[index],
            Node::Split { left, right, .. } => {
                for child in [left as usize, right as usize] {
                    let (n, s) = (sums[child][2], parameters.path_smooth);
                    values[child] = (n * values[child] + s * values[index]) / (n + s);
                }
            }
        }
    }
    out
}
