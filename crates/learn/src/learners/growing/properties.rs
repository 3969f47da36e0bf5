//! What must hold of whole forests.

use std::sync::atomic::{AtomicU64, Ordering};

use eyas_model::Part;
use eyas_model::tree::{Node, Test};
use eyas_search::{Config, Value};

use super::estimate;
use super::fixtures::{SQUARES, dataset, random};
use crate::dataset::{Dataset, Target};
use crate::learners::extra_trees::ExtraTrees;
use crate::learners::forest::RandomForest;
use crate::learners::{Fit, FitInput, Learner, NeverStop, Stop};
use crate::predict::predict;

const FORESTS: [&dyn Learner; 2] = [&RandomForest, &ExtraTrees];
const ALL_KINDS: [usize; 3] = [0, 2, 4];

fn config(values: &[(&str, Value)]) -> Config {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Config { learner: String::new(), values: values.collect() }
}

/// Fits on the rows whose index is not a multiple of 4, and scores on the others.
fn fit(learner: &dyn Learner, data: &Dataset, config: &Config, seed: u64, stop: &dyn Stop) -> Fit {
    let (valid, train): (Vec<u32>, Vec<u32>) =
        (0..data.n_rows as u32).partition(|row| row % 4 == 0);
    fit_rows(learner, data, config, seed, stop, &train, &valid)
}

fn fit_rows(
    learner: &dyn Learner,
    data: &Dataset,
    config: &Config,
    seed: u64,
    stop: &dyn Stop,
    train: &[u32],
    valid: &[u32],
) -> Fit {
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let (features, metric) = (&features[..], &SQUARES);
    let last_truncation = None;
    learner
        .fit(&FitInput {
            data,
            train,
            valid,
            features,
            metric,
            config,
            seed,
            stop,
            threads: &crate::ONE_THREAD,
            last_truncation,
            checkpoints: &crate::NoCheckpoints,
        })
        .expect("the configuration is valid")
}

fn last(fit: &Fit) -> Part {
    fit.model.part(fit.model.truncations().len() - 1)
}

#[test]
fn truncations_are_the_models_trained_alone() {
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let data = random(3, 400, n_classes);
            let base = config(&[("n_estimators", Value::Int(20))]);
            let full = fit(learner, &data, &base, 5, &NeverStop);
            for (place, truncation) in full.model.truncations().iter().enumerate() {
                let mut alone = base.clone();
                for setting in truncation.label.split(' ') {
                    let (name, value) = setting.split_once('=').expect("it is a setting");
                    alone = alone.with(name, value.parse::<i64>().expect("it is a number"));
                }
                let alone = fit(learner, &data, &alone, 5, &NeverStop);
                let same = alone.model.truncations().last().expect("there is one");
                assert_eq!(same, truncation);
                assert_eq!(last(&alone), full.model.part(place));
            }
        }
    }
}

#[test]
fn losses_and_shapes_are_those_of_the_parts() {
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let mut data = random(4, 300, n_classes);
            data.weights = Some((0..300).map(|row| 0.5 + (row % 3) as f64).collect());
            let fit =
                fit(learner, &data, &config(&[("n_estimators", Value::Int(9))]), 1, &NeverStop);
            let valid: Vec<u32> = (0..300).filter(|row| row % 4 == 0).collect();
            let mut input_config = config(&[]);
            input_config.learner = learner.name().to_owned();
            let input = FitInput {
                data: &data,
                train: &[],
                valid: &valid,
                features: &[],
                metric: &SQUARES,
                config: &input_config,
                seed: 0,
                stop: &NeverStop,
                threads: &crate::ONE_THREAD,
                last_truncation: None,
                checkpoints: &crate::NoCheckpoints,
            };
            let validation = super::validation::Validation::new(&input);
            for (place, truncation) in fit.model.truncations().iter().enumerate() {
                let part = fit.model.part(place);
                let predictions = predict(&part, fit.model.link(), &data, &valid);
                assert_eq!(validation.loss(&predictions), truncation.loss, "{}", truncation.label);
                let Part::Trees(trees) = part else { panic!("a forest is of trees") };
                let count = |f: fn(&eyas_model::Tree) -> usize| {
                    trees.trees.iter().map(f).sum::<usize>() as f64
                };
                assert_eq!(truncation.shape.n_steps, count(|tree| tree.depth()));
                assert_eq!(truncation.shape.n_nodes, count(|tree| tree.nodes.len()));
                let nodes = || trees.trees.iter().flat_map(|tree| &tree.nodes);
                let used = |wanted: bool| {
                    let mut used: Vec<u32> = nodes()
                        .filter_map(|node| match node {
                            Node::Split { feature, test, .. } => {
                                (matches!(test, Test::In(_)) == wanted).then_some(*feature)
                            }
                            Node::Leaf { .. } => None,
                        })
                        .collect();
                    used.sort_unstable();
                    used.dedup();
                    used.len() as f64
                };
                assert_eq!(truncation.shape.n_binned, used(false));
                assert_eq!(truncation.shape.n_looked_up, used(true));
            }
        }
    }
}

