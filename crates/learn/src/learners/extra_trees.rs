//! Extremely randomised trees.

use eyas_model::{Shape, TaskKind};
use eyas_search::{Config, Space};

use super::growing::estimate;
use super::growing::nested;
use super::growing::settings::Kind;
use super::{Fit, FitInput, Learner};
use crate::error::Error;
use crate::sweep::Axis;
use crate::task::Facts;

/// The mean of trees that are grown on all rows, each node by the best of a few cuts: one a
/// feature, at a random threshold.
///
/// Thresholds are uniform over the bins between the smallest and the largest that the node holds
/// (over ranks of levels for categories). All else is as in [`super::forest::RandomForest`].
#[derive(Debug, Clone, Copy)]
pub struct ExtraTrees;

const KIND: Kind = Kind {
    name: "extra_trees",
    random_thresholds: true,
    bootstrap: false,
    max_features: "sqrt",
    max_features_regression: "0.7",
};

impl Learner for ExtraTrees {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Geurts, Ernst, Wehenkel 2006, Extremely randomized trees, \
             doi:10.1007/s10994-006-6226-1",
            "Agarwal, Tan, Ronen, Singh, Yu 2022, Hierarchical shrinkage, arXiv:2202.00858",
            "Coppersmith, Hong, Hosking 1999, Partitioning nominal attributes in decision trees, \
             doi:10.1023/A:1009869804967",
        ]
    }

    fn space(&self, facts: &Facts) -> Space {
        KIND.space(facts)
    }

    fn portfolio(&self, facts: &Facts) -> Vec<Config> {
        let default = || self.space(facts).default_config();
        if facts.kind == TaskKind::Regression {
            return vec![
                default(),
                default().with("max_features", "1.0").with("min_samples_leaf", 2),
                default().with("max_features", "0.3"),
                default().with("max_features", "1.0").with("min_samples_leaf", 5),
            ];
        }
        vec![
            default(),
            default().with("leaf_smoothing", 5.0),
            default().with("max_features", "1.0").with("min_samples_leaf", 2),
            default().with("max_features", "0.5").with("min_samples_leaf", 5),
        ]
    }

    fn work(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::work(facts, &KIND.settings_or_default(facts, config))
    }

    fn cheapest_shape(&self, facts: &Facts, config: &Config) -> Shape {
        estimate::cheapest_shape(facts, &KIND.settings_or_default(facts, config))
    }

    fn memory_bytes(&self, facts: &Facts, config: &Config) -> u64 {
        estimate::memory_bytes(facts, &KIND.settings_or_default(facts, config))
    }

    fn fit(&self, input: &FitInput<'_>) -> Result<Fit, Error> {
        let settings = KIND.settings(&estimate::facts(input), input.config)?;
        nested::fit(input, &settings)
    }

    fn grid_space(&self, facts: &Facts) -> Space {
        KIND.grid_space(facts)
    }

    fn fit_grid(&self, input: &FitInput<'_>, axes: &[Axis]) -> Option<Result<Fit, Error>> {
        let settings = KIND.settings(&estimate::facts(input), input.config);
        Some(settings.and_then(|settings| nested::fit_grid(input, &settings, axes)))
    }
}
