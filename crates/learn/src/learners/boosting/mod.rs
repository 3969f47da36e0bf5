//! Gradient boosting of decision trees on histograms.
//!
//! ```text
//! scores -> gradients -> whole numbers -> histograms -> splits -> tree -> leaf values -> scores
//! ```
//!
//! Each round fits a tree (one a class, or one with vector leaves) to the gradients of the loss and
//! adds its values times the learning rate. Missing values go to the side that gains more;
//! categories are split by sets of levels. Sums in histograms are exact whole numbers, so a fit
//! depends neither on the order of rows nor on the order of additions; leaf values are computed
//! from unrounded gradients.
//!
//! References: Friedman 2001, doi:10.1214/aos/1013203451; Chen, Guestrin 2016,
//! doi:10.1145/2939672.2939785; Ke et al. 2017, LightGBM, NeurIPS 30.

mod binned;
mod constraints;
mod depth;
mod draws;
mod estimate;
mod fit;
mod goss;
mod gradients;
mod ground;
mod grow;
mod leaf;
mod levels;
mod meter;
mod model;
mod objective;
mod oblivious;
mod parameters;
mod portfolio;
mod rate;
mod reuse;
mod route;
mod sample;
mod split;
mod sums;
mod sweep;
mod threshold;
mod validation;
mod values;

#[cfg(test)]
mod constraint_tests;
#[cfg(test)]
mod depth_tests;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod tests;

use eyas_model::Shape;
use eyas_search::{Config, Space};

use crate::error::Error;
use crate::learners::{Fit, FitInput, Learner};
use crate::sweep::Axis;
use crate::task::Facts;
use parameters::Parameters;

/// Gradient boosting.
#[derive(Debug, Clone, Copy)]
pub struct Boosting;

impl Learner for Boosting {
    fn name(&self) -> &'static str {
        parameters::NAME
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Friedman 2001, Greedy function approximation: a gradient boosting machine, \
             doi:10.1214/aos/1013203451",
            "Chen, Guestrin 2016, XGBoost: A Scalable Tree Boosting System, \
             doi:10.1145/2939672.2939785",
            "Ke et al. 2017, LightGBM: A Highly Efficient Gradient Boosting Decision Tree, \
             NeurIPS 30",
        ]
    }

    fn space(&self, facts: &Facts) -> Space {
        parameters::space(facts)
    }

    fn portfolio(&self, facts: &Facts) -> Vec<Config> {
        portfolio::portfolio(facts)
    }

    fn work(&self, facts: &Facts, config: &Config) -> u64 {
        priced(facts, config, estimate::work)
    }

    fn cheapest_shape(&self, facts: &Facts, config: &Config) -> Shape {
        priced(facts, config, estimate::cheapest_shape)
    }

    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64 {
        priced(facts, config, estimate::memory_bytes)
    }

    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error> {
        let facts = input.data.facts(input.train.len());
        let parameters = Parameters::read(input.config, &facts)?;
        fit::fit(input, &parameters)
    }

    fn grid_space(&self, facts: &Facts) -> Space {
        parameters::grid_space(facts)
    }

    fn fit_grid(&self, input: &FitInput<'_>, axes: &[Axis]) -> Option<Result<Fit, Error>> {
        sweep::fit(input, axes)
    }
}

/// A price of a configuration; one that is not allowed costs as the default does, its error comes
/// from the fit.
fn priced<T>(facts: &Facts, config: &Config, price: fn(&Facts, &Parameters) -> T) -> T {
    let parameters = Parameters::read(config, facts)
        .or_else(|_| Parameters::read(&parameters::space(facts).default_config(), facts));
    price(facts, &parameters.expect("the default configuration is allowed"))
}
