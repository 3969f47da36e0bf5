//! What users call learners, metrics and parameters, many of them in scikit-learn's words.

use eyas_learn::data::nearest::nearest_name;
use eyas_learn::learners::{LEARNERS, learner};
use eyas_learn::metrics::{METRICS, metric};
use eyas_learn::sweep::{self, Axis};
use eyas_learn::{Learner, Metric};
use eyas_model::TaskKind;
use eyas_search::{Parameter, Space, Value};

use crate::error::Error;

/// Other names of learners, many of them scikit-learn's.
const ALIASES: &[(&str, &str)] = &[
    ("forest", "random_forest"),
    ("RandomForestClassifier", "random_forest"),
    ("RandomForestRegressor", "random_forest"),
    ("ExtraTreesClassifier", "extra_trees"),
    ("ExtraTreesRegressor", "extra_trees"),
    ("gradient_boosting", "boosting"),
    ("logistic", "linear"),
    ("ridge", "linear"),
    ("elastic_net", "linear"),
];

const EARLY_STOPPING: &str = "early_stopping_rounds";
const OOB_SCORE: &str = "oob_score";
/// Most points of a grid.
const MOST_POINTS: usize = 100_000;

/// The learner of a name or one of its other names.
pub(super) fn find_learner(name: &str) -> Result<&'static dyn Learner, Error> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    learner(alias.map_or(name, |(_, name)| name)).ok_or_else(|| {
        let known: Vec<&str> = LEARNERS.iter().map(|learner| learner.name()).collect();
        let names = known.iter().copied().chain(ALIASES.iter().map(|(alias, _)| *alias));
        let meant = nearest_name(name, names).map(|near| format!("did you mean `{near}`? "));
        let expected = format!(
            "there is no such learner; {}the learners are {}",
            meant.unwrap_or_default(),
            known.join(", ")
        );
        Error::Option { option: "--learner", value: format!("`{name}`"), expected }
    })
}

/// A metric, and whether its values are told with the other sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scoring {
    pub metric: &'static Metric,
    /// As scikit-learn's `neg_` scorings, whose larger values are better.
    pub negated: bool,
}

impl Scoring {
    /// The metric of a name, accuracy or R2 without one; with scikit-learn's `neg_` before the name
    /// of a metric whose lower values are better, its values are negative.
    pub fn find(name: Option<&str>, kind: TaskKind) -> Result<Scoring, Error> {
        let default = if kind == TaskKind::Regression { "r2" } else { "accuracy" };
        let name = name.unwrap_or(default);
        let positive = name.strip_prefix("neg_");
        let found = metric(positive.unwrap_or(name));
        let negated = positive.is_some();
        let is_of_task = |metric: &&Metric| metric.tasks.contains(&kind);
        if let Some(metric) = found.filter(is_of_task)
            && !(negated && metric.higher_is_better)
        {
            return Ok(Scoring { metric, negated });
        }
        let names: Vec<&str> = METRICS.iter().filter(is_of_task).map(|m| m.name).collect();
        let meant = match found {
            Some(metric) if negated && metric.higher_is_better => Some(metric.name),
            _ => nearest_name(name, names.iter().copied()),
        };
        let meant = meant.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let expected = format!(
            "{meant}this task is scored by one of {}, and by neg_ with those of them whose lower \
             values are better",
            names.join(", ")
        );
        Err(Error::Option { option: "--scoring", value: format!("`{name}`"), expected })
    }

    /// Its name, with `neg_` where values are negated.
    pub fn name(&self) -> String {
        format!("{}{}", if self.negated { "neg_" } else { "" }, self.metric.name)
    }

    /// Whether larger values are better.
    pub fn higher_is_better(&self) -> bool {
        self.metric.higher_is_better || self.negated
    }

    /// The value that is told, from a loss.
    pub fn value(&self, loss: f64) -> f64 {
        if self.negated { -loss } else { self.metric.value(loss) }
    }
}

/// A fit that looks at the fold it is scored on would be scored too well.
pub(super) fn without_early_stopping(space: &mut Space) {
    let rounds = |parameter: &&mut Parameter| parameter.name == EARLY_STOPPING;
    if let Some(parameter) = space.parameters.iter_mut().find(rounds) {
        parameter.default = Value::Int(0);
    }
}

