//! Parquet and Arrow files that are read in passes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow_array::RecordBatch;
use eyas_learn::Error;
use eyas_learn::data::csv::check_stated;
use eyas_learn::data::names::Names;
use eyas_learn::data::stream::{Cells, Chunk, Mode, Sink, Source};
use eyas_learn::data::table::MISSING_CODE;
use eyas_learn::data::{KindOverride, ReadOptions};

use crate::Format;
use crate::batches::Batches;
use crate::cells::{Cell, Family, cells, family};
use crate::tables::{dates_of, name_of, number_of, seconds_of, unfit};

/// A file and what is known of it.
#[derive(Debug)]
pub(crate) struct ArrowSource {
    path: PathBuf,
    name: String,
    format: Format,
    header: Vec<String>,
    n_threads: usize,
}

impl ArrowSource {
    /// Opens a file and looks at its columns.
    pub fn open(path: &Path, format: Format, options: &ReadOptions) -> Result<ArrowSource, Error> {
        let name = path.display().to_string();
        let batches = Batches::open(path, format, |header| {
            check_stated(&name, header, options)?;
            Ok((0..header.len()).collect())
        })?;
        for (column, header) in batches.header.iter().enumerate() {
            let dropped = options.kind_of(header) == Some(KindOverride::Drop);
            if !dropped && family(&batches.types[column]).is_none() {
                return Err(batches.unsupported(column));
            }
        }
        let header = batches.header;
        let n_threads = options.n_threads();
        Ok(ArrowSource { path: path.to_owned(), name, format, header, n_threads })
    }
}

/// What the threads of a pass share.
struct Shared {
    batches: Batches,
    n_batches: usize,
    n_rows: usize,
    error: Option<Error>,
}

impl Source for ArrowSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn pass(&self, modes: &[Mode], sink: &Sink<'_>) -> Result<(), Error> {
        const HELD: &str = "no thread panics while it holds the lock";
        let batches = Batches::open(&self.path, self.format, |header| {
            Ok((0..header.len()).filter(|&column| modes[column] != Mode::Skip).collect())
        })?;
        let columns = Columns::new(&batches, modes);
        let shared = Mutex::new(Shared { batches, n_batches: 0, n_rows: 0, error: None });
        let work = || {
            loop {
                let (batch, index, first_row) = {
                    let mut shared = shared.lock().expect(HELD);
                    if shared.error.is_some() {
                        return;
                    }
                    match shared.batches.next() {
                        Ok(None) => return,
                        Err(error) => {
                            shared.error = Some(error);
                            return;
                        }
                        Ok(Some(batch)) => {
                            let place = (shared.n_batches, shared.n_rows);
                            shared.n_batches += 1;
                            shared.n_rows += batch.num_rows();
                            (batch, place.0, place.1)
                        }
                    }
                };
                let taken = columns.chunk(&batch, index, first_row).and_then(sink);
                if let Err(error) = taken {
                    shared.lock().expect(HELD).error.get_or_insert(error);
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.n_threads {
                scope.spawn(work);
            }
            work();
        });
        shared.into_inner().expect(HELD).error.map_or(Ok(()), Err)
    }
}

/// How the columns of a pass are read.
struct Columns<'a> {
    path: String,
    header: Vec<String>,
    modes: &'a [Mode],
    families: Vec<Option<Family>>,
    places: Vec<Option<usize>>,
}

