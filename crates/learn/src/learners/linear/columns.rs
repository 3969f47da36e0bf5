//! From features to columns of the design matrix, and back from weights to terms of a model.
//!
//! Everything is learned from the training rows; rows of weight 0 do not count.

use eyas_model::{Linear, Term};

use super::design::Design;
use super::objective::stride_of;
use super::options::Numeric;
use super::scaling::{Scaling, Values, group_bins};
use crate::dataset::Dataset;

/// No column.
const NONE: u32 = u32::MAX;
/// A number that this share of the rows has makes its column sparse.
const SPARSE_SHARE: f64 = 0.75;

/// The columns of one feature.
#[derive(Debug, Clone)]
enum Block {
    /// `clamp((v - center) / scale, -clip, clip) - base` in one column, missing values in another.
    Number { feature: u32, scaling: Scaling, column: u32, base: f64, missing: u32 },
    /// One column for each group of bins.
    Bins { feature: u32, column_of_bin: Vec<u32> },
}

/// How rows of a dataset become rows of a [`Design`].
#[derive(Debug, Clone)]
pub(super) struct Columns {
    blocks: Vec<Block>,
    n_dense: usize,
    n_columns: usize,
}

impl Columns {
    /// Learns them from the rows `train`.
    pub fn new(data: &Dataset, train: &[u32], features: &[u32], numeric: Numeric) -> Columns {
        let mut columns = Columns { blocks: Vec::new(), n_dense: 0, n_columns: 0 };
        for &feature in features {
            let is_categorical = data.features[feature as usize].bins.is_categorical();
            let block = match numeric {
                _ if is_categorical => bins_block(data, train, feature, None),
                Numeric::Bins(n_groups) => bins_block(data, train, feature, Some(n_groups)),
                Numeric::Standard => number_block(data, train, feature, false),
                Numeric::Robust => number_block(data, train, feature, true),
            };
            columns.blocks.extend(block);
        }
        columns.number();
        columns
    }

    /// Gives each column its number: dense ones first, the others by feature.
    fn number(&mut self) {
        let mut next = 0;
        for block in &mut self.blocks {
            if let Block::Number { column, base, .. } = block
                && *base == 0.0
            {
                *column = next;
                next += 1;
            }
        }
        self.n_dense = next as usize;
        for block in &mut self.blocks {
            match block {
                Block::Number { column, base, missing, .. } => {
                    let has_missing = *missing != NONE;
                    for (column, exists) in [(column, *base != 0.0), (missing, has_missing)] {
                        if exists {
                            *column = next;
                            next += 1;
                        }
                    }
                }
                Block::Bins { column_of_bin, .. } => next = shift(column_of_bin, next),
            }
        }
        self.n_columns = next as usize;
    }

    /// The columns of some of the features, ascending, and the place of each among these.
    pub fn select(&self, features: &[u32]) -> (Columns, Vec<u32>) {
        let chosen = |block: &&Block| features.binary_search(&block.feature()).is_ok();
        let blocks = self.blocks.iter().filter(chosen).map(Block::unnumbered).collect();
        let mut columns = Columns { blocks, n_dense: 0, n_columns: 0 };
        columns.number();
        let mut places = vec![NONE; columns.n_columns];
        let pairs = columns.blocks.iter().zip(self.blocks.iter().filter(chosen));
        for (new, old) in pairs {
            for (new, old) in new.columns().into_iter().zip(old.columns()) {
                places[new as usize] = old;
            }
        }
        (columns, places)
    }

