//! Linear and logistic models: a fit gives the whole path over the penalty.
//!
//! ```text
//! Dataset --columns--> Design --path--> weights of all penalties --fitted--> truncations
//!          (scaling)            ridge | quasi_newton | proximal_newton | proximal_gradient | sgd
//! ```

use eyas_model::{Link, Shape, TaskKind};
use eyas_search::{Config, Space};

use super::{Fit, FitInput, Learner};
use crate::dataset::Target;
use crate::error::Error;
use crate::sweep::Axis;
use crate::task::Facts;

mod cholesky;
mod columns;
mod curvature;
mod design;
mod estimate;
mod exponential;
mod feature_sets;
mod fitted;
mod grid;
mod leave_one_out;
mod objective;
mod options;
mod path;
mod proximal_gradient;
mod proximal_newton;
mod quasi_newton;
mod ridge;
mod scaling;
mod sgd;
#[cfg(test)]
mod tests;
mod tridiagonal;

use columns::Columns;
use fitted::Fitted;
use objective::{Loss, Problem};
use options::Options;

/// Ridge regression, logistic and multinomial regression, with elastic net.
///
/// Minimises the mean loss plus `penalty * ((1 - l1_ratio) / 2 |w|^2 + l1_ratio |w|_1)` over a path
/// of penalties, strongest first. Numbers are scaled or become step functions, categories one
/// weight a level; a missing value has a weight of its own, an unseen level has weight 0, which is
/// the mean of the weights of a feature. Regression targets are standardised.
#[derive(Debug, Clone, Copy)]
pub struct LinearModel;

impl Learner for LinearModel {
    fn name(&self) -> &'static str {
        options::NAME
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Hoerl, A.; Kennard, R. (1970). Ridge regression: biased estimation for nonorthogonal problems. doi:10.1080/00401706.1970.10488634",
            "Zou, H.; Hastie, T. (2005). Regularization and variable selection via the elastic net. doi:10.1111/j.1467-9868.2005.00503.x",
            "Golub, G.; Heath, M.; Wahba, G. (1979). Generalized cross-validation as a method for choosing a good ridge parameter. doi:10.1080/00401706.1979.10489751",
            "Friedman, J.; Hastie, T.; Tibshirani, R. (2010). Regularization paths for generalized linear models via coordinate descent. doi:10.18637/jss.v033.i01",
        ]
    }

    fn space(&self, _facts: &Facts) -> Space {
        options::space()
    }

    fn portfolio(&self, facts: &Facts) -> Vec<Config> {
        let default = options::space().default_config();
        let elastic = default.clone().with("regularizer", "elastic_net");
        let mut portfolio = vec![default.clone()];
        if facts.n_features > facts.n_categorical {
            portfolio.push(default.clone().with("numeric", "quantile_bins"));
            portfolio.push(default.with("numeric", "robust"));
        }
        portfolio.push(elastic);
        portfolio
    }

    fn work(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::work(facts, config)
    }

    fn cheapest_shape(&self, facts: &Facts, config: &Config) -> Shape {
        estimate::cheapest_shape(facts, config)
    }

    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::memory_bytes(facts, config)
    }

    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error> {
        let mut options = Options::new(input.config)?;
        options.penalties.truncate(input.last_truncation.map_or(usize::MAX, |last| last + 1));
        Ok(fit(input, &options))
    }

    fn fit_grid(&self, input: &FitInput<'_>, axes: &[Axis]) -> Option<Result<Fit, Error>> {
        grid::fit(input, axes)
    }

    fn fit_feature_sets(
        &self,
        input: &FitInput<'_>,
        sets: &[Vec<u32>],
        axes: &[Axis],
    ) -> Option<Result<Vec<Fit>, Error>> {
        feature_sets::fit(input, sets, axes)
    }

    fn leave_one_out(
        &self,
        input: &FitInput<'_>,
        axes: &[Axis],
    ) -> Option<Result<Vec<f64>, Error>> {
        Some(leave_one_out::losses(input, axes))
    }
}

/// Fits the whole path of the options.
fn fit(input: &FitInput<'_>, options: &Options) -> Fit {
    let columns = Columns::new(input.data, input.train, input.features, options.numeric);
    let (problem, rescale) = problem(input, &columns);
    let path = path::find(&problem, options, input.seed, input.stop);
    drop(problem);
    let mut fitted = Fitted {
        columns,
        path: path.weights,
        n_outputs: input.data.n_outputs(),
        link: link(input.data.task()),
        rescale,
        truncations: Vec::new(),
        steps: path.steps,
    };
    fitted.score(input, &options.penalties);
    Fit { model: Box::new(fitted), stopped: path.stopped }
}

fn link(kind: TaskKind) -> Link {
    match kind {
        TaskKind::Regression => Link::Identity,
        TaskKind::Binary => Link::Logistic,
        TaskKind::Multiclass => Link::Softmax,
    }
}

/// The training rows, and factor and offset from their standardised targets back to numbers.
fn problem(input: &FitInput<'_>, columns: &Columns) -> (Problem, (f64, f64)) {
    let rows = || input.train.iter().map(|&row| row as usize);
    let mut weights: Vec<f64> = rows().map(|row| input.data.weight(row)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total.max(f64::MIN_POSITIVE));
    let (targets, rescale) = match &input.data.target {
        Target::Numbers(values) => standardised(rows().map(|row| values[row]).collect(), &weights),
        Target::Classes(classes) => {
            (rows().map(|row| f64::from(classes[row])).collect(), (1.0, 0.0))
        }
    };
    let loss = match input.data.task() {
        TaskKind::Regression => Loss::Squared,
        TaskKind::Binary => Loss::Logistic,
        TaskKind::Multiclass => Loss::Softmax,
    };
    let design = columns.encode(input.data, input.train);
    let n_outputs = input.data.n_outputs();
    let tolerance = path::tolerance(design.n_rows);
    (Problem { design, targets, weights, loss, n_outputs, tolerance }, rescale)
}

/// Targets of mean 0 and variance 1 (or 0), and the way back.
fn standardised(mut values: Vec<f64>, weights: &[f64]) -> (Vec<f64>, (f64, f64)) {
    let mean: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    let squares = values.iter().zip(weights).map(|(value, weight)| weight * (value - mean).powi(2));
    let deviation = squares.sum::<f64>().sqrt();
    // Rounding alone makes a constant target vary by this much.
    let usable = deviation > 1e-12 * mean.abs() && deviation.is_finite();
    let factor = if usable { deviation } else { 1.0 };
    for value in &mut values {
        *value = if usable { (*value - mean) / factor } else { 0.0 };
    }
    (values, (factor, mean))
}
