//! From raw cells to the bytes, bins and numbers that members read.

use crate::datetime;
use crate::encoder::{Bins, Derive, Feature};
use crate::engine::columns::ROWS;
use crate::engine::edges::{Count, EdgeSearch, bin_or};
use crate::engine::names::Names;
use crate::engine::narrow::{AT_ONCE, NarrowSearch};
use crate::engine::usage::{FeatureUse, Usage};
use crate::error::Error;
use crate::schema::{ColumnKind, Schema};
use crate::value::Value;

/// Most slots of an encoded row: a node has two bytes for its slot.
pub const MAX_SLOTS: usize = 1 << 16;

/// Where the encoder writes: one row.
pub(crate) struct Encoded<'a> {
    /// Slots `(n_slots,)`.
    pub slots: &'a mut [u8],
    /// Numbers that linear terms use `(n_numbers,)`, NaN is missing.
    pub numbers: &'a mut [f64],
    /// Merged bins that linear terms use `(n_bins,)`.
    pub bins: &'a mut [u8],
}

/// Reads the columns that a model uses: first the plain ones, then the others, each once.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    plain: Vec<PlainCode>,
    columns: Vec<ColumnCode>,
    features: Vec<FeatureCode>,
    /// What slots hold by merged bin, feature after feature.
    table: Vec<u8>,
    pub n_slots: usize,
    pub n_numbers: usize,
    pub n_bins: usize,
}

/// A number that becomes its bin and nothing else, as most do.
///
/// Two lines of a cache.
#[derive(Debug, Clone)]
#[repr(align(64))]
struct PlainCode {
    search: NarrowSearch,
    column: u32,
    /// Its slots, and what they hold if the number is missing: once 0, once 255, or one slot twice.
    slots: [u16; 2],
    missing: [u8; 2],
    kind: ColumnKind,
}

#[derive(Debug, Clone)]
struct ColumnCode {
    column: usize,
    kind: ColumnKind,
    /// Its features in [`Encoder::features`].
    features: std::ops::Range<usize>,
}

#[derive(Debug, Clone)]
struct FeatureCode {
    derive: Derive,
    code: Code,
    slot: usize,
    n_slots: usize,
    /// Start of its rows in [`Encoder::table`].
    table: usize,
    /// Place among the numbers.
    number: Option<usize>,
    /// Place among the bins.
    bin: Option<usize>,
}

#[derive(Debug, Clone)]
enum Code {
    /// Only the number is used.
    None,
    Edges(EdgeSearch),
    Names(Names),
}

/// Where the parts of a model find a feature in an encoded row, by feature of the model.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places {
    pub slot: usize,
    pub number: usize,
    pub bin: usize,
}

/// A cell as its column is read: a number with empty text, text with the number NaN, or neither if
/// it is missing. Without a tag it stays in registers; an enum went through memory, which cost as
/// much as the search among the edges.
#[derive(Clone, Copy)]
struct Cell<'a> {
    number: f64,
    text: &'a str,
}

impl<'a> Cell<'a> {
    const MISSING: Cell<'static> = Cell { number: f64::NAN, text: "" };

    fn number(number: f64) -> Self {
        Cell { number, text: "" }
    }

    fn text(text: &'a str) -> Self {
        Cell { number: f64::NAN, text }
    }
}

impl Encoder {
    /// Lays out the row for a checked model.
    ///
    /// # Errors
    /// More than [`MAX_SLOTS`] slots.
    pub fn new(
        schema: &Schema,
        features: &[Feature],
        usage: &Usage,
    ) -> Result<(Self, Vec<Places>), Error> {
        let mut order: Vec<usize> =
            (0..features.len()).filter(|&index| usage.features[index].is_used()).collect();
        order.sort_by_key(|&index| features[index].column);
        let n_slots = order.iter().map(|&index| usage.features[index].n_slots()).sum();
        check_slots(n_slots)?;
        let mut encoder = Encoder {
            plain: Vec::new(),
            columns: Vec::new(),
            features: Vec::with_capacity(order.len()),
            table: Vec::new(),
            n_slots: 0,
            n_numbers: 0,
            n_bins: 0,
        };
        let mut places = vec![Places::default(); features.len()];
        for index in order {
            places[index] = encoder.add(schema, &features[index], &usage.features[index]);
        }
        // Alike side by side: searches of one step, then of two.
        encoder.plain.sort_by_key(|plain| plain.search.keys.len() > 1);
        Ok((encoder, places))
    }

