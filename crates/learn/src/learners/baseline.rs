//! The constant model: class shares, or the mean of the target.
//!
//! The first model that a run has, and the one that every other must beat.

use eyas_model::{Link, Part, Shape};
use eyas_search::{Config, Domain, Parameter, Space, Value};

use super::growing::validation::Validation;
use super::{Fit, FitInput, FittedModel, Learner, Truncation};
use crate::dataset::{Dataset, Target};
use crate::error::Error;
use crate::task::Facts;
use eyas_model::TaskKind;

/// Predicts the same for every row: the weighted class shares, or the weighted mean or median of
/// the target.
///
/// Rows without weight count for nothing; where all rows are so, all count alike. A fit costs one
/// pass over the target (the median sorts it) and asks `stop` once.
#[derive(Debug, Clone, Copy)]
pub struct Baseline;

const STATISTICS: &[&str] = &["mean", "median"];

impl Learner for Baseline {
    fn name(&self) -> &'static str {
        "baseline"
    }

    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    fn space(&self, facts: &Facts) -> Space {
        let statistic = Parameter {
            name: "statistic",
            domain: Domain::Category(STATISTICS),
            default: Value::from("mean"),
            nested: false,
            when: None,
            help: "what is predicted for every row",
        };
        let regression = facts.kind == TaskKind::Regression;
        let parameters = if regression { vec![statistic] } else { Vec::new() };
        Space { learner: self.name(), parameters, forbidden: Vec::new() }
    }

    fn portfolio(&self, facts: &Facts) -> Vec<Config> {
        vec![self.space(facts).default_config()]
    }

    fn work(&self, facts: &Facts, _config: &Config) -> u64 {
        facts.n_rows as u64
    }

    fn cheapest_shape(&self, facts: &Facts, _config: &Config) -> Shape {
        shape(facts.n_outputs)
    }

    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64 {
        let per_row = if config.text("statistic") == Some("median") { 16 } else { 0 };
        (facts.n_rows * per_row + facts.n_outputs * 8) as u64
    }

    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error> {
        let values = constant(input)?;
        let stopped = input.stop.spent(input.train.len() as u64);
        let validation = Validation::new(input);
        let predictions = values.repeat(input.valid.len());
        let loss = validation.loss(&predictions);
        let shape = shape(values.len());
        let truncations = vec![Truncation { label: "constant".to_owned(), loss, shape }];
        Ok(Fit { model: Box::new(Constant { values, truncations }), stopped })
    }
}

fn shape(n_outputs: usize) -> Shape {
    let bytes = (n_outputs * 8) as f64;
    Shape { bytes, file_bytes: bytes, ..Shape::default() }
}

#[derive(Debug)]
struct Constant {
    values: Vec<f64>,
    truncations: Vec<Truncation>,
}

impl FittedModel for Constant {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, _truncation: usize) -> Part {
        Part::Constant(self.values.clone())
    }

    fn link(&self) -> Link {
        Link::Identity
    }
}

fn constant(input: &FitInput<'_>) -> Result<Vec<f64>, Error> {
    let statistic = input.config.values.get("statistic");
    let median = match input.config.text("statistic") {
        Some("median") => true,
        Some("mean") => false,
        None if statistic.is_none() => false,
        _ => {
            return Err(Error::Parameter {
                name: "statistic".to_owned(),
                value: format!("{statistic:?}"),
                expected: "it must be `mean` or `median`".to_owned(),
            });
        }
    };
    if let (Target::Numbers(numbers), true) = (&input.data.target, median) {
        return Ok(vec![weighted_median(input.data, numbers, input.train)]);
    }
    Ok(prior(input.data, input.train))
}

/// Weighted class shares `(n_classes,)`, for binary tasks that of class 1 `(1,)`, or the weighted
/// mean of the target `(1,)`; without any weight, of all rows alike; without rows, equal shares or 0.
pub(super) fn prior(data: &Dataset, rows: &[u32]) -> Vec<f64> {
    let total: f64 = rows.iter().map(|&row| data.weight(row as usize)).sum();
    let weight = |row: usize| if total > 0.0 { data.weight(row) } else { 1.0 };
    let total = if total > 0.0 { total } else { rows.len() as f64 };
    match &data.target {
        Target::Numbers(numbers) => {
            let sum: f64 = rows.iter().map(|&r| weight(r as usize) * numbers[r as usize]).sum();
            vec![if rows.is_empty() { 0.0 } else { sum / total }]
        }
        Target::Classes(classes) => {
            let n_classes = data.n_outputs().max(2);
            let mut shares = vec![0.0; n_classes];
            rows.iter().for_each(|&r| shares[classes[r as usize] as usize] += weight(r as usize));
            let share = |count: f64| count / total;
            let equal = 1.0 / n_classes as f64;
            shares.iter_mut().for_each(|s| *s = if rows.is_empty() { equal } else { share(*s) });
            if data.n_outputs() == 1 { vec![shares[1]] } else { shares }
        }
    }
}