/// Without bootstrap and with all features tried, rows are only seen through sums.
fn exact() -> Config {
    config(&[
        ("n_estimators", Value::Int(3)),
        ("bootstrap", Value::Bool(false)),
        ("max_features", Value::Float(1.0)),
    ])
}

#[test]
fn a_weight_of_two_is_a_duplicated_row() {
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let mut once = random(8, 120, n_classes);
            once.features.truncate(3);
            let mut twice = once.clone();
            once.weights = Some((0..120).map(|row| 1.0 + f64::from(row % 2)).collect());
            let double: Vec<usize> =
                (0..120).flat_map(|row| std::iter::repeat_n(row, 1 + row % 2)).collect();
            let take = |bins: &Vec<u8>| double.iter().map(|&row| bins[row]).collect();
            twice.bins = twice.bins.iter().map(take).collect();
            twice.target = match &once.target {
                Target::Numbers(y) => Target::Numbers(double.iter().map(|&row| y[row]).collect()),
                Target::Classes(y) => Target::Classes(double.iter().map(|&row| y[row]).collect()),
            };
            let rows = |n: u32| (0..n).collect::<Vec<u32>>();
            let stop = &NeverStop;
            let a = fit_rows(learner, &once, &exact(), 2, stop, &rows(120), &[]);
            let b = fit_rows(learner, &twice, &exact(), 2, stop, &rows(180), &[]);
            let all = rows(120);
            let (a, b) = (last(&a), last(&b));
            let predict = |part| predict(part, eyas_model::Link::Identity, &once, &all);
            for (a, b) in predict(&a).iter().zip(&predict(&b)) {
                assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} is not {b}");
            }
        }
    }
}

#[test]
fn rows_without_weight_do_not_count() {
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let plain = random(9, 100, n_classes);
            let mut weighted = plain.clone();
            weighted.weights = Some((0..100).map(|row| f64::from(row % 3 != 0)).collect());
            let kept: Vec<u32> = (0..100).filter(|row| row % 3 != 0).collect();
            let all: Vec<u32> = (0..100).collect();
            let config = config(&[("n_estimators", Value::Int(4))]);
            let a = fit_rows(learner, &plain, &config, 3, &NeverStop, &kept, &[]);
            let b = fit_rows(learner, &weighted, &config, 3, &NeverStop, &all, &[]);
            assert_eq!(last(&a), last(&b));
        }
    }
}

#[test]
fn equal_seeds_give_equal_forests_and_others_do_not() {
    for learner in FORESTS {
        let data = random(10, 200, 2);
        let config = config(&[("n_estimators", Value::Int(5))]);
        let a = last(&fit(learner, &data, &config, 1, &NeverStop));
        assert_eq!(a, last(&fit(learner, &data, &config, 1, &NeverStop)));
        assert_ne!(a, last(&fit(learner, &data, &config, 2, &NeverStop)));
    }
}

#[test]
fn a_missing_value_can_be_the_answer() {
    for learner in FORESTS {
        // Missing in every third row, which is class 1; the other values say nothing.
        let bins = (0..90u8).map(|row| if row % 3 == 0 { 0 } else { 1 + row % 7 }).collect();
        let classes = (0..90).map(|row| u32::from(row % 3 == 0)).collect();
        let data = dataset(vec![bins], &[0], Target::Classes(classes), 2);
        let config = config(&[("max_depth", Value::Int(1)), ("leaf_smoothing", Value::Float(0.0))]);
        let rows: Vec<u32> = (0..90).collect();
        let fit = fit_rows(learner, &data, &config, 1, &NeverStop, &rows, &[]);
        let shares = predict(&last(&fit), fit.model.link(), &data, &rows);
        for (row, share) in shares.iter().enumerate() {
            assert_eq!(share.round(), f64::from(row % 3 == 0), "row {row}");
        }
    }
}

