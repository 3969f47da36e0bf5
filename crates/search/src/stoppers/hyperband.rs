//! Hyperband.

use super::halving::halve;
use super::{Course, Curve, Stopper, Verdict};

/// Halvings of several brackets in turn: the first starts many trials and compares them at the first
/// rung already, the last one starts few and runs them to their end, in case short runs mislead.
/// Bracket `s` starts `ceil((k + 1) eta^s / (s + 1))` trials, `k` the number of rungs, and leaves
/// the first `k - s` rungs out.
///
/// Reference: Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar 2018, Hyperband, JMLR 18(185).
#[derive(Debug, Clone, Copy)]
pub struct Hyperband;

impl Stopper for Hyperband {
    fn name(&self) -> &'static str {
        "hyperband"
    }

    fn references(&self) -> &'static [&'static str] {
        &["Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar 2018, Hyperband, JMLR 18(185)"]
    }

    fn verdict(&self, course: &Course, curves: &[Curve], trial: usize) -> Verdict {
        let rungs = course.rungs();
        let mut from = 0;
        for bracket in (0..=rungs.len()).rev().cycle() {
            let size = bracket_size(course, rungs.len(), bracket);
            if trial < from + size {
                return halve(course, curves, trial, from, size, &rungs[rungs.len() - bracket..]);
            }
            from += size;
        }
        unreachable!("brackets go on for ever")
    }
}

fn bracket_size(course: &Course, n_rungs: usize, bracket: usize) -> usize {
    let power = (course.eta.max(2) as usize).saturating_pow(bracket as u32).min(1 << 20);
    ((n_rungs + 1) * power).div_ceil(bracket + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_have_the_published_sizes() {
        // R = 81, eta = 3: table 1 of the paper has 81, 34, 15, 8 and 5 trials.
        let course = Course { min_steps: 1, max_steps: 81, eta: 3, is_last: false };
        let n_rungs = course.rungs().len();
        let sizes: Vec<usize> =
            (0..=n_rungs).rev().map(|s| bracket_size(&course, n_rungs, s)).collect();
        assert_eq!(sizes, [81, 34, 15, 8, 5]);
    }
}
