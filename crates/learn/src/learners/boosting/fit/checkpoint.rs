//! Putting a fit down between two rounds, and taking it up again.
//!
//! The state is the trees, the losses of the truncations and the work done; all else follows from
//! them. Sums of leaf values are made again by sending all rows down the trees in the order of the
//! rounds: a row adds the same numbers in the same order, so they are equal to the last bit. The loss
//! of the last truncation is computed again from them, and tells a state of other data.

use eyas_model::{BinSet, Node, Test, Tree, TreeOutput};

use super::super::grow::Grown;
use super::super::model::grid;
use super::super::route::Router;
use super::{Asked, Ground, Objective, Rounds};
use crate::checkpoints::{Reader, Writer};
use crate::learners::{FitInput, Step};

/// First number of a state.
const KIND: u64 = u64::from_le_bytes(*b"boost  1");
/// More work than a fit can do, so that sums of work cannot overflow.
const MOST_WORK: u64 = 1 << 56;
/// Output of a tree with vector leaves.
const ALL: u32 = u32::MAX;
/// Kinds of nodes.
const LEAF: u8 = 0;
const ABOVE: u8 = 1;
const ABOVE_OR_MISSING: u8 = 2;
const IN: u8 = 3;

/// What is kept of a fit.
struct State {
    ended: bool,
    work: u64,
    /// Trees after each round.
    round_ends: Vec<usize>,
    /// Loss of each truncation.
    losses: Vec<f64>,
    trees: Vec<(Asked, TreeOutput)>,
}

/// Bytes of a tree in a state, about.
pub(super) fn n_bytes(tree: &Tree) -> usize {
    20 + 12 * tree.nodes.len() + 4 * tree.values.len()
}

impl<'a> Rounds<'a> {
    /// The rounds that follow those of an earlier fit of this input, if there was one.
    pub(super) fn after_earlier(
        input: &'a FitInput<'a>,
        ground: &'a Ground<'a>,
        objective: &'a Objective,
    ) -> Rounds<'a> {
        let mut rounds = Rounds::new(input, ground, objective);
        if ground.parameters.keeps_nodes {
            return rounds;
        }
        let Some(bytes) = input.checkpoints.earlier() else { return rounds };
        let state = rounds.read(&bytes);
        let n_rounds = state.and_then(|state| rounds.take_up(state));
        input.checkpoints.taken_up(n_rounds.map(|n| (n, "rounds")));
        match n_rounds {
            Some(_) => rounds,
            None => Rounds::new(input, ground, objective),
        }
    }

    /// Keeps the state, if it is time to; it holds no values of inner nodes.
    pub(super) fn keep(&self) {
        if self.setting.parameters.keeps_nodes {
            return;
        }
        let checkpoints = self.setting.input.checkpoints;
        if checkpoints.is_due(self.n_bytes, self.ended) {
            checkpoints.keep(self.state());
        }
    }

    fn state(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, self.n_bytes);
        writer.u64(self.setting.ground.meter.told());
        writer.u8(u8::from(self.ended));
        writer.count(self.round_ends.len());
        self.round_ends.iter().for_each(|&end| writer.count(end));
        writer.count(self.truncations.len());
        self.truncations.iter().for_each(|truncation| writer.f64(truncation.loss));
        writer.count(self.trees.len());
        for (tree, output) in self.trees.iter().zip(&self.outputs) {
            write_tree(&mut writer, tree, *output);
        }
        writer.finish()
    }

    /// The parts of a state, if they go together.
    fn read(&self, bytes: &[u8]) -> Option<State> {
        let mut reader = Reader::new(KIND, bytes)?;
        let work = reader.u64().filter(|&work| work <= MOST_WORK)?;
        let ended = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let n_rounds = reader.count(8)?;
        let round_ends = reader.list(n_rounds, |reader| usize::try_from(reader.u64()?).ok())?;
        let n_losses = reader.count(8)?;
        let losses = reader.list(n_losses, Reader::f64)?;
        let n_trees = reader.count(20)?;
        let most_rounds = self.setting.parameters.n_estimators;
        let scored = grid(most_rounds).into_iter().take_while(|&end| end <= n_rounds);
        let fits = n_rounds <= most_rounds
            && n_losses == scored.count()
            && round_ends.is_sorted()
            && round_ends.last().copied().unwrap_or(0) == n_trees;
        if !fits {
            return None;
        }
        let places = self.places();
        let trees = reader.list(n_trees, |reader| self.read_tree(reader, &places))?;
        reader.end()?;
        Some(State { ended, work, round_ends, losses, trees })
    }

    /// By feature of the dataset: its number among those of the fit.
    fn places(&self) -> Vec<Option<usize>> {
        let mut places = vec![None; self.setting.input.data.n_features()];
        for (place, feature) in self.setting.ground.binned.features.iter().enumerate() {
            places[feature.index as usize] = Some(place);
        }
        places
    }

    /// A tree of this fit, if it can be one.
    fn read_tree(
        &self,
        reader: &mut Reader<'_>,
        places: &[Option<usize>],
    ) -> Option<(Asked, TreeOutput)> {
        let n_outputs = self.sums.len();
        let (output, width) = match (reader.u32()?, self.sketches.is_empty()) {
            (ALL, false) => (TreeOutput::All, n_outputs),
            (k, true) if (k as usize) < n_outputs => (TreeOutput::One(k), 1),
            _ => return None,
        };
        let n_nodes = reader.count(5)?;
        let nodes = reader.list(n_nodes, read_node)?;
        let n_values = reader.count(4)?;
        let values = reader.list(n_values, Reader::f32)?;
        let n_leaves = nodes.iter().filter(|node| matches!(node, Node::Leaf { .. })).count();
        let mut has_parent = vec![false; n_nodes];
        let mut features = Vec::with_capacity(n_nodes);
        for (index, node) in nodes.iter().enumerate() {
            let Node::Split { feature, test, left, right, .. } = *node else {
                features.push(usize::MAX);
                continue;
            };
            let place = places.get(feature as usize).copied().flatten()?;
            let categorical = self.setting.ground.binned.features[place].categorical;
            if categorical != matches!(test, Test::In(_)) {
                return None;
            }
            for child in [left as usize, right as usize] {
                if child <= index || std::mem::replace(has_parent.get_mut(child)?, true) {
                    return None;
                }
            }
            features.push(place);
        }
        let in_range = |node: &Node| match *node {
            Node::Leaf { value } => (value as usize) < n_leaves,
            Node::Split { .. } => true,
        };
        let whole = has_parent.iter().skip(1).all(|&has| has) && nodes.iter().all(in_range);
        let is_tree = n_leaves > 1 && whole && n_values == n_leaves * width;
        is_tree.then_some(((Tree { nodes, values }, features, Vec::new()), output))
    }

    /// Makes of the rounds what they were when the state was kept; says how many there were, or
    /// nothing if the state is of other data. What is here by then is of no use.
    fn take_up(&mut self, state: State) -> Option<usize> {
        let State { ended, work, round_ends, losses, trees } = state;
        let meter = self.setting.ground.meter;
        let scored = grid(self.setting.parameters.n_estimators);
        let mut router = Router::default();
        let (mut trees, mut losses) = (trees.into_iter(), losses.into_iter());
        for (round, &end) in round_ends.iter().enumerate() {
            let of_round = trees.by_ref().take(end - self.trees.len());
            of_round.for_each(|tree| self.replay(&mut router, tree));
            self.round_ends.push(end);
            let mut loss = f64::NAN;
            if scored[self.truncations.len()] == round + 1 {
                loss = losses.next()?;
                if losses.len() == 0 && !meter.stopped() && !is_same(self.loss(), loss) {
                    return None;
                }
                self.note(round + 1, loss);
            }
            let learning_rate = self.rate.at(round);
            self.steps.push(Step { step: round as u64, learning_rate, loss, n_recovered: 0 });
        }
        self.ended = ended;
        meter.catch_up(work);
        Some(round_ends.len())
    }

    /// Adds a tree, and its values to the sums; once the fit has to end, the tree alone: nothing is
    /// learned from the sums any more.
    fn replay(&mut self, router: &mut Router, (asked, output): (Asked, TreeOutput)) {
        let Ground { binned, threads, meter, .. } = *self.setting.ground;
        let (tree, features, _) = asked;
        let outputs = match output {
            TreeOutput::All => 0..self.sums.len(),
            TreeOutput::One(k) => k as usize..k as usize + 1,
        };
        let grown = Grown { nodes: tree.nodes, features, ..Grown::default() };
        if !meter.stops_now() {
            let (columns, sums) = (&binned.columns, &mut self.sums[outputs.clone()]);
            router.add(&grown, columns, &tree.values, sums, threads);
            let (columns, sums) = (&self.setting.validation.columns, &mut self.valid_sums[outputs]);
            router.add(&grown, columns, &tree.values, sums, threads);
        }
        let tree = Tree { nodes: grown.nodes, values: tree.values };
        self.push((tree, grown.features, Vec::new()), output);
    }
}

fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn write_tree(writer: &mut Writer, tree: &Tree, output: TreeOutput) {
    writer.u32(match output {
        TreeOutput::All => ALL,
        TreeOutput::One(k) => k,
    });
    writer.count(tree.nodes.len());
    for node in &tree.nodes {
        write_node(writer, node);
    }
    writer.count(tree.values.len());
    tree.values.iter().for_each(|&value| writer.f32(value));
}

fn write_node(writer: &mut Writer, node: &Node) {
    let Node::Split { feature, test, left, right, gain } = *node else {
        let Node::Leaf { value } = *node else { unreachable!("a node is a split or a leaf") };
        writer.u8(LEAF);
        writer.u32(value);
        return;
    };
    match test {
        Test::Above { threshold, missing_right } => {
            writer.u8(if missing_right { ABOVE_OR_MISSING } else { ABOVE });
            writer.u8(threshold);
        }
        Test::In(BinSet(words)) => {
            writer.u8(IN);
            words.iter().for_each(|&word| writer.u64(word));
        }
    }
    writer.u32(feature);
    writer.u32(left);
    writer.u32(right);
    writer.f32(gain);
}

fn read_node(reader: &mut Reader<'_>) -> Option<Node> {
    let test = match reader.u8()? {
        LEAF => return Some(Node::Leaf { value: reader.u32()? }),
        ABOVE => Test::Above { threshold: reader.u8()?, missing_right: false },
        ABOVE_OR_MISSING => Test::Above { threshold: reader.u8()?, missing_right: true },
        IN => {
            let mut set = BinSet::default();
            for word in &mut set.0 {
                *word = reader.u64()?;
            }
            Test::In(set)
        }
        _ => return None,
    };
    let [feature, left, right] = [reader.u32()?, reader.u32()?, reader.u32()?];
    Some(Node::Split { feature, test, left, right, gain: reader.f32()? })
}
