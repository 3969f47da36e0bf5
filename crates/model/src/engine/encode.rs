//! From raw cells to the bytes, bins and numbers that members read.

use crate::datetime;
use crate::encoder::{Bins, Derive, Feature};
use crate::engine::edges::EdgeSearch;
use crate::engine::names::Names;
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

/// Reads the columns that a model uses, in order, each once.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    columns: Vec<ColumnCode>,
    features: Vec<FeatureCode>,
    /// What slots hold by merged bin, feature after feature.
    table: Vec<u8>,
    pub n_slots: usize,
    pub n_numbers: usize,
    pub n_bins: usize,
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

/// A cell as its column is read.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
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
        Ok((encoder, places))
    }

    fn add(&mut self, schema: &Schema, feature: &Feature, used: &FeatureUse) -> Places {
        let column = feature.column as usize;
        let index = self.features.len();
        match self.columns.last_mut().filter(|last| last.column == column) {
            Some(last) => last.features.end = index + 1,
            None => {
                let kind = schema.columns[column].kind;
                self.columns.push(ColumnCode { column, kind, features: index..index + 1 });
            }
        }
        let places = Places { slot: self.n_slots, number: self.n_numbers, bin: self.n_bins };
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

    /// Encodes one row; `cell` gives the cell of a column of the schema.
    ///
    /// # Errors
    /// [`Error::BadRow`] for text that is no number or date in a column of such.
    #[inline]
    pub fn encode<'v>(
        &self,
        schema: &Schema,
        cell: impl Fn(usize) -> Value<'v>,
        row: &mut Encoded<'_>,
    ) -> Result<(), Error> {
        for column in &self.columns {
            let cell = read(column.kind, cell(column.column), schema, column.column)?;
            for feature in &self.features[column.features.clone()] {
                feature.write(derive(cell, feature.derive), &self.table, row);
            }
        }
        Ok(())
    }
}

fn check_slots(n_slots: usize) -> Result<(), Error> {
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
            Bins::Edges(edges) => {
                // Merged bin `i >= 2` begins right above its edge, which is `edges[first - 2]`.
                let first_bins = used.first_bins();
                let cuts = first_bins[2..].iter().map(|&first| edges[usize::from(first) - 2]);
                Code::Edges(EdgeSearch::new(&cuts.collect::<Vec<_>>()))
            }
        }
    }
}

/// Bytes that encoding one feature may touch.
pub(crate) fn n_bytes(feature: &Feature, used: &FeatureUse) -> usize {
    let search = match &feature.bins {
        _ if !used.is_coded() => 0,
        Bins::Edges(_) => EdgeSearch::n_bytes(used.n_merged() - 2),
        Bins::Levels(levels) => Names::new(levels).n_bytes(),
    };
    let row = used.n_slots() + 8 * usize::from(used.number) + usize::from(used.bin);
    search + row + used.n_merged() * used.n_slots()
}

impl FeatureCode {
    #[inline]
    fn write(&self, cell: Cell<'_>, table: &[u8], row: &mut Encoded<'_>) {
        if let Some(place) = self.number {
            row.numbers[place] = if let Cell::Number(number) = cell { number } else { f64::NAN };
        }
        let bin = match (&self.code, cell) {
            (Code::None, _) => return,
            (Code::Edges(edges), Cell::Number(number)) => edges.bin(number),
            (Code::Names(names), Cell::Text(text)) => names.bin(text.as_bytes()),
            (Code::Names(names), Cell::Number(number)) => names.bin_of_number(number),
            // Text never meets edges: such columns are read as numbers.
            (_, Cell::Missing) | (Code::Edges(_), Cell::Text(_)) => 0,
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

#[inline]
fn derive(cell: Cell<'_>, derive: Derive) -> Cell<'_> {
    match cell {
        Cell::Number(seconds) if derive != Derive::Itself => {
            let part = datetime::part(seconds, derive);
            if part.is_nan() { Cell::Missing } else { Cell::Number(part) }
        }
        cell => cell,
    }
}

/// Reads a cell as its column is read. Empty text is missing everywhere.
#[inline]
fn read<'a>(
    kind: ColumnKind,
    value: Value<'a>,
    schema: &Schema,
    column: usize,
) -> Result<Cell<'a>, Error> {
    match value {
        Value::Missing => Ok(Cell::Missing),
        Value::Number(number) if number.is_nan() => Ok(Cell::Missing),
        Value::Number(number) => Ok(Cell::Number(number)),
        Value::Text("") => Ok(Cell::Missing),
        Value::Text(text) if matches!(kind, ColumnKind::Category | ColumnKind::Boolean) => {
            Ok(Cell::Text(text))
        }
        Value::Text(text) => {
            read_text(kind, text).ok_or_else(|| bad_cell(kind, text, &schema.columns[column].name))
        }
    }
}

/// Reads text as a number or a date; `None` if it is neither.
fn read_text(kind: ColumnKind, text: &str) -> Option<Cell<'static>> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Some(Cell::Missing);
    }
    let number = if kind == ColumnKind::DateTime {
        datetime::parse(text)?
    } else {
        text.parse::<f64>().ok()?
    };
    Some(if number.is_nan() { Cell::Missing } else { Cell::Number(number) })
}

#[cold]
fn bad_cell(kind: ColumnKind, text: &str, column: &str) -> Error {
    let expected = if kind == ColumnKind::DateTime {
        "a date or time such as 2013-01-31 or 2013-01-31T05:00:00Z"
    } else {
        "a number such as 3 or -0.25"
    };
    let shown: String = text.chars().take(60).collect();
    let problem = format!("`{shown}` is not {expected}; leave the cell empty if it is unknown");
    Error::BadRow { column: column.into(), problem }
}
