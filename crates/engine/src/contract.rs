//! The contract: limits are checked on the file as it was saved and loaded again.

use std::path::Path;

use eyas_learn::Table;
use eyas_model::measure::{self, MeasureOptions};
use eyas_model::{CostModel, Model, Predictor, Value};

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
        let n = affordable.clamp(200, crate::finish::MEASURED_ROWS);
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
    let columns: Vec<_> = predictor
        .schema()
        .columns
        .iter()
        .map(|column| {
            table.column(&column.name).expect("the model's columns are the training table's")
        })
        .collect();
    let row = |row: usize, column: usize| -> Value<'_> { columns[column].data.value(row) };
    let options = MeasureOptions { n_rows, cold, ..MeasureOptions::default() };
    let latency = measure::measure_latency(predictor, table.n_rows(), &row, &options)?;
    Ok(latency.into())
}
