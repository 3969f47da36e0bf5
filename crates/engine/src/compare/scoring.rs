//! A model as it was written, on sealed rows: what it predicts, and how long it takes.

use std::path::Path;

use eyas_learn::{Column, Table};
use eyas_model::measure::{LatencyOptions, measure_latency};
use eyas_model::{CostModel, Model, Predictor, RowSource, Scratch, Value};

use crate::error::Error;
use crate::finish::MEASURED_ROWS;

/// Fewer rows than these say nothing of a p99.
const LEAST_MEASURED_ROWS: usize = 3_000;
/// About how long one measurement may take.
const SECONDS_A_MEASUREMENT: f64 = 0.3;

/// A model that was loaded from its file.
pub(super) struct Loaded {
    pub predictor: Predictor,
    /// Bytes of its file without the notes, whose length depends on how a run went.
    pub bytes: u64,
}

/// Median and 99th percentile of predicting one row, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Latency {
    pub p50_ns: f64,
    pub p99_ns: f64,
}

impl Loaded {
    /// Loads a model.
    ///
    /// # Errors
    /// The file cannot be read or is no model.
    pub fn open(path: &Path) -> Result<Loaded, Error> {
        let bytes = std::fs::read(path).map_err(|error| Error::File {
            action: "read",
            path: path.display().to_string(),
            problem: error.to_string(),
        })?;
        let mut model = Model::from_bytes(&bytes)?;
        model.notes.clear();
        let bytes = model.to_bytes().len() as u64;
        Ok(Loaded { predictor: Predictor::load(path)?, bytes })
    }

    /// Predictions `(rows.len(), n_outputs)` from the raw values of a table.
    ///
    /// # Errors
    /// A row cannot be predicted.
    pub fn predict(&self, table: &Table, rows: &[u32]) -> Result<Vec<f64>, Error> {
        let mut out = vec![0.0; rows.len() * self.predictor.n_outputs()];
        let source = RawRows::new(&self.predictor, table, rows);
        self.predictor.predict_batch(&source, &mut Scratch::default(), &mut out)?;
        Ok(out)
    }

    /// By the coefficients of the reference machine: alike on every machine.
    pub fn priced(&self) -> Latency {
        let (cost, shape) = (CostModel::reference(), self.predictor.shape());
        Latency { p50_ns: cost.predict_p50_ns(&shape), p99_ns: cost.predict_p99_ns(&shape) }
    }

    fn measured_once(&self, table: &Table, rows: &[u32]) -> Option<Latency> {
        let wanted = SECONDS_A_MEASUREMENT * 1e9 / self.priced().p50_ns.max(1.0);
        let n_rows = (wanted as usize).clamp(LEAST_MEASURED_ROWS, MEASURED_ROWS);
        let options =
            LatencyOptions { n_rows, n_cold: 0, batch: false, ..LatencyOptions::default() };
        let source = RawRows::new(&self.predictor, table, rows);
        let found = measure_latency(&self.predictor, &source, &options).ok()?;
        Some(Latency { p50_ns: found.p50_ns, p99_ns: found.p99_ns })
    }
}

/// Measures models in turns, `n_rounds` times each, and keeps the least of each figure: other work on
/// the machine can only add to it.
pub(super) fn measured_in_turns(
    models: &[&Loaded],
    table: &Table,
    rows: &[u32],
    n_rounds: usize,
) -> Vec<Option<Latency>> {
    let mut least: Vec<Option<Latency>> = vec![None; models.len()];
    for _ in 0..n_rounds {
        for (model, least) in models.iter().zip(&mut least) {
            let Some(found) = model.measured_once(table, rows) else { continue };
            let before = least.unwrap_or(found);
            *least = Some(Latency {
                p50_ns: before.p50_ns.min(found.p50_ns),
                p99_ns: before.p99_ns.min(found.p99_ns),
            });
        }
    }
    least
}

/// Some rows of a table with the columns that a model reads.
struct RawRows<'a> {
    rows: &'a [u32],
    columns: Vec<&'a Column>,
}

impl<'a> RawRows<'a> {
    fn new(predictor: &Predictor, table: &'a Table, rows: &'a [u32]) -> RawRows<'a> {
        let columns = predictor.schema().columns.iter();
        let columns = columns.map(|column| {
            table.column(&column.name).expect("the model's columns are the training table's")
        });
        RawRows { rows, columns: columns.collect() }
    }
}

impl RowSource for RawRows<'_> {
    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        self.columns[column].data.value(self.rows[row] as usize)
    }
}
