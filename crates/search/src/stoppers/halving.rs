//! Successive halving.

use super::{Course, Curve, Stopper, Verdict, n_better};

/// Trials start in cohorts of `eta^k`, where `k` is the number of rungs. At each rung a cohort waits for
/// all of its trials that are still in; the best of each `eta` go on to the next.
///
/// Reference: Jamieson, Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
/// Optimization, arXiv:1502.07943.
#[derive(Debug, Clone, Copy)]
pub struct SuccessiveHalving;

impl Stopper for SuccessiveHalving {
    fn name(&self) -> &'static str {
        "halving"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Jamieson, Talwalkar 2016, Non-stochastic Best Arm Identification, arXiv:1502.07943"]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let rungs = course.rungs();
        let size = cohort_size(course, rungs.len());
        let from = trial / size * size;
        halve(course, curves, trial, from, size, &rungs)
    }
}

/// Trials of a cohort, so that one of them runs to its end.
fn cohort_size(course: &Course, n_rungs: usize) -> usize {
    let eta = course.eta.max(2) as usize;
    (0..n_rungs).fold(1usize, |size, _| size.saturating_mul(eta)).min(1 << 20)
}

/// The verdict on one trial of the cohort `from..from + size`.
pub(super) fn halve(
    course: &Course,
    curves: &[Curve],
    trial: usize,
    from: usize,
    size: usize,
    rungs: &[u64],
) -> Verdict {
    let to = (from + size).min(curves.len());
    let is_complete = to - from == size || course.is_last;
    let mut alive: Vec<usize> = (from..to).collect();
    for &rung in rungs {
        if curves[trial].at(rung).is_none() {
            return Verdict::Continue;
        }
        // Those that ended without coming here are out; others are waited for.
        let is_coming =
            |&&other: &&usize| curves[other].at(rung).is_none() && !curves[other].is_over;
        if !is_complete || alive.iter().filter(is_coming).count() > 0 {
            return Verdict::Wait;
        }
        let here = alive.iter().filter_map(|&other| Some((other, curves[other].at(rung)?)));
        let here: Vec<(usize, f64)> = here.collect();
        let n_kept = (alive.len() / course.eta.max(2) as usize).max(1);
        let is_kept = |(other, loss): &&(usize, f64)| {
            n_better(&here, *other, *loss) < n_kept && loss.is_finite()
        };
        let kept: Vec<usize> = here.iter().filter(is_kept).map(|(other, _)| *other).collect();
        if !kept.contains(&trial) {
            return Verdict::Stop;
        }
        alive = kept;
    }
    Verdict::Continue
}