#[test]
fn one_cut_tells_any_two_groups_of_levels_apart() {
    for n_classes in [0, 2, 3] {
        // Levels 1, 4, 5, 8 and 9 against the others; bin 0 is missing, 11 is unseen.
        let bins: Vec<u8> = (0..200).map(|row| (row % 11) as u8).collect();
        let inside = |bin: u8| [1, 4, 5, 8, 9].contains(&bin);
        let target = if n_classes == 0 {
            Target::Numbers(bins.iter().map(|&bin| f64::from(inside(bin))).collect())
        } else {
            Target::Classes(bins.iter().map(|&bin| u32::from(inside(bin))).collect())
        };
        let data = dataset(vec![bins.clone()], &[10], target, n_classes);
        let config = exact().with("max_depth", 1).with("leaf_smoothing", 0.0);
        let rows: Vec<u32> = (0..200).collect();
        let fit = fit_rows(&RandomForest, &data, &config, 1, &NeverStop, &rows, &[]);
        let predictions = predict(&last(&fit), fit.model.link(), &data, &rows);
        let width = data.n_outputs();
        for (row, &bin) in bins.iter().enumerate() {
            let seen = predictions[row * width + usize::from(n_classes == 3)];
            assert!((seen - f64::from(inside(bin))).abs() < 1e-6, "{seen} in bin {bin}");
        }
    }
}

#[test]
fn distinct_sets_are_few() {
    let mut stream = crate::random::Stream::new(&[1]);
    let column = |_| (0..3000).map(|_| stream.below(250) as u8).collect();
    let bins: Vec<Vec<u8>> = (0..120).map(column).collect();
    let y = (0..3000).map(|row| f64::from(row % 101)).collect();
    let data = dataset(bins, &[253; 120], Target::Numbers(y), 0);
    let config = config(&[("n_estimators", Value::Int(30))]);
    let Part::Trees(trees) = last(&fit(&RandomForest, &data, &config, 1, &NeverStop)) else {
        panic!("a forest is of trees")
    };
    let nodes = trees.trees.iter().flat_map(|tree| &tree.nodes);
    let sets: std::collections::BTreeSet<_> = nodes
        .filter_map(|node| match node {
            Node::Split { feature, test: Test::In(set), .. } => Some((*feature, *set)),
            _ => None,
        })
        .collect();
    assert!(sets.len() > 5_000 && sets.len() < 20_000, "{} sets", sets.len());
}

#[test]
fn little_data_gives_a_model() {
    let rows = |n: u32| (0..n).collect::<Vec<u32>>();
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let data = random(11, 40, n_classes);
            for train in [rows(0), rows(1), rows(2)] {
                let fit = fit_rows(learner, &data, &config(&[]), 1, &NeverStop, &train, &[30, 31]);
                let predictions = predict(&last(&fit), fit.model.link(), &data, &rows(40));
                assert!(predictions.iter().all(|p| p.is_finite()), "{predictions:?}");
                assert!(fit.model.truncations().iter().all(|t| t.loss.is_finite()));
            }
            let mut empty = data.clone();
            empty.weights = Some(vec![0.0; 40]);
            let fit = fit_rows(learner, &empty, &config(&[]), 1, &NeverStop, &rows(40), &[]);
            let predictions = predict(&last(&fit), fit.model.link(), &empty, &rows(40));
            assert!(predictions.iter().all(|p| p.is_finite()), "{predictions:?}");
        }
    }
}

#[test]
fn a_constant_target_is_predicted() {
    for learner in FORESTS {
        for (target, n_classes) in [
            (Target::Numbers(vec![7.5; 30]), 0),
            (Target::Classes(vec![1; 30]), 2),
            (Target::Classes(vec![1; 30]), 3),
        ] {
            let bins = vec![(0..30).collect::<Vec<u8>>()];
            let data = dataset(bins, &[0], target, n_classes);
            let fit = fit(learner, &data, &config(&[]), 1, &NeverStop);
            let predictions = predict(&last(&fit), fit.model.link(), &data, &[3]);
            let expected: &[f64] = match n_classes {
                0 => &[7.5],
                2 => &[1.0],
                _ => &[0.0, 1.0, 0.0],
            };
            for (seen, expected) in predictions.iter().zip(expected) {
                assert!((seen - expected).abs() < 1e-6);
            }
        }
    }
}

/// Ends a fit once so much work is done.
struct After(u64, AtomicU64);

impl Stop for After {
    fn spent(&self, work: u64) -> bool {
        self.1.fetch_add(work, Ordering::Relaxed) + work >= self.0
    }
}

