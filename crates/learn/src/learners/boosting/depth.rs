//! Truncations by depth: the last levels of all trees are cut off.
//!
//! Trees are grown, and added to the scores, in full. Then nodes `max_depth_kept` questions below the
//! root become leaves: each answers as it would have if its tree had ended there, by the best value
//! of its rows (the Newton step of their gradients at that round, or their quantile, under the same
//! penalties and bounds) times the rate. So rounds and depths are all truncations of one fit.
//!
//! Reference: Quinlan 1987, Simplifying decision trees, doi:10.1016/S0020-7373(87)80053-6 (cutting
//! grown trees back).

use eyas_model::cost::ShapeCounter;
use eyas_model::{Link, Node, Part, Shape, Tree, TreeOutput, Trees};

use super::gradients::Pair;
use super::grow::Grown;
use super::model::Boosted;
use super::objective::Objective;
use super::parameters::Parameters;
use super::route::answers;
use super::sample::Sample;
use super::validation::Validation;
use super::values::{Leaves, node_values};
use crate::kernels::partition::partition;
use crate::learners::{FittedModel, Step, Truncation};
use crate::threads::Threads;

/// Rows that are sent down trees together.
const BLOCK: usize = 4096;

/// What every node of a tree would answer as a leaf, for one output `(n_nodes,)`.
pub(super) fn values(
    leaves: Leaves<'_>,
    objective: &Objective,
    parameters: &Parameters,
    sample: &Sample,
    pairs: &[Pair],
    sums: &[f64],
) -> Vec<f64> {
    let grown = leaves.grown;
    let mut values = if objective.has_quantiles() {
        let rows = ranges(grown, &grown.leaves, |a, b| a.start.min(b.start)..a.end.max(b.end));
        rows.iter()
            .map(|rows| objective.quantile_residual(&leaves.rows[rows.clone()], sums))
            .collect()
    } else {
        let leaf_sums = leaves.sums(pairs, sample.weights.as_deref());
        node_values(grown, &leaf_sums, parameters)
    };
    if !grown.bounds.is_empty() {
        let bounds = ranges(grown, &grown.bounds, |a, b| [a[0].min(b[0]), a[1].max(b[1])]);
        for (value, bounds) in values.iter_mut().zip(bounds) {
            *value = value.clamp(bounds[0], bounds[1]);
        }
    }
    values
}

/// What holds of each node, from what holds of leaves and of both children: the rows of a node lie
/// side by side, and its bounds are the widest of those below it.
fn ranges<T: Clone>(grown: &Grown, leaves: &[T], both: impl Fn(&T, &T) -> T) -> Vec<T> {
    let mut found: Vec<Option<T>> = vec![None; grown.nodes.len()];
    for (index, node) in grown.nodes.iter().enumerate().rev() {
        found[index] = match *node {
            Node::Leaf { value } => Some(leaves[value as usize].clone()),
            Node::Split { left, right, .. } => {
                let children = found[left as usize].as_ref().zip(found[right as usize].as_ref());
                children.map(|(left, right)| both(left, right))
            }
        };
    }
    found.into_iter().map(|found| found.expect("children come after their parents")).collect()
}

/// A truncation that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    /// Its trees, the first ones.
    pub n_trees: usize,
    /// Questions on a path that are kept.
    pub depth: usize,
    /// Its name.
    pub label: String,
}

/// A fit whose truncations are cuts.
#[derive(Debug)]
pub(super) struct CutTrees {
    whole: Boosted,
    cuts: Vec<Cut>,
    truncations: Vec<Truncation>,
}

impl CutTrees {
    /// Scores the cuts of a fit that kept the values of nodes, in one pass of the rows to validate on
    /// over all trees.
    pub fn new(
        whole: Boosted,
        cuts: Vec<Cut>,
        objective: &Objective,
        validation: &mut Validation<'_>,
        threads: &Threads,
    ) -> CutTrees {
        let mut scoring = Scoring::new(&whole, &cuts, validation);
        let mut order: Vec<usize> = (0..cuts.len()).collect();
        order.sort_by_key(|&cut| cuts[cut].n_trees);
        let mut truncations = vec![None; cuts.len()];
        for cut in order {
            scoring.advance(cuts[cut].n_trees, validation, threads);
            let label = cuts[cut].label.clone();
            let (loss, shape) = scoring.score(cuts[cut].depth, objective, validation, threads);
            truncations[cut] = Some(Truncation { label, loss, shape });
        }
        let truncations = truncations.into_iter().flatten().collect();
        CutTrees { whole, cuts, truncations }
    }
}

