//! Metrics: one line each in [`METRICS`]. Inside Eyas lower is better; only reports turn signs.
//!
//! Values equal scikit-learn's (recorded figures in `testdata/metrics`); where scikit-learn raises
//! an error or has no number, a loss is NaN. Rows of weight 0 do not count. A class is predicted by
//! the largest probability, ties go to the lower index.

use eyas_model::TaskKind;

use crate::error::Error;

mod accuracy;
mod confusion;
mod delong;
mod errors;
mod f1;
mod mcc;
mod median;
mod order;
mod probability;
mod ranking;
mod scored;
mod standard_error;

pub use scored::{Scored, Truth};

/// A measure of predictions.
pub struct Metric {
    /// Name on the command line.
    pub name: &'static str,
    /// Other names that [`metric`] understands, scikit-learn's among them.
    pub aliases: &'static [&'static str],
    /// One sentence for `--help`.
    pub help: &'static str,
    /// The kinds of task it is defined for.
    pub tasks: &'static [TaskKind],
    /// Whether users read a larger value as better; `value = -loss` then, else `value = loss`.
    pub higher_is_better: bool,
    /// Its loss, lower is better. NaN where it is undefined (e.g. ROC AUC of one class).
    pub loss: fn(&Scored<'_>) -> f64,
    /// What each row adds to the error of the loss, `(n_rows,)`, such that the squares sum to its
    /// variance; absent where only a jackknife can tell.
    pub influence: Option<fn(&Scored<'_>) -> Vec<f64>>,
}

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const REGRESSION: &[TaskKind] = &[TaskKind::Regression];
const BINARY: &[TaskKind] = &[TaskKind::Binary];
const CLASSES: &[TaskKind] = &[TaskKind::Binary, TaskKind::Multiclass];

impl Metric {
    /// A metric of one's own: no aliases, help or influence, so that its error is jackknifed.
    pub const fn new(
        name: &'static str,
        tasks: &'static [TaskKind],
        higher_is_better: bool,
        loss: fn(&Scored<'_>) -> f64,
    ) -> Metric {
        Metric { name, aliases: &[], help: "", tasks, higher_is_better, loss, influence: None }
    }

    /// The value that users know, from a loss.
    pub fn value(&self, loss: f64) -> f64 {
        if self.higher_is_better { -loss } else { loss }
    }

    /// Whether this metric can score tasks of this kind.
    ///
    /// # Errors
    /// [`Error::Parameter`], which lists the metrics that can.
    pub fn check(&self, kind: TaskKind) -> Result<(), Error> {
        if self.tasks.contains(&kind) { Ok(()) } else { Err(not_allowed(self.name, kind)) }
    }
}

/// Every metric, in the order of `--help`.
pub static METRICS: &[Metric] = &[
    ranking::ROC_AUC,
    ranking::PR_AUC,
    probability::LOG_LOSS,
    probability::BRIER,
    accuracy::ACCURACY,
    accuracy::BALANCED_ACCURACY,
    f1::F1,
    f1::F1_MACRO,
    f1::F1_WEIGHTED,
    mcc::MCC,
    errors::RMSE,
    errors::MSE,
    errors::MAE,
    median::MEDIAN_AE,
    errors::MAPE,
    errors::R2,
    errors::POISSON_DEVIANCE,
];

/// The metric of this name or alias; upper and lower case are alike.
pub fn metric(name: &str) -> Option<&'static Metric> {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    METRICS.iter().find(|metric| is(metric.name) || metric.aliases.iter().any(|alias| is(alias)))
}

/// The metric of this name or alias, if it can score tasks of this kind.
///
/// # Errors
/// [`Error::Parameter`], which lists the metrics that can.
pub fn metric_for(name: &str, kind: TaskKind) -> Result<&'static Metric, Error> {
    let found = metric(name).ok_or_else(|| not_allowed(name, kind))?;
    found.check(kind).map(|()| found)
}

fn not_allowed(name: &str, kind: TaskKind) -> Error {
    let allowed = METRICS.iter().filter(|metric| metric.tasks.contains(&kind));
    let names: Vec<&str> = allowed.map(|metric| metric.name).collect();
    let kind = match kind {
        TaskKind::Regression => "regression",
        TaskKind::Binary => "binary classification",
        TaskKind::Multiclass => "multiclass classification",
    };
    Error::Parameter {
        name: "metric".into(),
        value: format!("`{name}`"),
        expected: format!("{kind} is scored by one of {}", names.join(", ")),
    }
}

/// The metric used where the user names none: ROC AUC, log loss, RMSE.
pub fn default_metric(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Binary => "roc_auc",
        TaskKind::Multiclass => "log_loss",
        TaskKind::Regression => "rmse",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [TaskKind; 3] = [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass];

    #[test]
    fn names_and_aliases_are_distinct() {
        let all = METRICS.iter().flat_map(|m| m.aliases.iter().chain([&m.name]));
        let mut names: Vec<&str> = all.copied().collect();
        let n_names = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n_names);
        assert!(names.iter().all(|name| name.to_ascii_lowercase() == **name));
    }

    #[test]
    fn a_metric_of_ones_own_has_a_jackknifed_error() {
        let rmse = metric("rmse").expect("is listed");
        let own = Metric::new("own", REGRESSION, false, rmse.loss);
        let truth: Vec<f64> = (0..40).map(f64::from).collect();
        let predictions: Vec<f64> = truth.iter().map(|y| y + (y * 7.0) % 5.0).collect();
        let truth = Truth::Numbers(&truth);
        let scored = Scored { truth, predictions: &predictions, n_outputs: 1, weights: None };
        let ((loss, se), (own_loss, own_se)) =
            (rmse.loss_and_se(&scored), own.loss_and_se(&scored));
        assert_eq!(loss, own_loss);
        assert!((se / own_se - 1.0).abs() < 0.1, "{se} {own_se}");
    }

    #[test]
    fn aliases_are_found() {
        for (alias, name) in
            [("auc", "roc_auc"), ("logloss", "log_loss"), ("AUC", "roc_auc"), ("r2_score", "r2")]
        {
            assert_eq!(metric(alias).map(|metric| metric.name), Some(name));
        }
        assert!(metric("no_such_metric").is_none());
    }

    #[test]
    fn every_kind_has_its_default() {
        for kind in KINDS {
            let found = metric_for(default_metric(kind), kind).expect("a default is allowed");
            assert_eq!(found.name, default_metric(kind));
        }
    }

    #[test]
    fn a_metric_of_another_kind_is_refused_with_the_allowed_ones() {
        let error = metric_for("f1", TaskKind::Regression).expect_err("f1 needs classes");
        assert_eq!(
            error.to_string(),
            "parameter `metric` is `f1`, but regression is scored by one of rmse, mse, mae, \
             median_ae, mape, r2, poisson_deviance"
        );
        assert_eq!(
            metric_for("f2", TaskKind::Binary).unwrap_err().to_string().find("`f2`"),
            Some(22)
        );
    }
}
