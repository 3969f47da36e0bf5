//! The training rows as the trainer reads them.
//!
//! Features that are rarely away from their commonest bin, and never two at a time, share one
//! stored column: one update instead of many. The commonest bin is not stored then; it is what is
//! left of the node's total.
//!
//! Reference: Ke et al. 2017, LightGBM, section 4 (exclusive feature bundling).

use std::borrow::Cow;
use std::ops::Range;

use crate::dataset::Dataset;
use crate::kernels::histogram::{Cell, TILE, Tile};
use crate::threads::Threads;

/// Least share of the commonest bin of a feature that may share a column.
const LEAST_DEFAULT_SHARE: f64 = 0.75;
/// Most shared columns that a feature is tried on.
const MOST_TRIED: usize = 24;

/// Where the sums of a feature are in a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One cell a bin, from here on.
    Own(usize),
    /// One cell a bin but `default`, from here on.
    Shared { start: usize, default: usize },
}

/// A feature of the fit.
#[derive(Debug, Clone)]
pub(super) struct Feature {
    /// Its index in the dataset.
    pub index: u32,
    /// Its bins.
    pub n_bins: usize,
    /// Whether they have no order.
    pub categorical: bool,
    /// Its place in histograms.
    pub place: Place,
    /// Its stored column.
    pub stored: usize,
}

/// A column that histograms are built from.
#[derive(Debug, Clone)]
struct Stored {
    /// Codes `(n_rows,)`; empty if they are the bins of `feature`.
    codes: Vec<u8>,
    feature: usize,
    start: usize,
    n_codes: usize,
}

/// Stored columns that one thread sums and searches: a run of cells of every histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its cells in a histogram of one channel.
    pub cells: Range<usize>,
    /// Its stored columns.
    stored: Range<usize>,
}

impl Part {
    /// Its cells in a histogram of some channels.
    pub fn of_channels(&self, n_channels: usize) -> Range<usize> {
        n_channels * self.cells.start..n_channels * self.cells.end
    }

    /// Whether the sums of a feature are here.
    pub fn has(&self, feature: &Feature) -> bool {
        self.stored.contains(&feature.stored)
    }
}

/// Bins of the training rows.
#[derive(Debug, Clone)]
pub(super) struct Binned<'a> {
    /// Number of training rows.
    pub n_rows: usize,
    /// The features that may be used and are not constant on these rows.
    pub features: Vec<Feature>,
    /// Their bins `(n_features)` x `(n_rows,)`.
    pub columns: Vec<Cow<'a, [u8]>>,
    /// Cells of a histogram.
    pub n_cells: usize,
    stored: Vec<Stored>,
}

