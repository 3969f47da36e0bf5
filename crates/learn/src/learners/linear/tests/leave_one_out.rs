//! Leave-one-out against fits that really leave each row out, and scikit-learn's.

use super::*;
use crate::learners::linear::columns::Columns;
use crate::learners::linear::leave_one_out::{losses, predictions};
use crate::learners::linear::objective::{Loss, Problem};
use crate::learners::linear::ridge;
use crate::sweep::Axis;
use crate::threads::{ONE_THREAD, Threads};

const PENALTIES: [f64; 4] = [1.0, 0.03, 1e-3, 1e-6];

/// Random columns, dense and sparse, some rows with a weight of their own (or none).
fn random_problem(n_rows: usize, n_dense: usize, n_sparse: usize, seed: u64) -> Problem {
    let mut stream = Stream::new(&[seed]);
    let n_columns = n_dense + n_sparse;
    let mut design = crate::learners::linear::design::Design {
        n_rows,
        n_dense,
        n_columns,
        starts: vec![0],
        ..Default::default()
    };
    let (mut targets, mut weights) = (Vec::new(), Vec::new());
    for row in 0..n_rows {
        design.dense.extend((0..n_dense).map(|_| 2.0 * stream.uniform() - 1.0));
        for column in n_dense..n_columns {
            if stream.uniform() < 0.3 {
                design.columns.push(column as u32);
                design.values.push(stream.uniform());
            }
        }
        design.starts.push(design.values.len());
        let first = design.dense.get(row * n_dense).copied().unwrap_or(0.0);
        targets.push(first + stream.uniform());
        weights.push(if seed.is_multiple_of(2) {
            1.0
        } else {
            [1.0, 0.5, 2.0, 0.0, 1.25][row % 5]
        });
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    Problem { design, targets, weights, loss: Loss::Squared, n_outputs: 1, tolerance: 1e-9 }
}

/// Fits all rows but one, weights summing to one again, and predicts that one.
fn left_out(problem: &Problem, row: usize) -> Vec<f64> {
    let others: Vec<u32> =
        (0..problem.design.n_rows as u32).filter(|&r| r as usize != row).collect();
    let pick = |values: &[f64]| others.iter().map(|&r| values[r as usize]).collect::<Vec<f64>>();
    let mut weights = pick(&problem.weights);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    let design = problem.design.select(&others);
    let rest = Problem { design, targets: pick(&problem.targets), weights, ..*problem };
    let mut predicted = [0.0];
    let path = ridge::path(&rest, &PENALTIES, &NeverStop).0;
    let scores = path.iter().map(|weights| {
        problem.design.score_row(row, weights, &mut predicted);
        predicted[0]
    });
    scores.collect()
}

#[test]
fn predictions_are_those_of_fits_without_the_row() {
    let sizes = [(30, 4, 3), (12, 0, 0), (9, 9, 2), (14, 10, 30), (3, 1, 0), (2, 5, 5), (70, 6, 2)];
    for (n_rows, n_dense, n_sparse) in sizes {
        for seed in 0..6 {
            let problem = random_problem(n_rows, n_dense, n_sparse, seed);
            let got = predictions(&problem, &PENALTIES, &ONE_THREAD, &NeverStop);
            let threads = Threads::new(3);
            assert_eq!(predictions(&problem, &PENALTIES, &threads, &NeverStop), got);
            for row in 0..n_rows {
                for (at, want) in left_out(&problem, row).into_iter().enumerate() {
                    // With so small a penalty the oracle itself is less exact where rows are few.
                    let tolerance = if PENALTIES[at] < 1e-4 { 1e-5 } else { 1e-8 };
                    let got = got[at][row];
                    let what = format!("{n_rows} {n_dense} {n_sparse} {seed} row {row} {at}");
                    assert!(
                        (got - want).abs() < tolerance * (1.0 + want.abs()),
                        "{what}: {got} {want}"
                    );
                }
            }
        }
    }
}

fn input<'a>(
    data: &'a Dataset,
    rows: &'a [u32],
    features: &'a [u32],
    config: &'a Config,
) -> FitInput<'a> {
    FitInput {
        data,
        train: rows,
        valid: &[],
        features,
        metric: &LOSS,
        config,
        seed: 7,
        stop: &NeverStop,
        threads: &ONE_THREAD,
        checkpoints: &crate::NoCheckpoints,
        last_truncation: None,
    }
}

