//! Asynchronous successive halving.

use super::{Course, Curve, Stopper, Verdict, n_better};

/// At each rung a trial goes on if it is among the best of each `eta` that have come there so far;
/// nobody waits. The first few at a rung, less than `eta` of them, go on.
///
/// Reference: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning,
/// arXiv:1810.05934 (the variant that stops instead of pausing).
#[derive(Debug, Clone, Copy)]
pub struct Asha;

impl Stopper for Asha {
    fn name(&self) -> &'static str {
        "asha"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning, arXiv:1810.05934"]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let rungs = course.rungs();
        let reached = rungs.into_iter().rev().find_map(|r| Some((r, curves[trial].at(r)?)));
        let Some((rung, loss)) = reached else { return Verdict::Continue };
        let others = curves.iter().enumerate();
        let here: Vec<(usize, f64)> =
            others.filter_map(|(other, curve)| Some((other, curve.at(rung)?))).collect();
        let eta = course.eta.max(2) as usize;
        let n_kept = if here.len() < eta { here.len() } else { here.len() / eta };
        let goes_on = n_better(&here, trial, loss) < n_kept && loss.is_finite();
        if goes_on { Verdict::Continue } else { Verdict::Stop }
    }
}
