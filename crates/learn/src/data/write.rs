//! Columns written to files: predictions row block by row block, and whole tables.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::table::{Column, ColumnData, MISSING_CODE, Table};
use super::types::is_missing;
use crate::error::Error;

/// The cells of an output column for some rows.
#[derive(Debug, Clone, Copy)]
pub enum OutputCells<'a> {
    /// Numbers; NaN is written as an empty cell.
    Numbers(&'a [f64]),
    /// Names by code; a code past the names is an empty cell.
    Names {
        /// Index into `names` `(n_rows,)`.
        codes: &'a [u32],
        /// The names.
        names: &'a [String],
    },
    /// Texts; `None` is an empty cell.
    Texts(&'a [Option<&'a str>]),
    /// Seconds since 1970-01-01T00:00:00; NaN is an empty cell.
    DateTimes(&'a [f64]),
}

/// An output column for some rows.
#[derive(Debug, Clone, Copy)]
pub struct OutputColumn<'a> {
    /// Name in the header.
    pub name: &'a str,
    /// Its cells; equally many in all columns of one call.
    pub cells: OutputCells<'a>,
}

impl OutputCells<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            OutputCells::Numbers(values) | OutputCells::DateTimes(values) => values.len(),
            OutputCells::Names { codes, .. } => codes.len(),
            OutputCells::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes columns block by block: one implementation a format.
pub trait WriteRows {
    /// Adds rows. Names and kinds of columns are those of the first call.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write(&mut self, columns: &[OutputColumn<'_>]) -> Result<(), Error>;

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// The file cannot be written.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// Writes CSV: quotes where needed, LF line ends, numbers in their shortest exact form.
///
/// A file appears under its name only when it is finished.
pub struct CsvWriter {
    path: String,
    rename: Option<(PathBuf, PathBuf)>,
    out: Out,
    buffer: String,
    has_header: bool,
}

enum Out {
    Plain(Box<dyn Write + Send>),
    Gzip(Box<GzEncoder<Box<dyn Write + Send>>>),
}

impl CsvWriter {
    /// Begins a file; gzip if its name ends in `.gz`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<CsvWriter, Error> {
        let name = path.display().to_string();
        let partial = PathBuf::from(format!("{name}.partial"));
        let file = File::create(&partial).map_err(|e| write_error(&name, &e))?;
        let file: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, file));
        let gzip = path.extension().is_some_and(|extension| extension == "gz");
        let out = match gzip {
            true => Out::Gzip(Box::new(GzEncoder::new(file, Compression::default()))),
            false => Out::Plain(file),
        };
        let rename = Some((partial, path.to_path_buf()));
        Ok(CsvWriter { path: name, rename, out, buffer: String::new(), has_header: false })
    }

    /// Writes to an open stream, e.g. standard output; `name` is what messages call it.
    pub fn to_stream(name: &str, stream: Box<dyn Write + Send>) -> CsvWriter {
        let out = Out::Plain(stream);
        let path = name.to_string();
        CsvWriter { path, rename: None, out, buffer: String::new(), has_header: false }
    }

    fn put_header(&mut self, columns: &[OutputColumn<'_>]) {
        self.has_header = true;
        for (index, column) in columns.iter().enumerate() {
            separate(&mut self.buffer, index);
            put_name(&mut self.buffer, column.name, columns.len() == 1);
        }
        self.buffer.push('\n');
    }

    fn flush_buffer(&mut self) -> Result<(), Error> {
        let bytes = self.buffer.as_bytes();
        let result = match &mut self.out {
            Out::Plain(out) => out.write_all(bytes),
            Out::Gzip(out) => out.write_all(bytes),
        };
        self.buffer.clear();
        result.map_err(|e| write_error(&self.path, &e))
    }
}

fn write_error(path: &str, error: &std::io::Error) -> Error {
    Error::File { action: "write", path: path.to_string(), problem: error.to_string() }
}

