//! What the history says of one learner, as numbers: places, losses, costs.

use super::Draw;
use crate::axes::Axes;
use crate::history::{Outcome, Trial};
use crate::random::Stream;
use crate::space::Config;

/// The learner's trials at the highest fidelity that has a usable loss, in the order of the
/// history. Reading costs O(trials x parameters).
pub(super) struct Known<'a> {
    /// The searched part of the space.
    pub axes: Axes<'a>,
    /// `(n, n axes)`; NaN where a parameter does not count.
    places: Vec<f64>,
    /// Best loss within the latency limit; infinite where there is none.
    pub losses: Vec<f64>,
    /// Of trials without a loss within the limit: by how much the fastest point is over it, in
    /// ns; infinite for failures. 0 for the others.
    excess: Vec<f64>,
    /// Cost: seconds, or work units.
    pub costs: Vec<f64>,
    /// The trials' configurations.
    configs: Vec<&'a Config>,
}

impl<'a> Known<'a> {
    /// Reads the history of a draw.
    pub fn new(draw: &Draw<'a>) -> Known<'a> {
        let axes = Axes::new(draw.space);
        let of_learner =
            || draw.history.trials.iter().filter(|t| t.config.learner == draw.space.learner);
        let loss = |t: &Trial| t.best_within(draw.limit_ns).map_or(f64::INFINITY, |p| p.loss);
        let usable = of_learner().filter(|t| loss(t).is_finite());
        let fidelity = usable.map(|t| t.fidelity).fold(0.0, f64::max);
        let mut known = Known {
            axes,
            places: Vec::new(),
            losses: Vec::new(),
            excess: Vec::new(),
            costs: Vec::new(),
            configs: Vec::new(),
        };
        for trial in of_learner().filter(|t| fidelity == 0.0 || t.fidelity == fidelity) {
            if !known.axes.push_place(&trial.config, &mut known.places) {
                continue;
            }
            let loss = loss(trial);
            let is_slow = loss.is_infinite() && !matches!(trial.outcome, Outcome::Failed(_));
            let fastest = trial.curve.iter().filter(|p| p.loss.is_finite()).map(|p| p.ns);
            let fastest = fastest.fold(f64::INFINITY, f64::min);
            let excess = if is_slow { fastest - draw.limit_ns } else { f64::INFINITY };
            let cost = if draw.by_work { trial.work as f64 } else { trial.seconds };
            known.losses.push(loss);
            known.excess.push(if loss.is_finite() { 0.0 } else { excess });
            known.costs.push(cost);
            known.configs.push(&trial.config);
        }
        known
    }

    /// Number of trials.
    pub fn n(&self) -> usize {
        self.losses.len()
    }

    /// The place of a trial.
    pub fn place(&self, trial: usize) -> &[f64] {
        let d = self.axes.n();
        &self.places[trial * d..(trial + 1) * d]
    }

    /// Trials from the best loss to the worst; then those over the latency limit, the least first;
    /// then the failed ones. Ties in the order of the history.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.n()).collect();
        order.sort_by(|&a, &b| {
            let losses = self.losses[a].total_cmp(&self.losses[b]);
            losses.then(self.excess[a].total_cmp(&self.excess[b])).then(a.cmp(&b))
        });
        order
    }

    /// The configuration of the best trial that has a loss.
    pub fn best_config(&self) -> Option<&'a Config> {
        let usable = (0..self.n()).filter(|&t| self.losses[t].is_finite());
        let best = usable.min_by(|&a, &b| self.losses[a].total_cmp(&self.losses[b]));
        best.map(|t| self.configs[t])
    }

    /// Whether a place, all coordinates given, was tried.
    pub fn is_tried(&self, place: &[f64]) -> bool {
        let same = |(known, unit): (&f64, &f64)| known.is_nan() || (known - unit).abs() < 1e-9;
        (0..self.n()).any(|trial| self.place(trial).iter().zip(place).all(same))
    }

    /// The configuration at a place; nested parameters as in the best trial.
    pub fn config(&self, place: &[f64], stream: &mut Stream) -> Option<Config> {
        self.axes.config(place, self.best_config(), stream)
    }
}

/// Losses as targets of a regression, around 0 with variance 1: `ln(1 + 4 (l - best) / (median -
/// best))`, so that differences near the best count and a wreck among the rest does not; failures
/// count as the worst. `None` for fewer than three, or if all are alike.
///
/// The logarithm is that of SMAC's runs (Hutter, Hoos, Leyton-Brown 2011,
/// doi:10.1007/978-3-642-25566-3_40), made independent of shift and scale.
pub(super) fn targets(losses: &[f64]) -> Option<Vec<f64>> {
    let mut sorted: Vec<f64> = losses.iter().copied().filter(|l| l.is_finite()).collect();
    if sorted.len() < 3 {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let (best, worst) = (sorted[0], sorted[sorted.len() - 1]);
    let middle = sorted[sorted.len() / 2] - best;
    let scale = if middle > 0.0 { middle } else { worst - best };
    if scale <= 0.0 || !scale.is_finite() {
        return None;
    }
    let warp = |loss: f64| libm::log(1.0 + WARP * (loss.min(worst) - best) / scale);
    let warped: Vec<f64> = losses.iter().map(|&loss| warp(loss)).collect();
    standardised(&warped)
}

/// Strength of the logarithm in [`targets`]: losses at the median are at `ln(1 + WARP)`.
const WARP: f64 = 4.0;

/// Values with mean 0 and variance 1; `None` if they are all alike.
pub(super) fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    let sd = variance.sqrt();
    (sd > 0.0 && sd.is_finite()).then(|| values.iter().map(|v| (v - mean) / sd).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_the_order_and_bear_wrecks() {
        let losses = [0.5, 0.3, f64::INFINITY, 0.31, 1e300, 0.9];
        let got = targets(&losses).unwrap();
        assert!(got[1] < got[3] && got[3] < got[0] && got[0] < got[5] && got[5] < got[4]);
        assert_eq!(got[2], got[4]);
        assert!((got.iter().sum::<f64>()).abs() < 1e-9);
        // Shift and scale change nothing.
        let moved: Vec<f64> = losses[..4].iter().map(|l| 3.0 * l - 7.0).collect();
        let (a, b) = (targets(&losses[..4]).unwrap(), targets(&moved).unwrap());
        assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-9));
        assert_eq!(targets(&[1.0; 5]), None);
        assert_eq!(targets(&[1.0, 2.0]), None);
    }
}
