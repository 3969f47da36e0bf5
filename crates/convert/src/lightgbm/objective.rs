//! What LightGBM trained for, and so how its scores become predictions.

use eyas_model::{Link, TaskKind};

use crate::error::Error;

/// How scores become predictions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objective {
    /// Kind of the task.
    pub task: TaskKind,
    /// Class labels: the numbers that LightGBM was trained with.
    pub classes: Vec<String>,
    /// From scores to predictions.
    pub link: Link,
    /// Factor on scores.
    pub scale: f64,
}

impl Objective {
    /// Of the line in the file, such as `binary sigmoid:1`; without one scores are predictions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the objective is unknown or the classes do not fit it.
    pub fn of(line: Option<&str>, n_classes: usize) -> Result<Objective, Error> {
        let mut words = line.unwrap_or("none").split_ascii_whitespace();
        let name = words.next().unwrap_or("none");
        let words: Vec<&str> = words.collect();
        let sigmoid = sigmoid(&words)?;
        let squared = words.contains(&"sqrt");
        let (is_binary, link, scale) = match name {
            "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile"
            | "mape" => (false, if squared { Link::SignedSquare } else { Link::Identity }, 1.0),
            "lambdarank" | "rank_xendcg" | "none" | "custom" => (false, Link::Identity, 1.0),
            "poisson" | "gamma" | "tweedie" => (false, Link::Exp, 1.0),
            "cross_entropy" => (false, Link::Logistic, 1.0),
            "cross_entropy_lambda" => (false, Link::Softplus, 1.0),
            "binary" => (true, Link::Logistic, sigmoid),
            "multiclass" => (false, Link::Softmax, 1.0),
            "multiclassova" => (false, Link::Logistic, sigmoid),
            _ => return Err(Error::Unsupported(format!("the objective `{name}`"))),
        };
        let many = n_classes > 1;
        let wants_many = name.starts_with("multiclass");
        let fits = many == wants_many || name == "none" || name == "custom";
        if !fits || (n_classes == 2 && link != Link::Softmax) {
            return Err(Error::Unsupported(format!(
                "{n_classes} scores with the objective `{name}`"
            )));
        }
        let task = match (many, is_binary) {
            (true, _) => TaskKind::Multiclass,
            (_, true) => TaskKind::Binary,
            (_, false) => TaskKind::Regression,
        };
        let n_labels = if is_binary { 2 } else { n_classes };
        let labels = (0..n_labels).map(|class| class.to_string());
        let classes = if task == TaskKind::Regression { vec![] } else { labels.collect() };
        Ok(Objective { task, classes, link, scale })
    }
}

/// The factor in `1 / (1 + exp(-sigmoid * score))`.
fn sigmoid(words: &[&str]) -> Result<f64, Error> {
    let Some(value) = words.iter().find_map(|word| word.strip_prefix("sigmoid:")) else {
        return Ok(1.0);
    };
    let number = value.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Error::BadFile(format!("the objective has `sigmoid:{value}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objective_has_its_link() {
        for (line, n_classes, link, scale) in [
            ("regression", 1, Link::Identity, 1.0),
            ("regression sqrt", 1, Link::SignedSquare, 1.0),
            ("quantile alpha:0.3", 1, Link::Identity, 1.0),
            ("tweedie tweedie_variance_power:1.5", 1, Link::Exp, 1.0),
            ("binary sigmoid:0.7", 1, Link::Logistic, 0.7),
            ("multiclass num_class:3", 3, Link::Softmax, 1.0),
            ("multiclassova num_class:4 sigmoid:2", 4, Link::Logistic, 2.0),
            ("cross_entropy_lambda", 1, Link::Softplus, 1.0),
        ] {
            let objective = Objective::of(Some(line), n_classes).expect(line);
            assert_eq!((objective.link, objective.scale), (link, scale), "{line}");
        }
        assert_eq!(Objective::of(None, 1).expect("scores").task, TaskKind::Regression);
        assert_eq!(Objective::of(Some("binary"), 1).expect("two").classes, ["0", "1"]);
        for (line, n_classes) in [
            ("unheard_of", 1),
            ("binary", 3),
            ("multiclass num_class:1", 1),
            ("multiclassova num_class:2 sigmoid:1", 2),
            ("binary sigmoid:x", 1),
        ] {
            assert!(Objective::of(Some(line), n_classes).is_err(), "{line}");
        }
    }
}
