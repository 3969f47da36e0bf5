//! Patience.

use super::{Course, Curve, Stopper, Verdict};

/// Stops a trial whose loss has not improved over a fifth of all steps (at least `min_steps`), by more
/// than a thousandth of what it improved before.
///
/// Reference: Prechelt 1998, Early Stopping - But When?, doi:10.1007/3-540-49430-8_3.
#[derive(Debug, Clone, Copy)]
pub struct Patience;

impl Stopper for Patience {
    fn name(&self) -> &'static str {
        "patience"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Prechelt 1998, Early Stopping - But When?, doi:10.1007/3-540-49430-8_3"]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let curve = &curves[trial];
        let patience = course.min_steps.max(course.max_steps / 5).max(1);
        let step = curve.steps();
        let Some(before) = step.checked_sub(patience).filter(|before| *before >= course.min_steps)
        else {
            return Verdict::Continue;
        };
        let first = curve.points.first().map_or(f64::INFINITY, |(_, loss)| *loss);
        let (then, now) = (curve.best_by(before), curve.best_by(step));
        if then.is_infinite() && now.is_finite() {
            return Verdict::Continue;
        }
        let gained = first - then;
        let least = if gained > 0.0 && gained.is_finite() { 1e-3 * gained } else { 0.0 };
        let improves = now < then - least;
        if improves { Verdict::Continue } else { Verdict::Stop }
    }
}
