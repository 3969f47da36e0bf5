//! The contract: limits are checked on the file as it was saved and loaded again.

use std::path::Path;

use eyas_learn::{Column, Table};
use eyas_model::measure::{Latency, LatencyOptions, measure_latency};
use eyas_model::{CostModel, Model, Predictor, RowSource, Value};

use crate::assemble::thinned;
use crate::error::Error;
use crate::report::MeasuredLatency;

/// What must hold.
pub(crate) struct Limits {
    pub latency_ns: Option<f64>,
    pub size_bytes: Option<u64>,
    /// Whether a model that misses a limit is pruned further; by work units a model must not
    /// depend on what is measured.
    pub adjust: bool,
    /// Seconds that measuring may take.
    pub seconds: f64,
}

/// The model as written, and what was measured.
pub(crate) struct Settled {
    pub model: Model,
    pub latency: Option<MeasuredLatency>,
    pub file_bytes: u64,
    pub predicted_p50_ns: f64,
    pub predicted_p99_ns: f64,
    pub met: bool,
    /// Times that the model was pruned further.
    pub n_thinned: usize,
}

/// Most times that a model is pruned further.
const MOST_THINNINGS: usize = 6;

/// Writes the model, loads it again and measures it; prunes it further while it misses a limit.
///
/// # Errors
/// The file cannot be written, or what was written cannot be loaded.
pub(crate) fn settle(
    mut model: Model,
    table: &Table,
    cost: &CostModel,
    limits: &Limits,
    out: &Path,
) -> Result<Settled, Error> {
    let mut n_thinned = 0;
    loop {
        let bytes = model.to_bytes();
        eyas_model::file::write_whole(out, &bytes)?;
        let file_bytes = bytes.len() as u64;
        let predictor = Predictor::load(out)?;
        let shape = predictor.shape();
        let predicted_p50_ns = cost.predict_p50_ns(&shape);
        let per_row = predicted_p50_ns.max(500.0) * 1.5e-9;
        let affordable = (0.7 * limits.seconds / per_row) as usize;
        let n = affordable.clamp(300, crate::finish::MEASURED_ROWS);
        let latency = measure_predictor(&predictor, table, n, true).ok();
        let too_slow = excess(latency.as_ref().map(|l| l.p99_upper_ns), limits.latency_ns);
        let too_big = excess(Some(file_bytes as f64), limits.size_bytes.map(|bytes| bytes as f64));
        let worst = too_slow.max(too_big);
        let met = worst <= 1.0;
        let cheaper = if met || !limits.adjust || n_thinned == MOST_THINNINGS {
            None
        } else {
            thinned(&model, (0.97 / worst).min(0.97))
        };
        let Some(cheaper) = cheaper else {
            let predicted_p99_ns = cost.predict_p99_ns(&shape);
            return Ok(Settled {
                model,
                latency,
                file_bytes,
                predicted_p50_ns,
                predicted_p99_ns,
                met,
                n_thinned,
            });
        };
        model = cheaper;
        n_thinned += 1;
    }
}

/// How many times over a limit a value is; 0 without a limit.
fn excess(value: Option<f64>, limit: Option<f64>) -> f64 {
    match (value, limit) {
        (Some(value), Some(limit)) => value / limit,
        (None, Some(_)) => f64::INFINITY,
        (_, None) => 0.0,
    }
}

/// Measures a model that is not written yet.
///
/// # Errors
/// The model is inconsistent, or a row cannot be predicted.
pub(crate) fn measure(
    model: Model,
    table: &Table,
    n_rows: usize,
    cold: bool,
) -> Result<MeasuredLatency, Error> {
    measure_predictor(&Predictor::compile(model)?, table, n_rows, cold)
}

fn measure_predictor(
    predictor: &Predictor,
    table: &Table,
    n_rows: usize,
    cold: bool,
) -> Result<MeasuredLatency, Error> {
    let columns = predictor.schema().columns.iter();
    let columns = columns.map(|column| {
        table.column(&column.name).expect("the model's columns are the training table's")
    });
    let rows = TableRows { n_rows: table.n_rows(), columns: columns.collect() };
    let n_cold = if cold { (n_rows / 100).min(LatencyOptions::default().n_cold) } else { 0 };
    let options = LatencyOptions { n_rows, n_cold, ..LatencyOptions::default() };
    Ok(measured(&measure_latency(predictor, &rows, &options)?))
}

fn measured(latency: &Latency) -> MeasuredLatency {
    MeasuredLatency {
        n_rows: latency.n_rows,
        p50_ns: latency.p50_ns,
        p99_ns: latency.p99_ns,
        p99_upper_ns: latency.p99_upper_ns,
        p999_ns: latency.p999_ns,
        max_ns: latency.max_ns,
        cold_p50_ns: latency.cold.map(|cold| cold.p50_ns),
        cold_p99_ns: latency.cold.map(|cold| cold.p99_ns),
    }
}

/// Raw rows of a table, as a caller would send them.
struct TableRows<'a> {
    n_rows: usize,
    columns: Vec<&'a Column>,
}

impl RowSource for TableRows<'_> {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        self.columns[column].data.value(row)
    }
}