impl<'a> Binned<'a> {
    /// Gathers the given rows and features.
    pub fn new(data: &'a Dataset, rows: &[u32], features: &[u32], threads: &Threads) -> Binned<'a> {
        let mut binned = Binned {
            n_rows: rows.len(),
            features: Vec::new(),
            columns: Vec::new(),
            n_cells: 0,
            stored: Vec::new(),
        };
        let whole = rows.len() == data.n_rows && rows.iter().zip(0..).all(|(&row, i)| row == i);
        let columns = threads.map(features.len(), |place| {
            let bins = &data.bins[features[place] as usize];
            let bins: Cow<'a, [u8]> =
                if whole { Cow::from(bins) } else { gather(bins, rows).into() };
            Column::new(bins)
        });
        let mut candidates = Vec::new();
        for (&index, column) in features.iter().zip(columns) {
            binned.add(data, index, column, &mut candidates);
        }
        candidates.sort_by_key(|candidate: &Candidate| std::cmp::Reverse(candidate.rows.len()));
        binned.place(candidates);
        binned
    }

    /// Adds a feature, or a candidate for a shared column.
    fn add(
        &mut self,
        data: &Dataset,
        index: u32,
        column: Column<'a>,
        candidates: &mut Vec<Candidate>,
    ) {
        if column.n_rest == 0 {
            return;
        }
        let bins = &data.features[index as usize].bins;
        let (n_bins, categorical) = (bins.n_bins(), bins.is_categorical());
        if let Some(rows) = column.rest {
            candidates.push(Candidate {
                feature: self.features.len(),
                default: column.default,
                rows,
            });
        }
        let place = Place::Own(0);
        self.features.push(Feature { index, n_bins, categorical, place, stored: usize::MAX });
        self.columns.push(column.bins);
    }

    /// Gives every feature its stored column.
    fn place(&mut self, candidates: Vec<Candidate>) {
        let mut bundles: Vec<Bundle> = Vec::new();
        for candidate in candidates {
            let n_codes = self.features[candidate.feature].n_bins - 1;
            let fits = |bundle: &&mut Bundle| {
                bundle.n_codes + n_codes <= 256 && !bundle.taken.meets(&candidate.rows)
            };
            if let Some(bundle) = bundles.iter_mut().rev().take(MOST_TRIED).find(fits) {
                bundle.add(candidate, n_codes);
            } else {
                let taken = RowSet::new(self.n_rows);
                let mut bundle = Bundle { members: Vec::new(), taken, n_codes: 1 };
                bundle.add(candidate, n_codes);
                bundles.push(bundle);
            }
        }
        for bundle in bundles.into_iter().filter(|bundle| bundle.members.len() > 1) {
            self.store_bundle(bundle);
        }
        for feature in 0..self.features.len() {
            if self.features[feature].stored == usize::MAX {
                self.store_alone(feature);
            }
        }
    }

    fn store_bundle(&mut self, bundle: Bundle) {
        let start = self.n_cells;
        let mut codes = vec![0; self.n_rows];
        let mut first = 1;
        for member in bundle.members {
            let feature = &mut self.features[member.feature];
            feature.stored = self.stored.len();
            feature.place = Place::Shared { start: start + first, default: member.default };
            for row in member.rows {
                let bin = usize::from(self.columns[member.feature][row as usize]);
                let code = first + bin - usize::from(bin > member.default);
                codes[row as usize] = u8::try_from(code).expect("a bundle has at most 256 codes");
            }
            first += feature.n_bins - 1;
        }
        self.n_cells += first;
        self.stored.push(Stored { codes, feature: 0, start, n_codes: first });
    }

    fn store_alone(&mut self, feature: usize) {
        let (start, n_codes) = (self.n_cells, self.features[feature].n_bins);
        self.features[feature].stored = self.stored.len();
        self.features[feature].place = Place::Own(start);
        self.n_cells += n_codes;
        self.stored.push(Stored { codes: Vec::new(), feature, start, n_codes });
    }

    /// Number of stored columns.
    #[cfg(test)]
    pub fn n_stored(&self) -> usize {
        self.stored.len()
    }

    /// Shares the stored columns out to at most `n` parts of about as many columns.
    pub fn parts(&self, n: usize) -> Vec<Part> {
        let n_stored = self.stored.len();
        let n = n.clamp(1, n_stored.max(1));
        let start = |column: usize| self.stored.get(column).map_or(self.n_cells, |s| s.start);
        let part = |place: usize| {
            let stored = place * n_stored / n..(place + 1) * n_stored / n;
            Part { cells: start(stored.start)..start(stored.end), stored }
        };
        (0..n).map(part).collect()
    }

    /// Interleaves the stored columns of those features that are in a part, in tiles of about equal
    /// width.
    pub fn tiles(&self, features: &[usize], part: &Part, tiles: &mut Vec<Tile>) {
        let stored = features.iter().map(|&f| self.features[f].stored);
        let mut used: Vec<usize> = stored.filter(|stored| part.stored.contains(stored)).collect();
        used.sort_unstable();
        used.dedup();
        let n_tiles = used.len().div_ceil(TILE);
        tiles.resize_with(n_tiles, Tile::default);
        let mut rest = &used[..];
        for (place, tile) in tiles.iter_mut().enumerate() {
            let (these, others) = rest.split_at(rest.len().div_ceil(n_tiles - place));
            rest = others;
            let columns: Vec<&[u8]> = these.iter().map(|&s| self.codes(&self.stored[s])).collect();
            tile.fill(&columns);
            let place = |s: usize| {
                let stored = &self.stored[s];
                (stored.start - part.cells.start, stored.n_codes)
            };
            tile.columns = these.iter().map(|&s| place(s)).collect();
        }
    }

    fn codes<'s>(&'s self, stored: &'s Stored) -> &'s [u8] {
        if stored.codes.is_empty() { &self.columns[stored.feature] } else { &stored.codes }
    }

    /// The cells of a feature by bin, from the cells of its part, which start at cell `first` of a
    /// whole histogram. `total` is the sum of the node, `memory` holds what is not stored in this
    /// form.
    pub fn cells<'s>(
        &self,
        feature: usize,
        histogram: &'s [Cell],
        first: usize,
        total: Cell,
        memory: &'s mut [Cell; 256],
    ) -> &'s [Cell] {
        let Feature { n_bins, place, .. } = self.features[feature];
        match place {
            Place::Own(start) => &histogram[start - first..][..n_bins],
            Place::Shared { start, default } => {
                let stored = &histogram[start - first..][..n_bins - 1];
                memory[..default].copy_from_slice(&stored[..default]);
                memory[default + 1..n_bins].copy_from_slice(&stored[default..]);
                memory[default] = stored.iter().fold(total, |rest, &cell| rest.minus(cell));
                &memory[..n_bins]
            }
        }
    }
}

