//! Prices of the cost model on this machine.

use std::time::{Duration, Instant};

use crate::cost::CostModel;
use crate::cost::prices::{N_PRICES, counts};
use crate::engine::{Predictor, Tier, max_vector_slots};
use crate::error::Error;
use crate::measure::latency::Bench;
use crate::measure::least_squares::fit_nonnegative;
use crate::measure::machine::cache_bytes;
use crate::measure::quantile::quantile;
use crate::measure::synthetic::Synthetic;

/// Distinct rows of each synthetic model.
const N_ROWS: usize = 400;
/// Most rows timed of each.
const MAX_TIMED: usize = 3000;

/// Models that tell the prices apart, the most telling first.
fn shapes() -> Vec<Synthetic> {
    let base = Synthetic::default();
    let balanced =
        |n_trees, n_leaves| Synthetic { n_numeric: 20, n_trees, n_leaves, balanced: true, ..base };
    let grown = |n_trees, n_leaves| Synthetic { n_trees, n_leaves, ..base };
    let numbers = |n_numeric, n_trees| Synthetic { n_numeric, n_trees, ..base };
    let names = Synthetic { n_numeric: 0, n_categorical: 16, ..base };
    let linear = Synthetic { n_trees: 0, linear: true, n_numeric: 40, ..base };
    let net = Synthetic { n_trees: 0, n_numeric: 20, n_outputs: 4, ..base };
    vec![
        balanced(100, 64),
        Synthetic { n_leaves: 2, ..numbers(40, 40) },
        grown(300, 31),
        Synthetic { n_trees: 24, n_leaves: 2, ..names },
        linear,
        Synthetic { n_hidden: 128, ..net },
        Synthetic { n_leaves: 2, ..numbers(1, 1) },
        grown(60, 100),
        numbers(100, 100),
        Synthetic { n_trees: 100, n_outputs: 6, ..base },
        balanced(400, 8),
        grown(200, 15),
        // Larger than most second-level caches.
        Synthetic { n_outputs: 4, ..grown(200, 800) },
        // More slots than vectors can ask.
        Synthetic { n_categorical: 8, n_levels: 120, ..numbers(5, 150) },
        numbers(200, 100),
        balanced(16, 32),
        Synthetic { n_trees: 50, n_categorical: 4, n_numeric: 6, ..base },
        Synthetic { n_outputs: 4, n_numeric: 20, ..linear },
        Synthetic { n_leaves: 2, ..numbers(2, 600) },
        Synthetic { n_edges: 16, n_leaves: 8, ..numbers(60, 200) },
        grown(30, 300),
        balanced(1000, 64),
        grown(1000, 31),
        numbers(400, 60),
        Synthetic { n_leaves: 8, ..numbers(600, 200) },
        Synthetic { n_trees: 8, ..names },
        Synthetic { n_hidden: 512, n_numeric: 300, ..net },
        Synthetic { n_hidden: 32, ..net },
    ]
}

/// Times synthetic models for about `seconds` (0.3 is enough, at most 10) and fits the prices.
///
/// The machine should be quiet. Later models are left out if time runs short; prices that were
/// not told apart then stay those of [`CostModel::reference`] scaled to this machine.
pub fn calibrate(seconds: f64) -> CostModel {
    // A fifth is kept for the model that is under way when time runs out.
    let budget = Duration::from_secs_f64(if seconds > 0.0 { 0.8 * seconds.min(10.0) } else { 0.0 });
    let start = Instant::now();
    let shapes = shapes();
    let machine = (cache_bytes(), max_vector_slots(Tier::best()) as f64);
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    for (index, wanted) in shapes.iter().enumerate() {
        let left = budget.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        let slice = left / (shapes.len() - index) as u32;
        if let Ok((shape_counts, p50, p99)) = time(wanted, &machine, slice) {
            // Relative errors count.
            rows.push((shape_counts.map(|count| count / p50), 1.0));
            ratios.push((p99 / p50).max(1.0));
        }
    }
    let (caches, vector_slots) = machine;
    let reference = CostModel { caches, vector_slots, ..CostModel::reference() };
    if rows.len() < N_PRICES {
        return scaled(reference, &rows);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let p99_over_p50 = quantile(&ratios, 0.5);
    CostModel { prices: fit_nonnegative(&rows), caches, vector_slots, p99_over_p50 }
}

/// Counts, median and 99th percentile of one model, timed for about `slice`.
fn time(
    wanted: &Synthetic,
    machine: &([f64; 2], f64),
    slice: Duration,
) -> Result<([f64; N_PRICES], f64, f64), Error> {
    let start = Instant::now();
    let predictor = Predictor::compile(wanted.model())?;
    let rows = wanted.rows(N_ROWS);
    let mut bench = Bench::new(&predictor, &rows, 0);
    bench.run(N_ROWS, || ())?;
    let mut samples = Vec::new();
    while samples.len() < N_ROWS || (start.elapsed() < slice && samples.len() < MAX_TIMED) {
        samples.extend(bench.run(N_ROWS, || ())?);
    }
    samples.sort_unstable_by(f64::total_cmp);
    // A clock too coarse for the model reads zero.
    let p50 = quantile(&samples, 0.5).max(1.0);
    Ok((counts(&predictor.shape(), &machine.0, machine.1), p50, quantile(&samples, 0.99)))
}

/// The reference prices, all times the factor that fits the few models timed.
fn scaled(mut reference: CostModel, rows: &[([f64; N_PRICES], f64)]) -> CostModel {
    let dot = |row: &[f64; N_PRICES]| -> f64 {
        row.iter().zip(&reference.prices).map(|(count, price)| count * price).sum()
    };
    let products: Vec<([f64; 1], f64)> =
        rows.iter().map(|(row, target)| ([dot(row)], *target)).collect();
    let [factor] = fit_nonnegative(&products);
    if factor > 0.0 {
        reference.prices.iter_mut().for_each(|price| *price *= factor);
    }
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_every_price_apart() {
        // Fitting exact costs of the shapes gives their prices back.
        let caches = [48.0 * 1024.0, 2048.0 * 1024.0];
        let reference = CostModel { caches, ..CostModel::reference() };
        let rows: Vec<_> = shapes()
            .iter()
            .map(|wanted| {
                let shape = wanted.model().shape();
                let ns = reference.predict_p50_ns(&shape);
                (counts(&shape, &caches, reference.vector_slots).map(|count| count / ns), 1.0)
            })
            .collect();
        let fitted = CostModel { prices: fit_nonnegative(&rows), ..reference.clone() };
        for wanted in shapes() {
            let shape = wanted.model().shape();
            let ratio = fitted.predict_p50_ns(&shape) / reference.predict_p50_ns(&shape);
            assert!((0.97..1.03).contains(&ratio), "{ratio} {wanted:?} {fitted:?}");
        }
    }

    #[test]
    fn without_time_the_reference_is_returned() {
        let costs = calibrate(0.0);
        assert_eq!(costs.prices, CostModel::reference().prices);
        assert_eq!(calibrate(f64::NAN).prices, costs.prices);
    }

    #[test]
    fn few_models_scale_the_reference() {
        let reference = CostModel::reference();
        let shape = shapes()[0].model().shape();
        let ns = 3.0 * reference.predict_p50_ns(&shape);
        let row = (
            counts(&shape, &reference.caches, reference.vector_slots).map(|count| count / ns),
            1.0,
        );
        let costs = scaled(reference.clone(), &[row]);
        assert!((costs.predict_p50_ns(&shape) / ns - 1.0).abs() < 1e-9);
        assert_eq!(scaled(reference.clone(), &[]), reference);
    }
}
