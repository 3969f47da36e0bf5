//! Scores out of bags against each tree's own predictions, and beside scikit-learn's.

use eyas_model::Part;
use eyas_search::{Config, Value};
use serde::Deserialize;

use super::fixtures::{SQUARES, dataset, random};
use super::nested::ROWS;
use super::sample::{Draw, Pool};
use crate::dataset::{Dataset, Target};
use crate::learners::extra_trees::ExtraTrees;
use crate::learners::forest::RandomForest;
use crate::learners::{Fit, FitInput, Learner, NeverStop};
use crate::metrics::{Metric, Scored, Truth, metric};
use crate::predict::predict;
use crate::sweep::{self, Axis};
use crate::threads::{ONE_THREAD, Threads};

const FORESTS: [&dyn Learner; 2] = [&RandomForest, &ExtraTrees];

fn config(n_estimators: i64) -> Config {
    Config { learner: String::new(), values: Default::default() }
        .with("n_estimators", n_estimators)
        .with("bootstrap", true)
        .with("oob_score", true)
        .with("leaf_smoothing", 0.0)
}

struct Case<'a> {
    learner: &'a dyn Learner,
    data: &'a Dataset,
    train: &'a [u32],
    metric: &'a Metric,
    seed: u64,
    threads: &'a Threads,
}

impl Case<'_> {
    fn fit(&self, config: &Config, valid: &[u32]) -> Result<Fit, crate::Error> {
        self.with_input(config, valid, |input| self.learner.fit(input))
    }

    fn with_input<T>(
        &self,
        config: &Config,
        valid: &[u32],
        then: impl FnOnce(&FitInput<'_>) -> T,
    ) -> T {
        let features: Vec<u32> = (0..self.data.n_features() as u32).collect();
        then(&FitInput {
            data: self.data,
            train: self.train,
            valid,
            features: &features,
            metric: self.metric,
            config,
            seed: self.seed,
            stop: &NeverStop,
            threads: self.threads,
            checkpoints: &crate::NoCheckpoints,
            last_truncation: None,
        })
    }

    /// Row by row and tree by tree: (rows, trees that predict them, their means).
    fn slow(&self, fit: &Fit, truncation: usize, draw: Draw) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
        let Part::Trees(forest) = fit.model.part(truncation) else { panic!("it is a forest") };
        let pool = Pool::new(self.data, self.train, 0.0);
        let all: Vec<u32> = (0..self.data.n_rows as u32).collect();
        let width = self.data.n_outputs();
        let mut sums = vec![0.0; all.len() * width];
        let mut n_trees = vec![0u32; all.len()];
        for (index, tree) in forest.trees.iter().enumerate() {
            let mut alone = forest.clone();
            (alone.trees, alone.outputs) = (vec![tree.clone()], vec![forest.outputs[index]]);
            alone.scale = 1.0;
            let said = predict(&Part::Trees(alone), fit.model.link(), self.data, &all);
            let (mut drawn, mut examples) = (Vec::new(), Vec::new());
            pool.draw(draw, &[self.seed, index as u64, ROWS], &mut drawn, &mut examples);
            for &row in pool.rows().iter().filter(|row| !drawn.contains(row)) {
                n_trees[row as usize] += 1;
                for output in 0..width {
                    let place = row as usize * width + output;
                    sums[place] += said[place];
                }
            }
        }
        let rows: Vec<u32> = all.into_iter().filter(|&row| n_trees[row as usize] > 0).collect();
        let mean = |&row: &u32| {
            let n_trees = f64::from(n_trees[row as usize]);
            sums[row as usize * width..][..width].iter().map(move |sum| sum / n_trees)
        };
        let means = rows.iter().flat_map(mean).collect();
        let counts = rows.iter().map(|&row| n_trees[row as usize]).collect();
        (rows, counts, means)
    }

    fn loss(&self, rows: &[u32], predictions: &[f64]) -> f64 {
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &self.data.target {
            Target::Numbers(all) => numbers.extend(rows.iter().map(|&row| all[row as usize])),
            Target::Classes(all) => classes.extend(rows.iter().map(|&row| all[row as usize])),
        }
        let truth =
            if classes.is_empty() { Truth::Numbers(&numbers) } else { Truth::Classes(&classes) };
        let weights: Vec<f64> = rows.iter().map(|&row| self.data.weight(row as usize)).collect();
        let n_outputs = self.data.n_outputs();
        (self.metric.loss)(&Scored { truth, predictions, n_outputs, weights: Some(&weights) })
    }
}

