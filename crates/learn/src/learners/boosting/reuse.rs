//! Questions that a model asks already: asking one of them again costs a prediction next to nothing,
//! a new one is another number to bin or another threshold to compare with.
//!
//! References: Peter, Diego, Hamprecht, Nadler 2017, Cost efficient gradient boosting, NeurIPS 30;
//! Alsahaf, Petkov, Shenoy, Azzopardi 2022, doi:10.1016/j.eswa.2021.115895.

use eyas_model::{BinSet, Test};

use super::parameters::Parameters;
use super::split::Split;

/// What new questions cost, and which are not new.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reuse {
    /// Gain that a new feature must be worth.
    feature: f64,
    /// Gain that a new threshold must be worth.
    threshold: f64,
    /// By feature: whether it is used, and its thresholds.
    used: Vec<(bool, BinSet)>,
}

impl Reuse {
    pub fn new(parameters: &Parameters, n_features: usize) -> Reuse {
        Reuse {
            feature: parameters.cegb_tradeoff * parameters.cegb_penalty_feature,
            threshold: parameters.cegb_tradeoff * parameters.cegb_penalty_threshold,
            used: vec![(false, BinSet::default()); n_features],
        }
    }

    /// Whether anything costs something.
    pub fn is_priced(&self) -> bool {
        self.feature + self.threshold > 0.0
    }

    /// Remembers a question about a feature.
    pub fn add(&mut self, feature: usize, test: &Test) {
        let (is_used, thresholds) = &mut self.used[feature];
        *is_used = true;
        if let Test::Above { threshold, .. } = *test {
            thresholds.insert(threshold);
        }
    }

    /// What is to be taken from the gain of a threshold of a feature.
    pub fn of_threshold(&self, feature: usize, threshold: usize) -> f64 {
        let (_, thresholds) = &self.used[feature];
        if thresholds.contains(threshold as u8) { 0.0 } else { self.threshold }
    }

    /// What is to be taken from the gain of a feature; each set of levels counts as a new threshold.
    pub fn of_feature(&self, split: &Split) -> f64 {
        let feature = if self.used[split.feature].0 { 0.0 } else { self.feature };
        let set = if matches!(split.test, Test::In(_)) { self.threshold } else { 0.0 };
        feature + set
    }
}
