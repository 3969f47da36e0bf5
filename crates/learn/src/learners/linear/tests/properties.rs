//! What holds for every fit, whatever the solver.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::learners::Stop;
use crate::learners::linear::design::Design;

#[test]
fn losses_are_those_of_the_parts() {
    for kind in KINDS {
        let data = mixed(160, kind, 11);
        let (train, valid) = ((0..120).collect::<Vec<u32>>(), (120..160).collect::<Vec<u32>>());
        for config in configs() {
            let fit = fit(&data, &train, &valid, &config);
            assert_eq!(fit.model.truncations().len(), 13);
            assert!(!fit.stopped);
            let numbers: Vec<f64> = match &data.target {
                Target::Numbers(values) => values[120..].to_vec(),
                Target::Classes(_) => Vec::new(),
            };
            let classes: Vec<u32> = match &data.target {
                Target::Numbers(_) => Vec::new(),
                Target::Classes(values) => values[120..].to_vec(),
            };
            let truth = match kind {
                TaskKind::Regression => Truth::Numbers(&numbers),
                _ => Truth::Classes(&classes),
            };
            for (at, truncation) in fit.model.truncations().iter().enumerate() {
                let predictions = &predictions(&fit, at, &data, &valid);
                let n_outputs = data.n_outputs();
                let want = loss(&Scored { truth, predictions, n_outputs, weights: None });
                let close = (truncation.loss - want).abs() < 1e-9 * (1.0 + want);
                assert!(close, "{config:?} {}: {} {want}", truncation.label, truncation.loss);
            }
        }
    }
}

#[test]
fn fits_learn_and_repeat() {
    for kind in KINDS {
        let data = mixed(400, kind, 12);
        let (train, valid) = ((0..300).collect::<Vec<u32>>(), (300..400).collect::<Vec<u32>>());
        for config in configs() {
            let [one, two] = [0, 1].map(|_| fit(&data, &train, &valid, &config));
            let losses = |fit: &Fit| -> Vec<f64> {
                fit.model.truncations().iter().map(|truncation| truncation.loss).collect()
            };
            assert_eq!(losses(&one), losses(&two));
            let best = losses(&one).into_iter().fold(f64::INFINITY, f64::min);
            assert!(best < 0.7 * losses(&one)[0], "{kind:?} {config:?}: {:?}", losses(&one));
        }
    }
}

#[test]
fn weights_are_duplicates() {
    for kind in KINDS {
        let mut data = mixed(60, kind, 13);
        let counts: Vec<usize> = (0..60).map(|row| row % 4).collect();
        let repeated: Vec<u32> = (0..60).flat_map(|row| vec![row as u32; counts[row]]).collect();
        for config in &configs()[..4] {
            data.weights = None;
            let want = fit(&data, &repeated, &[], config);
            data.weights = Some(counts.iter().map(|&count| count as f64).collect());
            let rows = all_rows(&data);
            let got = fit(&data, &rows, &[], config);
            for at in [0, 6, 8] {
                let (got, want) =
                    (predictions(&got, at, &data, &rows), predictions(&want, at, &data, &rows));
                assert_close(&got, &want, 2e-3, &format!("{kind:?} {config:?} {at}"));
            }
        }
    }
}

#[test]
fn scale_and_shift_of_a_feature_do_not_matter() {
    for kind in KINDS {
        let data = mixed(100, kind, 14);
        let mut other = data.clone();
        for (feature, numbers) in other.numbers.iter_mut().enumerate() {
            let Numbers::Exact(numbers) = numbers else { panic!("numbers are kept") };
            numbers.iter_mut().for_each(|value| *value = *value * 1000.0 + feature as f64);
        }
        let rows = all_rows(&data);
        for config in &configs()[..4] {
            let (one, two) = (fit(&data, &rows, &[], config), fit(&other, &rows, &[], config));
            for at in [2, 7] {
                let got = predictions(&two, at, &other, &rows);
                let want = predictions(&one, at, &data, &rows);
                assert_close(&got, &want, 1e-6, &format!("{kind:?} {config:?} {at}"));
            }
        }
    }
}