impl FittedModel for CutTrees {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let Cut { n_trees, depth, .. } = self.cuts[truncation];
        let whole = &self.whole;
        Part::Trees(Trees {
            base: whole.base.clone(),
            trees: (0..n_trees).map(|tree| whole.cut(tree, depth)).collect(),
            outputs: whole.outputs[..n_trees].to_vec(),
            scale: whole.scale,
        })
    }

    fn link(&self) -> Link {
        self.whole.link
    }

    fn steps(&self) -> &[Step] {
        &self.whole.steps
    }
}

impl Boosted {
    /// A tree of which `depth` questions on each path are kept. Nodes and leaves keep their order.
    fn cut(&self, tree: usize, depth: usize) -> Tree {
        let (whole, values) = (&self.trees[tree], &self.node_values[tree]);
        let depths = whole.depths();
        if depths.iter().all(|&of_node| of_node as usize <= depth) {
            return whole.clone();
        }
        let width = values.len() / whole.nodes.len();
        let mut places = vec![0u32; whole.nodes.len()];
        let kept = |index: &usize| depths[*index] as usize <= depth;
        for (place, index) in (0..whole.nodes.len()).filter(kept).enumerate() {
            places[index] = place as u32;
        }
        let mut out = Tree::default();
        for index in (0..whole.nodes.len()).filter(kept) {
            out.nodes.push(match whole.nodes[index] {
                Node::Split { feature, test, left, right, gain }
                    if (depths[index] as usize) < depth =>
                {
                    let [left, right] = [left, right].map(|child| places[child as usize]);
                    Node::Split { feature, test, left, right, gain }
                }
                _ => {
                    let value = (out.values.len() / width) as u32;
                    out.values.extend_from_slice(&values[index * width..][..width]);
                    Node::Leaf { value }
                }
            });
        }
        out
    }
}

/// The sums of all depths on the rows to validate on, tree by tree.
struct Scoring<'a> {
    whole: &'a Boosted,
    /// Distinct depths, ascending.
    depths: Vec<usize>,
    /// Sums of leaf values `(n_depths, n_outputs)` x `(n_rows,)`.
    sums: Vec<Vec<f64>>,
    counters: Vec<ShapeCounter<'a>>,
    n_outputs: usize,
    /// Trees so far, and the longest path in them.
    n_trees: usize,
    longest: usize,
    /// What was scored of these trees, by depth.
    scored: Vec<Option<(f64, Shape)>>,
}

impl<'a> Scoring<'a> {
    fn new(whole: &'a Boosted, cuts: &[Cut], validation: &Validation<'a>) -> Scoring<'a> {
        let mut depths: Vec<usize> = cuts.iter().map(|cut| cut.depth).collect();
        depths.sort_unstable();
        depths.dedup();
        let n_outputs = whole.base.len();
        let n_rows = validation.n_rows();
        Scoring {
            whole,
            sums: vec![vec![0.0; n_rows]; depths.len() * n_outputs],
            counters: vec![ShapeCounter::new(validation.features()); depths.len()],
            scored: vec![None; depths.len()],
            depths,
            n_outputs,
            n_trees: 0,
            longest: 0,
        }
    }

    /// Adds trees up to the `n_trees`-th.
    fn advance(&mut self, n_trees: usize, validation: &Validation<'_>, threads: &Threads) {
        if n_trees <= self.n_trees {
            return;
        }
        let new = self.n_trees..n_trees;
        for tree in new.clone() {
            for (counter, &depth) in self.counters.iter_mut().zip(&self.depths) {
                let output = self.whole.outputs[tree];
                counter.add_tree(&self.whole.cut(tree, depth), output, self.n_outputs);
            }
            self.longest = self.longest.max(self.whole.trees[tree].depth());
        }
        self.n_trees = n_trees;
        self.scored.fill(None);
        let n_blocks = validation.n_rows().div_ceil(BLOCK);
        let mut blocks: Vec<Vec<&mut [f64]>> = (0..n_blocks).map(|_| Vec::new()).collect();
        for sums in &mut self.sums {
            blocks.iter_mut().zip(sums.chunks_mut(BLOCK)).for_each(|(block, s)| block.push(s));
        }
        let (whole, depths, n_outputs) = (self.whole, &self.depths, self.n_outputs);
        threads.for_each_mut(&mut blocks, |place, sums| {
            let mut block = Block::new(place * BLOCK, sums[0].len());
            for tree in new.clone() {
                block.add(whole, tree, depths, validation, n_outputs, sums);
            }
        });
    }

    /// Loss and shape of the trees so far, cut at a depth.
    fn score(
        &mut self,
        depth: usize,
        objective: &Objective,
        validation: &mut Validation<'_>,
        threads: &Threads,
    ) -> (f64, Shape) {
        // Where no path is longer, less deep cuts are the same.
        let depth = depth.min(self.longest);
        let place = self.depths.partition_point(|&other| other < depth);
        if let Some(scored) = &self.scored[place] {
            return *scored;
        }
        let sums = &self.sums[place * self.n_outputs..][..self.n_outputs];
        let loss = validation.loss(objective, sums, threads);
        let scored = (loss, self.counters[place].shape());
        self.scored[place] = Some(scored);
        scored
    }
}

