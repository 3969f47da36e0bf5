//! The F1 score: harmonic mean of precision and recall, `2 hits / (true + predicted)`.
//!
//! Reference: van Rijsbergen 1979, Information Retrieval, chapter 7.

use super::confusion::Confusion;
use super::scored::Scored;
use super::{BINARY, CLASSES, Metric};

/// F1 of the positive class.
pub(super) const F1: Metric = Metric {
    name: "f1",
    aliases: &["f1_score", "f1_binary"],
    help: "Harmonic mean of precision and recall of the positive class.",
    tasks: BINARY,
    higher_is_better: true,
    loss: |scored| -Confusion::new(scored).map_or(f64::NAN, |confusion| f1(&confusion, 1)),
    influence: None,
};

/// Mean of F1 over the classes that occur in truth or prediction.
pub(super) const F1_MACRO: Metric = Metric {
    name: "f1_macro",
    aliases: &["macro_f1"],
    help: "Mean over classes of F1.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -averaged(scored, |_, _| 1.0),
    influence: None,
};

/// Mean of F1 over the classes, weighted by the weight of their rows.
pub(super) const F1_WEIGHTED: Metric = Metric {
    name: "f1_weighted",
    aliases: &["weighted_f1"],
    help: "Mean over classes of F1, weighted by their rows.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -averaged(scored, Confusion::true_total),
    influence: None,
};

/// 0 where the class neither occurs nor is predicted, as scikit-learn's `zero_division`.
fn f1(confusion: &Confusion, class: usize) -> f64 {
    let total = confusion.true_total(class) + confusion.predicted_total(class);
    if total > 0.0 { 2.0 * confusion.hits(class) / total } else { 0.0 }
}

fn averaged(scored: &Scored<'_>, class_weight: impl Fn(&Confusion, usize) -> f64) -> f64 {
    let Some(confusion) = Confusion::new(scored) else { return f64::NAN };
    let (mut total, mut weight_total) = (0.0, 0.0);
    for class in (0..confusion.n_classes()).filter(|&class| confusion.seen[class]) {
        let weight = class_weight(&confusion, class);
        total += weight * f1(&confusion, class);
        weight_total += weight;
    }
    total / weight_total
}
