//! How long one row takes.

use std::time::Instant;

use crate::engine::{Predictor, RowSource, Scratch};
use crate::error::Error;
use crate::measure::quantile::{quantile, upper_bound_of_quantile};
use crate::measure::timer::{Timer, nanoseconds};
use crate::random::Random;
use crate::value::Value;

/// Bytes read between two cold rows: more than the caches that one core has for itself.
const SWEPT_BYTES: usize = 16 << 20;
/// Bytes read and written between two interleaved rows: what other work of a service touches.
const INTERLEAVED_BYTES: usize = 1 << 20;
/// Times that a batch is predicted.
const BATCHES: usize = 3;
/// Rows from which there is a 99.9th percentile below the slowest row.
const ROWS_OF_P999: usize = 1000;

/// How to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyOptions {
    /// Rows to time. Below 299 there is no bound of p99.
    pub n_rows: usize,
    /// Rows to time with swept caches (about 2 ms each); 0 for none.
    pub n_cold: usize,
    /// Rows to time with other work in between: 1 MiB read and written before each; 0 for none.
    pub n_interleaved: usize,
    /// Whether all rows are also predicted as one batch.
    pub batch: bool,
    /// Seed of the order of the rows.
    pub seed: u64,
}

impl Default for LatencyOptions {
    fn default() -> Self {
        LatencyOptions { n_rows: 20_000, n_cold: 100, n_interleaved: 0, batch: true, seed: 0 }
    }
}

/// One-row latency in nanoseconds: from raw values, text included, to the prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Rows timed.
    pub n_rows: usize,
    /// Rows that differ among them (by their place in the source).
    pub n_distinct: usize,
    /// Median.
    pub p50_ns: f64,
    /// 99th percentile.
    pub p99_ns: f64,
    /// Upper 95 % confidence bound of the 99th percentile, from order statistics; infinite with
    /// fewer than 299 rows.
    pub p99_upper_ns: f64,
    /// 99.9th percentile.
    pub p999_ns: f64,
    /// Slowest row.
    pub max_ns: f64,
    /// Mean.
    pub mean_ns: f64,
    /// What reading the clock costs; already taken off.
    pub timer_ns: f64,
    /// Nanoseconds a row when all rows are predicted as one batch, the median of three times.
    pub batch_ns: f64,
    /// With swept caches.
    pub cold: Option<Spread>,
    /// With other work in between.
    pub interleaved: Option<Spread>,
    /// How quiet the machine was.
    pub noise: Noise,
}

/// One-row latency in nanoseconds when something came between the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Rows timed.
    pub n_rows: usize,
    /// Median.
    pub p50_ns: f64,
    /// 99th percentile.
    pub p99_ns: f64,
    /// 99.9th percentile; none below 1000 rows.
    pub p999_ns: Option<f64>,
    /// Slowest row.
    pub max_ns: f64,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Option<Spread> {
        samples.sort_unstable_by(f64::total_cmp);
        let n_rows = samples.len();
        (n_rows > 0).then(|| Spread {
            n_rows,
            p50_ns: quantile(&samples, 0.5),
            p99_ns: quantile(&samples, 0.99),
            p999_ns: (n_rows >= ROWS_OF_P999).then(|| quantile(&samples, 0.999)),
            max_ns: quantile(&samples, 1.0),
        })
    }
}

/// What the machine does to a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Longest time that an empty measurement took: what an interruption costs.
    pub idle_max_ns: f64,
    /// Share of the rows that took over twice the median; the work of all rows is alike, so above
    /// 1 % it is the machine that decides p99.
    pub outlier_share: f64,
}

