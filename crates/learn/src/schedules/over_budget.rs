//! A schedule over the share of a budget that is used.

use super::{Schedule, from_text};
use crate::error::Error;

/// Steps that a whole budget counts as.
const N_STEPS: u64 = 1 << 20;

/// A schedule for a training that does not know its number of steps but how much of its budget (of
/// time or work) is used.
///
/// ```
/// use eyas_learn::schedules::OverBudget;
/// let schedule = OverBudget::from_text("warmup_stable_decay(warmup=n/8; decay=n/2)", 0.1)?;
/// assert_eq!([0.0, 0.125, 0.5, 0.75, 1.0].map(|used| schedule.rate(used)), [0.0, 0.1, 0.1, 0.05, 0.0]);
/// # Ok::<(), eyas_learn::Error>(())
/// ```
/// Lengths in steps should be given as shares (`10%`, `n/20`): the whole budget counts as 2^20
/// steps. Between two of these, the rate is on a straight line.
#[derive(Debug)]
pub struct OverBudget {
    schedule: Box<dyn Schedule>,
}

impl OverBudget {
    /// The schedule that a text describes.
    ///
    /// # Errors
    /// As of [`from_text`].
    pub fn from_text(text: &str, base_rate: f64) -> Result<OverBudget, Error> {
        Ok(OverBudget { schedule: from_text(text, base_rate, N_STEPS)? })
    }

    /// The rate when this share of the budget is used; shares outside of `[0, 1]` count as its
    /// ends, NaN as 0.
    pub fn rate(&self, used: f64) -> f64 {
        self.read(used, |step| self.schedule.rate(step))
    }

    /// The momentum, of the schedules that set one.
    pub fn momentum(&self, used: f64) -> Option<f64> {
        self.schedule.momentum(0)?;
        Some(self.read(used, |step| self.schedule.momentum(step).unwrap_or(0.0)))
    }

    fn read(&self, used: f64, value: impl Fn(u64) -> f64) -> f64 {
        let used = if used.is_nan() { 0.0 } else { used.clamp(0.0, 1.0) };
        let place = used * N_STEPS as f64;
        let (step, rest) = (place as u64, place.fract());
        let here = value(step);
        // A share that was computed by division may miss its step by a rounding.
        if rest < 1e-6 { here } else { here + (value(step + 1) - here) * rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedules::{SCHEDULES, by_name};

    #[test]
    fn shares_of_the_budget_are_shares_of_the_steps() {
        let steps_count = ["noam", "inverse_sqrt", "one_cycle"];
        for kind in SCHEDULES.iter().filter(|kind| !steps_count.contains(&kind.name)) {
            let over = OverBudget::from_text(kind.name, 0.3).unwrap();
            let steps = by_name(kind.name, 0.3, 8 * 1050).unwrap();
            for step in (0..8400).step_by(13) {
                let (got, want) = (over.rate(step as f64 / 8400.0), steps.rate(step));
                // Lengths are rounded up to steps, and cliffs lie between steps.
                let cliff = (steps.rate(step + 2) - steps.rate(step.saturating_sub(2))).abs();
                let close = (got - want).abs() <= 1e-4 * 0.3 + cliff;
                assert!(close, "{} at {step}: {got} for {want}", kind.name);
            }
        }
    }

    #[test]
    fn shares_beyond_the_ends_are_the_ends() {
        let over = OverBudget::from_text("linear", 1.0).unwrap();
        let rates = [-1.0, f64::NAN, 0.25, 1.0, 2.0, f64::INFINITY].map(|used| over.rate(used));
        assert_eq!(rates, [1.0, 1.0, 0.75, 0.0, 0.0, 0.0]);
        assert!(over.momentum(0.5).is_none());
        let cycle = OverBudget::from_text("one_cycle", 1.0).unwrap();
        assert!((cycle.momentum(0.3).unwrap() - 0.85).abs() < 1e-6);
    }
}
