//! Growing one tree.

use eyas_model::Node;

use super::binned::{Binned, Part};
use super::estimate::PARTITION_WORK;
use super::gradients::Gradients;
use super::ground::{Ground, Worker};
use super::leaf::{FREE, Leaf};
use super::parameters::GrowPolicy;
use super::reuse::Reuse;
use super::route::{answers, partition_shared};
use super::split::{NodeSums, Split, Sums};
use crate::kernels::histogram::{self, Cell};
use crate::random;

/// The structure of a tree. The `value` of a leaf is its index in `leaves`.
#[derive(Debug, Clone, Default)]
pub(super) struct Grown {
    /// Nodes, with features as the dataset numbers them.
    pub nodes: Vec<Node>,
    /// The same features as [`Binned`] numbers them `(n_nodes,)`.
    pub features: Vec<usize>,
    /// Where the rows of each leaf are in [`Grower::rows`].
    pub leaves: Vec<std::ops::Range<usize>>,
    /// Least and largest value of each leaf; empty if values are free.
    pub bounds: Vec<[f64; 2]>,
}

/// Where a tree's randomness comes from and which rows it learns from.
#[derive(Debug, Clone, Copy)]
pub(super) struct TreeInput<'a> {
    /// What it learns.
    pub gradients: &'a Gradients,
    /// Rows, ascending; `None` is all.
    pub rows: Option<&'a [u32]>,
    /// Key of the tree.
    pub key: u64,
    /// Questions that the model asks already.
    pub reuse: &'a Reuse,
}

/// A node that may still be split.
pub(super) struct Open {
    /// Its index in [`Grown::nodes`].
    pub node: usize,
    /// Its rows.
    pub rows: std::ops::Range<usize>,
    /// Questions above it.
    pub depth: usize,
    /// Key of its path.
    pub key: u64,
    /// Sum by channel.
    pub totals: Vec<Cell>,
    /// Cells by part, and by channel in each; empty if it cannot be split.
    pub histogram: Vec<Cell>,
    /// Its best split.
    pub split: Option<Split>,
    /// Least and largest value of leaves below.
    pub bounds: [f64; 2],
    /// Features asked above it, where interactions are constrained.
    pub path: Vec<usize>,
}

impl Open {
    /// The node as the search of a part sees it.
    pub(super) fn sums<'s>(&'s self, part: &Part, histogram: &'s [Cell]) -> NodeSums<'s> {
        NodeSums {
            histogram,
            first: part.cells.start,
            totals: &self.totals,
            key: self.key,
            bounds: self.bounds,
        }
    }
}

/// Memory for growing trees, reused from tree to tree.
pub(super) struct Grower<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) workers: Vec<Worker<'a>>,
    /// The features that the tiles of the workers are made of; `None` if those of all are used.
    pub(super) drawn: Option<Vec<usize>>,
    pub(super) pool: Vec<Vec<Cell>>,
    /// Rows of the last tree, leaf by leaf.
    pub rows: Vec<u32>,
    buffer: Vec<u32>,
    /// Whether categorical features are left out from now on.
    pub without_categories: bool,
}

