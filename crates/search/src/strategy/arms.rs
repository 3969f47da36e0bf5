//! The arms of the bandit: a learner and a sampler each, in order of what they promise per cost.
//!
//! The value of an arm is its expected improvement over the best loss per unit of cost. The loss
//! of its next trial is taken as normal. Mean and variance come from the arm's last
//! [`WINDOW`] trials, since local search moves on, and from one made-up trial that stands for
//! what is known beforehand: a mean of the learner's best loss plus a part of its spread, and a
//! standard deviation of another part of the spread that shrinks as the arm is used. This is
//! the optimism: an arm is worth a look until its own trials say otherwise. To the cost of a
//! trial a quarter of the mean cost of all is added, so that cheap learners do not crowd out
//! better ones. With probability [`EXPLORATION`] a learner is drawn at random
//! instead, and the best of its arms taken.
//!
//! Reference: Jones, Schonlau, Welch 1998, doi:10.1023/A:1008306431147 (expected improvement);
//! Snoek, Larochelle, Adams 2012, arXiv:1206.2944 (per cost).

use std::fmt;

use super::view::{Seen, Standing, View};
use crate::history::Origin;
use crate::random::Stream;
use crate::samplers::{BLEND, Random, Sampler};

/// Trials of an arm that count.
const WINDOW: usize = 8;
/// Share of the trials that goes to learners drawn at random.
const EXPLORATION: f64 = 0.1;

/// A learner and a sampler.
#[derive(Clone, Copy)]
pub(super) struct Arm {
    pub learner: usize,
    pub sampler: &'static dyn Sampler,
}

impl fmt::Debug for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of learner {}", self.sampler.name(), self.learner)
    }
}

/// All arms in the order in which they are to be asked: those of the blend, or of one sampler,
/// with random draws for when it has nothing to offer.
pub(super) fn order(
    view: &View,
    named: Option<&'static dyn Sampler>,
    seed: u64,
    id: u64,
) -> Vec<Arm> {
    let n_learners = view.learners.len();
    if let Some(sampler) = named {
        let arms = (0..n_learners).map(|learner| Arm { learner, sampler });
        let mut valued: Vec<(f64, Arm)> = arms.map(|arm| (value(view, arm), arm)).collect();
        valued.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let arms = valued.into_iter().map(|(_, arm)| arm);
        let rest = (0..n_learners).map(|learner| Arm { learner, sampler: &Random });
        return arms.chain(rest).collect();
    }
    let arms = (0..n_learners)
        .flat_map(|learner| BLEND.iter().map(move |&sampler| Arm { learner, sampler }));
    let mut valued: Vec<(f64, Arm)> = arms.map(|arm| (value(view, arm), arm)).collect();
    // The sort is stable: equal arms stay in the order of learners and samplers.
    valued.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut order: Vec<Arm> = valued.into_iter().map(|(_, arm)| arm).collect();
    if let Some(explored) = explored(view, &order, &mut Stream::new(&[seed, id, 0xE8])) {
        let arm = order.remove(explored);
        order.insert(0, arm);
    }
    order
}

/// The best arm of a learner that is drawn at random, if this is a trial for that.
fn explored(view: &View, order: &[Arm], stream: &mut Stream) -> Option<usize> {
    if stream.uniform() >= EXPLORATION {
        return None;
    }
    let learners = 0..view.learners.len();
    let mut among: Vec<usize> =
        learners.clone().filter(|&l| view.learners[l].n_trials < 2).collect();
    if among.is_empty() {
        among = learners.collect();
    }
    let learner = *among.get(stream.below(among.len().max(1)))?;
    order.iter().position(|arm| arm.learner == learner)
}

/// Expected improvement per cost; positive, for arms that promise next to nothing tiny.
fn value(view: &View, arm: Arm) -> f64 {
    let origin = arm.sampler.origin();
    let of_arm =
        |s: &&Seen| s.learner == Some(arm.learner) && s.is_newcomer() && s.origin == origin;
    let trials: Vec<&Seen> = view.seen.iter().filter(of_arm).collect();
    let standing = &view.learners[arm.learner];
    let cost = cost(view, standing, &trials);
    if !view.best.is_finite() {
        return 1.0 / (cost * (1 + standing.n_trials) as f64);
    }
    let (mean, sd) = next_loss(view, standing, origin, &trials);
    expected_improvement(view.best, mean, sd) / cost
}

/// Mean cost of the arm's trials, or of the learner's, or of all, plus a quarter of that of all.
fn cost(view: &View, standing: &Standing, trials: &[&Seen]) -> f64 {
    let all = view.cost_spent() / view.seen.len().max(1) as f64;
    let ended: Vec<f64> = trials.iter().filter(|s| !s.is_pending()).map(|s| s.cost).collect();
    let own = match ended.len() {
        0 => standing.cost.unwrap_or(all),
        n => ended.iter().sum::<f64>() / n as f64,
    };
    (own + 0.25 * all).max(f64::MIN_POSITIVE)
}

/// Mean and standard deviation of the loss of the arm's next trial.
fn next_loss(view: &View, standing: &Standing, origin: Origin, trials: &[&Seen]) -> (f64, f64) {
    let (mean_part, sd_part) = match origin {
        Origin::Model => (0.2, 1.0),
        Origin::Local => (0.3, 1.0),
        Origin::Random => (1.0, 1.0),
        _ => (0.5, 1.0),
    };
    let spread = standing.spread;
    let known = standing.best.is_finite() || standing.n_trials > 0;
    let start = if known { standing.best.min(view.best + 4.0 * spread) } else { view.best };
    let prior_mean = start + mean_part * spread;
    let prior_sd = sd_part * spread / (1.0 + trials.len() as f64 / 4.0).sqrt();
    // A failed trial counts as a bad one, not as an infinitely bad one.
    let worst = start.max(view.best) + 4.0 * spread;
    let losses: Vec<f64> =
        trials.iter().filter(|s| !s.is_pending()).map(|s| s.loss.min(worst)).collect();
    let recent = &losses[losses.len().saturating_sub(WINDOW)..];
    let n = 1.0 + recent.len() as f64;
    let mean = (prior_mean + recent.iter().sum::<f64>()) / n;
    let squares: f64 = recent.iter().map(|loss| (loss - mean) * (loss - mean)).sum();
    let variance = (prior_sd * prior_sd + squares) / n * (1.0 + 1.0 / n);
    (mean, variance.sqrt())
}

/// `E[max(best - X, 0)]` of a normal X; at least a tiny share of `sd`, so that arms keep an order.
fn expected_improvement(best: f64, mean: f64, sd: f64) -> f64 {
    let z = ((best - mean) / sd).clamp(-8.0, 8.0);
    let density = libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
    let below = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    (sd * (z * below + density)).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_improvement_has_the_known_values() {
        // At z = 0 it is sd / sqrt(2 pi); far below the mean of X it is next to nothing.
        assert!((expected_improvement(1.0, 1.0, 2.0) - 0.797_884_560_802_865).abs() < 1e-12);
        assert!((expected_improvement(5.0, 1.0, 0.5) - 4.0).abs() < 1e-9);
        assert!(expected_improvement(1.0, 9.0, 1.0) < 1e-14);
        assert!(expected_improvement(1.0, 9.0, 1.0) > 0.0);
    }
}