impl<'a> Columns<'a> {
    fn new(batches: &Batches, modes: &'a [Mode]) -> Columns<'a> {
        Columns {
            path: batches.path.clone(),
            header: batches.header.clone(),
            modes,
            families: batches.types.iter().map(family).collect(),
            places: batches.places.clone(),
        }
    }

    fn chunk(&self, batch: &RecordBatch, index: usize, first_row: usize) -> Result<Chunk, Error> {
        let one = |column: usize| match (self.modes[column], self.places[column]) {
            (Mode::Skip, _) | (_, None) => Ok(Cells::Skipped),
            (mode, Some(place)) => {
                let found = cells(batch.column(place).as_ref());
                let found = found.ok_or_else(|| self.error(column, UNSUPPORTED.into()))?;
                self.cells(column, mode, &found, first_row)
            }
        };
        let columns = (0..self.header.len()).map(one).collect::<Result<Vec<Cells>, Error>>()?;
        Ok(Chunk { index, n_rows: batch.num_rows(), columns })
    }

    fn cells(
        &self,
        column: usize,
        mode: Mode,
        found: &[Cell<'_>],
        first_row: usize,
    ) -> Result<Cells, Error> {
        if found.iter().all(|cell| matches!(cell, Cell::Missing)) {
            return Ok(Cells::Missing(found.len()));
        }
        let family = self.families[column].unwrap_or(Family::Nothing);
        let all = |read: fn(Cell<'_>) -> Option<f64>| {
            let one = |(row, &cell): (usize, &Cell<'_>)| {
                read(cell).ok_or_else(|| self.error(column, unfit(cell, first_row + row + 1)))
            };
            found.iter().enumerate().map(one).collect::<Result<Vec<f64>, Error>>()
        };
        match (mode, family) {
            (Mode::Number, _) | (Mode::Find, Family::Numbers) => {
                Ok(Cells::Numbers(all(number_of)?))
            }
            (Mode::DateTime, _) | (Mode::Find, Family::Dates) => Ok(Cells::Dates(all(seconds_of)?)),
            _ => {
                let (codes, names) = named(found);
                let dates = (mode == Mode::Find && family == Family::Texts)
                    .then(|| dates_of(&codes, names.levels()));
                Ok(match dates.flatten() {
                    Some(seconds) => Cells::Dates(seconds),
                    None => Cells::Names { codes, names },
                })
            }
        }
    }

    fn error(&self, column: usize, problem: String) -> Error {
        let (path, column) = (self.path.clone(), Some(self.header[column].clone()));
        Error::Data { path, line: None, column, problem }
    }
}

const UNSUPPORTED: &str = "its type is not supported; convert it, or drop the column";

fn named(found: &[Cell<'_>]) -> (Vec<u32>, Names) {
    let (mut names, mut text) = (Names::default(), String::new());
    let code = |&cell: &Cell<'_>| match name_of(cell, &mut text) {
        Some(name) => names.code(name),
        None => MISSING_CODE,
    };
    let codes = found.iter().map(code).collect();
    (codes, names)
}

#[cfg(test)]
mod tests {
    use eyas_learn::dataset::streamed::{StreamOptions, read};
    use eyas_learn::dataset::{BuildOptions, Dataset};
    use eyas_learn::{Column, Table, Task, TaskOptions, data::ColumnData};

    use super::*;
    use crate::{open_source, open_table, write_table};

    fn table(n_rows: usize) -> Table {
        let column = |name: &str, data| Column { name: name.into(), data };
        let number = |row: usize| {
            if row.is_multiple_of(11) { f64::NAN } else { (row * 7919 % 1009) as f64 / 4.0 }
        };
        let levels: Vec<String> = ["red", "green", "blue"].map(String::from).to_vec();
        let codes = |step: usize| -> Vec<u32> {
            (0..n_rows)
                .map(|row| if row % 13 == 5 { MISSING_CODE } else { (row / step % 3) as u32 })
                .collect()
        };
        let day = |row: usize| 1.7e9 + 86_400.0 * (row % 500) as f64;
        let target = (0..n_rows).map(|row| (row * 31 % 97) as f64 / 10.0).collect();
        Table {
            columns: vec![
                column("x", ColumnData::Number((0..n_rows).map(number).collect())),
                column("colour", ColumnData::Category { codes: codes(1), levels, boolean: false }),
                column("day", ColumnData::DateTime((0..n_rows).map(day).collect())),
                column("target", ColumnData::Number(target)),
            ],
        }
    }

    #[test]
    fn a_parquet_file_in_passes_gives_the_bins_of_its_table() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("data.parquet");
        write_table(&path, &table(20_000)).expect("it is written");
        let task_options = TaskOptions { target: "target".into(), ..TaskOptions::default() };
        let options = ReadOptions::default();
        let (whole, _) = open_table(&path, &options).expect("a table");
        let (task, _) = Task::new(&whole, &task_options).expect("a task");
        let build = BuildOptions { bins_only: true, ..BuildOptions::default() };
        let (expected, _) = Dataset::build(&whole, &task, &build).expect("a dataset");
        let (source, _) = open_source(&path, &options).expect("a source");
        let streamed = read(
            source.as_ref(),
            &StreamOptions {
                read: &options,
                task: &task_options,
                build: &build,
                n_raw_rows: 50,
                progress: &|_, _| {},
            },
        )
        .expect("a dataset");
        assert_eq!(streamed.data.schema, expected.schema);
        assert_eq!(streamed.data.features, expected.features);
        assert_eq!(streamed.data.bins, expected.bins);
        assert_eq!(streamed.rows.n_rows(), 50);
    }
}
