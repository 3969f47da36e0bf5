//! Ridge regression of several sets of features from one pass over the rows.
//!
//! Columns of a feature do not depend on other features, and each product of two columns is a sum
//! over rows in their order: the equations of a set are a part of those of all features, bit for bit.

use eyas_model::TaskKind;

use super::columns::Columns;
use super::fitted::Fitted;
use super::grid::Penalties;
use super::path::is_ridge;
use super::ridge::{self, Decomposed, Products};
use crate::error::Error;
use crate::learners::{Fit, FitInput};
use crate::sweep::Axis;

/// A fit for each set, with the penalties of the only axis (or the configured one); `None` where that
/// is no ridge regression.
pub(super) fn fit(
    input: &FitInput<'_>,
    sets: &[Vec<u32>],
    axes: &[Axis],
) -> Option<Result<Vec<Fit>, Error>> {
    let is_number = input.data.task() == TaskKind::Regression;
    if !is_number || axes.iter().any(|axis| axis.name != "penalty") {
        return None;
    }
    let penalties = match Penalties::read(input, axes) {
        Ok(penalties) => penalties,
        Err(error) => return Some(Err(error)),
    };
    let mut features: Vec<u32> = sets.concat();
    features.sort_unstable();
    features.dedup();
    let options = &penalties.options;
    let columns = Columns::new(input.data, input.train, &features, options.numeric);
    let (problem, rescale) = super::problem(input, &columns);
    if !is_ridge(&problem, options) {
        return None;
    }
    let products = Products::new(&problem);
    let mut stopped = input.stop.spent(ridge::gram_work(&problem));
    drop(problem);
    let of_set = |set: &Vec<u32>| {
        let (columns, places) = columns.select(set);
        let path = Decomposed::new(&products.select(&places)).path(&options.penalties);
        let work = ridge::decomposition_work(places.len(), options.penalties.len());
        stopped |= input.stop.spent(work);
        let mut fitted = Fitted {
            columns,
            path,
            n_outputs: 1,
            link: super::link(input.data.task()),
            rescale,
            truncations: Vec::new(),
            steps: Vec::new(),
        };
        fitted.score(input, &options.penalties);
        penalties.points(Fit { model: Box::new(fitted), stopped })
    };
    Some(Ok(sets.iter().map(of_set).collect()))
}
