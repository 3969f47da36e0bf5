//! Metrics: one line each in [`METRICS`]. Inside Eyas lower is better; only reports turn signs.

use eyas_model::TaskKind;

/// Truth and predictions of some rows.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// What was true.
    pub truth: Truth<'a>,
    /// Predictions `(n_rows, n_outputs)`, row-major: numbers, or probabilities (binary: that of
    /// class 1, one column).
    pub predictions: &'a [f64],
    /// Number of columns of `predictions`.
    pub n_outputs: usize,
    /// Row weights `(n_rows,)`; `None` is all 1.
    pub weights: Option<&'a [f64]>,
}

/// What was true.
#[derive(Debug, Clone, Copy)]
pub enum Truth<'a> {
    /// Numbers `(n_rows,)`.
    Numbers(&'a [f64]),
    /// Class indices `(n_rows,)`.
    Classes(&'a [u32]),
}

/// A measure of predictions.
pub struct Metric {
    /// Name on the command line.
    pub name: &'static str,
    /// The kinds of task it is defined for.
    pub tasks: &'static [TaskKind],
    /// Whether users read a larger value as better; `value = -loss` then, else `value = loss`.
    pub higher_is_better: bool,
    /// Its loss, lower is better. NaN where it is undefined (e.g. ROC AUC of one class).
    pub loss: fn(&Scored<'_>) -> f64,
}

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Metric {
    /// The value that users know, from a loss.
    pub fn value(&self, loss: f64) -> f64 {
        if self.higher_is_better { -loss } else { loss }
    }
}

/// Every metric, in the order of `--help`.
pub static METRICS: &[Metric] = &[];

/// The metric of this name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// The metric used where the user names none: ROC AUC, log loss, RMSE.
pub fn default_metric(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Binary => "roc_auc",
        TaskKind::Multiclass => "log_loss",
        TaskKind::Regression => "rmse",
    }
}
