//! The rounds of boosting.

mod checkpoint;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use eyas_model::cost::ShapeCounter;
use eyas_model::{BinSet, Node, Test, Tree, TreeOutput};

use super::binned::Binned;
use super::constraints::Constraints;
use super::depth::{self, Cut, CutTrees};
use super::estimate::GRADIENT_WORK;
use super::gradients::{Gradients, Pair, sketch};
use super::ground::Ground;
use super::grow::{Grower, TreeInput};
use super::meter::Meter;
use super::model::{Boosted, grid, label};
use super::objective::Objective;
use super::parameters::{Parameters, Sampling};
use super::rate::Rate;
use super::reuse::Reuse;
use super::route::Router;
use super::sample::Sample;
use super::validation::Validation;
use super::values::Leaves;
use crate::error::Error;
use crate::kernels::histogram::Packing;
use crate::learners::{Fit, FitInput, Step, Truncation};
use crate::random;
use crate::threads::{ONE_THREAD, Threads};

/// Channels that the structure of a vector tree is found from.
pub(super) const MOST_CHANNELS: usize = 4;
/// Distinct sets of levels that a model may have: it is packed into 65,536 slots.
const MOST_SETS: usize = 20_000;
/// Cells of the training rows, times outputs, from which on a fit uses more than one thread (tests
/// share out less, to stay quick).
const LEAST_SHARED_UPDATES: usize = if cfg!(test) { 100_000 } else { 1_000_000 };
/// Part of keys that draw rows, and that draw projections.
const SAMPLE: u64 = 0x5A;
const SKETCH: u64 = 0x5E;

/// Fits trees round by round.
///
/// # Errors
/// A parameter does not fit the data.
pub(super) fn fit(input: &FitInput<'_>, parameters: &Parameters) -> Result<Fit, Error> {
    fit_cuts(input, parameters, |whole| match parameters.max_depth_kept {
        usize::MAX => Vec::new(),
        depth => depth::of_trial(whole, depth),
    })
}

/// As [`fit`]; the truncations are the wanted cuts of the whole, or its own where none is wanted.
pub(super) fn fit_cuts(
    input: &FitInput<'_>,
    parameters: &Parameters,
    wanted: impl FnOnce(&Boosted) -> Vec<Cut> + Send,
) -> Result<Fit, Error> {
    let threads = threads(input);
    threads.run(|| {
        let binned = Binned::new(input.data, input.train, input.features, threads);
        let objective = Objective::new(input.data, input.train, input.metric.name, parameters)?;
        let meter = Meter::new(input.stop);
        let constraints = Constraints::read(parameters, input.data)?;
        let ground = Ground::new(&binned, parameters, &constraints, threads, &meter);
        let mut rounds = Rounds::after_earlier(input, &ground, &objective);
        let stopped = rounds.run();
        let (whole, mut validation) = rounds.finish();
        let cuts = wanted(&whole);
        if cuts.is_empty() {
            return Ok(Fit { model: Box::new(whole), stopped });
        }
        let model = CutTrees::new(whole, cuts, &objective, &mut validation, threads);
        Ok(Fit { model: Box::new(model), stopped })
    })
}

/// The threads that a fit uses: on small data to wake others costs more than they help.
fn threads<'a>(input: &FitInput<'a>) -> &'a Threads {
    let updates = input.train.len() * input.features.len() * input.data.n_outputs();
    if updates < LEAST_SHARED_UPDATES { &ONE_THREAD } else { input.threads }
}

/// What a tree is grown with: one for each tree that grows at the same time.
struct Desk<'a> {
    grower: Grower<'a>,
    gradients: Gradients,
    router: Router,
}

/// What the trees of a round learn from.
#[derive(Clone, Copy)]
struct Round<'r> {
    rate: f64,
    sample: &'r Sample,
    /// Gradients `(n_outputs)` x `(n_rows,)`.
    pairs: &'r [Vec<Pair>],
    /// Projections of them; empty unless trees have vector leaves.
    sketches: &'r [Vec<Pair>],
    without_categories: bool,
    /// Questions that the model asks already.
    reuse: &'r Reuse,
}

/// Sums of leaf values of one output, of the rows to learn from and of those to validate on.
struct OutputSums<'r> {
    train: &'r mut [Vec<f64>],
    valid: &'r mut [Vec<f64>],
}

/// A tree with the features of its nodes, as [`super::binned::Binned`] numbers them, and what its
/// nodes would answer as leaves.
type Asked = (Tree, Vec<usize>, Vec<f32>);

