//! Stoppers: which running trials are not worth going on with; one file each, and one line in
//! [`STOPPERS`].
//!
//! A stopper is a function of the curves that trials have told so far. It holds no state, so a
//! recorded run replays, and its cost can be simulated before anybody pays for it.

mod asha;
mod halving;
mod hyperband;
mod learning_curve;
mod median;
mod patience;
pub mod several;
#[cfg(test)]
mod tests;

pub use asha::Asha;
pub use halving::SuccessiveHalving;
pub use hyperband::Hyperband;
pub use learning_curve::LearningCurve;
pub use median::Median;
pub use patience::Patience;

/// What a trial has told so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// `(step, loss)` by ascending step: epochs, trees, rows. A loss that is not finite counts as
    /// worst.
    pub points: Vec<(u64, f64)>,
    /// Whether the trial goes on no more: it ran to its end, failed, or was stopped.
    pub is_over: bool,
}

impl Curve {
    /// The last step told; 0 before the first.
    pub fn steps(&self) -> u64 {
        self.points.last().map_or(0, |(step, _)| *step)
    }

    /// The loss at the first step at or after this one; `None` if it has not come so far.
    pub fn at(&self, step: u64) -> Option<f64> {
        let point = self.points.iter().find(|(at, _)| *at >= step)?;
        Some(worst_if_not_finite(point.1))
    }

    /// Least loss up to a step; infinite before the first.
    pub fn best_by(&self, step: u64) -> f64 {
        let by = self.points.iter().take_while(|(at, _)| *at <= step);
        by.map(|(_, loss)| worst_if_not_finite(*loss)).fold(f64::INFINITY, f64::min)
    }
}

/// What trials may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// Steps before the first decision; at least 1.
    pub min_steps: u64,
    /// Steps of a trial that runs to its end.
    pub max_steps: u64,
    /// Between two rungs steps grow by this factor, and one trial of as many goes on; at least 2.
    pub eta: u64,
    /// Whether no more trials will start, so that nobody waits for any.
    pub is_last: bool,
}

impl Course {
    /// Steps at which trials are compared: `min_steps eta^k` below `max_steps`.
    pub fn rungs(&self) -> Vec<u64> {
        let eta = self.eta.max(2);
        let first = self.min_steps.max(1);
        let rungs = std::iter::successors(Some(first), |rung| rung.checked_mul(eta));
        rungs.take_while(|rung| *rung < self.max_steps).collect()
    }
}

/// What becomes of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// It waits until more is known of the others.
    Wait,
    /// It ends.
    Stop,
}

/// A rule that ends trials early.
pub trait Stopper: Sync {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// Where the method comes from.
    fn references(&self) -> &'static [&'static str];

    /// What becomes of one of the trials; `curves` are all of them in the order of their start.
    /// Asked again whenever any trial has told something.
    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict;
}

/// Every stopper.
pub static STOPPERS: &[&dyn Stopper] =
    &[&SuccessiveHalving, &Hyperband, &Asha, &Median, &Patience, &LearningCurve];

fn worst_if_not_finite(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}

/// How many of some losses come before that of a trial, ties to the earlier trial.
fn n_better(losses: &[(usize, f64)], trial: usize, loss: f64) -> usize {
    let before = |(other, l): &&(usize, f64)| *l < loss || (*l == loss && *other < trial);
    losses.iter().filter(before).count()
}
