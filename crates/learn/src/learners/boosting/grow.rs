//! Growing one tree.

use eyas_model::Node;

use super::binned::Binned;
use super::estimate::{CELL_WORK, NODE_WORK, PARTITION_WORK};
use super::gradients::Gradients;
use super::parameters::{GrowPolicy, Parameters};
use super::split::{NodeSums, Search, Split};
use crate::kernels::histogram::{self, Cell, Rows, Scratch, Tile};
use crate::kernels::partition::partition;
use crate::learners::Stop;
use crate::random::{self, Stream};

/// Work that may be done before [`Stop`] is asked again.
const ASK_EVERY: u64 = 4_000_000;

/// The structure of a tree. The `value` of a leaf is its index in `leaves`.
#[derive(Debug, Clone, Default)]
pub(super) struct Grown {
    /// Nodes, with features as the dataset numbers them.
    pub nodes: Vec<Node>,
    /// The same features as [`Binned`] numbers them `(n_nodes,)`.
    pub features: Vec<usize>,
    /// Where the rows of each leaf are in [`Grower::rows`].
    pub leaves: Vec<std::ops::Range<usize>>,
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
    /// Cells by channel; empty if it cannot be split.
    pub histogram: Vec<Cell>,
    /// Its best split.
    pub split: Option<Split>,
}

/// Memory for growing trees, reused from tree to tree.
pub(super) struct Grower<'a> {
    pub(super) binned: &'a Binned,
    pub(super) parameters: &'a Parameters,
    stop: &'a dyn Stop,
    pub(super) search: Search<'a>,
    tiles: Vec<Tile>,
    tiled: Vec<usize>,
    scratch: Scratch,
    pool: Vec<Vec<Cell>>,
    /// Rows of the last tree, leaf by leaf.
    pub rows: Vec<u32>,
    buffer: Vec<u32>,
    unasked: u64,
    /// Whether categorical features are left out from now on.
    pub without_categories: bool,
    /// Whether [`Stop`] has said so.
    pub stopped: bool,
}

