//! Random forests.

use eyas_model::{Shape, TaskKind};
use eyas_search::{Config, Space};

use super::growing::estimate;
use super::growing::nested;
use super::growing::settings::Kind;
use super::{Fit, FitInput, Learner};
use crate::error::Error;
use crate::sweep::Axis;
use crate::task::Facts;

/// The mean of trees, each grown on its own bootstrap of the rows, each node by the best cut of a
/// random share of the features.
///
/// - A leaf holds class shares (binary: the share of class 1) or the mean target, with
///   `leaf_smoothing` rows like the parent mixed in at every node from the root down
///   (hierarchical shrinkage). It keeps shares away from 0, which log loss needs.
/// - Missing values go to the side where they lower the loss more; in nodes that saw none, to the
///   heavier side. Levels of categories are ordered by the target once a fit, and cut like numbers.
/// - Weights multiply the number of times that a row was drawn; rows of weight 0 are left out.
///   `min_samples_leaf` and `min_samples_split` count distinct rows.
/// - Every number of trees and every depth of a fixed grid is a truncation, scored exactly; they
///   are listed by number of trees, then by depth.
/// - A fit that is stopped drops its unfinished tree, and keeps grid points that are complete.
#[derive(Debug, Clone, Copy)]
pub struct RandomForest;

const KIND: Kind = Kind {
    name: "random_forest",
    random_thresholds: false,
    bootstrap: true,
    max_features: "sqrt",
    max_features_regression: "0.5",
};

impl Learner for RandomForest {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Breiman 2001, Random forests, doi:10.1023/A:1010933404324",
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
                default().with("max_features", "1.0").with("min_samples_leaf", 3),
                default().with("max_features", "0.3").with("leaf_smoothing", 1.0),
                default().with("max_features", "0.7").with("min_samples_leaf", 5),
            ];
        }
        vec![
            default(),
            default().with("leaf_smoothing", 5.0),
            default().with("max_features", "0.5").with("min_samples_leaf", 2),
            default().with("max_features", "0.3").with("min_samples_leaf", 5),
            default().with("max_features", "1.0").with("criterion", "entropy"),
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