    fn add(&mut self, schema: &Schema, feature: &Feature, used: &FeatureUse) -> Places {
        let column = feature.column as usize;
        let places = Places { slot: self.n_slots, number: self.n_numbers, bin: self.n_bins };
        let kind = schema.columns[column].kind;
        if let Some((missing, search)) = plain(feature, used) {
            self.n_slots += used.n_slots();
            let slots = [places.slot, self.n_slots - 1].map(|slot| slot as u16);
            let column = feature.column;
            self.plain.push(PlainCode { search, column, slots, missing, kind });
            return places;
        }
        let index = self.features.len();
        match self.columns.last_mut().filter(|last| last.column == column) {
            Some(last) => last.features.end = index + 1,
            None => {
                self.columns.push(ColumnCode { column, kind, features: index..index + 1 });
            }
        }
        self.features.push(FeatureCode {
            derive: feature.derive,
            code: Code::new(&feature.bins, used),
            slot: places.slot,
            n_slots: used.n_slots(),
            table: self.table.len(),
            number: used.number.then_some(places.number),
            bin: used.bin.then_some(places.bin),
        });
        self.table.extend(used.table());
        self.n_slots += used.n_slots();
        self.n_numbers += usize::from(used.number);
        self.n_bins += usize::from(used.bin);
        places
    }

