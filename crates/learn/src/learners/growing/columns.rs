//! Features as trees see them: one byte a row, in an order that thresholds make sense in.

use std::borrow::Cow;

use eyas_model::encoder::Bins;
use eyas_model::tree::{BinSet, Test};

use super::levels;
use crate::dataset::Dataset;
use crate::learners::FitInput;

/// Most distinct sets that all categorical features of a model may have together; packed models
/// number them in 16 bits.
const MAX_SETS: usize = 16_384;

/// A feature of a fit.
///
/// Invariant: byte 0 is a missing value that may go either way; categorical columns have none.
#[derive(Debug)]
pub(in crate::learners) struct Column<'a> {
    /// Index of the feature in the dataset.
    pub feature: u32,
    /// Bins, or ranks of levels, of all rows `(n_rows,)`.
    pub bytes: Cow<'a, [u8]>,
    /// Rank of each bin; `None` for numeric features.
    ranks: Option<Vec<u8>>,
}

impl Column<'_> {
    /// Whether its splits are sets of levels.
    pub fn is_categorical(&self) -> bool {
        self.ranks.is_some()
    }

    /// The column without its rows, for a fitted model.
    pub fn without_bytes(self) -> Column<'static> {
        Column { bytes: Cow::Owned(Vec::new()), ..self }
    }

    /// The question "is the byte above `threshold`" as a model asks it.
    pub fn test(&self, threshold: u8, missing_right: bool) -> Test {
        let Some(ranks) = &self.ranks else {
            return Test::Above { threshold, missing_right };
        };
        let mut set = BinSet::default();
        for (bin, &rank) in ranks.iter().enumerate() {
            if rank > threshold {
                set.insert(bin as u8);
            }
        }
        Test::In(set)
    }
}

/// The columns of `input.features`, in that order.
pub(in crate::learners) fn columns<'a>(input: &FitInput<'a>) -> Vec<Column<'a>> {
    let data = input.data;
    let categorical = |feature: &&u32| data.features[**feature as usize].bins.is_categorical();
    let n_categorical = input.features.iter().filter(categorical).count();
    let max_ranks = (MAX_SETS / n_categorical.max(1)).max(2);
    let column = |&feature: &u32| column(data, feature, input.train, max_ranks);
    input.features.iter().map(column).collect()
}

fn column<'a>(data: &'a Dataset, feature: u32, train: &[u32], max_ranks: usize) -> Column<'a> {
    let bins = &data.bins[feature as usize];
    match &data.features[feature as usize].bins {
        Bins::Edges(_) => Column { feature, bytes: Cow::Borrowed(&bins[..]), ranks: None },
        Bins::Levels(_) => {
            let ranks = levels::ranks(data, feature, train, max_ranks);
            let bytes = bins.iter().map(|&bin| ranks[usize::from(bin)]).collect();
            Column { feature, bytes: Cow::Owned(bytes), ranks: Some(ranks) }
        }
    }
}
