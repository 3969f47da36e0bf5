//! All penalties of a grid from one path.
//!
//! Ridge regression solves each penalty by itself from one decomposition: its points are the models
//! trained alone, byte for byte. All else goes from the strongest penalty to the weakest, each from
//! the weights of the one before, up to the same tolerance: points are near the models alone.

use eyas_model::{Link, Part};

use super::options::Options;
use crate::error::Error;
use crate::learners::{Fit, FitInput, FittedModel, Truncation};
use crate::sweep::Axis;

/// Fits the penalties of the only axis; `None` if there are others.
pub(super) fn fit(input: &FitInput<'_>, axes: &[Axis]) -> Option<Result<Fit, Error>> {
    match axes {
        [axis] if axis.name == "penalty" => Some(fit_penalties(input, axes)),
        _ => None,
    }
}

fn fit_penalties(input: &FitInput<'_>, axes: &[Axis]) -> Result<Fit, Error> {
    let penalties = Penalties::read(input, axes)?;
    let made = super::fit(input, &penalties.options);
    Ok(penalties.points(made))
}

/// The penalties of the points of a grid.
pub(super) struct Penalties {
    /// With the distinct penalties, strongest first.
    pub options: Options,
    /// The penalty of each point.
    wanted: Vec<f64>,
}

impl Penalties {
    /// The penalties of the only axis; without one it is the configured penalty.
    ///
    /// # Errors
    /// A parameter that is out of its domain.
    pub fn read(input: &FitInput<'_>, axes: &[Axis]) -> Result<Penalties, Error> {
        let mut wanted = Vec::new();
        for point in crate::sweep::points(axes) {
            let value = point.first().map(|&value| value.clone());
            let config = value.into_iter().fold(input.config.clone(), |c, v| c.with("penalty", v));
            let path = Options::new(&config)?.penalties;
            wanted.push(*path.last().expect("a path has an end"));
        }
        let mut options = Options::new(input.config)?;
        options.penalties.clone_from(&wanted);
        options.penalties.sort_by(|a, b| b.total_cmp(a));
        options.penalties.dedup();
        Ok(Penalties { options, wanted })
    }

    /// The points, from a fit of these options.
    pub fn points(&self, made: Fit) -> Fit {
        let place =
            |penalty: &f64| self.options.penalties.iter().position(|other| other == penalty);
        let reached = made.model.truncations().len() - 1;
        let at = |penalty| place(penalty).unwrap_or(reached).min(reached);
        let places: Vec<usize> = self.wanted.iter().map(at).collect();
        let truncations =
            places.iter().map(|&place| made.model.truncations()[place].clone()).collect();
        let stopped = made.stopped;
        let model = Points { model: made.model, places, truncations };
        Fit { model: Box::new(model), stopped }
    }
}

/// The points of a grid on a path.
#[derive(Debug)]
struct Points {
    model: Box<dyn FittedModel>,
    /// Truncation of each point.
    places: Vec<usize>,
    truncations: Vec<Truncation>,
}

impl FittedModel for Points {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        self.model.part(self.places[truncation])
    }

    fn link(&self) -> Link {
        self.model.link()
    }
}

#[cfg(test)]
mod tests {
    use eyas_search::{Config, Value};

    use super::*;
    use crate::learners::growing::fixtures::{SQUARES, random};
    use crate::learners::linear::LinearModel;
    use crate::learners::{Learner, NeverStop};
    use crate::sweep;

    #[test]
    fn every_penalty_of_a_ridge_is_the_model_trained_alone() {
        let values = [0.3, 1e-5, 2.0, 0.01, 0.3].map(Value::Float).to_vec();
        let axes = [Axis { name: "penalty".to_owned(), values: values.clone() }];
        for seed in 0..20 {
            let data = random(seed, 200, 0);
            let rows: Vec<u32> = (0..150).collect();
            let valid: Vec<u32> = (150..200).collect();
            let fit = |config: &Config, axes: Option<&[Axis]>| {
                let input = FitInput {
                    data: &data,
                    train: &rows,
                    valid: &valid,
                    features: &[0, 1, 2, 3],
                    metric: &SQUARES,
                    config,
                    seed,
                    stop: &NeverStop,
                    threads: &crate::ONE_THREAD,
                    last_truncation: None,
                    checkpoints: &crate::NoCheckpoints,
                };
                let fit = match axes {
                    Some(axes) => sweep::fit(&LinearModel, &input, axes),
                    None => LinearModel.fit(&input),
                };
                fit.expect("the configuration is valid")
            };
            let none = Config { learner: String::new(), values: Default::default() };
            let grid = fit(&none, Some(&axes));
            for (place, value) in values.iter().enumerate() {
                let alone = fit(&none.clone().with("penalty", value.clone()), None);
                let last = alone.model.truncations().len() - 1;
                assert_eq!(grid.model.part(place), alone.model.part(last), "penalty {value}");
                let [a, b] = [&grid.model.truncations()[place], &alone.model.truncations()[last]];
                assert_eq!(a, b);
            }
        }
    }
}