impl<'a> Grower<'a> {
    pub fn new(ground: &'a Ground<'a>) -> Grower<'a> {
        Grower {
            ground,
            workers: ground.parts.iter().map(|part| Worker::new(ground, part)).collect(),
            drawn: None,
            pool: Vec::new(),
            rows: Vec::with_capacity(ground.binned.n_rows),
            buffer: vec![0; ground.binned.n_rows],
            without_categories: false,
        }
    }

    /// Grows a tree; `None` if it was stopped before its end.
    pub fn grow(&mut self, input: TreeInput<'_>) -> Option<Grown> {
        self.rows.clear();
        match input.rows {
            Some(rows) => self.rows.extend_from_slice(rows),
            None => self.rows.extend(0..self.ground.binned.n_rows as u32),
        }
        for worker in &mut self.workers {
            worker.search.scales.clone_from(&input.gradients.scales);
            worker.search.reuse.clone_from(input.reuse);
        }
        let features = self.tree_features(input.key);
        let mut grown = Grown::default();
        let root = self.root(input, &features);
        match self.ground.parameters.grow_policy {
            GrowPolicy::Oblivious => self.grow_levels(input, &features, root, &mut grown),
            _ => self.grow_leaves(input, &features, root, &mut grown),
        }
        (!self.ground.meter.stopped()).then_some(grown)
    }

    fn root(&mut self, input: TreeInput<'_>, features: &[usize]) -> Open {
        let Gradients { packed, packing, .. } = input.gradients;
        let rows = 0..self.rows.len();
        let total = |packed: &Vec<u64>| match input.rows {
            None => histogram::total_of_all(packed, *packing),
            Some(rows) => histogram::total(packed, *packing, rows),
        };
        let totals: Vec<Cell> = packed.iter().map(total).collect();
        let histogram = self.empty_histogram(totals.len());
        let mut root = Open {
            node: 0,
            rows,
            depth: 0,
            key: input.key,
            totals,
            histogram,
            split: None,
            bounds: FREE,
            path: Vec::new(),
        };
        if !features.is_empty() {
            self.sum_and_search(input, features, &mut root, None);
        }
        root
    }

    /// Splits leaves until none is left that may be.
    fn grow_leaves(
        &mut self,
        input: TreeInput<'_>,
        features: &[usize],
        root: Open,
        grown: &mut Grown,
    ) {
        grown.push_leaf(root.rows.clone());
        let mut open = vec![root];
        let most = self.ground.parameters.num_leaves;
        while grown.leaves.len() < most && !self.ground.meter.stopped() {
            let Some(place) = self.next_leaf(&open) else { break };
            let leaf = open.swap_remove(place);
            // Sums of the children are needed only if one of them may be split.
            let last = grown.leaves.len() + 1 == most;
            open.extend(self.divide(leaf, grown, input, features, last));
        }
        self.give_back(open, grown);
    }

    fn next_leaf(&self, open: &[Open]) -> Option<usize> {
        let depthwise = self.ground.parameters.grow_policy == GrowPolicy::Depthwise;
        let rank = |leaf: &Open| if depthwise { leaf.depth } else { 0 };
        let mut best: Option<(usize, f64, usize)> = None;
        for (place, leaf) in open.iter().enumerate() {
            let Some(split) = leaf.split else { continue };
            let better = best.is_none_or(|(depth, gain, at)| {
                let order = rank(leaf).cmp(&depth).then(gain.total_cmp(&split.gain));
                order.then(leaf.node.cmp(&open[at].node)).is_lt()
            });
            if better {
                best = Some((rank(leaf), split.gain, place));
            }
        }
        best.map(|(.., place)| place)
    }

    /// Splits a leaf; its children have histograms if they may be split.
    pub(super) fn divide(
        &mut self,
        leaf: Open,
        grown: &mut Grown,
        input: TreeInput<'_>,
        features: &[usize],
        last: bool,
    ) -> [Open; 2] {
        let split = leaf.split.expect("only leaves with a split are divided");
        let middle = leaf.rows.start + self.partition(leaf.rows.clone(), &split);
        let nodes = grown.split(leaf.node, &split, self.ground.binned, leaf.rows.clone(), middle);
        let right_totals = self.totals_right(&leaf, &split);
        let left_totals: Vec<Cell> =
            leaf.totals.iter().zip(&right_totals).map(|(a, &b)| a.minus(b)).collect();
        let bounds = self.child_bounds(&leaf, &split, [left_totals[0], right_totals[0]]);
        let mut path = leaf.path.clone();
        if !self.ground.groups.is_empty() {
            path.push(split.feature);
        }
        if input.reuse.is_priced() {
            let workers = self.workers.iter_mut();
            workers.for_each(|worker| worker.search.reuse.add(split.feature, &split.test));
        }
        let child = |side: u64, rows, totals| Open {
            node: nodes[side as usize],
            rows,
            depth: leaf.depth + 1,
            key: random::key(&[leaf.key, side]),
            totals,
            histogram: Vec::new(),
            split: None,
            bounds: bounds[side as usize],
            path: path.clone(),
        };
        let mut children = [
            child(0, leaf.rows.start..middle, left_totals),
            child(1, middle..leaf.rows.end, right_totals),
        ];
        if last || !self.may_split(&children) {
            self.pool.push(leaf.histogram);
            return children;
        }
        self.fill_children(&mut children, leaf.histogram, input, features);
        children
    }

    fn may_split(&self, children: &[Open; 2]) -> bool {
        let most = children[0].rows.len().max(children[1].rows.len()) as u64;
        let parameters = self.ground.parameters;
        let fits =
            children[0].depth < parameters.max_depth && most >= 2 * parameters.min_data_in_leaf;
        fits || self.ground.parameters.grow_policy == GrowPolicy::Oblivious
    }

    /// Builds the histogram of the smaller child; that of the larger is what is left.
    fn fill_children(
        &mut self,
        children: &mut [Open; 2],
        parent: Vec<Cell>,
        input: TreeInput<'_>,
        features: &[usize],
    ) {
        let [left, right] = children;
        let (small, large) =
            if right.rows.len() < left.rows.len() { (right, left) } else { (left, right) };
        small.histogram = self.empty_histogram(small.totals.len());
        large.histogram = parent;
        self.sum_and_search(input, features, small, Some(large));
    }

    /// Moves the rows of the right side behind those of the left; returns how many are left.
    fn partition(&mut self, rows: std::ops::Range<usize>, split: &Split) -> usize {
        let Ground { binned, threads, meter, .. } = *self.ground;
        meter.spend(PARTITION_WORK * rows.len() as u64);
        let goes_right = answers(&split.test);
        let column = &binned.columns[split.feature];
        let buffer = &mut self.buffer[..rows.len()];
        partition_shared(threads, &mut self.rows[rows], column, &goes_right, buffer)
    }

    /// Sums of the rows that go right.
    fn totals_right(&mut self, leaf: &Open, split: &Split) -> Vec<Cell> {
        let Ground { binned, parts, .. } = self.ground;
        let feature = &binned.features[split.feature];
        let part = parts.iter().find(|part| part.has(feature)).expect("a feature has a part");
        let n_channels = leaf.totals.len();
        let node = leaf.sums(part, &leaf.histogram[part.of_channels(n_channels)]);
        let mut memory = [Cell::default(); 256];
        let sum = |channel| {
            let cells = node.cells(binned, split.feature, channel, &mut memory);
            let right =
                cells.iter().enumerate().filter(|(bin, _)| split.test.goes_right(*bin as u8));
            right.fold(Cell::default(), |sum, (_, &cell)| sum.plus(cell))
        };
        (0..n_channels).map(sum).collect()
    }

    /// The bounds of both children: below a split by a feature with a direction, the middle of their
    /// values is between them.
    fn child_bounds(&self, leaf: &Open, split: &Split, totals: [Cell; 2]) -> [[f64; 2]; 2] {
        let direction = self.ground.monotone.get(split.feature).copied().unwrap_or(0);
        let mut bounds = [leaf.bounds; 2];
        if direction != 0 {
            let scale = self.workers[0].search.scales[0];
            let value = |total: Cell| {
                Leaf::new(self.ground.parameters, leaf.bounds).value(Sums::new(total, scale))
            };
            let middle = 0.5 * (value(totals[0]) + value(totals[1]));
            let lower = usize::from(direction < 0);
            bounds[lower][1] = middle;
            bounds[1 - lower][0] = middle;
        }
        bounds
    }

    /// Gives memory of the leaves back and notes their bounds.
    pub(super) fn give_back(&mut self, open: Vec<Open>, grown: &mut Grown) {
        if !self.ground.monotone.is_empty() {
            grown.bounds.resize(grown.leaves.len(), FREE);
            for leaf in &open {
                if let Node::Leaf { value } = grown.nodes[leaf.node] {
                    grown.bounds[value as usize] = leaf.bounds;
                }
            }
        }
        self.pool.extend(open.into_iter().map(|leaf| leaf.histogram).filter(|h| h.capacity() > 0));
    }
}

impl Grown {
    /// Adds a leaf with these rows; returns its node.
    pub(super) fn push_leaf(&mut self, rows: std::ops::Range<usize>) -> usize {
        self.nodes.push(Node::Leaf { value: self.leaves.len() as u32 });
        self.features.push(usize::MAX);
        self.leaves.push(rows);
        self.nodes.len() - 1
    }

    /// Makes a leaf a split: its left child takes its place among the leaves.
    fn split(
        &mut self,
        node: usize,
        split: &Split,
        binned: &Binned,
        rows: std::ops::Range<usize>,
        middle: usize,
    ) -> [usize; 2] {
        let Node::Leaf { value } = self.nodes[node] else { unreachable!("only leaves are split") };
        self.leaves[value as usize] = rows.start..middle;
        self.nodes.push(Node::Leaf { value });
        self.features.push(usize::MAX);
        let left = self.nodes.len() - 1;
        let right = self.push_leaf(middle..rows.end);
        self.features[node] = split.feature;
        self.nodes[node] = Node::Split {
            feature: binned.features[split.feature].index,
            test: split.test,
            left: left as u32,
            right: right as u32,
            gain: (0.5 * split.gain) as f32,
        };
        [left, right]
    }
}