/// What does not change between rounds.
struct Setting<'a> {
    input: &'a FitInput<'a>,
    parameters: &'a Parameters,
    ground: &'a Ground<'a>,
    objective: &'a Objective,
    validation: Validation<'a>,
    n_channels: usize,
    packing: Packing,
    desks: Mutex<Vec<Desk<'a>>>,
}

impl<'a> Setting<'a> {
    fn new(
        input: &'a FitInput<'a>,
        ground: &'a Ground<'a>,
        objective: &'a Objective,
    ) -> Setting<'a> {
        let (parameters, n_outputs) = (ground.parameters, input.data.n_outputs());
        let vector = parameters.vector_leaves && n_outputs > 1;
        let weighted = parameters.subsample < 1.0 && parameters.sampling != Sampling::Bernoulli;
        let packing = match vector || (objective.unit_hessians() && !weighted) {
            true => Packing::Gradient,
            false => Packing::Both,
        };
        Setting {
            input,
            parameters,
            ground,
            objective,
            validation: Validation::new(input, ground.binned, objective),
            n_channels: if vector { n_outputs.min(MOST_CHANNELS) } else { 1 },
            packing,
            desks: Mutex::default(),
        }
    }

    /// Grows a tree and adds its values to the sums. A tree of one leaf is left out. A tree with
    /// vector leaves is asked for with output 0 and gets the sums of all.
    fn tree(
        &self,
        round: Round<'_>,
        key: u64,
        output: usize,
        sums: OutputSums<'_>,
    ) -> Option<Asked> {
        let waiting = || self.desks.lock().expect("no thread panics while it holds the lock");
        let desk = waiting().pop();
        let mut desk = desk.unwrap_or_else(|| Desk {
            grower: Grower::new(self.ground),
            gradients: Gradients::new(self.n_channels, self.ground.binned.n_rows, self.packing),
            router: Router::default(),
        });
        let tree = self.grow(&mut desk, round, key, output, sums);
        waiting().push(desk);
        tree
    }

    fn grow(
        &self,
        desk: &mut Desk<'a>,
        round: Round<'_>,
        key: u64,
        output: usize,
        sums: OutputSums<'_>,
    ) -> Option<Asked> {
        let threads = self.ground.threads;
        let weights = round.sample.weights.as_deref();
        let learned = match round.sketches {
            [] => &round.pairs[output..output + 1],
            sketches => sketches,
        };
        for (channel, pairs) in learned.iter().enumerate() {
            desk.gradients.set(channel, pairs, weights, threads);
        }
        desk.grower.without_categories = round.without_categories;
        let rows = round.sample.rows.as_deref();
        let reuse = round.reuse;
        let grown = desk.grower.grow(TreeInput { gradients: &desk.gradients, rows, key, reuse })?;
        if grown.leaves.len() < 2 {
            return None;
        }
        let leaves = Leaves { grown: &grown, rows: &desk.grower.rows, threads };
        let width = sums.train.len();
        let mut values = vec![0.0; grown.leaves.len() * width];
        for (k, sums) in sums.train.iter().enumerate() {
            let pairs = &round.pairs[output + k];
            let (objective, parameters) = (self.objective, self.parameters);
            let column = leaves.values(objective, parameters, round.sample, pairs, sums);
            for (leaf, value) in column.into_iter().enumerate() {
                values[leaf * width + k] = (round.rate * value) as f32;
            }
        }
        let node_values = self.node_values(leaves, round, output, sums.train);
        match rows {
            None => leaves.add(&values, sums.train),
            Some(_) => {
                let columns = &self.ground.binned.columns;
                desk.router.add(&grown, columns, &values, sums.train, threads);
            }
        }
        desk.router.add(&grown, &self.validation.columns, &values, sums.valid, threads);
        Some((Tree { nodes: grown.nodes, values }, grown.features, node_values))
    }

    /// What each node would answer as a leaf `(n_nodes, width)`, if that is kept.
    fn node_values(
        &self,
        leaves: Leaves<'_>,
        round: Round<'_>,
        output: usize,
        sums: &[Vec<f64>],
    ) -> Vec<f32> {
        let (n_nodes, width) = (leaves.grown.nodes.len(), sums.len());
        if !self.parameters.keeps_nodes {
            return Vec::new();
        }
        let mut values = vec![0.0; n_nodes * width];
        for (k, sums) in sums.iter().enumerate() {
            let pairs = &round.pairs[output + k];
            let (objective, parameters) = (self.objective, self.parameters);
            let column = depth::values(leaves, objective, parameters, round.sample, pairs, sums);
            for (node, value) in column.into_iter().enumerate() {
                values[node * width + k] = (round.rate * value) as f32;
            }
        }
        values
    }
}

