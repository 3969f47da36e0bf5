//! How many of the ranked features to keep, as a parameter of a grid.
//!
//! What the values of `k_best` share, for the rows of one fit:
//!
//! | learner | shared | by value |
//! |---|---|---|
//! | all | the scores and the ranking; bins | |
//! | `linear`, ridge regression | centres and scales; products of columns (the Gram matrix) | decomposition of a part of it, and all penalties from that; predictions |
//! | other linear models, boosting, forests | | the fit: each step depends on all features that may be used |
//!
//! Other nested parameters are as nested as without.

use eyas_search::{Domain, Parameter, Value};

use super::select_k_best::{FEATURE_SCORES, rank_features, top_features};
use crate::error::Error;
use crate::learners::{Fit, FitInput, Learner};
use crate::sweep::{self, Axis, Many};

/// Name of the parameter.
pub const K_BEST: &str = "k_best";

/// The parameter, for grids of any learner; more than there are is all of them.
pub fn parameter() -> Parameter {
    Parameter {
        name: K_BEST,
        domain: Domain::Int { low: 1, high: i64::from(u32::MAX), log: true },
        default: Value::Int(i64::from(u32::MAX)),
        nested: true,
        when: None,
        help: "features that are kept, those that tell most about the target by themselves",
    }
}

/// Fits for every point of axes of which one is `k_best`: features are ranked once, on the rows to
/// learn from.
///
/// # Errors
/// A parameter that is out of its range.
pub(crate) fn fit(
    learner: &dyn Learner,
    input: &FitInput<'_>,
    axes: &[Axis],
) -> Result<Fit, Error> {
    let points = sweep::points(axes);
    let place = axes.iter().position(|axis| axis.name == K_BEST).unwrap_or(0);
    let others: Vec<Axis> = axes.iter().filter(|axis| axis.name != K_BEST).cloned().collect();
    let mut ranked = rank_features(&FEATURE_SCORES[0], input.data, input.train);
    ranked.retain(|(feature, _)| input.features.binary_search(feature).is_ok());
    let mut sets: Vec<Vec<u32>> = Vec::new();
    let mut of_sets: Vec<Vec<usize>> = Vec::new();
    for value in &axes[place].values {
        let set = top_features(&ranked, k(value)?);
        // Equal values give points of their own, from the same fit each.
        let with_value =
            (0..points.len()).filter(|&point| std::ptr::eq(points[point][place], value));
        sets.push(set);
        of_sets.push(with_value.collect());
    }
    let fits = match learner.fit_feature_sets(input, &sets, &others) {
        Some(fits) => fits?,
        None => {
            let alone = |features: &Vec<u32>| {
                sweep::fit(learner, &FitInput { features, ..*input }, &others)
            };
            sets.iter().map(alone).collect::<Result<Vec<Fit>, Error>>()?
        }
    };
    let mut many = Many::new(points.len());
    for (fit, of_set) in fits.into_iter().zip(&of_sets) {
        many.add(fit, of_set);
    }
    let label = |point: &Vec<&Value>| {
        let named = axes.iter().zip(point).map(|(axis, value)| format!("{}={value}", axis.name));
        named.collect::<Vec<_>>().join(" ")
    };
    many.label(points.iter().map(label));
    Ok(many.finish())
}