impl<'a> Grower<'a> {
    pub fn new(binned: &'a Binned, parameters: &'a Parameters, stop: &'a dyn Stop) -> Grower<'a> {
        Grower {
            binned,
            parameters,
            stop,
            search: Search::new(binned, parameters),
            tiles: Vec::new(),
            tiled: Vec::new(),
            scratch: Scratch::default(),
            pool: Vec::new(),
            rows: Vec::with_capacity(binned.n_rows),
            buffer: vec![0; binned.n_rows],
            unasked: 0,
            without_categories: false,
            stopped: false,
        }
    }

    /// Counts work and asks [`Stop`] now and then.
    pub fn spend(&mut self, work: u64) {
        self.unasked += work;
        if self.unasked >= ASK_EVERY {
            self.ask();
        }
    }

    /// Asks [`Stop`] now.
    pub fn ask(&mut self) {
        self.stopped |= self.stop.spent(self.unasked);
        self.unasked = 0;
    }

    /// Grows a tree; `None` if it was stopped before its end.
    pub fn grow(&mut self, input: TreeInput<'_>) -> Option<Grown> {
        self.rows.clear();
        match input.rows {
            Some(rows) => self.rows.extend_from_slice(rows),
            None => self.rows.extend(0..self.binned.n_rows as u32),
        }
        self.search.scales.clone_from(&input.gradients.scales);
        let features = self.tree_features(input.key);
        let mut grown = Grown::default();
        let mut root = self.root(input, &features);
        match self.parameters.grow_policy {
            GrowPolicy::Oblivious => self.grow_levels(input, &features, root, &mut grown),
            _ => {
                self.find_split(&mut root, &features);
                self.grow_leaves(input, &features, root, &mut grown);
            }
        }
        (!self.stopped).then_some(grown)
    }

    /// Draws the features of a tree and makes tiles of them.
    fn tree_features(&mut self, key: u64) -> Vec<usize> {
        let all: Vec<usize> = (0..self.binned.features.len()).collect();
        let features = draw(&all, self.parameters.feature_fraction, random::key(&[key, FEATURES]));
        // Interleaving costs about as much as a quarter of the updates it saves.
        let wanted = if features.len() * 4 <= all.len() * 3 { &features } else { &all };
        if self.tiled != *wanted {
            self.binned.tiles(wanted, &mut self.tiles);
            self.tiled.clone_from(wanted);
        }
        let allowed =
            |&f: &usize| !(self.without_categories && self.binned.features[f].categorical);
        features.into_iter().filter(allowed).collect()
    }

    fn root(&mut self, input: TreeInput<'_>, features: &[usize]) -> Open {
        let rows = 0..self.rows.len();
        let mut histogram = self.empty_histogram(input.gradients.packed.len());
        let mut totals = Vec::new();
        if !features.is_empty() {
            self.fill_histogram(input, rows.clone(), &mut histogram);
        }
        for packed in &input.gradients.packed {
            totals.push(histogram::total(packed, input.gradients.packing, &self.rows));
        }
        Open { node: 0, rows, depth: 0, key: input.key, totals, histogram, split: None }
    }

    fn empty_histogram(&mut self, n_channels: usize) -> Vec<Cell> {
        let mut histogram = self.pool.pop().unwrap_or_default();
        histogram.clear();
        histogram.resize(n_channels * self.binned.n_cells, Cell::default());
        histogram
    }

    fn fill_histogram(
        &mut self,
        input: TreeInput<'_>,
        rows: std::ops::Range<usize>,
        histogram: &mut [Cell],
    ) {
        let n_cells = self.binned.n_cells;
        let list = match input.rows {
            None if rows.len() == self.binned.n_rows => Rows::All,
            _ => Rows::Some(&self.rows[rows.clone()]),
        };
        for (channel, packed) in input.gradients.packed.iter().enumerate() {
            let histogram = &mut histogram[channel * n_cells..][..n_cells];
            for tile in &self.tiles {
                let packing = input.gradients.packing;
                histogram::add_tile(tile, packed, packing, list, &mut self.scratch, histogram);
            }
        }
        let columns: usize = self.tiles.iter().map(|tile| tile.columns.len()).sum();
        self.spend((rows.len() * columns * input.gradients.packed.len()) as u64);
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
        while grown.leaves.len() < self.parameters.num_leaves && !self.stopped {
            let Some(place) = self.next_leaf(&open) else { break };
            let leaf = open.swap_remove(place);
            // Sums of the children are needed only if one of them may be split.
            let last = grown.leaves.len() + 1 == self.parameters.num_leaves;
            let [mut left, mut right] = self.divide(leaf, grown, input, last);
            for child in [&mut left, &mut right] {
                self.find_split(child, features);
            }
            open.extend([left, right]);
        }
        self.pool.extend(open.into_iter().map(|leaf| leaf.histogram).filter(|h| h.capacity() > 0));
    }

    fn next_leaf(&self, open: &[Open]) -> Option<usize> {
        let depthwise = self.parameters.grow_policy == GrowPolicy::Depthwise;
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
        last: bool,
    ) -> [Open; 2] {
        let split = leaf.split.expect("only leaves with a split are divided");
        let middle = leaf.rows.start + self.partition(leaf.rows.clone(), &split);
        let nodes = grown.split(leaf.node, &split, self.binned, leaf.rows.clone(), middle);
        let right_totals = self.totals_right(&leaf, &split);
        let left_totals = leaf.totals.iter().zip(&right_totals).map(|(a, &b)| a.minus(b)).collect();
        let child = |side: u64, rows, totals| Open {
            node: nodes[side as usize],
            rows,
            depth: leaf.depth + 1,
            key: random::key(&[leaf.key, side]),
            totals,
            histogram: Vec::new(),
            split: None,
        };
        let mut children = [
            child(0, leaf.rows.start..middle, left_totals),
            child(1, middle..leaf.rows.end, right_totals),
        ];
        if last || !self.may_split(&children) {
            self.pool.push(leaf.histogram);
            return children;
        }
        self.fill_children(&mut children, leaf.histogram, input);
        children
    }

    fn may_split(&self, children: &[Open; 2]) -> bool {
        let most = children[0].rows.len().max(children[1].rows.len()) as u64;
        let fits = children[0].depth < self.parameters.max_depth
            && most >= 2 * self.parameters.min_data_in_leaf;
        fits || self.parameters.grow_policy == GrowPolicy::Oblivious
    }

    /// Builds the histogram of the smaller child; that of the larger is what is left.
    fn fill_children(&mut self, children: &mut [Open; 2], parent: Vec<Cell>, input: TreeInput<'_>) {
        let small = usize::from(children[1].rows.len() < children[0].rows.len());
        let mut histogram = self.empty_histogram(input.gradients.packed.len());
        self.fill_histogram(input, children[small].rows.clone(), &mut histogram);
        let mut rest = parent;
        histogram::subtract(&mut rest, &histogram);
        children[small].histogram = histogram;
        children[1 - small].histogram = rest;
    }

    /// Moves the rows of the right side behind those of the left; returns how many are left.
    fn partition(&mut self, rows: std::ops::Range<usize>, split: &Split) -> usize {
        self.spend(PARTITION_WORK * rows.len() as u64);
        let goes_right = answers(&split.test);
        let column = &self.binned.columns[split.feature];
        partition(&mut self.rows[rows], column, &goes_right, &mut self.buffer)
    }

    /// Sums of the rows that go right.
    fn totals_right(&mut self, leaf: &Open, split: &Split) -> Vec<Cell> {
        let n_cells = self.binned.n_cells;
        let mut memory = [Cell::default(); 256];
        let channels = leaf.totals.iter().zip(leaf.histogram.chunks_exact(n_cells));
        let sum = |(&total, histogram): (&Cell, &[Cell])| {
            let cells = self.binned.cells(split.feature, histogram, total, &mut memory);
            let right =
                cells.iter().enumerate().filter(|(bin, _)| split.test.goes_right(*bin as u8));
            right.fold(Cell::default(), |sum, (_, &cell)| sum.plus(cell))
        };
        channels.map(sum).collect()
    }

    /// Looks for the best split of a leaf; where there is none, its memory is given back.
    fn find_split(&mut self, leaf: &mut Open, features: &[usize]) {
        let too_small = (leaf.rows.len() as u64) < 2 * self.parameters.min_data_in_leaf;
        if !leaf.histogram.is_empty() && !too_small && leaf.depth < self.parameters.max_depth {
            let features = self.node_features(features, leaf.key);
            let node = NodeSums { histogram: &leaf.histogram, totals: &leaf.totals, key: leaf.key };
            leaf.split = self.search.best(&features, node);
            self.spend(CELL_WORK * leaf.histogram.len() as u64 + NODE_WORK);
        }
        if leaf.split.is_none() && !leaf.histogram.is_empty() {
            self.pool.push(std::mem::take(&mut leaf.histogram));
        }
    }

    /// Draws the features of a node.
    pub(super) fn node_features<'f>(
        &self,
        features: &'f [usize],
        key: u64,
    ) -> std::borrow::Cow<'f, [usize]> {
        let fraction = self.parameters.feature_fraction_bynode;
        if fraction >= 1.0 {
            return features.into();
        }
        draw(features, fraction, random::key(&[key, FEATURES])).into()
    }

    /// Gives memory of open leaves back.
    pub(super) fn give_back(&mut self, open: Vec<Open>) {
        self.pool.extend(open.into_iter().map(|leaf| leaf.histogram));
    }
}

/// Part of keys that draw features.
const FEATURES: u64 = 0xFEA7;

/// A share of the items, at least one, in their order.
fn draw(items: &[usize], fraction: f64, key: u64) -> Vec<usize> {
    let n =
        ((items.len() as f64 * fraction).round() as usize).clamp(1.min(items.len()), items.len());
    let mut drawn = items.to_vec();
    if n < items.len() {
        Stream::new(&[key]).shuffle(&mut drawn);
        drawn.truncate(n);
        drawn.sort_unstable();
    }
    drawn
}

/// The answer of a test by bin, 1 is right.
pub(super) fn answers(test: &eyas_model::Test) -> [u8; 256] {
    std::array::from_fn(|bin| u8::from(test.goes_right(bin as u8)))
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
