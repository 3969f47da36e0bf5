//! The median rule.

use super::{Course, Curve, Stopper, Verdict};

/// Stops a trial whose least loss up to now is above the median of the others' mean losses up to the
/// same step. Fewer than [`N_OTHERS`] others that have come so far decide nothing.
///
/// Reference: Golovin et al. 2017, Google Vizier, doi:10.1145/3097983.3098043, section 3.2.
#[derive(Debug, Clone, Copy)]
pub struct Median;

/// Others that must have come as far.
pub const N_OTHERS: usize = 4;

impl Stopper for Median {
    fn name(&self) -> &'static str {
        "median"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Golovin et al. 2017, Google Vizier, doi:10.1145/3097983.3098043"]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let step = curves[trial].steps();
        if step < course.min_steps.max(1) || step >= course.max_steps {
            return Verdict::Continue;
        }
        let others = curves.iter().enumerate().filter(|(other, _)| *other != trial);
        let mut means: Vec<f64> = others.filter_map(|(_, curve)| mean_by(curve, step)).collect();
        if means.len() < N_OTHERS {
            return Verdict::Continue;
        }
        means.sort_by(f64::total_cmp);
        let median = means[means.len() / 2];
        let is_worse = curves[trial].best_by(step) > median;
        if is_worse { Verdict::Stop } else { Verdict::Continue }
    }
}

/// Mean loss up to a step of a curve that has come so far.
fn mean_by(curve: &Curve, step: u64) -> Option<f64> {
    curve.at(step)?;
    let by: Vec<f64> =
        curve.points.iter().take_while(|(at, _)| *at <= step).map(|(_, loss)| *loss).collect();
    let mean = by.iter().sum::<f64>() / by.len() as f64;
    (!by.is_empty()).then_some(if mean.is_finite() { mean } else { f64::INFINITY })
}
