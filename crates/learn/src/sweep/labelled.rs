//! Learners whose own truncations name one nested parameter, as `n_estimators=120`.

use eyas_search::Value;

use super::Axis;
use super::many::Points;
use crate::error::Error;
use crate::learners::{Fit, FitInput, Learner, Truncation};

/// Fits with the largest values; what this does not score is fitted by itself.
pub(super) fn fit(
    learner: &dyn Learner,
    input: &FitInput<'_>,
    axes: &[Axis],
) -> Result<Fit, Error> {
    let mut points = Points::default();
    let mut stopped = false;
    for point in super::points(axes) {
        let config = axes.iter().zip(&point).fold(input.config.clone(), |config, (axis, value)| {
            config.with(&axis.name, (*value).clone())
        });
        let label = axes.iter().zip(&point).map(|(axis, value)| format!("{}={value}", axis.name));
        let label = label.collect::<Vec<_>>().join(" ");
        if points.add_scored(&label) {
            continue;
        }
        let laxest = laxest(axes).filter(|_| points.fits.is_empty());
        if let Some(axis) = laxest {
            let config = config.clone().with(&axis.0, axis.1.clone());
            let fit = learner.fit(&FitInput { config: &config, ..*input })?;
            stopped |= fit.stopped;
            points.fits.push(fit);
            if points.add_scored(&label) {
                continue;
            }
        }
        let fit = learner.fit(&FitInput { config: &config, ..*input })?;
        stopped |= fit.stopped;
        points.add_last(fit, label);
    }
    Ok(Fit { model: Box::new(points), stopped })
}

/// The largest number of the only axis: the fit whose truncations may be the others.
fn laxest(axes: &[Axis]) -> Option<(String, Value)> {
    let [Axis { name, values }] = axes else { return None };
    let number = |value: &Value| match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    let largest = values.iter().filter(|value| number(value).is_some()).max_by(|a, b| {
        let [a, b] = [a, b].map(|value| number(value).unwrap_or(f64::NAN));
        a.total_cmp(&b)
    });
    largest.map(|value| (name.clone(), value.clone()))
}

impl Points {
    /// Adds a point that a fit made before has scored, if one has.
    fn add_scored(&mut self, label: &str) -> bool {
        for (fit, made) in self.fits.iter().enumerate() {
            let truncations = made.model.truncations();
            if let Some(place) = truncations.iter().position(|made| made.label == label) {
                self.places.push((fit, place));
                self.truncations.push(truncations[place].clone());
                return true;
            }
        }
        false
    }

    /// Adds the last truncation of a fit.
    fn add_last(&mut self, fit: Fit, label: String) {
        let truncations = fit.model.truncations();
        let last = truncations.len() - 1;
        self.places.push((self.fits.len(), last));
        self.truncations.push(Truncation { label, ..truncations[last].clone() });
        self.fits.push(fit);
    }
}
