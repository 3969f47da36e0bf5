//! How well the cost model, calibrated in 0.3 s, predicts the measured latency of random shapes.
//! `cargo run --release -p eyas-model --example cost_check [N_SHAPES]`

use std::time::Instant;

use eyas_model::measure::synthetic::Synthetic;
use eyas_model::measure::{LatencyOptions, calibrate, fingerprint, measure_latency};
use eyas_model::{CostModel, Predictor};

/// Random numbers by a linear congruence, good enough to pick shapes.
struct Pick(u64);

impl Pick {
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[(self.0 >> 33) as usize % choices.len()]
    }
}

fn random_shape(pick: &mut Pick, seed: u64) -> Synthetic {
    Synthetic {
        n_numeric: pick.of(&[2, 5, 10, 20, 50, 100, 200]),
        n_edges: pick.of(&[8, 32, 254]),
        n_categorical: pick.of(&[0, 0, 3, 12]),
        n_levels: pick.of(&[2, 10, 100]),
        n_trees: pick.of(&[5, 20, 60, 150, 400, 1000]),
        n_leaves: pick.of(&[2, 8, 16, 31, 64, 200, 1000]),
        balanced: pick.of(&[true, false]),
        linear: pick.of(&[false, false, false, true]),
        n_hidden: pick.of(&[0, 0, 0, 128]),
        n_outputs: pick.of(&[1, 1, 1, 4]),
        seed,
    }
}

fn main() -> Result<(), eyas_model::Error> {
    let n_shapes = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let start = Instant::now();
    let costs = calibrate(0.3);
    println!(
        "{}\ncalibrated in {:.3} s\n{}",
        fingerprint(),
        start.elapsed().as_secs_f64(),
        costs.to_text()
    );
    println!(
        "{:>9} {:>9} {:>6} {:>9} {:>9} {:>6}",
        "p50", "predicted", "ratio", "p99", "predicted", "ratio"
    );
    let mut pick = Pick(7);
    let (mut errors, mut p99_errors, mut reference_errors) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..n_shapes {
        let wanted = random_shape(&mut pick, seed);
        let predictor = Predictor::compile(wanted.model())?;
        let options =
            LatencyOptions { n_rows: 3000, n_cold: 0, batch: false, seed, ..Default::default() };
        let latency = measure_latency(&predictor, &wanted.rows(1000), &options)?;
        let shape = predictor.shape();
        let (p50, p99) = (costs.predict_p50_ns(&shape), costs.predict_p99_ns(&shape));
        let ratio = p50 / latency.p50_ns;
        errors.push((ratio - 1.0).abs());
        p99_errors.push((p99 / latency.p99_ns - 1.0).abs());
        reference_errors
            .push((CostModel::reference().predict_p50_ns(&shape) / latency.p50_ns - 1.0).abs());
        println!(
            "{:9.0} {p50:9.0} {ratio:6.2} {:9.0} {p99:9.0} {:6.2}  {}n {}c {} trees x {}{} {}out{}",
            latency.p50_ns,
            latency.p99_ns,
            p99 / latency.p99_ns,
            wanted.n_numeric,
            wanted.n_categorical,
            wanted.n_trees,
            wanted.n_leaves,
            if wanted.balanced { "b" } else { "" },
            wanted.n_outputs,
            if wanted.linear { " linear" } else { "" },
        );
    }
    for (name, errors) in
        [("p50", errors), ("p99", p99_errors), ("p50, reference prices", reference_errors)]
    {
        let mut sorted = errors;
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| 100.0 * sorted[((sorted.len() - 1) as f64 * share) as usize];
        println!("{name}: relative error, median {:.1} %, 90th {:.1} %", at(0.5), at(0.9));
    }
    Ok(())
}
