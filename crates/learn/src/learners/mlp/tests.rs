//! Gradients, known problems, and what a fit must not depend on.

use eyas_model::{Part, TaskKind};
use eyas_search::Config;

use super::inputs::Inputs;
use super::loss::{Loss, Truth};
use super::network::Network;
use super::options::Options;
use super::*;
use crate::data::{Column, ColumnData, Table};
use crate::dataset::{BuildOptions, Dataset};
use crate::learners::NeverStop;
use crate::metrics::{default_metric, metric};
use crate::predict::predict;
use crate::random::Stream;
use crate::task::{Task, TaskOptions};
use crate::threads::Threads;

/// Two numbers (one with gaps), a category of ten levels, and a target by a rule of them.
fn dataset(n_rows: usize, n_classes: usize, rule: fn(f64, f64, u32) -> f64) -> Dataset {
    let mut random = Stream::new(&[n_rows as u64, n_classes as u64]);
    let a: Vec<f64> = (0..n_rows).map(|_| 2.0 * random.uniform() - 1.0).collect();
    let b: Vec<f64> = (0..n_rows).map(|_| 2.0 * random.uniform() - 1.0).collect();
    let codes: Vec<u32> = (0..n_rows).map(|_| random.below(10) as u32).collect();
    let scores: Vec<f64> = (0..n_rows).map(|row| rule(a[row], b[row], codes[row])).collect();
    let with_gaps = b.iter().enumerate().map(|(i, b)| if i % 17 == 0 { f64::NAN } else { *b });
    let target = match n_classes {
        0 => ColumnData::Number(scores),
        n => ColumnData::Category {
            codes: scores.iter().map(|score| (*score as u32).min(n as u32 - 1)).collect(),
            levels: (0..n).map(|class| format!("c{class}")).collect(),
            boolean: false,
        },
    };
    let levels = (0..10).map(|level| format!("l{level}")).collect();
    let column = |name: &str, data| Column { name: name.into(), data };
    let table = Table {
        columns: vec![
            column("a", ColumnData::Number(a.clone())),
            column("b", ColumnData::Number(with_gaps.collect())),
            column("c", ColumnData::Category { codes, levels, boolean: false }),
            column("y", target),
        ],
    };
    let options = TaskOptions { target: "y".into(), ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options).expect("a task");
    Dataset::build(&table, &task, &BuildOptions::default()).expect("a dataset").0
}

fn config(pairs: &[(&str, &str)]) -> Config {
    let mut config = options::space().default_config();
    for (name, value) in pairs {
        let value = match value.parse::<f64>() {
            Ok(number) if *name != "hidden_layer_sizes" && number.fract() == 0.0 => {
                eyas_search::Value::Int(number as i64)
            }
            Ok(number) if *name != "hidden_layer_sizes" => number.into(),
            _ => (*value).into(),
        };
        config = config.with(name, value);
    }
    config
}

fn fit(data: &Dataset, config: &Config, valid: &[u32], threads: usize) -> Fit {
    let train: Vec<u32> = (0..data.n_rows as u32).filter(|row| !valid.contains(row)).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let input = FitInput {
        data,
        train: &train,
        valid,
        features: &features,
        metric: metric(default_metric(data.task())).expect("a metric"),
        config,
        seed: 3,
        stop: &NeverStop,
        threads: &Threads::new(threads),
        last_truncation: None,
        checkpoints: &crate::NoCheckpoints,
    };
    Mlp.fit(&input).expect("it fits")
}

fn last_part(fit: &Fit) -> Part {
    fit.model.part(fit.model.truncations().len() - 1)
}

