//! Boosting as a whole against slow, obvious versions and against what must not change a fit.

use std::sync::atomic::{AtomicU64, Ordering};

use eyas_model::{Bins, Derive, Feature, Node, Part, Schema, TaskKind, Test, Trees};
use eyas_search::Config;

use super::Boosting;
use crate::dataset::{Dataset, Target};
use crate::learners::{Fit, FitInput, Learner, NeverStop, Stop};
use crate::metrics::{Metric, Scored, Truth, metric};
use crate::predict::predict;
use crate::random::Stream;
use crate::threads::Threads;

/// Mean squared error, or mean log loss.
fn mean_loss(kind: TaskKind) -> &'static Metric {
    let name = if kind == TaskKind::Regression { "mse" } else { "log_loss" };
    metric(name).expect("it is listed")
}

/// Random features (missing values and categories among them) with a target that follows them.
pub(super) fn data(kind: TaskKind, n_rows: usize, seed: u64) -> Dataset {
    let mut random = Stream::new(&[seed]);
    let n_bins = [12usize, 40, 3, 200, 9, 6];
    let categorical = [false, false, false, false, true, true];
    let bins: Vec<Vec<u8>> = n_bins
        .iter()
        .enumerate()
        .map(|(f, &n)| {
            let missing = if f % 2 == 0 { 0.1 } else { 0.0 };
            let mut bin = || match random.uniform() < missing {
                true => 0,
                false => 1 + random.below(n - 1) as u8,
            };
            (0..n_rows).map(|_| bin()).collect()
        })
        .collect();
    let score = |row: usize| {
        let bin = |f: usize| f64::from(bins[f][row]);
        let category = [0.0, 2.0, -1.0, 0.5, 1.0, -2.0, 0.2, 0.9, 0.0][usize::from(bins[4][row])];
        let missing = if bins[0][row] == 0 { 1.5 } else { 0.0 };
        (bin(1) / 10.0 - 2.0) * (bin(3) / 100.0 - 1.0) + category + missing + bin(0) / 12.0
    };
    let scores: Vec<f64> = (0..n_rows).map(|row| score(row) + random.uniform()).collect();
    let n_classes = if kind == TaskKind::Binary { 2 } else { 3 };
    let class = |s: &f64| {
        if *s < 0.5 {
            0
        } else if *s < 2.0 || n_classes == 2 {
            1
        } else {
            2
        }
    };
    let target = match kind {
        TaskKind::Regression => Target::Numbers(scores),
        _ => Target::Classes(scores.iter().map(class).collect()),
    };
    let feature = |f: usize| Feature {
        column: f as u32,
        derive: Derive::Itself,
        name: format!("f{f}"),
        bins: match categorical[f] {
            true => Bins::Levels((0..n_bins[f] - 2).map(|level| level.to_string()).collect()),
            false => Bins::Edges((0..n_bins[f] - 2).map(|edge| edge as f64).collect()),
        },
    };
    let n_classes = if kind == TaskKind::Regression { 0 } else { n_classes };
    Dataset {
        schema: Schema {
            task: kind,
            target: "y".to_owned(),
            classes: (0..n_classes).map(|class: u32| class.to_string()).collect(),
            columns: Vec::new(),
        },
        n_rows,
        features: (0..n_bins.len()).map(feature).collect(),
        bins,
        numbers: vec![Default::default(); n_bins.len()],
        target,
        weights: None,
    }
}

pub(super) const KINDS: [TaskKind; 3] =
    [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass];

pub(super) fn config(n_estimators: i64) -> Config {
    Config { learner: "boosting".to_owned(), values: Default::default() }
        .with("n_estimators", n_estimators)
        .with("num_leaves", 8i64)
        .with("min_data_in_leaf", 3i64)
        .with("min_data_per_group", 5i64)
        .with("learning_rate", 0.2)
        .with("early_stopping_rounds", 0i64)
        .with("lambda_l2", 1.0)
        .with("cat_smooth", 10.0)
        .with("subsample", 1.0)
        .with("extra_trees", false)
}

pub(super) struct Case {
    pub data: Dataset,
    pub train: Vec<u32>,
    pub valid: Vec<u32>,
}

impl Case {
    /// Three quarters of the rows to learn from, the rest to validate on.
    pub fn new(data: Dataset) -> Case {
        let (valid, train) = (0..data.n_rows as u32).partition(|row| row % 4 == 3);
        Case { data, train, valid }
    }

    pub fn try_fit(&self, config: &Config, stop: &dyn Stop) -> Result<Fit, crate::Error> {
        self.fit_with(config, stop, &crate::ONE_THREAD)
    }

