//! How many trees predictions use: after early stopping not all.
//!
//! The estimators of XGBoost's scikit-learn interface predict with the rounds up to the best one, and
//! say in the file that it is theirs. `Booster.predict` uses all trees.

use crate::document::Place;
use crate::error::Error;

/// Number of trees of `n_trees` that predictions use.
///
/// # Errors
/// [`Error::BadFile`] if the best round is not there.
pub(super) fn n_used(
    learner: &Place<'_>,
    model: &Place<'_>,
    n_trees: usize,
) -> Result<usize, Error> {
    let Some(attributes) = learner.find("attributes") else { return Ok(n_trees) };
    let best = attributes.find("best_iteration").filter(|_| is_estimator(&attributes));
    let Some(best) = best else { return Ok(n_trees) };
    let round = usize::try_from(best.integer()?).ok().and_then(|round| round.checked_add(1));
    let borders = model.get("iteration_indptr")?.integers()?;
    let border = round.and_then(|round| borders.get(round)).copied();
    let n_used = border.and_then(|border| usize::try_from(border).ok());
    n_used.filter(|&n_used| n_used <= n_trees).ok_or_else(|| best.bad("there is no such round"))
}

fn is_estimator(attributes: &Place<'_>) -> bool {
    attributes.find("scikit_learn").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn used(attributes: &str) -> Result<usize, Error> {
        let learner = format!(r#"{{"attributes":{attributes},"iteration_indptr":[0,3,6,9]}}"#);
        let document = json::parse(learner.as_bytes()).expect("JSON");
        let place = Place::root(&document);
        n_used(&place, &place, 9)
    }

    #[test]
    fn estimators_stop_at_the_best_round() {
        assert_eq!(used(r#"{"scikit_learn":"{}","best_iteration":"1"}"#), Ok(6));
        assert_eq!(used(r#"{"scikit_learn":"{}"}"#), Ok(9));
        assert_eq!(used(r#"{"best_iteration":"1"}"#), Ok(9));
        for wrong in ["3", "-1", "x", "9223372036854775807"] {
            let attributes = format!(r#"{{"scikit_learn":"","best_iteration":"{wrong}"}}"#);
            assert!(used(&attributes).is_err(), "{wrong}");
        }
    }
}