/// Rows on their way down trees.
struct Block {
    first: usize,
    rows: Vec<u32>,
    buffer: Vec<u32>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl Block {
    fn new(first: usize, n_rows: usize) -> Block {
        Block { first, rows: vec![0; n_rows], buffer: vec![0; n_rows], ranges: Vec::new() }
    }

    /// Adds what a tree answers at each of the depths to `sums` `(n_depths, n_outputs)` x
    /// `(n_rows,)`.
    fn add(
        &mut self,
        whole: &Boosted,
        tree: usize,
        depths: &[usize],
        validation: &Validation<'_>,
        n_outputs: usize,
        sums: &mut [&mut [f64]],
    ) {
        let (nodes, values) = (&whole.trees[tree].nodes, &whole.node_values[tree]);
        let of_nodes = whole.trees[tree].depths();
        let width = values.len() / nodes.len();
        let first_output = match whole.outputs[tree] {
            TreeOutput::One(output) => output as usize,
            TreeOutput::All => 0,
        };
        let n_rows = self.rows.len();
        self.rows.iter_mut().zip(self.first as u32..).for_each(|(row, index)| *row = index);
        self.ranges.clear();
        self.ranges.resize(nodes.len(), 0..0);
        self.ranges[0] = 0..n_rows;
        for (index, node) in nodes.iter().enumerate() {
            let range = self.ranges[index].clone();
            if range.is_empty() {
                continue;
            }
            let depth = of_nodes[index] as usize;
            let from = depths.partition_point(|&other| other < depth);
            // A node answers where it is cut, a leaf wherever it is not cut off.
            let to = match node {
                Node::Leaf { .. } => depths.len(),
                Node::Split { .. } => from + usize::from(depths.get(from) == Some(&depth)),
            };
            for place in from..to {
                for (k, &value) in values[index * width..][..width].iter().enumerate() {
                    let sums = &mut sums[place * n_outputs + first_output + k];
                    let rows = self.rows[range.clone()].iter();
                    rows.for_each(|&row| sums[row as usize - self.first] += f64::from(value));
                }
            }
            if let Node::Split { feature, test, left, right, .. } = *node
                && to < depths.len()
            {
                let column = validation.column(feature);
                let rows = &mut self.rows[range.clone()];
                let n_left = partition(rows, column, &answers(&test), &mut self.buffer);
                self.ranges[left as usize] = range.start..range.start + n_left;
                self.ranges[right as usize] = range.start + n_left..range.end;
            }
        }
    }
}

/// Makes cuts of what a trial scores, all at one depth.
pub(super) fn of_trial(whole: &Boosted, depth: usize) -> Vec<Cut> {
    let ends = whole.truncations.iter().zip(&whole.ends);
    let cut = |(truncation, &n_trees): (&Truncation, &usize)| Cut {
        n_trees,
        depth,
        label: truncation.label.clone(),
    };
    ends.map(cut).collect()
}