impl WriteRows for CsvWriter {
    fn write(&mut self, columns: &[OutputColumn<'_>]) -> Result<(), Error> {
        if !self.has_header {
            self.put_header(columns);
        }
        let n_rows = columns.first().map_or(0, |column| column.cells.len());
        assert!(columns.iter().all(|column| column.cells.len() == n_rows), "equal lengths");
        for row in 0..n_rows {
            for (index, column) in columns.iter().enumerate() {
                separate(&mut self.buffer, index);
                put_cell(&mut self.buffer, column.cells, row, columns.len() == 1);
            }
            self.buffer.push('\n');
            if self.buffer.len() > 1 << 16 {
                self.flush_buffer()?;
            }
        }
        self.flush_buffer()
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.flush_buffer()?;
        let CsvWriter { path, rename, out, .. } = *self;
        let flushed = match out {
            Out::Plain(mut out) => out.flush(),
            Out::Gzip(out) => out.finish().and_then(|mut inner| inner.flush()),
        };
        flushed.map_err(|e| write_error(&path, &e))?;
        match rename {
            Some((partial, path_of_file)) => {
                std::fs::rename(partial, path_of_file).map_err(|e| write_error(&path, &e))
            }
            None => Ok(()),
        }
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// A cell. A lone empty cell is quoted: an empty line would be skipped.
fn put_cell(out: &mut String, cells: OutputCells<'_>, row: usize, alone: bool) {
    let text = match cells {
        OutputCells::Numbers(values) if values[row].is_nan() => None,
        OutputCells::Numbers(values) => return put_number(out, values[row]),
        OutputCells::DateTimes(values) if values[row].is_nan() => None,
        OutputCells::DateTimes(values) => return put_datetime(out, values[row]),
        OutputCells::Names { codes, names } => names.get(codes[row] as usize).map(String::as_str),
        OutputCells::Texts(texts) => texts[row],
    };
    put_name(out, text.unwrap_or(""), alone);
}

fn put_name(out: &mut String, text: &str, alone: bool) {
    let special = |b: u8| matches!(b, b'"' | b',' | b';' | b'\t' | b'|' | b'\n' | b'\r');
    let edge = text.starts_with([' ', '\u{feff}']) || text.ends_with(' ');
    if !(text.bytes().any(special) || edge || (alone && text.is_empty())) {
        return out.push_str(text);
    }
    out.push('"');
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

/// The shortest text that reads back as the same number, with an exponent where that is shorter.
pub fn put_number(out: &mut String, value: f64) {
    use std::fmt::Write;
    let size = value.abs();
    let plain = size == 0.0 || (1e-5..1e16).contains(&size);
    let written = if plain { write!(out, "{value}") } else { write!(out, "{value:e}") };
    written.expect("writing to a string cannot fail");
}

/// `YYYY-MM-DDThh:mm:ss` and, where there are any, fractions of a second: three digits if they
/// say it all, else six.
///
/// Days to calendar: Hinnant, "chrono-compatible low-level date algorithms", 2013.
pub fn put_datetime(out: &mut String, seconds: f64) {
    use std::fmt::Write;
    let thousandths = libm::round(seconds * 1e3);
    let exact = thousandths / 1e3 == seconds;
    let micros = if exact { thousandths as i64 * 1_000 } else { libm::round(seconds * 1e6) as i64 };
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (second, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut written =
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if exact && fraction != 0 {
        written = written.and_then(|()| write!(out, ".{:03}", fraction / 1_000));
    } else if fraction != 0 {
        written = written.and_then(|()| write!(out, ".{fraction:06}"));
    }
    written.expect("writing to a string cannot fail");
}

/// A column of a table as an output column.
pub fn output_of(column: &Column) -> OutputColumn<'_> {
    let cells = match &column.data {
        ColumnData::Number(values) => OutputCells::Numbers(values),
        ColumnData::DateTime(values) => OutputCells::DateTimes(values),
        ColumnData::Category { codes, levels, .. } | ColumnData::Text { codes, levels } => {
            OutputCells::Names { codes, names: levels }
        }
    };
    OutputColumn { name: &column.name, cells }
}

/// Writes a whole table as CSV.
///
/// # Errors
/// The file cannot be written; a name that would read back as a missing cell.
pub fn write_csv(path: &Path, table: &Table) -> Result<(), Error> {
    for column in &table.columns {
        refuse_marks(path, column)?;
    }
    let mut writer = Box::new(CsvWriter::create(path)?);
    let columns: Vec<OutputColumn<'_>> = table.columns.iter().map(output_of).collect();
    writer.write(&columns)?;
    writer.finish()
}

fn refuse_marks(path: &Path, column: &Column) -> Result<(), Error> {
    let (ColumnData::Category { codes, levels, .. } | ColumnData::Text { codes, levels }) =
        &column.data
    else {
        return Ok(());
    };
    let used = |code: usize| codes.iter().any(|&c| c != MISSING_CODE && c as usize == code);
    let mark = levels.iter().enumerate().find(|(code, name)| is_missing(name) && used(*code));
    let Some((_, mark)) = mark else { return Ok(()) };
    Err(Error::Data {
        path: path.display().to_string(),
        line: None,
        column: Some(column.name.clone()),
        problem: format!("the name `{mark}` would be read back as a missing value; rename it"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number_text(value: f64) -> String {
        let mut out = String::new();
        put_number(&mut out, value);
        out
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (1.0, "1"),
            (-0.5, "-0.5"),
            (1e300, "1e300"),
            (1e-9, "1e-9"),
            (0.0, "0"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn names_are_quoted_where_needed() {
        let quoted = |text: &str, alone: bool| {
            let mut out = String::new();
            put_name(&mut out, text, alone);
            out
        };
        assert_eq!(quoted("plain text", false), "plain text");
        assert_eq!(quoted("a,b", false), "\"a,b\"");
        assert_eq!(quoted("say \"x\"", false), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("", false), "");
        assert_eq!(quoted("", true), "\"\"");
    }

    proptest! {
        #[test]
        fn numbers_read_back_exactly(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(number_text(value).parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn dates_read_back(milliseconds in -60_000_000_000_000i64..200_000_000_000_000) {
            let seconds = milliseconds as f64 / 1e3;
            let mut out = String::new();
            put_datetime(&mut out, seconds);
            let back = eyas_model::datetime::parse(&out).unwrap();
            prop_assert!((back - seconds).abs() < 4e-5, "{out}");
        }
    }
}
