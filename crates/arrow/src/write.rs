//! Columns written as Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use eyas_learn::Error;
use eyas_learn::data::{OutputCells, OutputColumn, WriteRows};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::file_error;

/// Writes Parquet with Snappy compression: numbers as doubles, names and texts as strings, dates as
/// timestamps in microseconds without time zone; NaN and missing cells are nulls.
///
/// The file appears under its name only when it is finished.
pub(crate) struct ParquetWriter {
    path: PathBuf,
    partial: PathBuf,
    /// The file, until the first columns say what is in it.
    file: Option<File>,
    writer: Option<ArrowWriter<File>>,
}

impl ParquetWriter {
    /// Begins a file.
    pub fn create(path: &Path) -> Result<ParquetWriter, Error> {
        let partial = PathBuf::from(format!("{}.partial", path.display()));
        let file = File::create(&partial).map_err(|e| file_error("write", path, e))?;
        Ok(ParquetWriter { path: path.to_path_buf(), partial, file: Some(file), writer: None })
    }

    /// The writer, begun with the columns of the first call.
    fn begun(&mut self, columns: &[OutputColumn<'_>]) -> Result<&mut ArrowWriter<File>, Error> {
        if let Some(file) = self.file.take() {
            let properties =
                WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer = ArrowWriter::try_new(file, schema_of(columns), Some(properties));
            self.writer = Some(writer.map_err(|e| file_error("write", &self.path, e))?);
        }
        let lost = || file_error("write", &self.path, "an earlier write failed");
        self.writer.as_mut().ok_or_else(lost)
    }
}

impl WriteRows for ParquetWriter {
    fn write(&mut self, columns: &[OutputColumn<'_>]) -> Result<(), Error> {
        let path = self.path.clone();
        let writer = self.begun(columns)?;
        let arrays = columns.iter().map(|column| array_of(column.cells)).collect();
        let batch = RecordBatch::try_new(schema_of(columns), arrays)
            .map_err(|e| file_error("write", &path, e))?;
        writer.write(&batch).map_err(|e| file_error("write", &path, e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.begun(&[])?;
        let path = self.path;
        if let Some(writer) = self.writer {
            writer.close().map_err(|e| file_error("write", &path, e))?;
        }
        std::fs::rename(&self.partial, &path).map_err(|e| file_error("write", &path, e))
    }
}

fn schema_of(columns: &[OutputColumn<'_>]) -> Arc<Schema> {
    Arc::new(Schema::new(columns.iter().map(field_of).collect::<Vec<Field>>()))
}

fn field_of(column: &OutputColumn<'_>) -> Field {
    let data_type = match column.cells {
        OutputCells::Numbers(_) => DataType::Float64,
        OutputCells::DateTimes(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        OutputCells::Names { .. } | OutputCells::Texts(_) => DataType::Utf8,
    };
    Field::new(column.name, data_type, true)
}

fn array_of(cells: OutputCells<'_>) -> ArrayRef {
    let present = |value: &f64| (!value.is_nan()).then_some(*value);
    match cells {
        OutputCells::Numbers(values) => {
            Arc::new(values.iter().map(present).collect::<Float64Array>())
        }
        OutputCells::DateTimes(values) => {
            let micros = |value: &f64| present(value).map(|seconds| (seconds * 1e6).round() as i64);
            Arc::new(values.iter().map(micros).collect::<TimestampMicrosecondArray>())
        }
        OutputCells::Names { codes, names } => {
            let name = |&code: &u32| names.get(code as usize).map(String::as_str);
            Arc::new(codes.iter().map(name).collect::<StringArray>())
        }
        OutputCells::Texts(texts) => Arc::new(texts.iter().copied().collect::<StringArray>()),
    }
}
