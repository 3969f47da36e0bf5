//! What must hold of grids: every point is the model trained alone, byte for byte.

use eyas_search::{Config, Value};

use super::fixtures::{SQUARES, random};
use crate::dataset::Dataset;
use crate::learners::extra_trees::ExtraTrees;
use crate::learners::forest::RandomForest;
use crate::learners::{FitInput, Learner, NeverStop};
use crate::sweep::{self, Axis};
use crate::threads::{ONE_THREAD, Threads};

fn axis(name: &str, values: &[&str]) -> Axis {
    let value = |text: &&str| match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => Value::Int(number),
        (_, Ok(number)) => Value::Float(number),
        _ => Value::from(*text),
    };
    Axis { name: name.to_owned(), values: values.iter().map(value).collect() }
}

/// More limits than fit one word of bits.
fn axes(decreases: &[&str], alphas: &[&str]) -> Vec<Axis> {
    vec![
        axis("n_estimators", &["3", "1", "4"]),
        axis("max_depth", &["none", "2", "5"]),
        axis("min_samples_split", &["2", "9", "30"]),
        axis("min_impurity_decrease", decreases),
        axis("max_leaf_nodes", &["none", "7"]),
        axis("ccp_alpha", alphas),
    ]
}

/// Six data sets: one number, two and three classes, with and without weights; all have missing
/// values and categories.
fn data(which: usize, seed: u64) -> Dataset {
    let mut data = random(seed, 160, [0, 2, 3][which % 3]);
    if which >= 3 {
        let weight = |row: usize| [1.0, 0.5, 2.0, 0.0, 1.25][row % 5];
        data.weights = Some((0..data.n_rows).map(weight).collect());
    }
    data
}

struct Case<'a> {
    learner: &'a dyn Learner,
    data: &'a Dataset,
    seed: u64,
    threads: &'a Threads,
}

impl Case<'_> {
    fn fit(&self, config: &Config, axes: Option<&[Axis]>) -> crate::learners::Fit {
        let (valid, train): (Vec<u32>, Vec<u32>) =
            (0..self.data.n_rows as u32).partition(|row| row % 4 == 0);
        let features: Vec<u32> = (0..self.data.n_features() as u32).collect();
        let input = FitInput {
            data: self.data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: &SQUARES,
            config,
            seed: self.seed,
            stop: &NeverStop,
            threads: self.threads,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        };
        let fit = match axes {
            Some(axes) => sweep::fit(self.learner, &input, axes),
            None => self.learner.fit(&input),
        };
        fit.expect("the configuration is valid")
    }
}

#[test]
fn every_point_is_the_model_trained_alone() {
    let none = Config { learner: String::new(), values: Default::default() };
    let mut n_distinct = 0;
    for which in 0..6 {
        let axes = match which % 3 {
            0 => axes(&["0", "0.3"], &["0", "0.2", "1"]),
            _ => axes(&["0", "0.004"], &["0", "0.003", "0.02"]),
        };
        for seed in 0..20 {
            let data = data(which, seed);
            let learner: &dyn Learner = if seed % 4 == 3 { &ExtraTrees } else { &RandomForest };
            let case = Case { learner, data: &data, seed, threads: &ONE_THREAD };
            let base = none
                .clone()
                .with("leaf_smoothing", (seed % 2) as f64)
                .with("count_constants", seed % 5 < 2);
            let grid = case.fit(&base, Some(&axes));
            let points = sweep::points(&axes);
            assert_eq!(grid.model.truncations().len(), points.len());
            let mut seen = Vec::new();
            // Every point is met for some seeds.
            for (place, point) in points.iter().enumerate().skip(seed as usize).step_by(17) {
                let config = axes.iter().zip(point).fold(base.clone(), |config, (axis, value)| {
                    config.with(&axis.name, (*value).clone())
                });
                let alone = case.fit(&config, None);
                let last = alone.model.truncations().len() - 1;
                let label = &grid.model.truncations()[place].label;
                assert_eq!(
                    grid.model.part(place),
                    alone.model.part(last),
                    "{which} {seed} {label}"
                );
                let [of_grid, of_alone] =
                    [&grid.model.truncations()[place], &alone.model.truncations()[last]];
                assert_eq!(of_grid.loss.to_bits(), of_alone.loss.to_bits());
                assert_eq!(of_grid.shape, of_alone.shape);
                seen.push(of_grid.loss.to_bits());
            }
            seen.sort_unstable();
            seen.dedup();
            n_distinct += seen.len();
        }
    }
    assert!(n_distinct > 1_000, "only {n_distinct} points differ from the others");
}

#[test]
fn threads_change_nothing() {
    let none = Config { learner: String::new(), values: Default::default() };
    let axes = [axis("n_estimators", &["40", "5"]), axis("max_depth", &["none", "3"])];
    for which in 0..3 {
        let data = data(which, 5);
        let of = |n_threads: usize| {
            let threads = Threads::new(n_threads);
            let case = Case { learner: &RandomForest, data: &data, seed: 1, threads: &threads };
            let (trial, grid) = (case.fit(&none, None), case.fit(&none, Some(&axes)));
            let parts: Vec<_> = (0..4).map(|point| grid.model.part(point)).collect();
            let last = trial.model.truncations().len() - 1;
            (trial.model.truncations().to_vec(), trial.model.part(last), parts)
        };
        let one = of(1);
        assert_eq!(of(2), one);
        assert_eq!(of(3), one);
    }
}

#[test]
fn what_is_not_nested_is_refused() {
    let data = data(1, 1);
    let config = Config { learner: String::new(), values: Default::default() };
    let rows: Vec<u32> = (0..100).collect();
    let input = FitInput {
        data: &data,
        train: &rows,
        valid: &[],
        features: &[0, 1],
        metric: &SQUARES,
        config: &config,
        seed: 0,
        stop: &NeverStop,
        threads: &ONE_THREAD,
        last_truncation: None,
        checkpoints: &crate::NoCheckpoints,
    };
    for wrong in [axis("min_samples_leaf", &["1"]), axis("max_depth", &["0"])] {
        let error = sweep::fit(&RandomForest, &input, std::slice::from_ref(&wrong))
            .expect_err("it is wrong");
        assert!(error.to_string().contains(&wrong.name), "{error}");
    }
}
