//! Growing one tree.

use std::borrow::Cow;

use eyas_model::Node;

use super::binned::{Binned, Part};
use super::estimate::{CELL_WORK, NODE_WORK, PARTITION_WORK};
use super::gradients::Gradients;
use super::meter::Meter;
use super::parameters::{GrowPolicy, Parameters};
use super::split::{NodeSums, Search, Split};
use crate::kernels::histogram::{self, Cell, Rows, Scratch, Tile};
use crate::kernels::partition::partition;
use crate::random::{self, Stream};
use crate::threads::{ONE_THREAD, Threads};

/// Work from which on it pays to hand parts of it to other threads.
const LEAST_SHARED_WORK: u64 = 20_000;
/// Rows from which on two threads part them.
const LEAST_SHARED_ROWS: usize = 8_000;

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
    /// Cells by part, and by channel in each; empty if it cannot be split.
    pub histogram: Vec<Cell>,
    /// Its best split.
    pub split: Option<Split>,
}

impl Open {
    /// The node as the search of a part sees it.
    fn sums<'s>(&'s self, part: &Part, histogram: &'s [Cell]) -> NodeSums<'s> {
        NodeSums { histogram, first: part.cells.start, totals: &self.totals, key: self.key }
    }
}

/// What all trees of a fit are grown from.
pub(super) struct Ground<'a> {
    pub binned: &'a Binned<'a>,
    pub parameters: &'a Parameters,
    pub threads: &'a Threads,
    pub meter: &'a Meter<'a>,
    parts: Vec<Part>,
    /// Tiles of all features by part.
    tiles: Vec<Vec<Tile>>,
}

impl<'a> Ground<'a> {
    pub fn new(
        binned: &'a Binned<'a>,
        parameters: &'a Parameters,
        threads: &'a Threads,
        meter: &'a Meter<'a>,
    ) -> Ground<'a> {
        let parts = binned.parts(threads.count());
        let mut tiles = vec![Vec::new(); parts.len()];
        let all: Vec<usize> = (0..binned.features.len()).collect();
        threads.for_each_mut(&mut tiles, |part, tiles| binned.tiles(&all, &parts[part], tiles));
        Ground { binned, parameters, threads, meter, parts, tiles }
    }
}

/// What sums and searches one part of the features.
struct Worker<'a> {
    part: Part,
    scratch: Scratch,
    search: Search<'a>,
    /// Tiles of the features drawn for this tree, if they are few.
    tiles: Vec<Tile>,
}

/// One part of a histogram, of that of the other child, and what is found there.
struct Job<'j, 'a> {
    worker: &'j mut Worker<'a>,
    cells: &'j mut [Cell],
    rest: &'j mut [Cell],
    splits: [Option<Split>; 2],
}

impl Job<'_, '_> {
    /// Sums the rows into `cells`; what is left of `rest` is that of the other rows.
    fn sum(&mut self, shared: Option<&[Tile]>, gradients: &Gradients, rows: Rows<'_>) {
        self.cells.fill(Cell::default());
        let Worker { scratch, tiles, .. } = &mut *self.worker;
        let n_cells = self.cells.len() / gradients.packed.len();
        for (channel, packed) in gradients.packed.iter().enumerate() {
            let cells = &mut self.cells[channel * n_cells..][..n_cells];
            let tiles = shared.unwrap_or(tiles);
            histogram::add_tiles(tiles, packed, gradients.packing, rows, scratch, cells);
        }
        if !self.rest.is_empty() {
            histogram::subtract(self.rest, self.cells);
        }
    }

    /// The best splits of both nodes by features of this part.
    fn search(&mut self, nodes: [Option<&Open>; 2], features: &[Option<Cow<'_, [usize]>>; 2]) {
        let Worker { part, search, .. } = &mut *self.worker;
        let cells = [&*self.cells, &*self.rest];
        for (place, histogram) in cells.into_iter().enumerate() {
            if let (Some(leaf), Some(features)) = (nodes[place], &features[place]) {
                let node = leaf.sums(part, histogram);
                self.splits[place] = search.best(features, part, node);
            }
        }
    }
}

/// Memory for growing trees, reused from tree to tree.
pub(super) struct Grower<'a> {
    pub(super) ground: &'a Ground<'a>,
    workers: Vec<Worker<'a>>,
    /// The features that the tiles of the workers are made of; `None` if those of all are used.
    drawn: Option<Vec<usize>>,
    pool: Vec<Vec<Cell>>,
    /// Rows of the last tree, leaf by leaf.
    pub rows: Vec<u32>,
    buffer: Vec<u32>,
    /// Whether categorical features are left out from now on.
    pub without_categories: bool,
}