    fn fit_with(
        &self,
        config: &Config,
        stop: &dyn Stop,
        threads: &Threads,
    ) -> Result<Fit, crate::Error> {
        let features: Vec<u32> = (0..self.data.n_features() as u32).collect();
        Boosting.fit(&FitInput {
            data: &self.data,
            train: &self.train,
            valid: &self.valid,
            features: &features,
            metric: mean_loss(self.data.task()),
            config,
            seed: 7,
            stop,
            threads,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        })
    }

    pub fn fit(&self, config: &Config) -> Fit {
        self.try_fit(config, &NeverStop).expect("the configuration is allowed")
    }

    fn loss(&self, fit: &Fit, truncation: usize, rows: &[u32]) -> f64 {
        let predictions = predict(&fit.model.part(truncation), fit.model.link(), &self.data, rows);
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &self.data.target {
            Target::Numbers(y) => numbers.extend(rows.iter().map(|&row| y[row as usize])),
            Target::Classes(y) => classes.extend(rows.iter().map(|&row| y[row as usize])),
        }
        let truth = match self.data.task() {
            TaskKind::Regression => Truth::Numbers(&numbers),
            _ => Truth::Classes(&classes),
        };
        let n_outputs = self.data.n_outputs();
        (mean_loss(self.data.task()).loss)(&Scored {
            truth,
            predictions: &predictions,
            n_outputs,
            weights: None,
        })
    }
}

pub(super) fn trees(fit: &Fit, truncation: usize) -> Trees {
    match fit.model.part(truncation) {
        Part::Trees(trees) => trees,
        part => panic!("boosting makes trees, not {part:?}"),
    }
}

pub(super) fn last(fit: &Fit) -> usize {
    fit.model.truncations().len() - 1
}

/// Settings that between them reach every way to grow and to draw.
pub(super) fn variants() -> Vec<Config> {
    vec![
        config(30),
        config(30).with("grow_policy", "depthwise").with("max_depth", 3i64),
        config(30).with("grow_policy", "oblivious").with("max_depth", 3i64),
        config(30).with("subsample", 0.6),
        config(30).with("subsample", 0.5).with("sampling", "mvs"),
        config(30).with("extra_trees", true).with("feature_fraction", 0.5),
        config(30).with("feature_fraction_bynode", 0.5).with("path_smooth", 3.0),
        config(30).with("schedule", "cosine").with("learning_rate_rule", "auto"),
    ]
}

