//! Which truncations of a forest are scored.

use eyas_search::Value;

use super::limits::Limits;
use super::settings::Settings;
use crate::error::Error;
use crate::sweep::Axis;

/// Depths that are scored, besides the largest.
const DEPTHS: [usize; 6] = [4, 6, 8, 10, 12, 16];
/// Numbers of trees that are scored, besides the largest; with [`DEPTHS`] at most 49 losses.
const TREES: [usize; 6] = [1, 4, 8, 16, 32, 64];

/// One truncation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::learners) struct Point {
    /// Trees.
    pub n_trees: usize,
    /// Index in [`Plan::limits`].
    pub limits: usize,
    /// Its name.
    pub label: String,
}

/// The truncations of a fit.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::learners) struct Plan {
    /// Distinct limits of trees.
    pub limits: Vec<Limits>,
    /// The truncations.
    pub points: Vec<Point>,
    /// Whether `points` go by number of trees: of a fit that ends early those before are kept.
    pub ascending: bool,
}

/// The grid of one parameter: `steps` below `largest`, and `largest`.
fn grid(steps: &[usize], largest: usize) -> Vec<usize> {
    steps.iter().copied().filter(|&step| step < largest).chain([largest]).collect()
}

impl Plan {
    /// What a trial scores: some numbers of trees and some depths.
    pub fn of_trial(settings: &Settings, last_truncation: Option<usize>) -> Plan {
        let depth = |max_depth| Limits { max_depth, ..settings.limits };
        let limits: Vec<Limits> =
            grid(&DEPTHS, settings.limits.max_depth).into_iter().map(depth).collect();
        let mut points = Vec::new();
        for n_trees in grid(&TREES, settings.n_estimators) {
            for (place, limits) in limits.iter().enumerate() {
                let label = format!("n_estimators={n_trees} max_depth={}", limits.max_depth);
                points.push(Point { n_trees, limits: place, label });
            }
        }
        let n_wanted = last_truncation.map_or(usize::MAX, |last| last / limits.len() + 1);
        points.truncate(n_wanted.saturating_mul(limits.len()));
        Plan { limits, points, ascending: true }
    }

    /// Every point of a grid, in its order; what the axes do not name is as `settings` say.
    ///
    /// # Errors
    /// An axis or a value that is none of the nested ones.
    pub fn of_grid(settings: &Settings, axes: &[Axis]) -> Result<Plan, Error> {
        let mut plan = Plan { limits: Vec::new(), points: Vec::new(), ascending: false };
        for values in crate::sweep::points(axes) {
            let (mut n_trees, mut limits) = (settings.n_estimators, settings.limits);
            let mut label = Vec::new();
            for (axis, value) in axes.iter().zip(values) {
                set(&axis.name, value, &mut n_trees, &mut limits)?;
                label.push(format!("{}={value}", axis.name));
            }
            let known = plan.limits.iter().position(|other| *other == limits);
            let place = known.unwrap_or_else(|| {
                plan.limits.push(limits);
                plan.limits.len() - 1
            });
            plan.points.push(Point { n_trees, limits: place, label: label.join(" ") });
        }
        Ok(plan)
    }

    /// Numbers of trees where something is scored, ascending.
    pub fn steps(&self) -> Vec<usize> {
        let mut steps: Vec<usize> = self.points.iter().map(|point| point.n_trees).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

fn set(name: &str, value: &Value, n_trees: &mut usize, limits: &mut Limits) -> Result<(), Error> {
    let wrong = || Error::Parameter {
        name: name.to_owned(),
        value: value.to_string(),
        expected: "it is no value of a nested parameter".to_owned(),
    };
    let none = matches!(value, Value::Text(text) if text == "none");
    let float = match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ if none => f64::INFINITY,
        _ => return Err(wrong()),
    };
    // Casts saturate: no limit is the largest number.
    match name {
        "n_estimators" if float >= 1.0 && !none => *n_trees = float as usize,
        "max_depth" if float >= 1.0 => limits.max_depth = float as usize,
        "min_samples_split" if float >= 2.0 && !none => limits.min_samples_split = float as usize,
        "min_impurity_decrease" if float >= 0.0 && !none => limits.min_impurity_decrease = float,
        "max_leaf_nodes" if float >= 2.0 => limits.max_leaf_nodes = float as usize,
        "ccp_alpha" if float >= 0.0 && !none => limits.ccp_alpha = float,
        _ => return Err(wrong()),
    }
    Ok(())
}