/// Measures how long single rows take on this machine, in this thread.
///
/// Every row of `rows` comes once, in random order, then again in another order until
/// [`LatencyOptions::n_rows`] are timed; a first pass of up to 1000 rows warms up. A row is copied
/// together before its clock starts, as if it had just come in. Some 0.1 s for 20,000 rows of a
/// small model.
///
/// The machine must be quiet: other programs on the same core show in p99 and above;
/// [`Latency::noise`] tells.
///
/// # Errors
/// [`Error::BadRow`] if a row cannot be encoded, or if there are no rows or none is to be timed.
pub fn measure_latency(
    predictor: &Predictor,
    rows: &dyn RowSource,
    options: &LatencyOptions,
) -> Result<Latency, Error> {
    if rows.n_rows() == 0 || options.n_rows == 0 {
        let column = predictor.schema().target.clone();
        return Err(Error::BadRow { column, problem: "there are no rows to measure with".into() });
    }
    let mut bench = Bench::new(predictor, rows, options.seed);
    bench.run(options.n_rows.min(1000), || ())?;
    let mut samples = bench.run(options.n_rows, || ())?;
    let mut other = vec![1u8; if options.n_interleaved > 0 { INTERLEAVED_BYTES } else { 0 }];
    let interleaved = bench.run(options.n_interleaved, || work(&mut other))?;
    let swept = vec![1u8; if options.n_cold > 0 { SWEPT_BYTES } else { 0 }];
    let cold = bench.run(options.n_cold, || sweep(&swept))?;
    let batch_ns = if options.batch { batch_ns(predictor, rows)? } else { f64::NAN };
    let mean_ns = samples.iter().sum::<f64>() / samples.len() as f64;
    samples.sort_unstable_by(f64::total_cmp);
    let p50_ns = quantile(&samples, 0.5);
    let n_slow = samples.len() - samples.partition_point(|&sample| sample <= 2.0 * p50_ns);
    Ok(Latency {
        n_rows: samples.len(),
        n_distinct: samples.len().min(rows.n_rows()),
        p50_ns,
        p99_ns: quantile(&samples, 0.99),
        p99_upper_ns: upper_bound_of_quantile(&samples, 0.99, 0.95),
        p999_ns: quantile(&samples, 0.999),
        max_ns: quantile(&samples, 1.0),
        mean_ns,
        timer_ns: bench.timer.cost_ns,
        batch_ns,
        cold: Spread::of(cold),
        interleaved: Spread::of(interleaved),
        noise: Noise {
            idle_max_ns: bench.timer.worst_ns,
            outlier_share: n_slow as f64 / samples.len() as f64,
        },
    })
}

/// Times row after row.
pub(crate) struct Bench<'a> {
    predictor: &'a Predictor,
    rows: &'a dyn RowSource,
    random: Random,
    timer: Timer,
    scratch: Scratch,
    out: Vec<f64>,
}

impl<'a> Bench<'a> {
    pub fn new(predictor: &'a Predictor, rows: &'a dyn RowSource, seed: u64) -> Self {
        let out = vec![0.0; predictor.n_outputs()];
        let (random, scratch) = (Random(seed), Scratch::default());
        Bench { predictor, rows, random, timer: Timer::new(), scratch, out }
    }

    /// Nanoseconds of `n` rows, `before` done before each, unmeasured.
    pub fn run(&mut self, n: usize, mut before: impl FnMut()) -> Result<Vec<f64>, Error> {
        let mut samples = Vec::with_capacity(n);
        let mut copied = CopiedRow::default();
        while samples.len() < n {
            let order = self.random.permutation(self.rows.n_rows());
            for row in order.into_iter().take(n - samples.len()) {
                copied.copy(self.rows, row, self.predictor.schema().columns.len());
                let values = copied.values();
                before();
                let mut result = Ok(());
                samples.push(self.timer.time(|| {
                    result = self.predictor.predict_row(&values, &mut self.scratch, &mut self.out);
                    std::hint::black_box(&mut self.out);
                }));
                result?;
            }
        }
        Ok(samples)
    }
}

/// A row with its texts in one place.
#[derive(Default)]
struct CopiedRow {
    cells: Vec<CopiedCell>,
    text: String,
}

enum CopiedCell {
    Missing,
    Number(f64),
    Text(std::ops::Range<usize>),
}