#[test]
fn odd_data_give_finite_models() {
    let missing = || Cells::Numbers(vec![f64::NAN; 6]);
    let constant = || Cells::Numbers(vec![3.0; 6]);
    let usual = || Cells::Numbers(vec![1.0, 2.0, f64::NAN, 4.0, 1e300, -1e300]);
    let level = || Cells::Levels(vec![1, 1, 1, 2, 0, 3], 2);
    let cells = || vec![missing(), constant(), usual(), level()];
    let sets = [
        dataset(cells(), Target::Numbers(vec![2.5; 6]), 0),
        dataset(cells(), Target::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0),
        dataset(cells(), Target::Classes(vec![1; 6]), 2),
        dataset(cells(), Target::Classes(vec![0, 0, 1, 1, 0, 1]), 2),
        dataset(cells(), Target::Classes(vec![2; 6]), 3),
        dataset(vec![], Target::Classes(vec![0, 1, 2, 2, 2, 0]), 3),
    ];
    for data in &sets {
        for config in configs() {
            for train in [&[][..], &[0], &[0, 1], &[0, 1, 2, 3, 4, 5]] {
                let fit = fit(data, train, &all_rows(data), &config);
                for (at, truncation) in fit.model.truncations().iter().enumerate() {
                    let what = format!("{config:?} {train:?} {}", truncation.label);
                    assert!(!truncation.loss.is_nan(), "{what}");
                    let predictions = predictions(&fit, at, data, &all_rows(data));
                    assert!(predictions.iter().all(|p| p.is_finite()), "{what} {predictions:?}");
                }
            }
        }
    }
    let fit = fit(&sets[0], &[0, 1, 2, 3, 4, 5], &[], &config(&[]));
    assert_close(&predictions(&fit, 12, &sets[0], &[0, 4]), &[2.5, 2.5], 1e-12, "constant");
}

/// Says stop at the question of this number.
struct StopAt(AtomicU64, u64);

impl Stop for StopAt {
    fn spent(&self, _work: u64) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) + 1 >= self.1
    }
}

#[test]
fn stopped_fits_are_usable() {
    for kind in KINDS {
        let data = mixed(200, kind, 15);
        let (train, valid) = ((0..150).collect::<Vec<u32>>(), (150..200).collect::<Vec<u32>>());
        for config in configs() {
            let whole = fit(&data, &train, &valid, &config);
            for questions in [1, 2, 7, 20] {
                let stop = StopAt(AtomicU64::new(0), questions);
                let fit = fit_until(&data, &train, &valid, &config, &stop);
                assert_eq!(fit.stopped, stop.0.load(Ordering::Relaxed) >= questions);
                assert!(fit.stopped || questions > 2);
                assert!(!fit.model.truncations().is_empty());
                let pairs = fit.model.truncations().iter().zip(whole.model.truncations());
                for (got, want) in pairs {
                    assert_eq!(got.label, want.label);
                    assert!(got.loss.is_finite());
                }
                // Asked again at once, it ends at once.
                assert!(stop.0.load(Ordering::Relaxed) <= questions + 2);
            }
        }
    }
}

#[test]
fn divergence_is_a_loss_and_no_error() {
    let data = mixed(200, TaskKind::Regression, 16);
    let wild = config(&[
        ("solver", "sgd".into()),
        ("learning_rate", 10.0.into()),
        ("schedule", "constant".into()),
        ("batch_size", 8_i64.into()),
        ("max_iter", 50_i64.into()),
    ]);
    let fit = fit(&data, &(0..150).collect::<Vec<u32>>(), &(150..200).collect::<Vec<u32>>(), &wild);
    let losses: Vec<f64> = fit.model.truncations().iter().map(|t| t.loss).collect();
    assert_eq!(losses.len(), 13);
    assert!(losses.iter().any(|loss| !loss.is_finite() || *loss > 1e6), "{losses:?}");
}

#[test]
fn descent_comes_close_to_the_minimum_and_reports_its_rates() {
    for kind in KINDS {
        let data = mixed(600, kind, 17);
        let (train, valid) = ((0..450).collect::<Vec<u32>>(), (450..600).collect::<Vec<u32>>());
        let exact = fit(&data, &train, &valid, &config(&[]));
        for schedule in crate::schedules::SCHEDULE_NAMES {
            let sgd = config(&[
                ("solver", "sgd".into()),
                ("schedule", schedule.into()),
                ("max_iter", 5_i64.into()),
            ]);
            let fit = fit(&data, &train, &valid, &sgd);
            assert_eq!(fit.model.steps().len(), 13 * 5);
            assert!(fit.model.steps().iter().all(|step| step.learning_rate <= 1.0));
            let best = |fit: &Fit| {
                fit.model.truncations().iter().map(|t| t.loss).fold(f64::INFINITY, f64::min)
            };
            assert!(
                best(&fit) < 1.15 * best(&exact),
                "{kind:?} {schedule}: {} {}",
                best(&fit),
                best(&exact)
            );
        }
    }
}

