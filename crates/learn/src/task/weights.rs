//! Row weights and class weights.

use eyas_model::TaskKind;

use super::target::Resolved;
use super::{TaskOptions, find};
use crate::data::{ColumnData, Table};
use crate::dataset::Target;
use crate::error::Error;

/// Weights of `rows`, class weights included; `None` is all 1.
pub(super) fn resolve(
    table: &Table,
    options: &TaskOptions,
    rows: &[u32],
    found: &Resolved,
) -> Result<Option<Vec<f64>>, Error> {
    let weights = options.weights.as_deref().map(|name| column(table, name, rows)).transpose()?;
    if !options.balance_classes {
        return Ok(weights);
    }
    match &found.target {
        Target::Classes(classes) => Ok(Some(balanced(classes, found.classes.len(), weights))),
        Target::Numbers(_) => Err(Error::Parameter {
            name: "balance_classes".to_string(),
            value: "on".to_string(),
            expected: format!("a {:?} task has no classes; leave it out", TaskKind::Regression)
                .to_lowercase(),
        }),
    }
}

fn column(table: &Table, name: &str, rows: &[u32]) -> Result<Vec<f64>, Error> {
    let ColumnData::Number(values) = &find(table, name, "weight")?.data else {
        return Err(Error::Task(format!(
            "the weight column `{name}` has cells that are no numbers"
        )));
    };
    let weights: Vec<f64> = rows.iter().map(|&row| values[row as usize]).collect();
    let bad = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0));
    if let Some(at) = bad {
        let value = if weights[at].is_nan() { "missing".into() } else { weights[at].to_string() };
        return Err(Error::Task(format!(
            "the weight column `{name}` is {value} in row {}; weights must be 0 or more, and present",
            rows[at] + 1
        )));
    }
    if weights.iter().all(|&weight| weight == 0.0) {
        return Err(Error::Task(format!("the weights in column `{name}` are all 0")));
    }
    Ok(weights)
}

/// Multiplies by `total / (n_classes * weight of the class)`, so that all classes weigh the same
/// and the total stays; scikit-learn's `class_weight="balanced"`. A class of weight 0 stays so.
fn balanced(classes: &[u32], n_classes: usize, weights: Option<Vec<f64>>) -> Vec<f64> {
    let mut weights = weights.unwrap_or_else(|| vec![1.0; classes.len()]);
    let mut sums = vec![0.0; n_classes];
    classes.iter().zip(&weights).for_each(|(&class, weight)| sums[class as usize] += weight);
    let total: f64 = sums.iter().sum();
    for (&class, weight) in classes.iter().zip(&mut weights) {
        let sum = sums[class as usize];
        if sum > 0.0 {
            *weight *= total / (n_classes as f64 * sum);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_weigh_the_same() {
        assert_eq!(balanced(&[0, 0, 0, 1], 2, None), [4.0 / 6.0, 4.0 / 6.0, 4.0 / 6.0, 2.0]);
        let weights = balanced(&[0, 0, 1], 2, Some(vec![1.0, 3.0, 2.0]));
        assert_eq!(weights, [0.75, 2.25, 3.0]);
        assert_eq!(balanced(&[0, 1], 2, Some(vec![0.0, 1.0])), [0.0, 0.5]);
    }
}