impl<'a> Grower<'a> {
    pub fn new(ground: &'a Ground<'a>) -> Grower<'a> {
        let worker = |part: &Part| Worker {
            part: part.clone(),
            scratch: Scratch::default(),
            search: Search::new(ground.binned, ground.parameters),
            tiles: Vec::new(),
        };
        Grower {
            ground,
            workers: ground.parts.iter().map(worker).collect(),
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

    /// Draws the features of a tree and makes tiles of them.
    fn tree_features(&mut self, key: u64) -> Vec<usize> {
        let Ground { binned, parameters, threads, .. } = *self.ground;
        let all: Vec<usize> = (0..binned.features.len()).collect();
        let features = draw(&all, parameters.feature_fraction, random::key(&[key, FEATURES]));
        // Interleaving costs about as much as a quarter of the updates it saves.
        if features.len() * 4 > all.len() * 3 {
            self.drawn = None;
        } else if self.drawn.as_ref() != Some(&features) {
            let drawn = &features;
            threads.for_each_mut(&mut self.workers, |_, worker| {
                binned.tiles(drawn, &worker.part, &mut worker.tiles);
            });
            self.drawn = Some(features.clone());
        }
        let allowed = |&f: &usize| !(self.without_categories && binned.features[f].categorical);
        features.into_iter().filter(allowed).collect()
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
        let mut root =
            Open { node: 0, rows, depth: 0, key: input.key, totals, histogram, split: None };
        if !features.is_empty() {
            self.sum_and_search(input, features, &mut root, None);
        }
        root
    }

    /// Cells of any content.
    fn empty_histogram(&mut self, n_channels: usize) -> Vec<Cell> {
        let mut histogram = self.pool.pop().unwrap_or_default();
        histogram.resize(n_channels * self.ground.binned.n_cells, Cell::default());
        histogram
    }

    /// Sums the rows of the small node, makes the histogram of the large one what is left of it,
    /// and looks for the best splits of both (but for oblivious trees, which split by level).
    fn sum_and_search(
        &mut self,
        input: TreeInput<'_>,
        features: &[usize],
        small: &mut Open,
        mut large: Option<&mut Open>,
    ) {
        let Ground { binned, parts, tiles, meter, .. } = self.ground;
        let list = match input.rows {
            None if small.rows.len() == binned.n_rows => Rows::All,
            _ => Rows::Some(&self.rows[small.rows.clone()]),
        };
        let mut cells = std::mem::take(&mut small.histogram);
        let mut rest =
            large.as_mut().map_or(Vec::new(), |leaf| std::mem::take(&mut leaf.histogram));
        let leaves = [Some(&*small), large.as_deref()];
        let searched = leaves.map(|leaf| leaf.filter(|leaf| self.is_searched(leaf)));
        let candidates =
            searched.map(|leaf| leaf.map(|leaf| self.node_features(features, leaf.key)));
        let n_channels = input.gradients.packed.len();
        let tiled = self.drawn.is_none().then_some(tiles);
        let columns: usize = match tiled {
            Some(tiles) => tiles.iter().flatten().map(|tile| tile.columns.len()).sum(),
            None => self.workers.iter().flat_map(|w| &w.tiles).map(|t| t.columns.len()).sum(),
        };
        let n_searched = searched.iter().flatten().count() as u64;
        let updates = (small.rows.len() * columns * n_channels) as u64;
        let work = updates + n_searched * (CELL_WORK * cells.len() as u64 + NODE_WORK);
        let cell_shares = shares(&mut cells, parts, n_channels).into_iter();
        let mut jobs: Vec<Job<'_, 'a>> = cell_shares
            .zip(shares(&mut rest, parts, n_channels))
            .zip(&mut self.workers)
            .map(|((cells, rest), worker)| Job { worker, cells, rest, splits: [None; 2] })
            .collect();
        let threads = if work < LEAST_SHARED_WORK { &ONE_THREAD } else { self.ground.threads };
        threads.for_each_mut(&mut jobs, |part, job| {
            job.sum(tiled.map(|tiles| &tiles[part][..]), input.gradients, list);
            job.search(searched, &candidates);
        });
        let splits = jobs.iter().fold([None; 2], |best, job| {
            [first_of_best(best[0], job.splits[0]), first_of_best(best[1], job.splits[1])]
        });
        drop(jobs);
        meter.spend(work);
        (small.histogram, small.split) = (cells, splits[0]);
        self.keep_if_split(small);
        if let Some(large) = large {
            (large.histogram, large.split) = (rest, splits[1]);
            self.keep_if_split(large);
        }
    }

    /// Whether a leaf may be split by itself.
    fn is_searched(&self, leaf: &Open) -> bool {
        let parameters = self.ground.parameters;
        leaf.rows.len() as u64 >= 2 * parameters.min_data_in_leaf
            && leaf.depth < parameters.max_depth
            && parameters.grow_policy != GrowPolicy::Oblivious
    }

    /// Gives the memory of a leaf back where there is no split.
    fn keep_if_split(&mut self, leaf: &mut Open) {
        let oblivious = self.ground.parameters.grow_policy == GrowPolicy::Oblivious;
        if leaf.split.is_none() && !oblivious {
            self.pool.push(std::mem::take(&mut leaf.histogram));
        }
    }

    /// The best question to ask in all of these leaves.
    pub(super) fn best_common(
        &mut self,
        features: &[usize],
        leaves: &[Open],
        key: u64,
    ) -> Option<Split> {
        let Ground { threads, .. } = *self.ground;
        let mut found: Vec<(&mut Worker<'a>, Option<Split>)> =
            self.workers.iter_mut().map(|worker| (worker, None)).collect();
        threads.for_each_mut(&mut found, |_, (Worker { part, search, .. }, split)| {
            let with_rows = leaves.iter().filter(|leaf| !leaf.rows.is_empty());
            let nodes: Vec<NodeSums<'_>> = with_rows
                .map(|leaf| {
                    let cells = &leaf.histogram[part.of_channels(leaf.totals.len())];
                    NodeSums { key, ..leaf.sums(part, cells) }
                })
                .collect();
            *split = search.best_common(features, part, &nodes);
        });
        found.into_iter().fold(None, |best, (_, split)| first_of_best(best, split))
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
        self.pool.extend(open.into_iter().map(|leaf| leaf.histogram).filter(|h| h.capacity() > 0));
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

    /// Draws the features of a node.
    pub(super) fn node_features<'f>(&self, features: &'f [usize], key: u64) -> Cow<'f, [usize]> {
        let fraction = self.ground.parameters.feature_fraction_bynode;
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

/// Moves rows that go right behind the others, in shares that are rotated together; returns how many
/// do not.
fn partition_shared(
    threads: &Threads,
    rows: &mut [u32],
    column: &[u8],
    goes_right: &[u8; 256],
    buffer: &mut [u32],
) -> usize {
    let n_shares = threads.count().min(rows.len() / LEAST_SHARED_ROWS);
    if n_shares < 2 {
        return partition(rows, column, goes_right, buffer);
    }
    let length = rows.len().div_ceil(n_shares);
    let shares = rows.chunks_mut(length).zip(buffer.chunks_mut(length));
    let mut shares: Vec<_> = shares.map(|(rows, buffer)| (rows, buffer, 0)).collect();
    threads.for_each_mut(&mut shares, |_, (rows, buffer, n_left)| {
        *n_left = partition(rows, column, goes_right, buffer);
    });
    let sides: Vec<usize> = shares.into_iter().map(|share| share.2).collect();
    let mut n_left = sides[0];
    for (share, left) in sides.into_iter().enumerate().skip(1) {
        let start = share * length;
        rows[n_left..start + left].rotate_left(start - n_left);
        n_left += left;
    }
    n_left
}

/// The parts of a histogram; empty ones of an empty one.
fn shares<'c>(cells: &'c mut [Cell], parts: &[Part], n_channels: usize) -> Vec<&'c mut [Cell]> {
    let mut rest = cells;
    let share = |part: &Part| {
        let n_cells = part.of_channels(n_channels).len().min(rest.len());
        rest.split_off_mut(..n_cells).expect("it has so many cells")
    };
    parts.iter().map(share).collect()
}

/// The better split, of equal ones that of the first feature.
fn first_of_best(a: Option<Split>, b: Option<Split>) -> Option<Split> {
    let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
    let order = second.gain.total_cmp(&first.gain).then(first.feature.cmp(&second.feature));
    if order.is_gt() { b } else { a }
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