#[test]
fn expectations_are_made_for_every_configuration() {
    for kind in KINDS {
        let n_outputs = if kind == TaskKind::Multiclass { 3 } else { 1 };
        let (n_rows, n_features) = (1000, 5);
        let facts = Facts { kind, n_rows, n_features, n_categorical: 1, n_outputs, n_bins: 300 };
        let portfolio = LinearModel.portfolio(&facts);
        assert_eq!(portfolio[0], LinearModel.space(&facts).default_config());
        for config in portfolio {
            assert!(Options::new(&config).is_ok());
            assert!(LinearModel.work(&facts, &config) > 0);
            assert!(LinearModel.memory_bytes(&facts, &config) > 0);
            let shape = LinearModel.cheapest_shape(&facts, &config);
            let data = mixed(300, kind, 18);
            let fit = fit(&data, &all_rows(&data), &[], &config);
            let cheapest = &fit.model.truncations()[0].shape;
            assert!(shape.n_products <= cheapest.n_products, "{config:?}");
            assert!(shape.n_looked_up <= cheapest.n_looked_up, "{config:?}");
        }
    }
}

/// A design and the same as a plain matrix, ones last.
fn designs() -> impl Strategy<Value = (Design, Vec<Vec<f64>>)> {
    (0usize..5, 0usize..6, 1usize..9).prop_flat_map(|(n_dense, n_sparse, n_rows)| {
        let n_columns = n_dense + n_sparse;
        let entry = prop_oneof![Just(0.0), -2.0..2.0];
        let rows = proptest::collection::vec(proptest::collection::vec(entry, n_columns), n_rows);
        rows.prop_map(move |rows| {
            let mut design =
                Design { n_rows, n_dense, n_columns, starts: vec![0], ..Design::default() };
            for row in &rows {
                design.dense.extend(&row[..n_dense]);
                for (j, &value) in row.iter().enumerate().skip(n_dense).filter(|(_, v)| **v != 0.0)
                {
                    design.columns.push(j as u32);
                    design.values.push(value);
                }
                design.starts.push(design.values.len());
            }
            let with_ones = |mut row: Vec<f64>| {
                row.push(1.0);
                row
            };
            (design, rows.into_iter().map(with_ones).collect())
        })
    })
}

proptest! {
    #[test]
    fn passes_are_matrix_products((design, rows) in designs(), stride in prop_oneof![Just(1), Just(4)]) {
        let side = design.n_columns + 1;
        let number = |i: usize| ((i * 7 + 3) % 11) as f64 / 5.0 - 1.0;
        let weights: Vec<f64> = (0..side * stride).map(number).collect();
        let mut scores = vec![0.0; rows.len() * stride];
        design.scores(&weights, stride, &mut scores);
        let mut gradient = vec![1.0; side * stride];
        design.gradient(&scores, stride, &mut gradient);
        for k in 0..stride {
            let score = |row: &Vec<f64>| -> f64 {
                row.iter().enumerate().map(|(j, x)| x * weights[j * stride + k]).sum()
            };
            for (i, row) in rows.iter().enumerate() {
                prop_assert!((scores[i * stride + k] - score(row)).abs() < 1e-12);
            }
            for j in 0..side {
                let want: f64 = rows.iter().map(|row| row[j] * score(row)).sum();
                prop_assert!((gradient[j * stride + k] - want).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn gram_is_a_matrix_product((design, rows) in designs(), seed in 0u64..100) {
        let side = design.n_columns + 1;
        let mut stream = Stream::new(&[seed]);
        let weights: Vec<f64> = rows.iter().map(|_| (stream.uniform() * 3.0).floor()).collect();
        let product = |i: usize, j: usize| -> f64 {
            rows.iter().zip(&weights).map(|(row, weight)| weight * row[i] * row[j]).sum()
        };
        let mut gram = vec![1.0; side * side];
        design.gram(&weights, &mut gram);
        let mut squares = vec![0.0; side];
        design.squares(&weights, 1, &mut squares);
        for i in 0..side {
            prop_assert!((squares[i] - product(i, i)).abs() < 1e-12);
            for j in 0..side {
                prop_assert!((gram[i * side + j] - product(i, j)).abs() < 1e-12);
            }
        }
        // A choice of rows and columns is that of the matrix.
        let chosen: Vec<u32> = (0..design.n_columns as u32).filter(|j| j % 2 == seed as u32 % 2).collect();
        let part = design.select_columns(&chosen).select(&[rows.len() as u32 - 1, 0]);
        let mut gram = vec![0.0; (chosen.len() + 1) * (chosen.len() + 1)];
        part.gram(&[2.0, 3.0], &mut gram);
        let (last, first) = (&rows[rows.len() - 1], &rows[0]);
        for (a, &i) in chosen.iter().enumerate() {
            for (b, &j) in chosen.iter().enumerate() {
                let (i, j) = (i as usize, j as usize);
                let want = 2.0 * last[i] * last[j] + 3.0 * first[i] * first[j];
                prop_assert!((gram[a * (chosen.len() + 1) + b] - want).abs() < 1e-12);
            }
        }
    }
}