/// The smallest value with at least half of the weight at or below it; 0 without rows.
fn weighted_median(data: &Dataset, numbers: &[f64], rows: &[u32]) -> f64 {
    let total: f64 = rows.iter().map(|&row| data.weight(row as usize)).sum();
    let weight = |row: u32| if total > 0.0 { data.weight(row as usize) } else { 1.0 };
    let half = 0.5 * if total > 0.0 { total } else { rows.len() as f64 };
    let mut sorted: Vec<(f64, f64)> =
        rows.iter().map(|&row| (numbers[row as usize], weight(row))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0.0;
    for &(value, weight) in &sorted {
        below += weight;
        if below >= half && weight > 0.0 {
            return value;
        }
    }
    sorted.last().map_or(0.0, |last| last.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learners::NeverStop;
    use crate::learners::growing::fixtures::{SQUARES, dataset};

    /// The constant for a target, with weights.
    fn fitted(target: Target, n_classes: usize, weights: &[f64], statistic: &str) -> Vec<f64> {
        let n_rows = weights.len();
        let mut data = dataset(vec![vec![1; n_rows]], &[0], target, n_classes);
        data.weights = Some(weights.to_vec());
        let rows: Vec<u32> = (0..n_rows as u32).collect();
        let config = Config { learner: String::new(), values: Default::default() }
            .with("statistic", statistic);
        let input = FitInput {
            data: &data,
            train: &rows,
            valid: &rows,
            features: &[],
            metric: &SQUARES,
            config: &config,
            seed: 0,
            stop: &NeverStop,
            threads: &crate::ONE_THREAD,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        };
        let fit = Baseline.fit(&input).expect("the configuration is valid");
        let Part::Constant(values) = fit.model.part(0) else { panic!("it is constant") };
        values
    }

    #[test]
    fn numbers_have_a_mean_and_a_median() {
        let numbers = || Target::Numbers(vec![1.0, 2.0, 10.0, 7.0]);
        assert_eq!(fitted(numbers(), 0, &[1.0; 4], "mean"), [5.0]);
        assert_eq!(fitted(numbers(), 0, &[1.0, 1.0, 0.0, 2.0], "mean"), [4.25]);
        assert_eq!(fitted(numbers(), 0, &[1.0; 4], "median"), [2.0]);
        assert_eq!(fitted(numbers(), 0, &[1.0, 1.0, 5.0, 1.0], "median"), [10.0]);
        assert_eq!(fitted(numbers(), 0, &[0.0; 4], "mean"), [5.0]);
        assert_eq!(fitted(numbers(), 0, &[0.0; 4], "median"), [2.0]);
        assert_eq!(fitted(Target::Numbers(Vec::new()), 0, &[], "mean"), [0.0]);
    }

    #[test]
    fn classes_have_shares() {
        let classes = || Target::Classes(vec![0, 1, 1, 0]);
        assert_eq!(fitted(classes(), 2, &[1.0, 2.0, 4.0, 1.0], "mean"), [0.75]);
        assert_eq!(fitted(classes(), 3, &[1.0; 4], "mean"), [0.5, 0.5, 0.0]);
        assert_eq!(fitted(Target::Classes(Vec::new()), 2, &[], "mean"), [0.5]);
    }

    #[test]
    fn the_loss_is_that_of_the_constant() {
        let data = dataset(vec![vec![1; 4]], &[0], Target::Numbers(vec![0.0, 2.0, 5.0, 9.0]), 0);
        let config = Config { learner: String::new(), values: Default::default() };
        let input = FitInput {
            data: &data,
            train: &[0, 1],
            valid: &[2, 3],
            features: &[],
            metric: &SQUARES,
            config: &config,
            seed: 0,
            stop: &NeverStop,
            threads: &crate::ONE_THREAD,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        };
        let fit = Baseline.fit(&input).expect("the configuration is valid");
        assert_eq!(fit.model.truncations()[0].loss, 40.0);
        let unscored = Baseline.fit(&FitInput { valid: &[], ..input }).expect("it is valid");
        assert!(unscored.model.truncations()[0].loss.is_nan());
        let wrong = config.clone().with("statistic", "mode");
        let error = Baseline.fit(&FitInput { config: &wrong, ..input }).expect_err("no such one");
        assert!(error.to_string().contains("statistic"), "{error}");
    }
}