/// Gradients of some parameters are those of differences of the loss.
fn check_gradients(data: &Dataset, options: &[(&str, &str)]) {
    let options = Options::new(&config(options)).expect("sound");
    let rows: Vec<u32> = (0..data.n_rows as u32).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let inputs = Inputs::new(data, &rows, &features, &options);
    let encoded = inputs.encode(data, &rows);
    let network = Network::new(inputs, &options, data.n_outputs());
    let truth = Truth::new(data, &rows);
    let loss = Loss { kind: data.task(), smoothing: 0.1 };
    let mut params = network.start(1);
    let mut work = network.workspace(rows.len());
    let mut at = |params: &[f32]| {
        let total = network.gradient(params, &encoded, &rows, &truth, &loss, 1.0, &[9], &mut work);
        (total, work.grads.clone())
    };
    let (_, grads) = at(&params);
    let norm = grads.iter().map(|grad| grad * grad).sum::<f32>().sqrt();
    let mut random = Stream::new(&[5]);
    for _ in 0..60 {
        let index = random.below(params.len());
        let before = params[index];
        params[index] = before + 1e-2;
        let above = at(&params).0;
        params[index] = before - 1e-2;
        let below = at(&params).0;
        params[index] = before;
        let difference = ((above - below) / 2e-2) as f32;
        let error = (difference - grads[index]).abs();
        assert!(
            error < 2e-3 * norm + 0.02 * grads[index].abs(),
            "{index}: {difference} {}",
            grads[index]
        );
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for n_classes in [0, 2, 4] {
        let data = dataset(60, n_classes, |a, b, c| 2.0 + a - b + 0.1 * f64::from(c));
        for categorical in ["one_hot", "embedding"] {
            for dropout in ["0", "0.3"] {
                check_gradients(
                    &data,
                    &[
                        ("activation", "silu"),
                        ("hidden_layer_sizes", "64,32"),
                        ("categorical", categorical),
                        ("dropout", dropout),
                    ],
                );
            }
        }
        check_gradients(&data, &[("activation", "gelu"), ("hidden_layer_sizes", "32")]);
    }
}

#[test]
fn exclusive_or_is_learned() {
    let data = dataset(600, 2, |a, b, _| f64::from(u8::from((a > 0.0) != (b > 0.0))));
    let valid: Vec<u32> = (0..600).filter(|row| row % 4 == 0 && row % 17 != 0).collect();
    for optimizer in ["adam", "adamw", "nadam", "nesterov", "schedule_free_adamw"] {
        let rate = if optimizer == "nesterov" { "0.1" } else { "0.01" };
        let config = config(&[
            ("optimizer", optimizer),
            ("learning_rate_init", rate),
            ("batch_size", "32"),
            ("hidden_layer_sizes", "32"),
        ]);
        let fit = fit(&data, &config, &valid, 1);
        let predictions = predict(&last_part(&fit), fit.model.link(), &data, &valid);
        let crate::dataset::Target::Classes(classes) = &data.target else { panic!("classes") };
        let right = valid.iter().zip(&predictions);
        let right = right.filter(|(row, p)| (**p > 0.5) == (classes[**row as usize] == 1)).count();
        assert!(right * 100 > 93 * valid.len(), "{optimizer}: {right} of {}", valid.len());
    }
}

#[test]
fn numbers_far_from_zero_are_learned() {
    let data = dataset(500, 0, |a, _, c| 1e6 + 300.0 * a + 100.0 * f64::from(c));
    let config = config(&[("learning_rate_init", "0.01"), ("batch_size", "32")]);
    let fit = fit(&data, &config, &[], 1);
    let rows: Vec<u32> = (0..500).collect();
    let predictions = predict(&last_part(&fit), fit.model.link(), &data, &rows);
    let crate::dataset::Target::Numbers(numbers) = &data.target else { panic!("numbers") };
    let errors = predictions.iter().zip(numbers).map(|(p, y)| (p - y) * (p - y));
    let error = (errors.sum::<f64>() / 500.0).sqrt();
    assert!(error < 40.0, "{error} of a deviation of about 330");
}

#[test]
fn fits_do_not_depend_on_threads() {
    let data = dataset(1500, 4, |a, b, c| 2.0 + a - b + 0.1 * f64::from(c));
    let config = config(&[("batch_size", "700"), ("max_epochs", "2"), ("dropout", "0.2")]);
    let parts: Vec<Part> = [1, 2, 3].map(|n| last_part(&fit(&data, &config, &[], n))).to_vec();
    assert_eq!(parts[0], parts[1]);
    assert_eq!(parts[0], parts[2]);
}

#[test]
fn the_loss_of_a_truncation_is_that_of_its_model() {
    for n_classes in [0, 2, 4] {
        let data = dataset(400, n_classes, |a, b, c| 2.0 + a - b + 0.1 * f64::from(c));
        let valid: Vec<u32> = (0..400).step_by(4).collect();
        let config = config(&[("max_epochs", "3"), ("categorical", "embedding")]);
        let fit = fit(&data, &config, &valid, 1);
        for (index, truncation) in fit.model.truncations().iter().enumerate() {
            let predictions = predict(&fit.model.part(index), fit.model.link(), &data, &valid);
            let rows = || valid.iter().map(|&row| row as usize);
            let (mut numbers, mut classes) = (Vec::new(), Vec::new());
            match &data.target {
                crate::dataset::Target::Numbers(y) => numbers = rows().map(|r| y[r]).collect(),
                crate::dataset::Target::Classes(y) => classes = rows().map(|r| y[r]).collect(),
            }
            let truth = match data.task() {
                TaskKind::Regression => crate::metrics::Truth::Numbers(&numbers),
                _ => crate::metrics::Truth::Classes(&classes),
            };
            let n_outputs = data.n_outputs();
            let predictions = &predictions[..];
            let scored = crate::metrics::Scored { truth, predictions, n_outputs, weights: None };
            let loss = (metric(default_metric(data.task())).expect("listed").loss)(&scored);
            assert!((loss - truncation.loss).abs() < 1e-4 * loss.abs(), "{loss} {truncation:?}");
        }
    }
}

#[test]
fn a_level_that_no_row_has_adds_nothing() {
    let data = dataset(300, 0, |a, _, c| a + f64::from(c));
    // Rows of the last level are not trained on.
    let last = data.features[2].bins.n_bins() as u8 - 2;
    let kept: Vec<u32> = (0..300).filter(|&row| data.bins[2][row as usize] != last).collect();
    let others: Vec<u32> = (0..300).filter(|row| !kept.contains(row)).collect();
    let fit = fit(&data, &config(&[("max_epochs", "2")]), &others, 1);
    let Part::Net(net) = last_part(&fit) else { panic!("a net") };
    let width = net.layers[0].n_outputs();
    let first: usize = net.inputs[..2].iter().map(eyas_model::Input::width).sum();
    let row = &net.layers[0].weights[(first + usize::from(last)) * width..][..width];
    assert!(row.iter().all(|&weight| weight == 0.0), "{row:?}");
}