/// The state between two rounds.
struct Rounds<'a> {
    setting: Setting<'a>,
    rate: Rate,
    /// Sums of leaf values `(n_outputs)` x `(n_rows,)`.
    sums: Vec<Vec<f64>>,
    /// The same of the rows to validate on.
    valid_sums: Vec<Vec<f64>>,
    pairs: Vec<Vec<Pair>>,
    /// Projections of `pairs`; empty unless trees have vector leaves.
    sketches: Vec<Vec<Pair>>,
    sample: Sample,
    trees: Vec<Tree>,
    outputs: Vec<TreeOutput>,
    counter: ShapeCounter<'a>,
    /// Distinct sets of levels so far.
    sets: BTreeSet<BinSet>,
    reuse: Reuse,
    /// What each node of each tree would answer as a leaf; empty if not kept.
    node_values: Vec<Vec<f32>>,
    /// Trees after each round.
    round_ends: Vec<usize>,
    truncations: Vec<Truncation>,
    ends: Vec<usize>,
    steps: Vec<Step>,
    /// Round and loss of the best truncation.
    best: (usize, f64),
    /// Whether the fit has come to its end by itself.
    ended: bool,
    /// Bytes of its state, about.
    n_bytes: usize,
}

impl<'a> Rounds<'a> {
    fn new(
        input: &'a FitInput<'a>,
        ground: &'a Ground<'a>,
        objective: &'a Objective,
    ) -> Rounds<'a> {
        let (n_rows, n_outputs) = (ground.binned.n_rows, input.data.n_outputs());
        let setting = Setting::new(input, ground, objective);
        let vector = ground.parameters.vector_leaves && n_outputs > 1;
        let n_sketches = if vector { setting.n_channels } else { 0 };
        Rounds {
            setting,
            rate: Rate::new(ground.parameters, input.data.task(), n_rows),
            sums: vec![vec![0.0; n_rows]; n_outputs],
            valid_sums: vec![vec![0.0; input.valid.len()]; n_outputs],
            pairs: vec![vec![[0.0; 2]; n_rows]; n_outputs],
            sketches: vec![vec![[0.0; 2]; n_rows]; n_sketches],
            sample: Sample::default(),
            trees: Vec::new(),
            outputs: Vec::new(),
            counter: ShapeCounter::new(&input.data.features),
            sets: BTreeSet::new(),
            reuse: Reuse::new(ground.parameters, ground.binned.features.len()),
            node_values: Vec::new(),
            round_ends: Vec::new(),
            truncations: Vec::new(),
            ends: Vec::new(),
            steps: Vec::new(),
            best: (0, f64::INFINITY),
            ended: false,
            n_bytes: 0,
        }
    }

    /// Runs all rounds that are left; says whether it was stopped.
    fn run(&mut self) -> bool {
        let meter = self.setting.ground.meter;
        if !self.ended {
            self.run_rounds();
            self.ended = !meter.stopped();
            if self.ended {
                self.keep();
            }
        }
        self.close();
        meter.stopped()
    }

    fn run_rounds(&mut self) {
        let Setting { input, parameters, .. } = self.setting;
        let meter = self.setting.ground.meter;
        let grid = grid(parameters.n_estimators);
        let mut next = self.truncations.len();
        for round in self.steps.len()..parameters.n_estimators {
            let before = self.trees.len();
            let learned = self.round(round);
            if meter.stopped() {
                self.forget(before);
                break;
            }
            if !learned {
                break;
            }
            self.round_ends.push(self.trees.len());
            let mut loss = f64::NAN;
            if round + 1 == grid[next] {
                loss = self.score(round + 1);
                next += 1;
            }
            let learning_rate = self.rate.at(round);
            self.steps.push(Step { step: round as u64, learning_rate, loss, n_recovered: 0 });
            meter.settle();
            let enough = input.last_truncation.is_some_and(|last| next > last);
            if meter.stopped() || enough || self.is_late(round + 1) {
                break;
            }
            self.keep();
        }
    }

    /// One round: a tree for each output, or one for all. Returns whether any tree has a split.
    fn round(&mut self, round: usize) -> bool {
        let setting = &self.setting;
        let Setting { input, ground, objective, .. } = *setting;
        let n_outputs = self.sums.len();
        objective.pairs(&self.sums, &mut self.pairs, ground.threads);
        ground.meter.spend(GRADIENT_WORK * (ground.binned.n_rows * n_outputs) as u64);
        let key = random::key(&[input.seed, round as u64]);
        let sample_key = random::key(&[key, SAMPLE]);
        self.sample.draw(ground.parameters, &self.pairs, sample_key, ground.threads);
        let n_channels = self.sketches.len();
        if n_channels > 0 {
            let key = random::key(&[key, SKETCH]);
            sketch(&self.pairs, n_channels, key, &mut self.sketches, ground.threads);
        }
        let given = Round {
            rate: self.rate.at(round),
            sample: &self.sample,
            pairs: &self.pairs,
            sketches: &self.sketches,
            without_categories: self.sets.len() >= MOST_SETS,
            reuse: &self.reuse,
        };
        let grown = if n_channels > 0 {
            let sums = OutputSums { train: &mut self.sums, valid: &mut self.valid_sums };
            vec![(TreeOutput::All, setting.tree(given, key, 0, sums))]
        } else {
            let sums = self.sums.chunks_mut(1).zip(self.valid_sums.chunks_mut(1));
            let mut trees: Vec<_> = sums.map(|sums| (Some(sums), None)).collect();
            ground.threads.for_each_mut(&mut trees, |output, (sums, tree)| {
                let Some((train, valid)) = sums.take() else { return };
                let key = random::key(&[key, output as u64]);
                *tree = setting.tree(given, key, output, OutputSums { train, valid });
            });
            let trees = trees.into_iter().zip(0..);
            trees.map(|((_, tree), output)| (TreeOutput::One(output), tree)).collect()
        };
        let learned = grown.iter().any(|(_, tree)| tree.is_some()) || self.sample.rows.is_some();
        for (output, tree) in grown {
            tree.into_iter().for_each(|tree| self.push(tree, output));
        }
        learned
    }

    fn push(&mut self, (tree, features, node_values): Asked, output: TreeOutput) {
        for (node, feature) in tree.nodes.iter().zip(features) {
            if let Node::Split { test, .. } = node {
                self.reuse.add(feature, test);
            }
        }
        self.sets.extend(tree.nodes.iter().filter_map(set_of));
        self.counter.add_tree(&tree, output, self.sums.len());
        self.n_bytes += checkpoint::n_bytes(&tree);
        self.trees.push(tree);
        self.outputs.push(output);
        self.node_values.push(node_values);
    }

    /// Scores the trees so far as a truncation.
    fn score(&mut self, n_rounds: usize) -> f64 {
        let loss = self.loss();
        self.note(n_rounds, loss);
        loss
    }

    /// The loss of the trees so far.
    fn loss(&mut self) -> f64 {
        let Setting { validation, objective, ground, .. } = &mut self.setting;
        validation.loss(objective, &self.valid_sums, ground.threads)
    }

    /// Notes the trees so far as a truncation of this loss.
    fn note(&mut self, n_rounds: usize, loss: f64) {
        let shape = self.counter.shape();
        self.truncations.push(Truncation { label: label(n_rounds), loss, shape });
        self.ends.push(self.trees.len());
        if loss < self.best.1 {
            self.best = (n_rounds, loss);
        }
    }

    /// Whether the best truncation is too long ago.
    fn is_late(&self, n_rounds: usize) -> bool {
        let Setting { parameters, input, .. } = self.setting;
        let patience = parameters.early_stopping_rounds;
        patience > 0 && !input.valid.is_empty() && n_rounds >= self.best.0 + patience
    }

    /// Forgets the trees of a round that did not come to its end.
    fn forget(&mut self, n_trees: usize) {
        self.trees.truncate(n_trees);
        self.outputs.truncate(n_trees);
        self.node_values.truncate(n_trees);
    }

    /// Makes sure that there is a truncation.
    fn close(&mut self) {
        if self.truncations.is_empty() {
            self.forget(0);
            self.counter = ShapeCounter::new(&self.setting.input.data.features);
            self.valid_sums.iter_mut().for_each(|sums| sums.fill(0.0));
            self.score(0);
        }
    }

    fn finish(self) -> (Boosted, Validation<'a>) {
        let whole = Boosted {
            trees: Arc::new(self.trees),
            outputs: self.outputs,
            base: self.setting.objective.base.clone(),
            scale: self.setting.objective.scale,
            link: self.setting.objective.link(),
            truncations: self.truncations,
            ends: self.ends,
            steps: self.steps,
            node_values: self.node_values,
            round_ends: self.round_ends,
        };
        (whole, self.setting.validation)
    }
}

fn set_of(node: &Node) -> Option<BinSet> {
    match *node {
        Node::Split { test: Test::In(set), .. } => Some(set),
        _ => None,
    }
}
