//! Grids of rounds and depths from few fits.
//!
//! A fit of more rounds goes through fewer ones as long as their rates are the same: where a schedule
//! knows its end, or the rate follows from the number of rounds, each number of rounds is a fit.

use eyas_search::{Config, Value};

use super::depth::Cut;
use super::fit::fit_cuts;
use super::model::{Boosted, grid};
use super::parameters::{MAX_DEPTH_KEPT, Parameters};
use super::rate::Rate;
use crate::error::Error;
use crate::learners::{Fit, FitInput};
use crate::sweep::{Axis, Many, points};

/// Fits once for all rounds and depths of the axes; `None` if there are others.
pub(super) fn fit(input: &FitInput<'_>, axes: &[Axis]) -> Option<Result<Fit, Error>> {
    let known = |axis: &Axis| axis.name == "n_estimators" || axis.name == MAX_DEPTH_KEPT;
    (!axes.is_empty() && axes.iter().all(known)).then(|| fit_points(input, axes))
}

/// A point of the grid.
struct Point {
    parameters: Parameters,
    label: String,
}

fn fit_points(input: &FitInput<'_>, axes: &[Axis]) -> Result<Fit, Error> {
    let facts = input.data.facts(input.train.len());
    let point = |values: Vec<&Value>| {
        let named = || axes.iter().zip(&values);
        let config: Config = named().fold(input.config.clone(), |config, (axis, value)| {
            config.with(&axis.name, (*value).clone())
        });
        let label: Vec<String> =
            named().map(|(axis, value)| format!("{}={value}", axis.name)).collect();
        Ok(Point { parameters: Parameters::read(&config, &facts)?, label: label.join(" ") })
    };
    let points = points(axes).into_iter().map(point).collect::<Result<Vec<Point>, Error>>()?;
    let rate = |point: &Point| Rate::new(&point.parameters, input.data.task(), input.train.len());
    let mut waiting: Vec<usize> = (0..points.len()).collect();
    let mut many = Many::new(points.len());
    while let Some(&most) = waiting.iter().max_by_key(|&&at| points[at].parameters.n_estimators) {
        let of_most = rate(&points[most]);
        let goes_through = |at: &usize| {
            let (other, n_rounds) = (rate(&points[*at]), points[*at].parameters.n_estimators);
            (0..n_rounds).all(|round| other.at(round) == of_most.at(round))
        };
        let (served, others) = waiting.into_iter().partition::<Vec<usize>, _>(goes_through);
        waiting = others;
        let parameters = Parameters { keeps_nodes: true, ..points[most].parameters.clone() };
        let cuts = |whole: &Boosted| served.iter().map(|&at| cut(whole, &points[at])).collect();
        let fit = fit_cuts(input, &parameters, cuts)?;
        many.add(fit, &served);
    }
    Ok(many.finish())
}

/// The last truncation of the model that is trained with these values alone: where a fit ends early,
/// that is the last one it scores on its way.
fn cut(whole: &Boosted, point: &Point) -> Cut {
    let reached = whole.round_ends.len();
    let rounds = grid(point.parameters.n_estimators);
    let last = rounds.into_iter().take_while(|&round| round <= reached).last();
    let n_trees = last.map_or(0, |round| whole.round_ends[round - 1]);
    Cut { n_trees, depth: point.parameters.max_depth_kept, label: point.label.clone() }
}