fn axis(values: &[f64]) -> Axis {
    let values = values.iter().map(|&value| value.into()).collect();
    Axis { name: "penalty".to_owned(), values }
}

#[test]
fn losses_are_those_of_the_learner_on_its_columns() {
    for (numeric, weighted) in [("standard", false), ("robust", true), ("quantile_bins", true)] {
        let mut data = mixed(60, TaskKind::Regression, 21);
        if weighted {
            data.weights = Some((0..60).map(|row| [1.0, 0.5, 2.0, 0.0][row % 4]).collect());
        }
        let config = config(&[("numeric", numeric.into())]);
        let (rows, features) = ((5..60).collect::<Vec<u32>>(), [0, 1, 2, 3, 4]);
        let input = input(&data, &rows, &features, &config);
        let got = losses(&input, &[axis(&PENALTIES)]).unwrap();
        let options = Options::new(&config).unwrap();
        let columns = Columns::new(&data, &rows, &features, options.numeric);
        let (problem, (factor, _)) = problem(&input, &columns);
        let mut want = [0.0; 4];
        for row in 0..rows.len() {
            for (sum, score) in want.iter_mut().zip(left_out(&problem, row)) {
                let residual = factor * (score - problem.targets[row]);
                *sum += problem.weights[row] * residual * residual;
            }
        }
        assert_close(&got, &want, 1e-7, numeric);
        // Without axes it is the configured penalty.
        let alone = losses(
            &crate::learners::FitInput { config: &config.clone().with("penalty", 0.03), ..input },
            &[],
        );
        assert_eq!(alone.unwrap(), got[1..2]);
    }
}

#[test]
fn what_takes_a_fit_a_row_is_named() {
    let regression = mixed(40, TaskKind::Regression, 3);
    let rows = all_rows(&regression);
    let features = [0, 1, 2, 3, 4];
    let error =
        |data: &Dataset, rows: &[u32], values: &[(&str, eyas_search::Value)], axes: &[Axis]| {
            let config = config(values);
            losses(&input(data, rows, &features, &config), axes).unwrap_err().to_string()
        };
    let elastic = [("regularizer", "elastic_net".into())];
    assert!(error(&regression, &rows, &elastic, &[]).contains("l2, not elastic_net; take folds"));
    let sgd = [("solver", "sgd".into())];
    assert!(error(&regression, &rows, &sgd, &[]).contains("exact, not sgd"));
    assert!(error(&regression, &rows[..1], &[], &[]).contains("two rows"));
    let binary = mixed(40, TaskKind::Binary, 3);
    assert!(error(&binary, &rows, &[], &[]).contains("not classes"));
    assert!(error(&regression, &rows, &[], &[axis(&[-1.0])]).contains("`penalty` is -1"));
    let other = Axis { name: "l1_ratio".to_owned(), values: vec![0.5.into()] };
    assert!(error(&regression, &rows, &[], &[other]).contains("`l1_ratio`"));
}

#[test]
fn scores_are_those_of_ridge_cv() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/linear/leave_one_out.json");
    let file: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let floats = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|entry| entry.as_f64().unwrap()).collect()
    };
    let mut n_cases = 0;
    for case in file["cases"].as_array().unwrap() {
        let rows: Vec<Vec<f64>> = case["x"].as_array().unwrap().iter().map(floats).collect();
        let columns = (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).collect());
        let y = floats(&case["y"]);
        let n = y.len() as f64;
        let data = dataset(columns.map(Cells::Numbers).collect(), Target::Numbers(y), 0);
        let rows = all_rows(&data);
        let features: Vec<u32> = (0..data.n_features() as u32).collect();
        let config = config(&[]);
        let penalties: Vec<f64> = floats(&case["alphas"]).iter().map(|a| a / (n - 1.0)).collect();
        for (name, sign) in [("mse", -1.0), ("mae", -1.0), ("r2", 1.0)] {
            let metric = crate::metrics::metric(name).unwrap();
            let input = FitInput { metric, ..input(&data, &rows, &features, &config) };
            let got = losses(&input, &[axis(&penalties)]).unwrap();
            let got: Vec<f64> = got.iter().map(|&loss| sign * metric.value(loss)).collect();
            let want = floats(&case["scores"][name]);
            assert_close(&got, &want, 1e-9, &format!("{} {name}", case["name"]));
            n_cases += 1;
        }
    }
    assert!(n_cases >= 9);
}