    /// The rows of a dataset as rows of the design matrix.
    pub fn encode(&self, data: &Dataset, rows: &[u32]) -> Design {
        let n_sparse = self.blocks.iter().filter(|block| !block.is_dense()).count();
        let mut design = Design {
            n_rows: rows.len(),
            n_dense: self.n_dense,
            n_columns: self.n_columns,
            dense: vec![0.0; rows.len() * self.n_dense],
            starts: Vec::with_capacity(rows.len() + 1),
            columns: Vec::with_capacity(rows.len() * n_sparse),
            values: Vec::with_capacity(rows.len() * n_sparse),
        };
        for (at, &row) in rows.iter().enumerate() {
            design.starts.push(design.values.len());
            let row = row as usize;
            for block in &self.blocks {
                block.encode(data, row, at, &mut design);
            }
        }
        design.starts.push(design.values.len());
        design
    }

    /// The model of these weights `(n_columns + 1, stride)`, scores multiplied by `factor` and
    /// moved by `offset`. Terms without weight are left out.
    pub fn linear(&self, weights: &[f64], n_outputs: usize, factor: f64, offset: f64) -> Linear {
        let stride = stride_of(n_outputs);
        let of_column = |column: u32| -> Vec<f64> {
            if column == NONE {
                return vec![0.0; n_outputs];
            }
            let at = column as usize * stride;
            weights[at..at + n_outputs].iter().map(|weight| weight * factor).collect()
        };
        let mut intercept = of_column(self.n_columns as u32);
        intercept.iter_mut().for_each(|entry| *entry += offset);
        let mut terms = Vec::new();
        for block in &self.blocks {
            terms.extend(block.term(&of_column, &mut intercept));
        }
        Linear { intercept, terms }
    }
}

impl Block {
    fn feature(&self) -> u32 {
        match self {
            Block::Number { feature, .. } | Block::Bins { feature, .. } => *feature,
        }
    }

    /// Its columns, those of bins by bin.
    fn columns(&self) -> Vec<u32> {
        let mut columns = match self {
            Block::Number { column, missing, .. } => vec![*column, *missing],
            Block::Bins { column_of_bin, .. } => column_of_bin.clone(),
        };
        columns.retain(|&column| column != NONE);
        columns
    }

    /// As it was before columns had numbers.
    fn unnumbered(&self) -> Block {
        let mut block = self.clone();
        if let Block::Bins { column_of_bin, .. } = &mut block {
            let first = column_of_bin.iter().copied().min().unwrap_or(0);
            let numbered = column_of_bin.iter_mut().filter(|column| **column != NONE);
            numbered.for_each(|column| *column -= first);
        }
        block
    }

    fn is_dense(&self) -> bool {
        matches!(self, Block::Number { base, missing: NONE, .. } if *base == 0.0)
    }

    fn encode(&self, data: &Dataset, row: usize, at: usize, design: &mut Design) {
        match self {
            Block::Number { feature, scaling, column, base, missing } => {
                let value = data.number(*feature as usize, row);
                let is_missing = value.is_nan();
                let scaled = if is_missing { 0.0 } else { scaling.scale(value) };
                if *base == 0.0 {
                    design.dense[at * design.n_dense + *column as usize] = scaled;
                } else if scaled != *base {
                    design.columns.push(*column);
                    design.values.push(scaled - base);
                }
                if is_missing && *missing != NONE {
                    design.columns.push(*missing);
                    design.values.push(1.0);
                }
            }
            Block::Bins { feature, column_of_bin, .. } => {
                let column = column_of_bin[usize::from(data.bins[*feature as usize][row])];
                if column != NONE {
                    design.columns.push(column);
                    design.values.push(1.0);
                }
            }
        }
    }

    fn term(&self, of_column: &impl Fn(u32) -> Vec<f64>, intercept: &mut [f64]) -> Option<Term> {
        let is_zero = |weights: &[f64]| weights.iter().all(|&weight| weight == 0.0);
        match self {
            Block::Number { feature, scaling, column, base, missing } => {
                let (weights, missing) = (of_column(*column), of_column(*missing));
                intercept.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum -= base * weight);
                let Scaling { center, scale, clip } = *scaling;
                let term =
                    Term::Number { feature: *feature, center, scale, clip, weights, missing };
                match &term {
                    Term::Number { weights, missing, .. }
                        if is_zero(weights) && is_zero(missing) =>
                    {
                        None
                    }
                    _ => Some(term),
                }
            }
            Block::Bins { feature, column_of_bin, .. } => {
                let weights: Vec<f64> = column_of_bin.iter().flat_map(|&c| of_column(c)).collect();
                (!is_zero(&weights)).then_some(Term::Bins { feature: *feature, weights })
            }
        }
    }
}