impl CopiedRow {
    fn copy(&mut self, rows: &dyn RowSource, row: usize, n_columns: usize) {
        self.cells.clear();
        self.text.clear();
        for column in 0..n_columns {
            self.cells.push(match rows.cell(row, column) {
                Value::Missing => CopiedCell::Missing,
                Value::Number(number) => CopiedCell::Number(number),
                Value::Text(text) => {
                    let start = self.text.len();
                    self.text.push_str(text);
                    CopiedCell::Text(start..self.text.len())
                }
            });
        }
    }

    fn values(&self) -> Vec<Value<'_>> {
        let value = |cell: &CopiedCell| match cell {
            CopiedCell::Missing => Value::Missing,
            CopiedCell::Number(number) => Value::Number(*number),
            CopiedCell::Text(range) => Value::Text(&self.text[range.clone()]),
        };
        self.cells.iter().map(value).collect()
    }
}

/// Reads a byte of every line of `bytes`, so that the caches hold them and nothing else.
fn sweep(bytes: &[u8]) {
    let total = bytes.iter().step_by(64).fold(0u8, |total, byte| total.wrapping_add(*byte));
    std::hint::black_box(total);
}

/// Reads and writes a byte of every line of `bytes`, as other work does with its own data.
fn work(bytes: &mut [u8]) {
    bytes.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
    std::hint::black_box(bytes);
}

/// Nanoseconds a row of a batch: the median of [`BATCHES`] runs.
fn batch_ns(predictor: &Predictor, rows: &dyn RowSource) -> Result<f64, Error> {
    let n_rows = rows.n_rows();
    let mut out = vec![0.0; n_rows * predictor.n_outputs()];
    let mut scratch = Scratch::default();
    let mut samples = [0.0; BATCHES];
    for sample in &mut samples {
        let start = Instant::now();
        predictor.predict_batch(rows, &mut scratch, &mut out)?;
        std::hint::black_box(&mut out);
        *sample = nanoseconds(start) / n_rows as f64;
    }
    samples.sort_unstable_by(f64::total_cmp);
    Ok(quantile(&samples, 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::Synthetic;

    #[test]
    fn figures_are_ordered_and_count_the_rows() {
        let wanted = Synthetic { n_trees: 5, n_categorical: 2, ..Synthetic::default() };
        let predictor = Predictor::compile(wanted.model()).expect("sound");
        let options =
            LatencyOptions { n_rows: 500, n_cold: 3, n_interleaved: 1000, batch: true, seed: 1 };
        let latency = measure_latency(&predictor, &wanted.rows(200), &options).expect("sound");
        assert_eq!((latency.n_rows, latency.n_distinct), (500, 200));
        let ascending =
            [0.0, latency.p50_ns, latency.p99_ns, latency.p99_upper_ns, latency.max_ns, f64::MAX];
        assert!(ascending.is_sorted(), "{latency:?}");
        assert!(latency.p999_ns <= latency.max_ns && latency.batch_ns > 0.0);
        assert_eq!(latency.cold.map(|cold| cold.n_rows), Some(3));
        let interleaved = latency.interleaved.expect("rows were asked for");
        assert_eq!(interleaved.n_rows, 1000);
        let tail = interleaved.p999_ns.expect("there are enough rows");
        assert!(interleaved.p99_ns <= tail && tail <= interleaved.max_ns, "{interleaved:?}");
        assert_eq!(latency.cold.and_then(|cold| cold.p999_ns), None);
        let none = LatencyOptions { n_cold: 0, n_interleaved: 0, n_rows: 10, ..options };
        let none = LatencyOptions { batch: false, ..none };
        let latency = measure_latency(&predictor, &wanted.rows(200), &none).expect("sound");
        assert_eq!((latency.cold, latency.p99_upper_ns), (None, f64::INFINITY));
        assert!(latency.interleaved.is_none() && latency.batch_ns.is_nan());
    }

    #[test]
    fn without_rows_there_is_nothing_to_measure() {
        let wanted = Synthetic { n_trees: 1, ..Synthetic::default() };
        let predictor = Predictor::compile(wanted.model()).expect("sound");
        let options = LatencyOptions::default();
        assert!(measure_latency(&predictor, &wanted.rows(0), &options).is_err());
    }
}
