//! Whole files as tables.

use std::path::Path;

use eyas_learn::Error;
use eyas_learn::data::csv::check_stated;
use eyas_learn::data::infer::{parse_number, settled_column};
use eyas_learn::data::names::Names;
use eyas_learn::data::table::MISSING_CODE;
use eyas_learn::data::write::put_number;
use eyas_learn::data::{Column, ColumnData, KindOverride, Notice, ReadOptions, Table};
use eyas_model::datetime;

use crate::Format;
use crate::batches::Batches;
use crate::cells::{Cell, Family, cells, family};

/// Cells of a column as they are gathered.
enum Gathered {
    Numbers(Vec<f64>),
    Dates(Vec<f64>),
    Names(Vec<u32>, Names),
}

/// A column that is read.
struct Reading {
    /// Its place in the file.
    column: usize,
    stated: Option<KindOverride>,
    family: Family,
    gathered: Gathered,
}

/// Reads a Parquet or Arrow file. Texts that are all dates are dates; texts that are all numbers
/// stay names (postal codes), unless the user states otherwise.
pub(crate) fn read(
    path: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<(Table, Vec<Notice>), Error> {
    let name = path.display().to_string();
    let is_read = |column: &String| options.kind_of(column) != Some(KindOverride::Drop);
    let mut batches = Batches::open(path, format, |header| {
        check_stated(&name, header, options)?;
        Ok((0..header.len()).filter(|&column| is_read(&header[column])).collect())
    })?;
    let mut columns = Vec::new();
    for (column, column_name) in batches.header.iter().enumerate() {
        if is_read(column_name) {
            columns.push(Reading::new(&batches, column, options.kind_of(column_name))?);
        }
    }
    let mut n_rows = 0;
    while let Some(batch) = batches.next()? {
        for reading in &mut columns {
            let place = batches.places[reading.column].expect("every read column is selected");
            let array = batch.column(place);
            let found = cells(array.as_ref()).ok_or_else(|| batches.unsupported(reading.column))?;
            reading.add(&batches, &found, n_rows)?;
        }
        n_rows += batch.num_rows();
        check_memory(&columns, options)?;
    }
    if n_rows == 0 {
        return Err(batches.error(None, "the file has no rows; data are expected"));
    }
    let finish = |reading: Reading| reading.finish(&batches);
    let columns = columns.into_iter().map(finish).collect::<Result<Vec<Column>, Error>>()?;
    Ok((Table { columns }, Vec::new()))
}

fn check_memory(columns: &[Reading], options: &ReadOptions) -> Result<(), Error> {
    let bytes = |reading: &Reading| match &reading.gathered {
        Gathered::Numbers(values) | Gathered::Dates(values) => 8 * values.len(),
        Gathered::Names(codes, names) => 4 * codes.len() + names.memory_bytes(),
    };
    let Some(limit_bytes) = options.memory_limit_bytes else { return Ok(()) };
    let needed_bytes = columns.iter().map(bytes).sum::<usize>() as u64;
    if needed_bytes <= limit_bytes {
        return Ok(());
    }
    Err(Error::Memory { what: "the table".to_string(), needed_bytes, limit_bytes })
}

impl Reading {
    fn new(
        batches: &Batches,
        column: usize,
        stated: Option<KindOverride>,
    ) -> Result<Reading, Error> {
        use KindOverride as Stated;
        let of_type = &batches.types[column];
        let family = family(of_type).ok_or_else(|| batches.unsupported(column))?;
        let names = || Gathered::Names(Vec::new(), Names::default());
        let gathered = match (family, stated) {
            (Family::Nothing, _) => Gathered::Numbers(Vec::new()),
            (Family::Numbers | Family::Texts, Some(Stated::Number)) | (Family::Numbers, None) => {
                Gathered::Numbers(Vec::new())
            }
            (Family::Dates, None | Some(Stated::DateTime))
            | (Family::Texts, Some(Stated::DateTime)) => Gathered::Dates(Vec::new()),
            (Family::Dates, _)
            | (Family::Booleans, Some(Stated::Number | Stated::DateTime))
            | (Family::Numbers, Some(Stated::DateTime)) => {
                let problem =
                    format!("its type {of_type} cannot be read as the type stated for it");
                return Err(batches.error(Some(column), problem));
            }
            _ => names(),
        };
        Ok(Reading { column, stated, family, gathered })
    }

    /// Adds the cells of rows `first_row..`.
    fn add(
        &mut self,
        batches: &Batches,
        cells: &[Cell<'_>],
        first_row: usize,
    ) -> Result<(), Error> {
        let mut text = String::new();
        for (row, &cell) in cells.iter().enumerate() {
            let added = match &mut self.gathered {
                Gathered::Numbers(values) => number_of(cell).map(|number| values.push(number)),
                Gathered::Dates(values) => seconds_of(cell).map(|seconds| values.push(seconds)),
                Gathered::Names(codes, names) => {
                    let name = name_of(cell, &mut text);
                    codes.push(name.map_or(MISSING_CODE, |name| names.code(name)));
                    Some(())
                }
            };
            if added.is_none() {
                return Err(batches.error(Some(self.column), unfit(cell, first_row + row + 1)));
            }
        }
        Ok(())
    }

    fn finish(self, batches: &Batches) -> Result<Column, Error> {
        let name = batches.header[self.column].clone();
        let data = match self.gathered {
            Gathered::Numbers(values) => ColumnData::Number(values),
            Gathered::Dates(values) => ColumnData::DateTime(values),
            Gathered::Names(codes, names) => {
                let find_dates = self.stated.is_none() && self.family == Family::Texts;
                match find_dates.then(|| dates_of(&codes, names.levels())).flatten() {
                    Some(seconds) => ColumnData::DateTime(seconds),
                    None => settled_column(self.stated, codes, names.into_levels())
                        .map_err(|problem| batches.error(Some(self.column), problem))?,
                }
            }
        };
        Ok(Column { name, data })
    }
}

pub(crate) fn unfit(cell: Cell<'_>, row: usize) -> String {
    match cell {
        Cell::Number(number) => format!(
            "row {row} is {number}; a finite number is expected: make it null if the value is \
             missing, or cap it"
        ),
        Cell::Text(text) => {
            format!("row {row} is `{text}`, which is not of the type stated for it")
        }
        Cell::Seconds(_) | Cell::Missing => format!("row {row} is not of the type stated for it"),
    }
}

pub(crate) fn number_of(cell: Cell<'_>) -> Option<f64> {
    let number = match cell {
        Cell::Missing => return Some(f64::NAN),
        Cell::Number(number) => number,
        Cell::Text(text) => parse_number(text)?,
        Cell::Seconds(_) => return None,
    };
    (!number.is_infinite()).then_some(number)
}

pub(crate) fn seconds_of(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Missing => Some(f64::NAN),
        Cell::Seconds(seconds) => Some(seconds),
        Cell::Text(text) => datetime::parse(text),
        Cell::Number(_) => None,
    }
}

/// The name that a cell is: numbers in their shortest decimal form.
pub(crate) fn name_of<'a>(cell: Cell<'a>, text: &'a mut String) -> Option<&'a str> {
    match cell {
        Cell::Missing => None,
        Cell::Text(name) => Some(name),
        Cell::Number(number) | Cell::Seconds(number) => {
            text.clear();
            put_number(text, number);
            Some(text)
        }
    }
}

/// Seconds of every row, if all names (at least one) are dates.
pub(crate) fn dates_of(codes: &[u32], levels: &[String]) -> Option<Vec<f64>> {
    if levels.is_empty() {
        return None;
    }
    let seconds: Option<Vec<f64>> = levels.iter().map(|level| datetime::parse(level)).collect();
    let seconds = seconds?;
    let of_code = |&code: &u32| seconds.get(code as usize).copied().unwrap_or(f64::NAN);
    Some(codes.iter().map(of_code).collect())
}
