//! One fit, many models: every point of a grid of parameters, scored from as few fits as may be.
//!
//! A parameter is *nested* if each of its values is a truncation of the fit with the laxest one.
//! A sweep fits that one and scores every truncation of it, exactly: the truncation is, byte for
//! byte, the model that a fit with those values alone gives.
//!
//! | learner | nested |
//! |---|---|
//! | `random_forest`, `extra_trees` | `n_estimators`, `max_depth`, `min_samples_split`, `min_impurity_decrease`, `max_leaf_nodes`, `ccp_alpha` |
//! | `linear` | `penalty` (ridge regression exactly, other paths to their tolerance) |
//! | all | `k_best`: the ranking is shared, and more for ridge regression ([`crate::prune::k_best`]) |
//! | `boosting` | `n_estimators` (where rates do not depend on it), `max_depth_kept` |
//!
//! Not nested, so that each value is a fit: `min_samples_leaf` (it forbids cuts, so another cut is
//! the best and all below differs), `max_features`, `count_constants`, `criterion`, `bootstrap`,
//! `max_samples` and `leaf_smoothing` (other cuts, rows or values), rates of learning and of
//! sampling (each step depends on them).
//!
//! Randomness is keyed by (seed, tree, path of the node), never by the order of visits: what is cut
//! off changes nothing of what is kept.

mod hints;
mod labelled;
mod many;
mod parse;

use std::collections::BTreeMap;

use eyas_search::{Config, Space, Value};

use crate::error::Error;
use crate::learners::{Fit, FitInput, Learner};
use crate::prune::k_best::{self, K_BEST};

pub(crate) use many::Many;
pub use parse::axis;

/// A parameter and the values that it takes in a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Name of the parameter.
    pub name: String,
    /// Its values; the text `none` is "no limit" where a parameter knows it.
    pub values: Vec<Value>,
}

/// The points of a grid: one value of each axis, the last axis fastest.
pub fn points(axes: &[Axis]) -> Vec<Vec<&Value>> {
    let mut points: Vec<Vec<&Value>> = vec![Vec::new()];
    for axis in axes {
        let longer = |point: &Vec<_>| {
            let point = point.clone();
            axis.values.iter().map(move |value| {
                let mut point = point.clone();
                point.push(value);
                point
            })
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}

/// Points of a grid that one fit serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// What is fitted: the values that are not nested, and all that the grid does not name.
    pub config: Config,
    /// The nested axes; none: the fit as configured.
    pub axes: Vec<Axis>,
    /// The points of the whole grid that it scores, by the order of the points of `axes`.
    pub points: Vec<usize>,
}

/// Deals the points of a grid out to as few fits as may be.
pub fn share(space: &Space, base: &Config, axes: &[Axis]) -> Vec<Shared> {
    let is_nested = |axis: &Axis| {
        space.parameters.iter().any(|parameter| parameter.name == axis.name && parameter.nested)
    };
    let nested: Vec<Axis> = axes.iter().filter(|axis| is_nested(axis)).cloned().collect();
    let mut fits: BTreeMap<Vec<String>, Shared> = BTreeMap::new();
    let mut order = Vec::new();
    for (index, point) in points(axes).into_iter().enumerate() {
        let mut config = base.clone();
        // It chooses features: no learner knows it.
        config.values.remove(K_BEST);
        let mut key = Vec::new();
        for (axis, value) in axes.iter().zip(point).filter(|(axis, _)| !is_nested(axis)) {
            config = config.with(&axis.name, value.clone());
            key.push(value.to_string());
        }
        let shared = fits.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            Shared { config, axes: nested.clone(), points: Vec::new() }
        });
        // Points come in the order of the grid, in which nested axes keep theirs.
        shared.points.push(index);
    }
    order.iter().filter_map(|key| fits.remove(key)).collect()
}

/// Fits once and scores every point of nested axes, in their order: `truncations()[i]` of the
/// model is point `i`.
///
/// # Errors
/// A parameter that is out of its range, or an axis that is not nested.
pub fn fit(learner: &dyn Learner, input: &FitInput<'_>, axes: &[Axis]) -> Result<Fit, Error> {
    if axes.iter().any(|axis| axis.name == K_BEST) {
        return k_best::fit(learner, input, axes);
    }
    match learner.fit_grid(input, axes) {
        Some(fit) => fit,
        None => labelled::fit(learner, input, axes),
    }
}

/// Losses of the points of nested axes by leave-one-out, see [`Learner::leave_one_out`].
///
/// # Errors
/// The learner, or its configuration, takes a fit a row; a parameter out of its range.
pub fn leave_one_out(
    learner: &dyn Learner,
    input: &FitInput<'_>,
    axes: &[Axis],
) -> Result<Vec<f64>, Error> {
    learner.leave_one_out(input, axes).unwrap_or_else(|| {
        let name = learner.name();
        Err(Error::Task(format!(
            "leave-one-out would take `{name}` a fit for each row; take folds instead, or the \
             learner `linear`"
        )))
    })
}
