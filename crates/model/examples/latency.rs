//! Latency of models of a few shapes on this machine.
//! `cargo run --release -p eyas-model --example latency [PART_OF_NAME]`

use eyas_model::Predictor;
use eyas_model::measure::synthetic::Synthetic;
use eyas_model::measure::{LatencyOptions, measure_latency};

fn main() -> Result<(), eyas_model::Error> {
    let base = Synthetic { n_numeric: 30, ..Synthetic::default() };
    let cases = [
        ("500 trees of 31 leaves", Synthetic { n_trees: 500, ..base }),
        ("100 trees of depth 6", Synthetic { n_leaves: 64, balanced: true, ..base }),
        ("10 trees of depth 6", Synthetic { n_trees: 10, n_leaves: 64, balanced: true, ..base }),
        ("1000 trees of 63 leaves", Synthetic { n_trees: 1000, n_leaves: 63, ..base }),
        ("1000 trees of 31 leaves", Synthetic { n_trees: 1000, ..base }),
        (
            "1000 trees of depth 6",
            Synthetic { n_trees: 1000, n_leaves: 64, balanced: true, ..base },
        ),
        ("100 trees of 1000 leaves", Synthetic { n_leaves: 1000, ..base }),
        ("1000 trees of 31 leaves, 5 classes", Synthetic { n_outputs: 5, n_trees: 1000, ..base }),
        (
            "net 784-128-10, half of it cut",
            Synthetic { n_trees: 0, n_numeric: 784, n_hidden: 128, n_outputs: 10, ..base },
        ),
        ("net 30-256-1", Synthetic { n_trees: 0, n_hidden: 256, ..base }),
        ("linear", Synthetic { n_trees: 0, linear: true, ..base }),
        ("encoding of 30 numbers", Synthetic { n_trees: 30, n_leaves: 2, ..base }),
        (
            "encoding of 15 names",
            Synthetic { n_numeric: 0, n_categorical: 15, n_trees: 30, n_leaves: 2, ..base },
        ),
    ];
    println!(
        "{:36} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "ns a row",
        "p50",
        "p99",
        "upper",
        "cold",
        "batch",
        "file KiB",
        "load ms",
        "idle max",
        "outliers"
    );
    let options = LatencyOptions::default();
    let asked = std::env::args().nth(1).unwrap_or_default();
    for (name, wanted) in cases.into_iter().filter(|(name, _)| name.contains(&asked)) {
        let bytes = wanted.model().to_bytes();
        let start = std::time::Instant::now();
        let predictor = Predictor::from_bytes(&bytes)?;
        let load_ms = 1e3 * start.elapsed().as_secs_f64();
        let rows = wanted.rows(5_000);
        let latency = measure_latency(&predictor, &rows, &options)?;
        let cold = latency.cold.map_or(f64::NAN, |cold| cold.p50_ns);
        println!(
            "{name:36} {:8.0} {:8.0} {:8.0} {cold:8.0} {:8.0} {:8} {load_ms:8.2} {:8.0} {:8.4}",
            latency.p50_ns,
            latency.p99_ns,
            latency.p99_upper_ns,
            latency.batch_ns,
            bytes.len() / 1024,
            latency.noise.idle_max_ns,
            latency.noise.outlier_share,
        );
    }
    Ok(())
}