#[test]
fn a_stopped_fit_keeps_what_is_complete() {
    let data = random(12, 2_000, 2);
    let config = config(&[("n_estimators", Value::Int(30))]);
    let full = fit(&RandomForest, &data, &config, 1, &NeverStop);
    let counter = After(u64::MAX, AtomicU64::new(0));
    fit(&RandomForest, &data, &config, 1, &counter);
    let work = counter.1.into_inner();
    for share in [0.0, 0.1, 0.5, 0.9] {
        let stop = After((work as f64 * share) as u64, AtomicU64::new(0));
        let fit = fit(&RandomForest, &data, &config, 1, &stop);
        assert!(fit.stopped);
        let (kept, all) = (fit.model.truncations(), full.model.truncations());
        assert!(!kept.is_empty() && kept.len() < all.len());
        if share > 0.1 {
            assert_eq!(kept, &all[..kept.len()]);
            assert_eq!(fit.model.part(kept.len() - 1), full.model.part(kept.len() - 1));
        }
    }
}

#[test]
fn a_large_fit_is_stopped_within_a_tree() {
    let data = random(13, 60_000, 0);
    let stop = After(1, AtomicU64::new(0));
    let config = config(&[("max_features", Value::from("1.0"))]);
    let fit = fit(&RandomForest, &data, &config, 1, &stop);
    assert!(fit.stopped);
    assert_eq!(fit.model.truncations()[0].label, "constant");
    let spent = stop.1.into_inner();
    assert!(spent < 1_500_000, "{spent} units before it stopped");
}

#[test]
fn work_is_foreseen() {
    for learner in FORESTS {
        for (n_classes, leaf, depth) in [(0, 1, 64), (2, 1, 64), (4, 10, 64), (2, 1, 6)] {
            let mut data = random(14, 4_000, n_classes);
            if let Target::Classes(classes) = &mut data.target {
                // Some noise, as in real data: nodes that are pure early are not foreseen.
                classes.iter_mut().step_by(6).for_each(|class| *class = (*class + 1) % 2);
            }
            let config = config(&[
                ("n_estimators", Value::Int(10)),
                ("min_samples_leaf", Value::Int(leaf)),
                ("max_depth", Value::Int(depth)),
            ]);
            let rows: Vec<u32> = (0..4_000).collect();
            let counter = After(u64::MAX, AtomicU64::new(0));
            let features: Vec<u32> = (0..4).collect();
            let input = FitInput {
                data: &data,
                train: &rows,
                valid: &[],
                features: &features,
                metric: &SQUARES,
                config: &config,
                seed: 1,
                stop: &counter,
                threads: &crate::ONE_THREAD,
                last_truncation: None,
                checkpoints: &crate::NoCheckpoints,
            };
            learner.fit(&input).expect("the configuration is valid");
            let work = counter.1.load(Ordering::Relaxed) as f64;
            let guess = learner.work(&estimate::facts(&input), &config) as f64;
            let ratio = guess / work;
            let name = learner.name();
            assert!((0.67..1.5).contains(&ratio), "{name} {n_classes} {leaf} {depth}: {ratio}");
        }
    }
}

#[test]
fn wrong_parameters_are_named() {
    let data = random(15, 20, 2);
    for (name, value) in [
        ("n_estimators", Value::Int(0)),
        ("max_depth", Value::Float(2.5)),
        ("max_features", Value::from("some")),
        ("max_features", Value::Float(1.5)),
        ("min_samples_leaf", Value::from("two")),
        ("leaf_smoothing", Value::Float(f64::NAN)),
        ("bootstrap", Value::Int(1)),
        ("criterion", Value::from("mse")),
    ] {
        let rows: Vec<u32> = (0..20).collect();
        let config = config(&[(name, value)]);
        let input = FitInput {
            data: &data,
            train: &rows,
            valid: &[],
            features: &[0],
            metric: &SQUARES,
            config: &config,
            seed: 1,
            stop: &NeverStop,
            threads: &crate::ONE_THREAD,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        };
        let error = RandomForest.fit(&input).expect_err("it is wrong");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn portfolios_are_valid() {
    for learner in FORESTS {
        for n_classes in ALL_KINDS {
            let data = random(16, 60, n_classes);
            let rows: Vec<u32> = (0..60).collect();
            let some = config(&[]);
            let input = FitInput {
                data: &data,
                train: &rows,
                valid: &[],
                features: &[0, 3],
                metric: &SQUARES,
                config: &some,
                seed: 1,
                stop: &NeverStop,
                threads: &crate::ONE_THREAD,
                last_truncation: None,
                checkpoints: &crate::NoCheckpoints,
            };
            let facts = estimate::facts(&input);
            for config in learner.portfolio(&facts) {
                let fit = learner.fit(&FitInput { config: &config, ..input });
                let shape = fit.expect("it is valid").model.truncations()[0].shape;
                let least = learner.cheapest_shape(&facts, &config);
                assert!(shape.n_steps >= 1.0 && least.n_steps >= 1.0);
                assert!(learner.memory_bytes(&facts, &config) > 0);
            }
        }
    }
}
