//! The contract: limits are checked on the file as it was saved and loaded again.

use std::path::Path;

use eyas_learn::{Column, Table, prune};
use eyas_model::measure::{Latency, LatencyOptions, measure_latency};
use eyas_model::{CostModel, Model, Part, Predictor, RowSource, Value};

use crate::assemble::thinned;
use crate::error::Error;
use crate::report::MeasuredLatency;

/// What must hold.
pub(crate) struct Limits<'a> {
    pub latency_ns: Option<f64>,
    pub size_bytes: Option<u64>,
    /// Whether a model that misses a limit is pruned further; by work units a model must not
    /// depend on what is measured.
    pub adjust: bool,
    /// Seconds left for measuring and pruning further.
    pub remaining: &'a dyn Fn() -> f64,
    /// Bytes that the notes will add to the file.
    pub notes_bytes: u64,
}

/// The model as written, and what was measured.
pub(crate) struct Settled {
    pub model: Model,
    pub latency: Option<MeasuredLatency>,
    pub file_bytes: u64,
    pub predicted_p50_ns: f64,
    pub predicted_p99_ns: f64,
    pub met: bool,
    /// Whether latency (rather than size) is what is missed.
    pub too_slow: bool,
    /// Whether the file is larger than allowed.
    pub too_big: bool,
    /// Whether other work on the machine decided the measured p99.
    pub disturbed: bool,
    /// Times that the model was pruned further.
    pub n_thinned: usize,
}

/// Most times that a model is pruned further.
const MOST_THINNINGS: usize = 6;
/// A row with swept caches takes about this long to prepare and time.
const COLD_ROW_SECONDS: f64 = 0.002;
const MOST_COLD_ROWS: usize = 100;
/// Fewer rows than these say nothing of a p99.
const LEAST_ROWS: usize = 3_000;
/// A measurement over the limit is repeated this often at most: other work on the machine can only
/// add to it.
const MOST_MEASUREMENTS: usize = 3;
/// Where the bound of p99 is over this many medians it is other work that decides it: the work of
/// all rows is alike, so a smaller model would not help.
pub(crate) const DISTURBED: f64 = 4.0;

/// Writes the model, loads it again and measures it; prunes it further while it misses a limit.
///
/// # Errors
/// The file cannot be written, or what was written cannot be loaded.
pub(crate) fn settle(
    mut model: Model,
    table: &Table,
    cost: &CostModel,
    limits: &Limits<'_>,
    out: &Path,
) -> Result<Settled, Error> {
    let mut n_thinned = 0;
    loop {
        let before = (limits.remaining)();
        let bytes = simplified(&model).to_bytes();
        eyas_model::file::write_whole(out, &bytes)?;
        let file_bytes = bytes.len() as u64 + limits.notes_bytes;
        let predictor = Predictor::load(out)?;
        let shape = predictor.shape();
        let predicted_p50_ns = cost.predict_p50_ns(&shape);
        let latency = least_disturbed(&predictor, table, predicted_p50_ns, limits);
        let slow = excess(latency.as_ref().map(|l| l.p99_upper_ns), limits.latency_ns);
        let big = excess(Some(file_bytes as f64), limits.size_bytes.map(|bytes| bytes as f64));
        let met = slow.max(big) <= 1.0;
        let disturbed = latency.as_ref().is_some_and(|l| l.p99_upper_ns > DISTURBED * l.p50_ns);
        let excess = if disturbed { big } else { slow.max(big) };
        let took = before - (limits.remaining)();
        let goes_on = limits.adjust
            && excess > 1.0
            && n_thinned < MOST_THINNINGS
            && (limits.remaining)() > 1.5 * took;
        let cheaper = goes_on.then(|| thinned(&model, (0.97 / excess).min(0.97))).flatten();
        let Some(cheaper) = cheaper else {
            let predicted_p99_ns = cost.predict_p99_ns(&shape);
            let too_slow = slow > 1.0;
            return Ok(Settled {
                model,
                latency,
                file_bytes,
                predicted_p50_ns,
                predicted_p99_ns,
                met,
                too_slow,
                too_big: big > 1.0,
                disturbed,
                n_thinned,
            });
        };
        model = cheaper;
        n_thinned += 1;
    }
}

/// The same predictions from fewer nodes: leaves that agree and tests that cannot fail are merged.
pub(crate) fn simplified(model: &Model) -> Model {
    let mut model = model.clone();
    let n_bins: Vec<usize> = model.features.iter().map(|f| f.bins.n_bins()).collect();
    for member in &mut model.members {
        if let Part::Trees(trees) = &mut member.part {
            *trees = prune::simplify(trees, &n_bins);
        }
    }
    model
}

/// How many times over a limit a value is; 0 without a limit.
fn excess(value: Option<f64>, limit: Option<f64>) -> f64 {
    match (value, limit) {
        (Some(value), Some(limit)) => value / limit,
        (None, Some(_)) => f64::INFINITY,
        (_, None) => 0.0,
    }
}

/// The least p99 bound of up to three measurements; one is enough if it meets the limit.
fn least_disturbed(
    predictor: &Predictor,
    table: &Table,
    predicted_p50_ns: f64,
    limits: &Limits<'_>,
) -> Option<MeasuredLatency> {
    let per_row = predicted_p50_ns.max(500.0) * 1.5e-9;
    let mut best: Option<MeasuredLatency> = None;
    for _ in 0..MOST_MEASUREMENTS {
        let began = std::time::Instant::now();
        let seconds = (limits.remaining)().max(0.0);
        let n =
            ((0.5 * seconds / per_row) as usize).clamp(LEAST_ROWS, crate::finish::MEASURED_ROWS);
        let n_cold = ((0.15 * seconds / COLD_ROW_SECONDS) as usize).min(MOST_COLD_ROWS);
        let Ok(latency) = measure_predictor(predictor, table, n, n_cold) else { break };
        if best.as_ref().is_none_or(|best| latency.p99_upper_ns < best.p99_upper_ns) {
            best = Some(latency);
        }
        let bound = best.as_ref().map_or(f64::INFINITY, |best| best.p99_upper_ns);
        let took = began.elapsed().as_secs_f64();
        let enough = bound <= limits.latency_ns.unwrap_or(f64::INFINITY);
        if enough || (took > 0.1 && (limits.remaining)() < 1.5 * took) {
            break;
        }
    }
    best
}

/// Measures one-row latency on rows of the training table.
///
/// # Errors
/// A row cannot be predicted.
pub(crate) fn measure_predictor(
    predictor: &Predictor,
    table: &Table,
    n_rows: usize,
    n_cold: usize,
) -> Result<MeasuredLatency, Error> {
    let columns = predictor.schema().columns.iter();
    let columns = columns.map(|column| {
        table.column(&column.name).expect("the model's columns are the training table's")
    });
    let rows = TableRows { n_rows: table.n_rows(), columns: columns.collect() };
    let options = LatencyOptions { n_rows, n_cold, batch: false, ..LatencyOptions::default() };
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
