//! What is checked before a comparison starts, and what its data is known by.

use eyas_learn::{ColumnData, Table};
use xxhash_rust::xxh3::Xxh3;

use super::{CompareOptions, Sealing};
use crate::budget::Budget;
use crate::error::Error;
use crate::options::Validation;

/// A run has less time than that for reading a table into bins and measuring a model.
const LEAST_SECONDS: f64 = 1.0;
/// About the work of one small fit.
const LEAST_WORK: u64 = 1_000_000;

fn wrong(option: &'static str, value: impl ToString, expected: &str) -> Result<(), Error> {
    Err(Error::Option { option, value: value.to_string(), expected: expected.into() })
}

/// Fails at the caller's mistakes that can be seen without data.
///
/// # Errors
/// [`Error::Option`].
pub(super) fn check(options: &CompareOptions) -> Result<(), Error> {
    match options.fit.budget {
        // Not `<`: a budget that is NaN is wrong too.
        Budget::Wall { seconds, .. } if !(seconds >= LEAST_SECONDS && seconds.is_finite()) => {
            return wrong("--budget", format!("{seconds}s"), "each run needs at least 1s");
        }
        Budget::Work(units) if units < LEAST_WORK => {
            return wrong("--work", units, "each run needs at least 1000000 units");
        }
        _ => {}
    }
    let methods = &options.methods;
    if methods.is_empty() {
        return wrong("--methods", "empty", "at least one method is expected");
    }
    if let Some(twice) = (1..methods.len()).find(|&at| methods[..at].contains(&methods[at])) {
        return wrong("--methods", methods[twice].name(), "it is named twice; name it once");
    }
    if !options.fit.without.is_empty() {
        return wrong("--without", "given", "a comparison switches the methods off itself");
    }
    if let Validation::Table(_) = options.fit.validation {
        return wrong("--valid", "a table", "a comparison scores on rows that it seals itself");
    }
    match options.sealing {
        Sealing::Folds(n) if n < 2 => {
            return wrong("--folds", n, "at least 2 are needed; for one split use --holdout");
        }
        Sealing::Share(share) if !(share > 0.0 && share < 1.0) => {
            return wrong("--holdout", share, "a share between 0 and 1 is expected, e.g. 0.25");
        }
        _ => {}
    }
    if options.n_seeds == 0 {
        return wrong("--seeds", 0, "at least one seed is needed");
    }
    Ok(())
}

/// The same for equal tables only: names, kinds and cells.
pub(super) fn fingerprint(table: &Table) -> String {
    let mut hash = Xxh3::new();
    for column in &table.columns {
        hash.update(&(column.name.len() as u64).to_le_bytes());
        hash.update(column.name.as_bytes());
        match &column.data {
            ColumnData::Number(values) | ColumnData::DateTime(values) => {
                hash.update(&[matches!(column.data, ColumnData::DateTime(_)).into()]);
                values.iter().for_each(|value| hash.update(&value.to_bits().to_le_bytes()));
            }
            ColumnData::Category { codes, levels, .. } | ColumnData::Text { codes, levels } => {
                hash.update(&[2 + u8::from(matches!(column.data, ColumnData::Text { .. }))]);
                for level in levels {
                    hash.update(&(level.len() as u64).to_le_bytes());
                    hash.update(level.as_bytes());
                }
                codes.iter().for_each(|code| hash.update(&code.to_le_bytes()));
            }
        }
    }
    format!("{:016x}", hash.digest())
}
