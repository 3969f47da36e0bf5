//! Record batches of a file, whatever its format.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{DataType, SchemaRef};
use eyas_learn::Error;
use eyas_learn::data::csv::checked_header;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{Format, file_error};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// The batches of a file and what they hold.
pub(crate) struct Batches {
    pub path: String,
    /// Names of all columns of the file.
    pub header: Vec<String>,
    /// Their types.
    pub types: Vec<DataType>,
    /// Column of a batch by column of the file; `None` is not read.
    pub places: Vec<Option<usize>>,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>,
}

impl Batches {
    /// Opens a file; `select` chooses columns by their names.
    pub fn open(
        path: &Path,
        format: Format,
        select: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    ) -> Result<Batches, Error> {
        let broken = |problem: String| broken_file(path, problem);
        let file = File::open(path).map_err(|e| file_error("read", path, e))?;
        match format {
            Format::ArrowFile => {
                let reader = FileReader::try_new_buffered(file, None);
                Batches::all(path, reader.map_err(|e| broken(e.to_string()))?, select)
            }
            Format::ArrowStream => {
                let reader = StreamReader::try_new(BufReader::new(file), None);
                Batches::all(path, reader.map_err(|e| broken(e.to_string()))?, select)
            }
            Format::Parquet | Format::Csv | Format::Arrays => Batches::parquet(path, file, select),
        }
    }

    /// All columns are decoded; which ones are looked at is for `places` to say.
    fn all(
        path: &Path,
        reader: impl RecordBatchReader + Send + 'static,
        select: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    ) -> Result<Batches, Error> {
        let (name, header, types) = described(path, &reader.schema())?;
        let mut places = vec![None; header.len()];
        select(&header)?.into_iter().for_each(|column| places[column] = Some(column));
        let batches = reader.map(|batch| batch.map_err(|e| e.to_string()));
        Ok(Batches { path: name, header, types, places, batches: Box::new(batches) })
    }

    fn parquet(
        path: &Path,
        file: File,
        select: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    ) -> Result<Batches, Error> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|e| broken_file(path, e.to_string()))?;
        let (name, header, types) = described(path, builder.schema())?;
        let mut selected = select(&header)?;
        selected.sort_unstable();
        selected.dedup();
        let mut places = vec![None; header.len()];
        selected.iter().enumerate().for_each(|(place, &column)| places[column] = Some(place));
        let mask = ProjectionMask::roots(builder.parquet_schema(), selected);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| broken_file(path, e.to_string()))?;
        let batches = reader.map(|batch| batch.map_err(|e| e.to_string()));
        Ok(Batches { path: name, header, types, places, batches: Box::new(batches) })
    }

    /// The next batch; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        self.batches.next().transpose().map_err(|problem| self.error(None, problem))
    }

    /// An error of this file.
    pub fn error(&self, column: Option<usize>, problem: impl Into<String>) -> Error {
        Error::Data {
            path: self.path.clone(),
            line: None,
            column: column.map(|column| self.header[column].clone()),
            problem: problem.into(),
        }
    }

    /// The error of a column whose type no table has.
    pub fn unsupported(&self, column: usize) -> Error {
        let problem = format!(
            "its type {} is not supported; convert it to numbers, text, booleans or dates, or drop \
             the column",
            self.types[column]
        );
        self.error(Some(column), problem)
    }
}

fn broken_file(path: &Path, problem: String) -> Error {
    let path = path.display().to_string();
    let problem = format!("the file is damaged or of a newer version: {problem}");
    Error::Data { path, line: None, column: None, problem }
}

/// Path, names and types; unnamed columns are named as in CSV.
fn described(
    path: &Path,
    schema: &SchemaRef,
) -> Result<(String, Vec<String>, Vec<DataType>), Error> {
    let name = path.display().to_string();
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    let types = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let (header, _) = checked_header(&name, names)?;
    Ok((name, header, types))
}
