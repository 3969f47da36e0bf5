//! Shares of rows whose class is predicted right.

use super::confusion::Confusion;
use super::scored::{Scored, Truth, mean, mean_influence};
use super::{CLASSES, Metric};

/// Weighted share of rows whose predicted class is the true one.
pub(super) const ACCURACY: Metric = Metric {
    name: "accuracy",
    aliases: &["acc", "accuracy_score"],
    help: "Share of rows whose class is predicted right.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -mean(scored, |row| hit(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| hit(scored, row))),
};

/// Mean over the classes that occur of the share of their rows that is predicted right.
pub(super) const BALANCED_ACCURACY: Metric = Metric {
    name: "balanced_accuracy",
    aliases: &["balanced_acc", "balanced_accuracy_score"],
    help: "Mean over classes of the share of their rows that is predicted right.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -balanced_accuracy(scored),
    influence: None,
};

fn hit(scored: &Scored<'_>, row: usize) -> f64 {
    let Truth::Classes(classes) = scored.truth else { return f64::NAN };
    if scored.row(row).iter().any(|probability| probability.is_nan()) {
        return f64::NAN;
    }
    f64::from(scored.predicted_class(row) == classes[row] as usize)
}

fn balanced_accuracy(scored: &Scored<'_>) -> f64 {
    let Some(confusion) = Confusion::new(scored) else { return f64::NAN };
    let recalls = (0..confusion.n_classes())
        .filter(|&class| confusion.true_total(class) > 0.0)
        .map(|class| confusion.hits(class) / confusion.true_total(class));
    let (mut total, mut n_classes) = (0.0, 0.0);
    for recall in recalls {
        total += recall;
        n_classes += 1.0;
    }
    total / n_classes
}
