//! Matthews' correlation of true and predicted classes.

use super::confusion::Confusion;
use super::scored::Scored;
use super::{CLASSES, Metric};

/// Correlation of the class indicators of truth and prediction, from -1 to 1; 0 where either
/// holds one class only.
///
/// Reference: Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006 (two classes: Matthews 1975).
pub(super) const MCC: Metric = Metric {
    name: "mcc",
    aliases: &["matthews_corrcoef", "matthews"],
    help: "Matthews' correlation of true and predicted classes.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -mcc(scored),
    influence: None,
};

fn mcc(scored: &Scored<'_>) -> f64 {
    let Some(confusion) = Confusion::new(scored) else { return f64::NAN };
    let total = confusion.total();
    let (mut hits, mut agreement, mut of_truth, mut of_prediction) = (0.0, 0.0, 0.0, 0.0);
    for class in 0..confusion.n_classes() {
        let (true_total, predicted) =
            (confusion.true_total(class), confusion.predicted_total(class));
        hits += confusion.hits(class);
        agreement += true_total * predicted;
        of_truth += true_total * true_total;
        of_prediction += predicted * predicted;
    }
    let covariance = hits * total - agreement;
    let variances = (total * total - of_truth) * (total * total - of_prediction);
    if variances == 0.0 { 0.0 } else { covariance / variances.sqrt() }
}