#[test]
fn every_variant_learns_and_scores_its_truncations_exactly() {
    for kind in KINDS {
        let case = Case::new(data(kind, 800, 1));
        let mut configs = variants();
        if kind == TaskKind::Multiclass {
            configs.push(config(30).with("multi_strategy", "vector"));
        }
        for config in configs {
            let fit = case.fit(&config);
            let truncations = fit.model.truncations();
            assert!(!fit.stopped && truncations.len() == 30, "{kind:?} {config:?}");
            for place in [0, 11, 29] {
                let expected = case.loss(&fit, place, &case.valid);
                assert_eq!(truncations[place].loss, expected, "{kind:?} {config:?}");
            }
            let (first, last) = (truncations[0].loss, truncations[29].loss);
            assert!(last < 0.9 * first, "{kind:?} {config:?}: {first} to {last}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    // So many rows that all that can be shared out is.
    for kind in KINDS {
        let case = Case::new(data(kind, 48_000, 14));
        let mut configs: Vec<Config> =
            variants().into_iter().map(|config| config.with("n_estimators", 3i64)).collect();
        configs.push(config(3).with("multi_strategy", "vector"));
        configs.retain(|config| {
            kind == TaskKind::Multiclass || config.text("multi_strategy").is_none()
        });
        for config in configs {
            let one = case.fit(&config);
            for n_threads in [2, 3] {
                let threads = Threads::new(n_threads);
                let fit = case.fit_with(&config, &NeverStop, &threads).expect("allowed");
                assert_eq!(fit.model.truncations(), one.model.truncations());
                assert_eq!(trees(&fit, 2), trees(&one, 2), "{kind:?} {config:?}");
            }
        }
    }
}

#[test]
fn a_truncation_is_the_fit_of_that_many_rounds() {
    for kind in KINDS {
        let case = Case::new(data(kind, 500, 2));
        for more in [config(40), config(40).with("subsample", 0.7).with("feature_fraction", 0.6)] {
            let long = case.fit(&more);
            let short = case.fit(&more.clone().with("n_estimators", 23i64));
            let (long_23, short_23) =
                (&long.model.truncations()[22], &short.model.truncations()[22]);
            assert_eq!(long_23, short_23);
            assert_eq!(trees(&long, 22), trees(&short, 22));
        }
    }
}

#[test]
fn training_loss_falls_every_round_without_sampling() {
    for kind in KINDS {
        let case = Case::new(data(kind, 400, 3));
        let fit = case.fit(&config(30));
        let losses: Vec<f64> = (0..30).map(|i| case.loss(&fit, i, &case.train)).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{kind:?} {losses:?}");
    }
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    for kind in KINDS {
        let mut weighted = data(kind, 300, 4);
        let twice = |row: usize| row.is_multiple_of(3);
        let rows: Vec<usize> =
            (0..300).flat_map(|row| vec![row; if twice(row) { 2 } else { 1 }]).collect();
        let mut repeated = weighted.clone();
        repeated.n_rows = rows.len();
        repeated.bins =
            weighted.bins.iter().map(|b| rows.iter().map(|&r| b[r]).collect()).collect();
        repeated.target = match &weighted.target {
            Target::Numbers(y) => Target::Numbers(rows.iter().map(|&row| y[row]).collect()),
            Target::Classes(y) => Target::Classes(rows.iter().map(|&row| y[row]).collect()),
        };
        weighted.weights = Some((0..300).map(|row| if twice(row) { 2.0 } else { 1.0 }).collect());
        let config = config(10)
            .with("min_data_in_leaf", 1i64)
            .with("min_sum_hessian", 4.0)
            .with("max_cat_to_onehot", 32i64);
        let fit = |data: &Dataset| {
            let train = (0..data.n_rows as u32).collect();
            let case = Case { data: data.clone(), train, valid: Vec::new() };
            case.fit(&config)
        };
        let (a, b) = (fit(&weighted), fit(&repeated));
        let all: Vec<u32> = (0..300).collect();
        let predictions =
            [a, b].map(|fit| predict(&fit.model.part(9), fit.model.link(), &weighted, &all));
        for (a, b) in predictions[0].iter().zip(&predictions[1]) {
            assert!((a - b).abs() < 1e-3 * (1.0 + a.abs()), "{kind:?}: {a} {b}");
        }
    }
}

#[test]
fn neither_repeating_a_fit_nor_the_order_of_rows_changes_it() {
    let data = data(TaskKind::Binary, 400, 5);
    let mut turned = data.clone();
    turned.bins.iter_mut().for_each(|bins| bins.reverse());
    let Target::Classes(classes) = &mut turned.target else { panic!("two classes") };
    classes.reverse();
    let whole = |data: &Dataset| {
        let train = (0..400).collect();
        Case { data: data.clone(), train, valid: Vec::new() }.fit(&config(20))
    };
    let (a, b, c) = (whole(&data), whole(&data), whole(&turned));
    assert_eq!(trees(&a, 19), trees(&b, 19));
    for (a, c) in trees(&a, 19).trees.iter().zip(&trees(&c, 19).trees) {
        let splits = |tree: &eyas_model::Tree| -> Vec<Option<(u32, Test)>> {
            let split = |node: &Node| match *node {
                Node::Split { feature, test, .. } => Some((feature, test)),
                Node::Leaf { .. } => None,
            };
            tree.nodes.iter().map(split).collect()
        };
        assert_eq!(splits(a), splits(c));
        assert!(a.values.iter().zip(&c.values).all(|(a, c)| (a - c).abs() < 1e-5));
    }
}

#[test]
fn a_missing_value_goes_to_the_better_side() {
    for (missing_target, right) in [(10.0, true), (0.0, false)] {
        let mut data = data(TaskKind::Regression, 120, 6);
        let bins: Vec<u8> = (0..120).map(|row| (row % 3) as u8).collect();
        let value = |bin: &u8| [missing_target, 0.0, 10.0][usize::from(*bin)];
        data.target = Target::Numbers(bins.iter().map(value).collect());
        data.bins = vec![bins];
        data.features.truncate(1);
        let case = Case::new(data);
        let fit = case.fit(&config(1));
        let expected = Test::Above { threshold: 1, missing_right: right };
        let Node::Split { test, .. } = trees(&fit, 0).trees[0].nodes[0] else { panic!("a split") };
        assert_eq!(test, expected);
    }
}

#[test]
fn an_oblivious_tree_asks_one_question_a_level() {
    let case = Case::new(data(TaskKind::Binary, 600, 8));
    let config = config(5).with("grow_policy", "oblivious").with("num_leaves", 16i64);
    for tree in trees(&case.fit(&config), 4).trees {
        let mut depths = vec![0; tree.nodes.len()];
        let mut questions = [None; 4];
        for (index, node) in tree.nodes.iter().enumerate() {
            let Node::Split { feature, test, left, right, .. } = *node else {
                assert_eq!(depths[index], tree.depth());
                continue;
            };
            let question = questions[depths[index]].get_or_insert((feature, test));
            assert_eq!(*question, (feature, test));
            depths[left as usize] = depths[index] + 1;
            depths[right as usize] = depths[index] + 1;
        }
        assert_eq!(tree.n_leaves(), 1 << tree.depth());
    }
}

/// Ends a fit after so much work.
struct After(u64, AtomicU64);

impl Stop for After {
    fn spent(&self, work: u64) -> bool {
        self.1.fetch_add(work, Ordering::Relaxed) + work > self.0
    }
}

#[test]
fn a_stopped_fit_keeps_whole_rounds() {
    let case = Case::new(data(TaskKind::Multiclass, 600, 9));
    let counter = After(u64::MAX, AtomicU64::new(0));
    let full = case.try_fit(&config(40), &counter).expect("allowed");
    let work = counter.1.into_inner();
    for share in [0.0, 0.3, 0.7] {
        let stop = After((share * work as f64) as u64, AtomicU64::new(0));
        let part = case.try_fit(&config(40), &stop).expect("allowed");
        let n = part.model.truncations().len();
        assert!(part.stopped && (1..40).contains(&n));
        assert_eq!(part.model.truncations(), &full.model.truncations()[..n]);
        assert_eq!(trees(&part, n - 1), trees(&full, n - 1));
    }
}

#[test]
fn early_stopping_waits_for_its_patience() {
    let mut noise = data(TaskKind::Binary, 300, 10);
    let mut random = Stream::new(&[10]);
    noise.target = Target::Classes((0..300).map(|_| random.below(2) as u32).collect());
    let case = Case::new(noise);
    let fit = case.fit(&config(500).with("early_stopping_rounds", 10i64));
    let truncations = fit.model.truncations();
    let best = (0..truncations.len())
        .min_by(|&a, &b| truncations[a].loss.total_cmp(&truncations[b].loss))
        .expect("not empty");
    assert_eq!(last(&fit), best + 10);
}

#[test]
fn other_losses_learn_what_they_are_for() {
    let mut data = data(TaskKind::Regression, 900, 11);
    let Target::Numbers(numbers) = &mut data.target else { panic!("numbers") };
    numbers.iter_mut().for_each(|y| *y = libm::exp(0.5 * *y).round());
    let targets = numbers.clone();
    let rows: Vec<u32> = (0..900).collect();
    for metric in [metric("mae"), metric("poisson_deviance")] {
        let metric = metric.expect("it is listed");
        let fit = Boosting.fit(&FitInput {
            data: &data,
            train: &rows,
            valid: &[],
            features: &[0, 1, 2, 3, 4, 5],
            metric,
            config: &config(60),
            seed: 1,
            stop: &NeverStop,
            threads: &crate::ONE_THREAD,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        });
        let fit = fit.expect("allowed");
        let error = |truncation: usize| -> f64 {
            let p = predict(&fit.model.part(truncation), fit.model.link(), &data, &rows);
            assert!(metric.name == "mae" || p.iter().all(|&p| p > 0.0));
            p.iter().zip(&targets).map(|(p, y)| (p - y).abs()).sum()
        };
        assert!(error(last(&fit)) < 0.6 * error(0), "{}", metric.name);
    }
}

#[test]
fn a_wrong_parameter_is_named() {
    let case = Case::new(data(TaskKind::Binary, 60, 12));
    let wrong = [
        config(5).with("num_leaves", 1i64),
        config(5).with("schedule", "sometimes"),
        config(5).with("learning_rate", -0.1),
        config(5).with("no_such_parameter", 1i64),
    ];
    let names = ["num_leaves", "schedule", "learning_rate", "no_such_parameter"];
    for (config, name) in wrong.iter().zip(names) {
        let error = case.try_fit(config, &NeverStop).expect_err("it is wrong").to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn odd_data_is_no_error() {
    let mut one_class = data(TaskKind::Binary, 40, 13);
    one_class.target = Target::Classes(vec![1; 40]);
    let mut constant = data(TaskKind::Regression, 40, 13);
    constant.target = Target::Numbers(vec![3.0; 40]);
    let tiny = data(TaskKind::Multiclass, 4, 13);
    let mut no_features = data(TaskKind::Regression, 40, 13);
    no_features.bins.iter_mut().for_each(|bins| bins.fill(1));
    for data in [one_class, constant, tiny, no_features] {
        let case = Case::new(data);
        for config in variants() {
            let fit = case.fit(&config);
            let loss = case.loss(&fit, last(&fit), &case.train);
            assert!(loss.is_finite() && !fit.model.truncations().is_empty());
        }
    }
}
