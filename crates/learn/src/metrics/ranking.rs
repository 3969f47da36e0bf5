//! How well scores rank rows: areas under the ROC and the precision-recall curve.
//!
//! With more than two classes each is the mean over classes of that class against the rest
//! (scikit-learn: `multi_class="ovr"`, `average="macro"`). Classes that do not occur, or that
//! are all there is, have no area and are left out (scikit-learn: NaN or an error).

use super::order::{ordered_bits, sort_by_key};
use super::scored::{Scored, Truth};
use super::{CLASSES, Metric, delong};

/// Probability that a positive row is ranked above a negative one, ties count half. NaN with one
/// class.
///
/// Reference: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747; more than two classes:
/// Provost and Domingos 2000.
pub(super) const ROC_AUC: Metric = Metric {
    name: "roc_auc",
    aliases: &["auc", "roc_auc_score", "auroc", "roc_auc_ovr"],
    help: "Area under the ROC curve; several classes: mean of each against the rest.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -averaged(scored, roc_auc),
    influence: Some(delong::influence),
};

/// Average precision: `sum over thresholds of (recall_t - recall_before) precision_t`. Two
/// classes: 0 without positive rows, as in scikit-learn.
///
/// Reference: Su, Yuan, Zhu 2015, doi:10.1145/2808194.2809481.
pub(super) const PR_AUC: Metric = Metric {
    name: "pr_auc",
    aliases: &["average_precision", "average_precision_score", "ap", "auprc"],
    help: "Average precision, the area under the precision-recall curve.",
    tasks: CLASSES,
    higher_is_better: true,
    loss: |scored| -averaged(scored, average_precision),
    influence: None,
};

/// The scores of one class against the rest.
#[derive(Clone, Copy)]
pub(super) struct OneClass<'a> {
    pub(super) scored: &'a Scored<'a>,
    classes: &'a [u32],
    /// Column of predictions.
    column: usize,
    /// Class that is positive.
    positive: u32,
}

impl OneClass<'_> {
    pub(super) fn score(&self, row: usize) -> f64 {
        self.scored.predictions[row * self.scored.n_outputs + self.column]
    }

    pub(super) fn is_positive(&self, row: usize) -> bool {
        self.classes[row] == self.positive
    }

    pub(super) fn n_rows(&self) -> usize {
        self.classes.len()
    }
}

/// The classes that must be ranked against the rest: class 1 of two, else all that occur; none
/// where the truth is no class or a prediction is NaN.
pub(super) fn one_class_each<'a>(scored: &'a Scored<'a>) -> Vec<OneClass<'a>> {
    let Truth::Classes(classes) = scored.truth else { return Vec::new() };
    if scored.has_nan() || classes.is_empty() {
        return Vec::new();
    }
    if scored.n_outputs == 1 {
        return vec![OneClass { scored, classes, column: 0, positive: 1 }];
    }
    let mut occurs = vec![false; scored.n_outputs];
    classes.iter().for_each(|&class| occurs[class as usize] = true);
    let columns = (0..scored.n_outputs).filter(|&column| occurs[column]);
    columns.map(|column| OneClass { scored, classes, column, positive: column as u32 }).collect()
}

/// Mean of an area over classes; NaN where none has one.
fn averaged(scored: &Scored<'_>, area: impl Fn(&OneClass<'_>) -> f64) -> f64 {
    let (mut total, mut n_areas) = (0.0, 0.0);
    for class in one_class_each(scored) {
        let area = area(&class);
        if !area.is_nan() {
            total += area;
            n_areas += 1.0;
        }
    }
    total / n_areas
}

fn roc_auc(class: &OneClass<'_>) -> f64 {
    if let Some(keys) = labelled_keys(class, 0) {
        return roc_auc_unweighted(&keys);
    }
    // Positives above negatives, and the totals of both.
    let (mut pairs, mut positives, mut negatives) = (0.0, 0.0, 0.0);
    visit_weighted(class, 0, |positive, negative| {
        pairs += positive * (negatives + negative / 2.0);
        positives += positive;
        negatives += negative;
    });
    pairs / (positives * negatives)
}

/// Without branches: greedy ensembles spend most of their time here. Exact in integers below
/// 2^32 rows.
fn roc_auc_unweighted(sorted: &[u64]) -> f64 {
    // Negatives so far, and those among them whose score is below that of the row at hand.
    let (mut negatives, mut below, mut score) = (0u64, 0u64, u64::MAX);
    let mut twice_pairs = 0;
    for &key in sorted {
        below = if key >> 1 == score { below } else { negatives };
        score = key >> 1;
        negatives += !key & 1;
        // All tied negatives come before tied positives: the label is the lowest bit.
        twice_pairs += (key & 1) * (negatives + below);
    }
    let positives = sorted.len() as u64 - negatives;
    twice_pairs as f64 / (2.0 * positives as f64 * negatives as f64)
}

