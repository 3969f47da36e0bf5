//! Features that a column gives: none, one, or the parts of a date.

use eyas_model::encoder::MAX_LEVELS;
use eyas_model::{Bins, ColumnKind, Derive, datetime};

use super::edges::{bins_of_numbers, edges_of};
use super::numbers::Numbers;
use crate::data::infer::{is_id_names, is_id_numbers};
use crate::data::table::MISSING_CODE;
use crate::data::{Column, ColumnData};

/// One feature, made.
pub(super) struct Made {
    pub derive: Derive,
    pub bins: Bins,
    pub codes: Vec<u8>,
    pub numbers: Numbers,
}

/// What became of a column.
pub(super) enum Outcome {
    /// Features, at least one.
    Features(ColumnKind, Vec<Made>),
    /// None, and why.
    Dropped(String),
}

/// What features of a column depend on beside its cells.
pub(super) struct Context<'a> {
    /// Rows of the table that are used.
    pub rows: &'a [u32],
    /// Rows among them that thresholds are made from; all if `None`.
    pub sample: Option<&'a [u32]>,
    /// The user stated the kind of this column: it is no identifier.
    pub is_stated: bool,
    /// Rows are ordered by this column of dates.
    pub is_time: bool,
    /// Numbers are not kept.
    pub bins_only: bool,
}

pub(super) const CONSTANT: &str = "is the same in every row: not used";
pub(super) const ALL_MISSING: &str = "is missing in every row: not used";
pub(super) const IDENTIFIER: &str = "tells rows apart and nothing else (an identifier): not used; state its \
                          type to use it";
pub(super) const TEXT: &str = "is free text, which is not supported yet: not used";

pub(super) const ORDERS_ROWS: &str = "orders the rows and has no other use: not a feature";

/// Makes the features of a column.
pub(super) fn features_of(column: &Column, context: &Context<'_>) -> Outcome {
    match &column.data {
        ColumnData::Number(values) => numeric(&column.name, gather(values, context.rows), context),
        ColumnData::DateTime(values) => dates(&gather(values, context.rows), context),
        ColumnData::Category { codes, levels, boolean } => {
            let kind = if *boolean { ColumnKind::Boolean } else { ColumnKind::Category };
            categorical(kind, &gather(codes, context.rows), levels, context)
        }
        ColumnData::Text { .. } => Outcome::Dropped(TEXT.to_string()),
    }
}

fn gather<T: Copy>(cells: &[T], rows: &[u32]) -> Vec<T> {
    if rows.len() == cells.len() {
        return cells.to_vec();
    }
    rows.iter().map(|&row| cells[row as usize]).collect()
}

/// Why numbers are of no use, if they are.
fn no_variation(values: &[f64]) -> Option<&'static str> {
    let Some(first) = values.iter().find(|value| !value.is_nan()) else { return Some(ALL_MISSING) };
    values.iter().all(|value| value == first).then_some(CONSTANT)
}

fn numeric(name: &str, values: Vec<f64>, context: &Context<'_>) -> Outcome {
    if let Some(why) = no_variation(&values) {
        return Outcome::Dropped(why.to_string());
    }
    if !context.is_stated && is_id_numbers(name, &values) {
        return Outcome::Dropped(IDENTIFIER.to_string());
    }
    Outcome::Features(ColumnKind::Number, vec![made(Derive::Itself, values, context)])
}

fn made(derive: Derive, numbers: Vec<f64>, context: &Context<'_>) -> Made {
    let edges = edges_of(&numbers, context.sample);
    let codes = bins_of_numbers(&edges, &numbers);
    let bins = Bins::Edges(edges);
    let numbers = match context.bins_only {
        true => Numbers::means(bins.n_bins(), &codes, &numbers),
        false => Numbers::Exact(numbers),
    };
    Made { derive, bins, codes, numbers }
}

/// Parts of a date that are features; `is_time`: rows are ordered by it.
pub(super) fn date_parts(is_time: bool) -> &'static [Derive] {
    match is_time {
        true => &[Derive::Month, Derive::Weekday, Derive::Hour],
        false => &[Derive::Year, Derive::Month, Derive::Weekday, Derive::Hour, Derive::Epoch],
    }
}

fn dates(seconds: &[f64], context: &Context<'_>) -> Outcome {
    if let Some(why) = no_variation(seconds) {
        return Outcome::Dropped(why.to_string());
    }
    let of_part = |&derive: &Derive| {
        let numbers: Vec<f64> = seconds.iter().map(|&s| datetime::part(s, derive)).collect();
        no_variation(&numbers).is_none().then(|| made(derive, numbers, context))
    };
    let features: Vec<Made> = date_parts(context.is_time).iter().filter_map(of_part).collect();
    if features.is_empty() {
        return Outcome::Dropped(ORDERS_ROWS.to_string());
    }
    Outcome::Features(ColumnKind::DateTime, features)
}

fn categorical(
    kind: ColumnKind,
    codes: &[u32],
    levels: &[String],
    context: &Context<'_>,
) -> Outcome {
    let mut counts = vec![0_u64; levels.len()];
    codes.iter().filter(|&&code| code != MISSING_CODE).for_each(|&code| counts[code as usize] += 1);
    let kept = match kept_levels(&counts, levels, codes.len(), context.is_stated) {
        Ok(kept) => kept,
        Err(why) => return Outcome::Dropped(why.to_string()),
    };
    let mut bin_of_code = vec![kept.len() as u8 + 1; levels.len()];
    kept.iter().enumerate().for_each(|(index, &code)| bin_of_code[code] = index as u8 + 1);
    let bin = |&code: &u32| bin_of_code.get(code as usize).copied().unwrap_or(0);
    let made = Made {
        derive: Derive::Itself,
        codes: codes.iter().map(bin).collect(),
        bins: Bins::Levels(kept.iter().map(|&code| levels[code].clone()).collect()),
        numbers: Numbers::default(),
    };
    Outcome::Features(kind, vec![made])
}

/// Levels that have a bin of their own, by code: the most frequent first, ties by name.
///
/// # Errors
/// Why the column is of no use.
pub(super) fn kept_levels(
    counts: &[u64],
    levels: &[String],
    n_rows: usize,
    is_stated: bool,
) -> Result<Vec<usize>, &'static str> {
    let n_present = counts.iter().sum::<u64>() as usize;
    let mut kept: Vec<usize> = (0..levels.len()).filter(|&code| counts[code] > 0).collect();
    match kept.len() {
        0 => return Err(ALL_MISSING),
        1 if n_present == n_rows => return Err(CONSTANT),
        n if !is_stated && is_id_names(n_present, n) => return Err(IDENTIFIER),
        _ => {}
    }
    kept.sort_unstable_by(|&a, &b| counts[b].cmp(&counts[a]).then(levels[a].cmp(&levels[b])));
    kept.truncate(MAX_LEVELS);
    Ok(kept)
}