/// Sets the learner to score rows that its parts did not learn from.
pub(super) fn with_oob_score(space: &mut Space) -> Result<(), Error> {
    let is_it = |parameter: &&mut Parameter| parameter.name == OOB_SCORE;
    match space.parameters.iter_mut().find(is_it) {
        Some(parameter) => {
            parameter.default = Value::Bool(true);
            Ok(())
        }
        None => Err(Error::Option {
            option: "--cv",
            value: "oob".into(),
            expected: format!(
                "the parts of learner `{}` all learn from the same rows: only random_forest and \
                 extra_trees leave rows out; give a number of folds",
                space.learner
            ),
        }),
    }
}

/// Axes by name, as scikit-learn orders them; a value that comes twice counts once, with a notice.
pub(super) fn axes(
    space: &Space,
    params: &[(String, Vec<String>)],
    notices: &mut Vec<String>,
) -> Result<Vec<Axis>, Error> {
    let mut axes = Vec::new();
    for (name, values) in params {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let mut axis = sweep::axis(space, name, &values)?;
        without_repeats(&mut axis, notices);
        axes.push(axis);
    }
    refuse(&axes)?;
    axes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = axes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let value = format!("`{}` twice", pair[0].name);
        let expected = "a parameter is given once, with all its values".into();
        return Err(Error::Option { option: "--param", value, expected });
    }
    Ok(axes)
}

fn without_repeats(axis: &mut Axis, notices: &mut Vec<String>) {
    let mut distinct: Vec<Value> = Vec::new();
    let mut repeated: Vec<String> = Vec::new();
    for value in axis.values.drain(..) {
        match distinct.contains(&value) {
            true => repeated.push(value.to_string()),
            false => distinct.push(value),
        }
    }
    axis.values = distinct;
    repeated.dedup();
    if !repeated.is_empty() {
        let values = repeated.join(", ");
        notices.push(format!("{} has {values} more than once; it counts once", axis.name));
    }
}

/// Whether a parameter cannot be in a grid.
pub(super) fn is_refused(name: &str) -> bool {
    name == EARLY_STOPPING || name == OOB_SCORE
}

/// Fails for what cannot be a grid.
fn refuse(axes: &[Axis]) -> Result<(), Error> {
    let refused =
        |value: String, expected: String| Err(Error::Option { option: "--param", value, expected });
    let has = |name: &str| axes.iter().any(|axis| axis.name == name);
    if has(EARLY_STOPPING) {
        return refused(
            format!("`{EARLY_STOPPING}`"),
            "a fit that stops by the fold it is scored on is scored too well, and the refit has no \
             such rows; give values of n_estimators instead, they share fits"
                .into(),
        );
    }
    if has(OOB_SCORE) {
        return refused(
            format!("`{OOB_SCORE}`"),
            "it changes no model; a whole grid is scored out of bags with --cv oob".into(),
        );
    }
    let lengths = axes.iter().map(|axis| axis.values.len());
    let n_points = lengths.fold(1_usize, |product, n| product.saturating_mul(n));
    if n_points > MOST_POINTS {
        return refused(
            format!("a grid of {n_points} points"),
            format!("at most {MOST_POINTS} can be scored; leave values out"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_scorings_are_those_of_losses() {
        let find = |name| Scoring::find(Some(name), TaskKind::Regression);
        let found = find("neg_mean_squared_error").unwrap();
        assert_eq!((found.name().as_str(), found.value(2.0)), ("neg_mse", -2.0));
        assert!(found.higher_is_better());
        let found = find("rmse").unwrap();
        assert_eq!((found.name().as_str(), found.value(2.0)), ("rmse", 2.0));
        assert!(!found.higher_is_better());
        let error = find("neg_r2").unwrap_err().to_string();
        assert!(error.contains("did you mean `r2`?"), "{error}");
        assert!(find("neg_log_loss").is_err());
    }

    #[test]
    fn repeated_values_count_once() {
        let text = |value: &str| Value::from(value);
        let mut axis = Axis {
            name: "max_depth".into(),
            values: vec![Value::Int(3), text("none"), Value::Int(3), Value::Int(3)],
        };
        let mut notices = Vec::new();
        without_repeats(&mut axis, &mut notices);
        assert_eq!(axis.values, [Value::Int(3), text("none")]);
        assert_eq!(notices, ["max_depth has 3 more than once; it counts once"]);
    }
}
