//! Fits are the minima that they claim to be.

use eyas_model::{Part, Term};

use super::*;
use crate::learners::linear::columns::Columns;
use crate::learners::linear::objective::{Penalty, Problem};
use crate::learners::linear::options::Numeric;
use crate::learners::linear::{proximal_gradient, proximal_newton, quasi_newton};

/// Solves `matrix x = b` by Gaussian elimination with row pivots.
fn eliminate(mut matrix: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot =
            (k..n).max_by(|&i, &j| matrix[i][k].abs().total_cmp(&matrix[j][k].abs())).unwrap();
        matrix.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = matrix[i][k] / matrix[k][k];
            let row = matrix[k].clone();
            matrix[i].iter_mut().zip(&row).for_each(|(entry, above)| *entry -= factor * above);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| matrix[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / matrix[k][k];
    }
    b
}

/// The design of [`mixed`] by hand: scaled numbers, a column for missing ones, one a level, ones.
fn dense_design(data: &Dataset) -> Vec<Vec<f64>> {
    let mut columns = Vec::new();
    for (feature, numbers) in data.numbers.iter().enumerate() {
        let Numbers::Exact(numbers) = numbers else { panic!("numbers are kept") };
        if numbers.is_empty() {
            for level in 0..5 {
                let is_level = |&bin: &u8| f64::from(u8::from(bin == level));
                columns.push(data.bins[feature].iter().map(is_level).collect::<Vec<f64>>());
            }
            continue;
        }
        let known: Vec<f64> = numbers.iter().copied().filter(|value| !value.is_nan()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let square = known.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let deviation = (square / known.len() as f64).sqrt();
        let scaled = |&value: &f64| if value.is_nan() { 0.0 } else { (value - mean) / deviation };
        columns.push(numbers.iter().map(scaled).collect());
        if known.len() < numbers.len() {
            columns.push(numbers.iter().map(|value| f64::from(u8::from(value.is_nan()))).collect());
        }
    }
    columns.push(vec![1.0; data.n_rows]);
    columns
}

#[test]
fn ridge_is_the_closed_form_for_every_penalty() {
    let data = mixed(120, TaskKind::Regression, 1);
    let rows = all_rows(&data);
    let fit = fit(&data, &rows, &[], &config(&[]));
    let columns = dense_design(&data);
    let Target::Numbers(y) = &data.target else { panic!("not numbers") };
    let n = data.n_rows as f64;
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / n;
    for (at, truncation) in fit.model.truncations().iter().enumerate() {
        let penalty: f64 = truncation.label.strip_prefix("penalty=").unwrap().parse().unwrap();
        let mut matrix: Vec<Vec<f64>> =
            columns.iter().map(|a| columns.iter().map(|b| inner(a, b)).collect()).collect();
        (0..columns.len() - 1).for_each(|j| matrix[j][j] += penalty);
        let weights = eliminate(matrix, columns.iter().map(|column| inner(column, y)).collect());
        let score = |row: usize| weights.iter().zip(&columns).map(|(w, x)| w * x[row]).sum();
        let want: Vec<f64> = (0..data.n_rows).map(score).collect();
        assert_close(&predictions(&fit, at, &data, &rows), &want, 1e-7, &truncation.label);
    }
}

/// The training rows of a dataset, standardised.
fn problem_of(data: &Dataset) -> Problem {
    let (rows, features) = (all_rows(data), (0..data.n_features() as u32).collect::<Vec<u32>>());
    let columns = Columns::new(data, &rows, &features, Numeric::Standard);
    let config = config(&[]);
    let input = FitInput {
        data,
        train: &rows,
        valid: &[],
        features: &features,
        metric: &LOSS,
        config: &config,
        seed: 0,
        stop: &NeverStop,
        threads: &crate::ONE_THREAD,
        last_truncation: None,
        checkpoints: &crate::NoCheckpoints,
    };
    problem(&input, &columns).0
}

/// Gradient of the mean loss at `weights`.
fn gradient(problem: &Problem, weights: &[f64]) -> Vec<f64> {
    let mut scores = vec![0.0; problem.design.n_rows * problem.stride()];
    problem.design.scores(weights, problem.stride(), &mut scores);
    let mut residuals = vec![0.0; scores.len()];
    problem.evaluate(&scores, &mut residuals);
    let mut gradient = vec![0.0; weights.len()];
    problem.design.gradient(&residuals, problem.stride(), &mut gradient);
    gradient
}

/// Asserts the conditions of Karush, Kuhn and Tucker.
fn assert_minimum(
    problem: &Problem,
    penalty: Penalty,
    weights: &[f64],
    tolerance: f64,
    what: &str,
) {
    for (at, (&weight, slope)) in weights.iter().zip(gradient(problem, weights)).enumerate() {
        let excess = if at >= problem.n_penalised() {
            slope.abs()
        } else if weight == 0.0 {
            slope.abs() - penalty.l1
        } else {
            (slope + penalty.l2 * weight + penalty.l1 * weight.signum()).abs()
        };
        assert!(excess <= tolerance, "{what}, weight {at} = {weight}: off by {excess}");
    }
}

#[test]
fn solvers_end_at_a_minimum() {
    for kind in KINDS {
        let problem = problem_of(&mixed(150, kind, 2));
        for (size, l1_ratio) in [(0.3, 0.0), (0.01, 0.0), (0.1, 0.5), (0.01, 1.0), (0.001, 0.2)] {
            let penalty = Penalty::new(size, l1_ratio);
            let what = format!("{kind:?} {penalty:?}");
            let mut newton = problem.null_weights();
            if l1_ratio == 0.0 {
                quasi_newton::minimise(&problem, penalty, &mut newton, &NeverStop);
                assert_minimum(&problem, penalty, &newton, 1e-4, &what);
            }
            let mut weights = problem.null_weights();
            proximal_newton::minimise(&problem, penalty, &mut weights, &NeverStop);
            assert_minimum(&problem, penalty, &weights, 1e-3, &what);
            let mut weights = problem.null_weights();
            proximal_gradient::minimise(&problem, penalty, &mut weights, &NeverStop);
            assert_minimum(&problem, penalty, &weights, 2e-3, &what);
        }
    }
}

#[test]
fn many_columns_are_minimised_without_matrices() {
    // More columns than are decomposed, two levels a row.
    let n_rows = 1500;
    let mut stream = Stream::new(&[3]);
    let mut codes = || (0..n_rows).map(|_| 1 + stream.below(250) as u8).collect::<Vec<u8>>();
    let columns: Vec<Vec<u8>> = (0..7).map(|_| codes()).collect();
    let y = |row: usize| u32::from(columns[0][row] < 100 && columns[1][row] < 150);
    let target = Target::Classes((0..n_rows).map(y).collect());
    let cells = columns.iter().map(|codes| Cells::Levels(codes.clone(), 250)).collect();
    let problem = problem_of(&dataset(cells, target, 2));
    assert!(problem.design.n_columns > proximal_newton::MAX_COLUMNS);
    let mut weights = problem.null_weights();
    let ridge = Penalty::new(0.001, 0.0);
    quasi_newton::minimise(&problem, ridge, &mut weights, &NeverStop);
    assert_minimum(&problem, ridge, &weights, 1e-5, "ridge");
    let lasso = Penalty::new(0.001, 0.9);
    proximal_gradient::minimise(&problem, lasso, &mut weights, &NeverStop);
    assert_minimum(&problem, lasso, &weights, 1e-4, "lasso");
}

#[test]
fn strong_lasso_drops_features_from_the_model() {
    for kind in KINDS {
        let data = mixed(200, kind, 4);
        let elastic = config(&[("regularizer", "elastic_net".into()), ("l1_ratio", 1.0.into())]);
        let fit = fit(&data, &all_rows(&data), &[], &elastic);
        let n_terms = |at: usize| match fit.model.part(at) {
            Part::Linear(linear) => linear.terms.len(),
            _ => panic!("not linear"),
        };
        let shapes: Vec<f64> =
            fit.model.truncations().iter().map(|truncation| truncation.shape.n_products).collect();
        assert_eq!((n_terms(0), shapes[0]), (0, 0.0));
        assert_eq!(n_terms(shapes.len() - 1), 5);
        assert!(shapes[3] < shapes[shapes.len() - 1], "{shapes:?}");
    }
}

#[test]
fn unseen_levels_weigh_as_the_mean_of_levels() {
    let data = mixed(200, TaskKind::Binary, 5);
    let fit = fit(&data, &all_rows(&data), &[], &config(&[]));
    let Part::Linear(linear) = fit.model.part(6) else { panic!("not linear") };
    let weights = linear.terms.iter().find_map(|term| match term {
        Term::Bins { feature: 4, weights } => Some(weights),
        _ => None,
    });
    let weights = weights.unwrap();
    assert_eq!(weights.len(), 6);
    assert_eq!(weights[5], 0.0);
    assert!(weights.iter().sum::<f64>().abs() < 1e-3, "{weights:?}");
}