    /// Encodes one row; `cell` gives the cell of a column of the schema. Called through
    /// [`crate::engine::arch::encode`].
    ///
    /// # Errors
    /// [`Error::BadRow`] for text that is no number or date in a column of such.
    #[inline(always)]
    pub fn encode<'v, C: Count>(
        &self,
        schema: &Schema,
        cell: impl Fn(usize) -> Value<'v>,
        row: &mut Encoded<'_>,
    ) -> Result<(), Error> {
        for plain in &self.plain {
            let column = plain.column as usize;
            let number = read_cell(schema, column, plain.kind, cell(column))?.number;
            let rank = plain.search.rank::<C>(number);
            for (slot, missing) in plain.slots.into_iter().zip(plain.missing) {
                row.slots[usize::from(slot)] = bin_or(missing, number, rank);
            }
        }
        for column in &self.columns {
            let cell = read_cell(schema, column.column, column.kind, cell(column.column))?;
            for feature in &self.features[column.features.clone()] {
                feature.write::<C>(cell, &self.table, row);
            }
        }
        Ok(())
    }

    /// Whether [`Encoder::encode_columns`] can be used: all that is read is plain.
    pub fn is_plain(&self) -> bool {
        self.columns.is_empty()
    }

    /// Encodes at most [`ROWS`] rows, slot by slot: `columns` `(n_slots, ROWS)`; `cell` gives the
    /// cell of a row and column. What lies behind the last row is unspecified. Called through
    /// [`crate::engine::arch::encode_columns`].
    ///
    /// # Errors
    /// A row and what [`Encoder::encode`] says of it.
    #[inline(always)]
    pub fn encode_columns<'v, C: Count>(
        &self,
        schema: &Schema,
        cell: impl Fn(usize, usize) -> Value<'v>,
        n_rows: usize,
        columns: &mut [[u8; ROWS]],
    ) -> Result<(), (usize, Error)> {
        let mut numbers = [0.0; AT_ONCE];
        // A few rows at a time: they stay in the first cache from column to column.
        for first in (0..n_rows).step_by(AT_ONCE) {
            let n_rows = (n_rows - first).min(AT_ONCE);
            for plain in &self.plain {
                for (row, number) in numbers[..n_rows].iter_mut().enumerate() {
                    let column = plain.column as usize;
                    let value = cell(first + row, column);
                    let read = read_cell(schema, column, plain.kind, value);
                    *number = read.map_err(|error| (first + row, error))?.number;
                }
                let mut bins = [0; AT_ONCE];
                C::bins(&plain.search, &numbers, &mut bins);
                for (slot, missing) in plain.slots.into_iter().zip(plain.missing) {
                    let column = &mut columns[usize::from(slot)].as_chunks_mut::<AT_ONCE>().0
                        [first / AT_ONCE];
                    for (slot, &bin) in column.iter_mut().zip(&bins) {
                        *slot = if bin == 0 { missing } else { bin };
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a missing number becomes in the first and the last slot, and how others are found, if the
/// feature is plain.
fn plain(feature: &Feature, used: &FeatureUse) -> Option<([u8; 2], NarrowSearch)> {
    let Bins::Edges(edges) = &feature.bins else { return None };
    if feature.derive != Derive::Itself || !used.is_ranked_only() {
        return None;
    }
    let table = used.table();
    let missing = [table[0], table[used.n_slots() - 1]];
    Some((missing, NarrowSearch::new(&cuts(edges, used))?))
}

/// The edges that tests tell apart.
fn cuts(edges: &[f64], used: &FeatureUse) -> Vec<f64> {
    // Merged bin `i >= 2` begins right above its edge, which is `edges[first - 2]`.
    let first_bins = used.first_bins();
    first_bins[2..].iter().map(|&first| edges[usize::from(first) - 2]).collect()
}

pub(crate) fn check_slots(n_slots: usize) -> Result<(), Error> {
    if n_slots <= MAX_SLOTS {
        return Ok(());
    }
    Err(Error::BadModel(format!(
        "it asks {n_slots} different kinds of question (feature, missing direction or set of \
         categories), at most {MAX_SLOTS} can be predicted with: use fewer trees or features"
    )))
}

impl Code {
    fn new(bins: &Bins, used: &FeatureUse) -> Self {
        match bins {
            _ if !used.is_coded() => Code::None,
            Bins::Levels(levels) => Code::Names(Names::new(levels)),
            Bins::Edges(edges) => Code::Edges(EdgeSearch::new(&cuts(edges, used))),
        }
    }
}

/// Bytes that encoding one feature may touch.
pub(crate) fn n_bytes(feature: &Feature, used: &FeatureUse) -> usize {
    let search = match &feature.bins {
        _ if !used.is_coded() => 0,
        Bins::Edges(_) => NarrowSearch::n_bytes(used.n_merged() - 2),
        Bins::Levels(levels) => Names::new(levels).n_bytes(),
    };
    let row = used.n_slots() + 8 * usize::from(used.number) + usize::from(used.bin);
    search + row + used.n_merged() * used.n_slots()
}

impl FeatureCode {
    #[inline(always)]
    fn write<C: Count>(&self, cell: Cell<'_>, table: &[u8], row: &mut Encoded<'_>) {
        let number = match self.derive {
            Derive::Itself => cell.number,
            _ => part(cell.number, self.derive),
        };
        if let Some(place) = self.number {
            row.numbers[place] = number;
        }
        let bin = match &self.code {
            Code::None => return,
            Code::Edges(edges) => edges.bin::<C>(number),
            Code::Names(names) if !cell.text.is_empty() => names.bin(cell.text.as_bytes()),
            Code::Names(_) if number.is_nan() => 0,
            Code::Names(names) => names.bin_of_number(number),
        };
        if let Some(place) = self.bin {
            row.bins[place] = bin;
        }
        let from = self.table + usize::from(bin) * self.n_slots;
        if self.n_slots == 1 {
            row.slots[self.slot] = table[from];
        } else {
            row.slots[self.slot..self.slot + self.n_slots]
                .copy_from_slice(&table[from..from + self.n_slots]);
        }
    }
}

/// Never inlined: the compiler otherwise computes the calendar of every number and picks
/// afterwards, which doubled the time of encoding.
#[inline(never)]
fn part(seconds: f64, derive: Derive) -> f64 {
    datetime::part(seconds, derive)
}

/// Reads a cell of a column.
#[inline(always)]
fn read_cell<'v>(
    schema: &Schema,
    column: usize,
    kind: ColumnKind,
    value: Value<'v>,
) -> Result<Cell<'v>, Error> {
    read(kind, value).ok_or_else(|| bad_cell(kind, value, &schema.columns[column].name))
}

/// Reads a cell as its column is read; `None` if it cannot be. Empty text is missing everywhere.
#[inline(always)]
fn read(kind: ColumnKind, value: Value<'_>) -> Option<Cell<'_>> {
    match value {
        Value::Missing => Some(Cell::MISSING),
        Value::Number(number) => Some(Cell::number(number)),
        Value::Text(text) if matches!(kind, ColumnKind::Category | ColumnKind::Boolean) => {
            Some(Cell::text(text))
        }
        Value::Text(text) => read_number(kind, text).map(Cell::number),
    }
}

/// Reads text as a number or a date; NaN if it is empty, `None` if it is neither.
fn read_number(kind: ColumnKind, text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Some(f64::NAN);
    }
    if kind == ColumnKind::DateTime { datetime::parse(text) } else { text.parse().ok() }
}

#[cold]
fn bad_cell(kind: ColumnKind, value: Value<'_>, column: &str) -> Error {
    // Only text cannot be read.
    let text = if let Value::Text(text) = value { text } else { "" };
    let expected = if kind == ColumnKind::DateTime {
        "a date or time such as 2013-01-31 or 2013-01-31T05:00:00Z"
    } else {
        "a number such as 3 or -0.25"
    };
    let shown: String = text.chars().take(60).collect();
    let problem = format!("`{shown}` is not {expected}; leave the cell empty if it is unknown");
    Error::BadRow { column: column.into(), problem }
}