fn average_precision(class: &OneClass<'_>) -> f64 {
    let (mut area, mut positives, mut total) = (0.0, 0.0, 0.0);
    for_each_score(class, |positive, negative| {
        positives += positive;
        total += positive + negative;
        if positive > 0.0 {
            area += positive * (positives / total);
        }
    });
    match () {
        () if total == 0.0 => f64::NAN,
        () if positives == 0.0 => 0.0,
        () => area / positives,
    }
}

/// XORed with a key, it turns the order round.
const DESCENDING: u64 = u64::MAX;

/// Calls with the weights of the positive and of the negative rows of each distinct score, scores
/// descending.
fn for_each_score(class: &OneClass<'_>, visit: impl FnMut(f64, f64)) {
    match labelled_keys(class, DESCENDING) {
        Some(keys) => visit_unweighted(&keys, visit),
        None => visit_weighted(class, DESCENDING, visit),
    }
}

/// Sorted keys: the order of the score, and the label as the lowest bit, so that half the memory
/// is sorted. `None` with weights, or where scores span more than 63 bits.
fn labelled_keys(class: &OneClass<'_>, flip: u64) -> Option<Vec<u64>> {
    if class.scored.weights.is_some() {
        return None;
    }
    let mut keys: Vec<u64> =
        (0..class.n_rows()).map(|row| ordered_bits(class.score(row)) ^ flip).collect();
    let least = keys.iter().copied().min()?;
    let greatest = keys.iter().copied().max()?;
    if greatest - least >= 1 << 63 {
        return None;
    }
    for (row, key) in keys.iter_mut().enumerate() {
        *key = (*key - least) << 1 | u64::from(class.is_positive(row));
    }
    sort_by_key(&mut keys, |key| *key);
    Some(keys)
}

fn visit_unweighted(sorted: &[u64], mut visit: impl FnMut(f64, f64)) {
    let mut counts = [0u32; 2];
    for (index, &key) in sorted.iter().enumerate() {
        counts[(key & 1) as usize] += 1;
        if sorted.get(index + 1).is_none_or(|next| next >> 1 != key >> 1) {
            visit(f64::from(counts[1]), f64::from(counts[0]));
            counts = [0; 2];
        }
    }
}

/// The sign of a weight is the label; rows of weight 0 are left out.
fn visit_weighted(class: &OneClass<'_>, flip: u64, mut visit: impl FnMut(f64, f64)) {
    let counted = (0..class.n_rows()).filter(|&row| class.scored.weight(row) > 0.0);
    let signed = |row: usize| {
        let weight = class.scored.weight(row);
        let key = ordered_bits(class.score(row)) ^ flip;
        (key, if class.is_positive(row) { weight } else { -weight })
    };
    let mut items: Vec<(u64, f64)> = counted.map(signed).collect();
    sort_by_key(&mut items, |item| item.0);
    let (mut positive, mut negative) = (0.0, 0.0);
    for (index, &(key, weight)) in items.iter().enumerate() {
        positive += weight.max(0.0);
        negative += (-weight).max(0.0);
        if items.get(index + 1).is_none_or(|next| next.0 != key) {
            visit(positive, negative);
            (positive, negative) = (0.0, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pairs of rows, one by one.
    fn slow_roc_auc(classes: &[u32], scores: &[f64], weights: &[f64]) -> f64 {
        let (mut above, mut all) = (0.0, 0.0);
        for p in (0..classes.len()).filter(|&row| classes[row] == 1) {
            for n in (0..classes.len()).filter(|&row| classes[row] == 0) {
                let weight = weights[p] * weights[n];
                all += weight;
                above += weight
                    * match scores[p].total_cmp(&scores[n]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
            }
        }
        above / all
    }

    fn close(a: f64, b: f64) -> bool {
        (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-12
    }

    proptest! {
        #[test]
        fn roc_auc_counts_pairs(
            rows in prop::collection::vec((0u32..2, -3i32..12, 0u32..4), 0..400),
            scale in prop::sample::select(vec![0.1, 1e-9, 0.33]),
        ) {
            let classes: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.1) * scale).collect();
            let weights: Vec<f64> = rows.iter().map(|row| f64::from(row.2) / 2.0).collect();
            let ones = vec![1.0; rows.len()];
            let truth = Truth::Classes(&classes);
            let mut scored = Scored { truth, predictions: &scores, n_outputs: 1, weights: None };
            prop_assert!(close(-(ROC_AUC.loss)(&scored), slow_roc_auc(&classes, &scores, &ones)));
            scored.weights = Some(&weights);
            prop_assert!(close(-(ROC_AUC.loss)(&scored), slow_roc_auc(&classes, &scores, &weights)));
        }
    }

    #[test]
    fn classes_that_do_not_occur_are_left_out() {
        let truth = Truth::Classes(&[0, 1, 0, 1]);
        let predictions = [0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.5, 0.1, 0.4, 0.55, 0.35, 0.1];
        let scored = Scored { truth, predictions: &predictions, n_outputs: 3, weights: None };
        // Class 0: 0.6 and 0.5 against 0.2 and 0.55, so 3 of 4 pairs; class 1: 4 of 4.
        assert_eq!(-(ROC_AUC.loss)(&scored), 0.875);
    }
}