/// Bins of a feature with what they say about sharing a column.
struct Column<'a> {
    bins: Cow<'a, [u8]>,
    /// The commonest bin.
    default: usize,
    /// Rows where the bin is another.
    n_rest: usize,
    /// Those rows, if they are few enough.
    rest: Option<Vec<u32>>,
}

impl<'a> Column<'a> {
    fn new(bins: Cow<'a, [u8]>) -> Column<'a> {
        let mut counts = [0u32; 256];
        bins.iter().for_each(|&bin| counts[usize::from(bin)] += 1);
        let default = (0..256).max_by_key(|&bin| (counts[bin], 255 - bin)).unwrap_or(0);
        let n_rest = bins.len() - counts[default] as usize;
        let few = n_rest as f64 <= (1.0 - LEAST_DEFAULT_SHARE) * bins.len() as f64;
        let is_rest = |row: &u32| usize::from(bins[*row as usize]) != default;
        let rest = few.then(|| (0..bins.len() as u32).filter(is_rest).collect());
        Column { bins, default, n_rest, rest }
    }
}

/// The bins of the given rows.
pub(super) fn gather(column: &[u8], rows: &[u32]) -> Vec<u8> {
    rows.iter().map(|&row| column[row as usize]).collect()
}

/// A feature that may share a column: the rows where it is not `default`.
struct Candidate {
    feature: usize,
    default: usize,
    rows: Vec<u32>,
}

/// Features that share a column; code 0 is the default of all.
struct Bundle {
    members: Vec<Candidate>,
    taken: RowSet,
    n_codes: usize,
}

impl Bundle {
    fn add(&mut self, candidate: Candidate, n_codes: usize) {
        self.taken.insert(&candidate.rows);
        self.n_codes += n_codes;
        self.members.push(candidate);
    }
}

/// A set of rows.
struct RowSet(Vec<u64>);

impl RowSet {
    fn new(n_rows: usize) -> RowSet {
        RowSet(vec![0; n_rows.div_ceil(64)])
    }

    fn insert(&mut self, rows: &[u32]) {
        rows.iter().for_each(|row| self.0[*row as usize / 64] |= 1 << (row % 64));
    }

    fn meets(&self, rows: &[u32]) -> bool {
        rows.iter().any(|row| self.0[*row as usize / 64] >> (row % 64) & 1 == 1)
    }
}
