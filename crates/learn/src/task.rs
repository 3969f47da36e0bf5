//! From a table and a few words to a task: what is predicted, from what, scored how.

use eyas_model::TaskKind;

/// What a user may say about a task; the rest is found out.
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    /// Name of the target column.
    pub target: String,
    /// Kind of task; found from the target if absent.
    pub kind: Option<TaskKind>,
    /// Name of the metric; by kind if absent (ROC AUC, log loss, RMSE).
    pub metric: Option<String>,
    /// Column that names the group of a row.
    pub groups: Option<String>,
    /// Column that orders rows by time.
    pub time: Option<String>,
    /// Column of row weights.
    pub weights: Option<String>,
    /// Columns not to be used.
    pub drop: Vec<String>,
    /// Whether classes are weighted inversely to their share.
    pub balance_classes: bool,
}

/// A few numbers about a task, on which spaces and predictions of work depend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Kind of task.
    pub kind: TaskKind,
    /// Rows to learn from.
    pub n_rows: usize,
    /// Features.
    pub n_features: usize,
    /// Categorical features among them.
    pub n_categorical: usize,
    /// Raw scores of a row.
    pub n_outputs: usize,
    /// Sum of the features' bins.
    pub n_bins: usize,
}

/// What is to be done, found out and checked.
#[derive(Debug, Clone)]
pub struct Task {
    /// Kind of task.
    pub kind: TaskKind,
    /// What is minimised.
    pub metric: &'static crate::metrics::Metric,
    /// Group of each row `(n_rows,)`, where rows of one group must stay together.
    pub groups: Option<Vec<u32>>,
    /// Time of each row `(n_rows,)`, where later rows must be predicted from earlier ones.
    pub times: Option<Vec<f64>>,
}