/// Adds `next` to all columns; the first free one after them.
fn shift(columns: &mut [u32], next: u32) -> u32 {
    let mut free = next;
    for column in columns.iter_mut().filter(|column| **column != NONE) {
        *column += next;
        free = free.max(*column + 1);
    }
    free
}

/// Columns of a number; `None` where it is the same in all rows.
fn number_block(data: &Dataset, train: &[u32], feature: u32, robust: bool) -> Option<Block> {
    let values = Values::new(data, train, feature);
    let scaling = if robust { values.robust() } else { values.standard() };
    let has_missing = values.missing_weight > 0.0 && values.total_weight > 0.0;
    let scaling = match scaling {
        Some(scaling) => scaling,
        // All the same, but whether it is missing may tell something.
        None if has_missing => Scaling { center: 0.0, scale: 1.0, clip: 0.0 },
        None => return None,
    };
    let base = values.commonest(SPARSE_SHARE).map_or(0.0, |value| scaling.scale(value));
    let missing = if has_missing { 0 } else { NONE };
    Some(Block::Number { feature, scaling, column: 0, base, missing })
}

/// Columns of bins: each on its own, or neighbours in groups; `None` where all rows are alike.
fn bins_block(
    data: &Dataset,
    train: &[u32],
    feature: u32,
    n_groups: Option<usize>,
) -> Option<Block> {
    let bins = &data.features[feature as usize].bins;
    let mut weight_of_bin = vec![0.0; bins.n_bins()];
    for &row in train {
        let bin = usize::from(data.bins[feature as usize][row as usize]);
        weight_of_bin[bin] += data.weight(row as usize);
    }
    let mut groups = match n_groups {
        Some(n_groups) => group_bins(&weight_of_bin, n_groups),
        None => each_bin(&weight_of_bin),
    };
    let n_found = groups.iter().flatten().max().map_or(0, |last| last + 1);
    if n_found < 2 {
        return None;
    }
    if n_groups.is_some() {
        // A step function of two steps is a number.
        if n_found == 2 && weight_of_bin[0] == 0.0 {
            return number_block(data, train, feature, false);
        }
        drop_commonest(&mut groups, &weight_of_bin);
    }
    let column_of_bin = groups.into_iter().map(|group| group.unwrap_or(NONE)).collect();
    Some(Block::Bins { feature, column_of_bin })
}

/// Each bin with weight on its own.
fn each_bin(weight_of_bin: &[f64]) -> Vec<Option<u32>> {
    let mut next = 0;
    let group = |&weight: &f64| {
        let group = (weight > 0.0).then_some(next);
        next += u32::from(weight > 0.0);
        group
    };
    weight_of_bin.iter().map(group).collect()
}

/// Takes its column from the group that most rows are in, which keeps rows sparse.
fn drop_commonest(groups: &mut [Option<u32>], weight_of_bin: &[f64]) {
    let total: f64 = weight_of_bin.iter().sum();
    let n_groups = groups.iter().flatten().max().map_or(0, |last| last + 1);
    let weight_of = |group: u32| -> f64 {
        let members =
            groups.iter().zip(weight_of_bin).filter(|(member, _)| **member == Some(group));
        members.map(|(_, weight)| weight).sum()
    };
    let Some(common) = (0..n_groups).find(|&group| weight_of(group) >= SPARSE_SHARE * total) else {
        return;
    };
    for group in groups {
        *group = match *group {
            Some(member) if member == common => None,
            Some(member) if member > common => Some(member - 1),
            other => other,
        };
    }
}
