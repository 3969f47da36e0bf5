//! What XGBoost trained for, and so how its scores become predictions.

use eyas_model::{Link, TaskKind};

use crate::document::{Document, Number, Place};
use crate::error::Error;
use crate::json;

/// How the stored start of the sum becomes a score: the inverse of the link.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    /// It is a score.
    Score,
    /// It is a probability.
    Probability,
    /// It is the exponential of a score.
    Exp,
}

/// How scores become predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Objective {
    /// XGBoost's name.
    name: &'static str,
    /// Kind of the task.
    pub task: TaskKind,
    /// From scores to predictions.
    pub link: Link,
    start: Start,
}

const fn of(name: &'static str, task: TaskKind, link: Link, start: Start) -> Objective {
    Objective { name, task, link, start }
}

use TaskKind::{Binary, Multiclass, Regression};

/// Every objective that XGBoost has.
static OBJECTIVES: &[Objective] = &[
    of("reg:squarederror", Regression, Link::Identity, Start::Score),
    of("reg:linear", Regression, Link::Identity, Start::Score),
    of("reg:squaredlogerror", Regression, Link::Identity, Start::Score),
    of("reg:pseudohubererror", Regression, Link::Identity, Start::Score),
    of("reg:absoluteerror", Regression, Link::Identity, Start::Score),
    of("reg:quantileerror", Regression, Link::Identity, Start::Score),
    of("reg:logistic", Regression, Link::Logistic, Start::Probability),
    of("reg:gamma", Regression, Link::Exp, Start::Exp),
    of("reg:tweedie", Regression, Link::Exp, Start::Exp),
    of("count:poisson", Regression, Link::Exp, Start::Exp),
    of("survival:cox", Regression, Link::Exp, Start::Exp),
    of("survival:aft", Regression, Link::Exp, Start::Exp),
    of("rank:pairwise", Regression, Link::Identity, Start::Score),
    of("rank:ndcg", Regression, Link::Identity, Start::Score),
    of("rank:map", Regression, Link::Identity, Start::Score),
    of("binary:logistic", Binary, Link::Logistic, Start::Probability),
    of("binary:logitraw", Binary, Link::Logistic, Start::Score),
    of("binary:hinge", Binary, Link::Step, Start::Score),
    of("multi:softprob", Multiclass, Link::Softmax, Start::Score),
    of("multi:softmax", Multiclass, Link::Softmax, Start::Score),
];

impl Objective {
    /// The objective of a name.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is unknown or has another number of scores.
    pub fn of(name: &str, n_classes: usize) -> Result<Objective, Error> {
        let objective = OBJECTIVES.iter().find(|objective| objective.name == name);
        let objective =
            objective.ok_or_else(|| Error::Unsupported(format!("the objective `{name}`")))?;
        if (objective.task == Multiclass) != (n_classes > 1) {
            return Err(Error::Unsupported(format!(
                "{n_classes} scores with the objective `{name}`"
            )));
        }
        Ok(*objective)
    }

    /// Starts of the sums, from `base_score`: one number, or in brackets one for each class.
    pub fn base(&self, place: &Place<'_>, n_classes: usize) -> Result<Vec<f64>, Error> {
        let stored = match place.value {
            Document::Text(text) => json::parse(text.trim().as_bytes())
                .map_err(|error| error.in_part("`base_score`"))?,
            other => other.clone(),
        };
        let stored: Vec<Number> = match stored {
            Document::Number(number) => vec![number; n_classes],
            Document::Numbers(numbers) if numbers.len() == 1 => vec![numbers[0]; n_classes],
            Document::Numbers(numbers) => numbers,
            _ => return Err(place.expected("a number or several in brackets")),
        };
        if stored.len() != n_classes {
            let n = stored.len();
            return Err(place.bad(format!("{n} numbers for {n_classes} scores")));
        }
        let scores = stored.iter().map(|number| self.start.score(f64::from(number.narrow)));
        let scores: Vec<f64> = scores.collect();
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err(place.bad(format!("no start of a sum with `{}`", self.name))),
        }
    }
}

impl Start {
    fn score(self, stored: f64) -> f64 {
        match self {
            Start::Score => stored,
            Start::Probability => -(1.0 / stored - 1.0).ln(),
            Start::Exp => stored.ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(name: &str, n_classes: usize, stored: &str) -> Result<Vec<f64>, Error> {
        let text = Document::Text(stored.into());
        Objective::of(name, n_classes)?.base(&Place::root(&text), n_classes)
    }

    #[test]
    fn starts_are_brought_to_the_scale_of_scores() {
        assert_eq!(base("reg:squarederror", 1, "1.5E0"), Ok(vec![1.5]));
        assert_eq!(base("binary:logistic", 1, "[5E-1]"), Ok(vec![0.0]));
        assert_eq!(base("count:poisson", 1, "1E0"), Ok(vec![0.0]));
        assert_eq!(base("multi:softprob", 3, "5E-1"), Ok(vec![0.5; 3]));
        assert_eq!(base("multi:softprob", 3, "[1E0,2E0,3E0]"), Ok(vec![1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (name, n_classes, stored) in [
            ("binary:logistic", 1, "2E0"),
            ("count:poisson", 1, "-1"),
            ("multi:softprob", 3, "[1,2]"),
            ("multi:softprob", 1, "5E-1"),
            ("reg:gamma", 3, "5E-1"),
            ("reg:unheard", 1, "5E-1"),
            ("reg:gamma", 1, "much"),
            ("reg:gamma", 1, "[]"),
        ] {
            assert!(base(name, n_classes, stored).is_err(), "{name} {stored}");
        }
    }
}
