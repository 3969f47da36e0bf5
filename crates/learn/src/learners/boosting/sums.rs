//! Histograms of nodes and the best splits found in them, a part of the features a thread.

use std::borrow::Cow;

use super::binned::Part;
use super::estimate::{CELL_WORK, NODE_WORK};
use super::gradients::Gradients;
use super::ground::{Ground, Worker};
use super::grow::{Grower, Open, TreeInput};
use super::parameters::GrowPolicy;
use super::split::{NodeSums, Split};
use crate::kernels::histogram::{self, Cell, Rows, Tile};
use crate::threads::ONE_THREAD;

/// Work from which on it pays to hand parts of it to other threads: to wake one costs about 10 us.
const LEAST_SHARED_WORK: u64 = 100_000;
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

impl<'a> Grower<'a> {
    /// Cells of any content.
    pub(super) fn empty_histogram(&mut self, n_channels: usize) -> Vec<Cell> {
        let mut histogram = self.pool.pop().unwrap_or_default();
        histogram.resize(n_channels * self.ground.binned.n_cells, Cell::default());
        histogram
    }

    /// Sums the rows of the small node, makes the histogram of the large one what is left of it,
    /// and looks for the best splits of both (but for oblivious trees, which split by level).
    pub(super) fn sum_and_search(
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
        let candidates = searched
            .map(|leaf| leaf.map(|leaf| self.node_features(input, features, leaf, leaf.key)));
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