fn k(value: &Value) -> Result<usize, Error> {
    let number = match value {
        Value::Int(k) if *k >= 1 => usize::try_from(*k).ok(),
        _ => None,
    };
    number.ok_or_else(|| Error::Parameter {
        name: K_BEST.to_owned(),
        value: value.to_string(),
        expected: "it must be a whole number of at least 1".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use eyas_model::{Bins, Derive, Feature, Schema, TaskKind};
    use eyas_search::Config;

    use super::*;
    use crate::dataset::{Dataset, Target};
    use crate::learners::{LEARNERS, NeverStop, learner};
    use crate::metrics::metric;
    use crate::random::Stream;
    use crate::threads::ONE_THREAD;

    /// Features of which some tell something and some nothing, with missing values (bin 0), a number
    /// that is mostly the same, and categories.
    fn data(seed: u64, n_classes: usize) -> Dataset {
        let mut stream = Stream::new(&[seed, 3]);
        let n_rows = 150;
        let n_bins = [9, 5, 60, 7, 9, 9, 6];
        let mut column = |f: usize| -> Vec<u8> {
            let bin = |u: f64| if f == 5 && u < 0.8 { 1 } else { (u * n_bins[f] as f64) as u8 };
            (0..n_rows).map(|_| bin(stream.uniform())).collect()
        };
        let bins: Vec<Vec<u8>> = (0..7).map(&mut column).collect();
        let score = |row: usize| {
            let bin = |f: usize| f64::from(bins[f][row]);
            bin(0) / 2.0
                + bin(2) / 20.0
                + [0.0, 2.0, -1.0, 0.5, 3.0, -2.0, 1.0][bins[3][row] as usize]
        };
        let scores: Vec<f64> = (0..n_rows).map(|row| score(row) + stream.uniform()).collect();
        let class = |s: &f64| (*s as u32).min(n_classes.max(1) as u32 - 1);
        let (task, target) = match n_classes {
            0 => (TaskKind::Regression, Target::Numbers(scores)),
            2 => (TaskKind::Binary, Target::Classes(scores.iter().map(class).collect())),
            _ => (TaskKind::Multiclass, Target::Classes(scores.iter().map(class).collect())),
        };
        let feature = |f: usize| Feature {
            column: f as u32,
            derive: Derive::Itself,
            name: f.to_string(),
            bins: match f {
                3 | 6 => Bins::Levels((0..n_bins[f] - 1).map(|level| level.to_string()).collect()),
                _ => Bins::Edges((1..n_bins[f] - 1).map(|edge| edge as f64).collect()),
            },
        };
        let number = |&bin: &u8| if bin == 0 { f64::NAN } else { f64::from(bin) };
        let weight = |row: usize| [1.0, 0.5, 2.0][row % 3];
        Dataset {
            schema: Schema {
                task,
                target: "y".to_owned(),
                classes: (0..n_classes).map(|class| class.to_string()).collect(),
                columns: Vec::new(),
            },
            n_rows,
            features: (0..7).map(feature).collect(),
            numbers: bins.iter().map(|bins| bins.iter().map(number).collect()).collect(),
            bins,
            target,
            weights: (seed % 2 == 1).then(|| (0..n_rows).map(weight).collect()),
        }
    }

    fn axis(name: &str, values: &[Value]) -> Axis {
        Axis { name: name.to_owned(), values: values.to_vec() }
    }

    fn run(
        learner: &dyn Learner,
        data: &Dataset,
        config: &Config,
        features: Option<&[u32]>,
        axes: &[Axis],
    ) -> Result<Fit, Error> {
        let (valid, train): (Vec<u32>, Vec<u32>) =
            (0..data.n_rows as u32).partition(|row| row % 4 == 0);
        let all: Vec<u32> = (0..data.n_features() as u32).collect();
        let input = FitInput {
            data,
            train: &train,
            valid: &valid,
            features: features.unwrap_or(&all),
            metric: metric(if data.task() == TaskKind::Regression { "mse" } else { "log_loss" })
                .expect("it is listed"),
            config,
            seed: 5,
            stop: &NeverStop,
            threads: &ONE_THREAD,
            checkpoints: &crate::NoCheckpoints,
            last_truncation: None,
        };
        sweep::fit(learner, &input, axes)
    }

    fn check(learner: &dyn Learner, data: &Dataset, base: &Config, other: &[Axis]) {
        let ks = [3, 1, 7, 3, 900].map(Value::Int);
        let mut axes = vec![axis(K_BEST, &ks)];
        axes.extend(other.iter().cloned());
        let grid = run(learner, data, base, None, &axes).expect("allowed");
        let train: Vec<u32> = (0..data.n_rows as u32).filter(|row| row % 4 != 0).collect();
        let ranked = rank_features(&FEATURE_SCORES[0], data, &train);
        let points = sweep::points(&axes);
        assert_eq!(grid.model.truncations().len(), points.len());
        for (place, point) in points.iter().enumerate() {
            let features = top_features(&ranked, k(point[0]).expect("a number"));
            let config =
                other.iter().zip(&point[1..]).fold(base.clone(), |config, (axis, value)| {
                    config.with(&axis.name, (*value).clone())
                });
            let alone = run(learner, data, &config, Some(&features), &[]).expect("allowed");
            let [of_grid, of_alone] =
                [&grid.model.truncations()[place], &alone.model.truncations()[0]];
            let what = format!("{} {base:?} {}", learner.name(), of_grid.label);
            assert_eq!(grid.model.part(place), alone.model.part(0), "{what}");
            assert_eq!(of_grid.loss.to_bits(), of_alone.loss.to_bits(), "{what}");
            assert_eq!(of_grid.shape, of_alone.shape, "{what}");
            assert!(of_grid.label.starts_with(&format!("k_best={}", point[0])));
        }
        assert_eq!(
            grid.model.link(),
            run(learner, data, base, None, &[]).expect("ok").model.link()
        );
    }

    #[test]
    fn every_point_is_the_model_of_those_features() {
        for n_classes in [0, 2, 3] {
            for seed in 0..4 {
                let data = data(seed, n_classes);
                for learner in LEARNERS {
                    let config = Config { learner: String::new(), values: Default::default() };
                    let config = match learner.name() {
                        "linear" | "baseline" => config,
                        _ => config.with("n_estimators", 4),
                    };
                    check(*learner, &data, &config, &[]);
                }
            }
        }
    }

    #[test]
    fn penalties_of_a_ridge_are_shared_too() {
        let linear = learner("linear").expect("it is listed");
        let penalties = axis("penalty", &[0.3, 1e-6, 0.01, 0.3].map(Value::Float));
        for seed in 0..20 {
            let data = data(seed, 0);
            for numeric in ["standard", "robust", "quantile_bins"] {
                let config = Config { learner: String::new(), values: Default::default() }
                    .with("numeric", numeric)
                    .with("n_bins", 6);
                check(linear, &data, &config, std::slice::from_ref(&penalties));
            }
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let linear = learner("linear").expect("it is listed");
        let config = Config { learner: String::new(), values: Default::default() };
        let error = |axes: &[Axis]| {
            run(linear, &data(1, 0), &config, None, axes).expect_err("it is wrong").to_string()
        };
        assert!(error(&[axis(K_BEST, &[Value::Int(0)])]).contains("`k_best` is 0"));
        let penalty = axis("penalty", &[Value::Float(-1.0)]);
        assert!(error(&[axis(K_BEST, &[Value::Int(2)]), penalty]).contains("`penalty`"));
    }
}