#[test]
fn a_row_is_predicted_by_the_trees_that_did_not_draw_it() {
    for (place, n_classes) in [0, 2, 3, 0, 2, 3].into_iter().enumerate() {
        let mut data = random(place as u64, 130, n_classes);
        if place >= 3 {
            let weight = |row: usize| [1.0, 0.5, 2.0, 0.0, 1.25][row % 5];
            data.weights = Some((0..data.n_rows).map(weight).collect());
        }
        let train: Vec<u32> = (0..130).filter(|row| row % 7 != 0).collect();
        for (learner, threads) in FORESTS.into_iter().zip([&ONE_THREAD, &Threads::new(3)]) {
            let seed = place as u64;
            let case =
                Case { learner, data: &data, train: &train, metric: &SQUARES, seed, threads };
            // Drawn with and without replacement.
            let bootstrap = place % 2 == 0;
            let share = if bootstrap { 1.0 } else { 0.6 };
            let config = config(9).with("bootstrap", bootstrap).with("max_samples", share);
            let fit = case.fit(&config, &[]).expect("rows are left out");
            let truncations = fit.model.truncations();
            let draw = Draw { bootstrap, share };
            for (truncation, scored) in truncations.iter().enumerate() {
                let (rows, _, means) = case.slow(&fit, truncation, draw);
                let loss = case.loss(&rows, &means);
                let near = (scored.loss - loss).abs() <= 1e-12 * (1.0 + loss.abs());
                assert!(near, "{}: {} is not {loss}", scored.label, scored.loss);
            }
            let (rows, n_trees, means) = case.slow(&fit, truncations.len() - 1, draw);
            let seen = fit.model.out_of_bag().expect("it was asked for");
            assert_eq!((&seen.rows, &seen.n_trees), (&rows, &n_trees));
            for (seen, slow) in seen.predictions.iter().zip(&means) {
                assert!((seen - slow).abs() < 1e-12 * (1.0 + slow.abs()), "{seen} is not {slow}");
            }
            assert_eq!(seen.predictions.len(), means.len());
            // One tree leaves out about a third of the rows.
            let n_pool = train.iter().filter(|&&row| data.weight(row as usize) > 0.0).count();
            let (n_trees, n_unscored) = seen.n_unscored[0];
            assert_eq!(n_trees, 1);
            assert!(n_unscored > n_pool / 3 && n_unscored < n_pool, "{n_unscored} of {n_pool}");
            assert_eq!(seen.n_unscored.last().unwrap().1, n_pool - rows.len());
        }
    }
}

#[test]
fn points_of_a_grid_are_scored_as_fits_alone() {
    let data = random(8, 150, 3);
    let train: Vec<u32> = (0..150).collect();
    let case = Case {
        learner: &RandomForest,
        data: &data,
        train: &train,
        metric: &SQUARES,
        seed: 4,
        threads: &ONE_THREAD,
    };
    let axis = |name: &str, values: &[i64]| Axis {
        name: name.to_owned(),
        values: values.iter().copied().map(Value::Int).collect(),
    };
    let axes = [axis("n_estimators", &[12, 3]), axis("max_depth", &[2, 5])];
    let grid = case.with_input(&config(100), &[], |input| sweep::fit(&RandomForest, input, &axes));
    let grid = grid.expect("rows are left out");
    for (point, scored) in sweep::points(&axes).into_iter().zip(grid.model.truncations()) {
        let named = axes.iter().zip(point);
        let alone =
            named.fold(config(100), |config, (axis, value)| config.with(&axis.name, value.clone()));
        let alone = case.fit(&alone, &[]).expect("rows are left out");
        let alone = alone.model.truncations().last().expect("there is one");
        assert_eq!(scored.loss.to_bits(), alone.loss.to_bits(), "{}", scored.label);
    }
}

#[test]
fn what_has_no_such_rows_is_refused() {
    let data = random(8, 60, 2);
    let (valid, train): (Vec<u32>, Vec<u32>) = (0..60).partition(|row| row % 3 == 0);
    let case = Case {
        learner: &ExtraTrees,
        data: &data,
        train: &train,
        metric: &SQUARES,
        seed: 4,
        threads: &ONE_THREAD,
    };
    let refused = |config: &Config, valid: &[u32], word: &str| {
        let error = case.fit(config, valid).expect_err("it cannot be").to_string();
        assert!(error.contains("oob_score") && error.contains(word), "{error}");
    };
    refused(&config(3).with("bootstrap", false), &[], "`bootstrap`");
    refused(&config(3), &valid, "held out");
    let without = case.fit(&config(3).with("oob_score", false), &valid).expect("it is plain");
    assert!(without.model.out_of_bag().is_none());
}

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<RecordedCase>,
}

#[derive(Deserialize)]
struct RecordedCase {
    name: String,
    n_classes: usize,
    bins: Vec<Vec<u8>>,
    target: Vec<f64>,
    random_forest: Score,
    extra_trees: Score,
}

#[derive(Deserialize)]
struct Score {
    mean: f64,
    std: f64,
}

/// `testdata/forest/make_oob.py`.
#[test]
fn scores_are_near_those_of_scikit_learn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/forest/oob.json");
    let text = std::fs::read_to_string(path).expect("it is part of the repository");
    let recorded: Recorded = serde_json::from_str(&text).expect("the script wrote it");
    for case in recorded.cases {
        let RecordedCase { name, n_classes, bins, target, random_forest, extra_trees } = case;
        let target = match n_classes {
            0 => Target::Numbers(target),
            _ => Target::Classes(target.iter().map(|&class| class as u32).collect()),
        };
        let (features, metric) = match n_classes {
            0 => ("1.0", metric("r2")),
            _ => ("sqrt", metric("accuracy")),
        };
        let n_levels = vec![0; bins.len()];
        let data = dataset(bins, &n_levels, target, n_classes);
        let train: Vec<u32> = (0..data.n_rows as u32).collect();
        let config = config(100).with("max_features", features).with("count_constants", true);
        for (learner, theirs) in FORESTS.into_iter().zip([random_forest, extra_trees]) {
            let score = |seed: u64| {
                let metric = metric.expect("it is listed");
                let threads = &ONE_THREAD;
                let case = Case { learner, data: &data, train: &train, metric, seed, threads };
                let fit = case.fit(&config, &[]).expect("rows are left out");
                metric.value(fit.model.truncations().last().expect("there is one").loss)
            };
            const SEEDS: u64 = 10;
            let ours = (0..SEEDS).map(score).sum::<f64>() / SEEDS as f64;
            // Means of ten and of twenty seeds differ by a third of a deviation or so.
            let off = (ours - theirs.mean).abs() / theirs.std;
            let learner = learner.name();
            assert!(off < 1.5, "{name}, {learner}: {ours} is {off} deviations off {}", theirs.mean);
        }
    }
}
