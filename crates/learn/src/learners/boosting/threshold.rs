//! The best threshold for one node and one channel, in whole units: where most of the time of a
//! search goes.

use std::ops::Range;

use super::parameters::Parameters;
use super::split::Scale;
use crate::kernels::histogram::Cell;

/// The limits of a side in whole units.
pub(super) struct Whole {
    count: u64,
    hessian: u64,
    l2: f64,
    /// What one unit of `gradient^2 / hessian` stands for.
    unit: f64,
}

/// The best threshold so far, its score as a fraction: comparing needs no division then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    numerator: f64,
    denominator: f64,
    /// Largest bin that goes left.
    pub threshold: usize,
    /// Set when a better one is found.
    pub changed: bool,
}

impl Best {
    pub const NONE: Best =
        Best { numerator: -1.0, denominator: 1.0, threshold: usize::MAX, changed: false };
}

impl Whole {
    pub fn new(parameters: &Parameters, scale: Scale) -> Whole {
        Whole {
            count: parameters.min_data_in_leaf,
            hessian: (parameters.min_sum_hessian / scale.hessian).ceil() as u64,
            // An empty side is excluded, but sums of tiny hessians may be 0.
            l2: (parameters.lambda_l2 / scale.hessian).max(1e-6),
            unit: scale.gradient * scale.gradient / scale.hessian,
        }
    }

    /// Tries the thresholds; the bins from `first` on go left up to the threshold, so with
    /// `first` 0 the missing rows are left, with 1 right.
    pub fn scan(
        &self,
        cells: &[Cell],
        first: usize,
        thresholds: Range<usize>,
        total: Cell,
        best: &mut Best,
    ) {
        let enough = |side: Cell| side.count() >= self.count && side.hessian() >= self.hessian;
        let mut start = thresholds.start.max(first);
        let mut left = cells[first..start].iter().fold(Cell::default(), |sum, &c| sum.plus(c));
        while start < thresholds.end {
            left = left.plus(cells[start]);
            if enough(left) {
                break;
            }
            start += 1;
        }
        let mut found = *best;
        let cells = cells[..thresholds.end].iter().enumerate();
        for (threshold, &cell) in cells.skip(start) {
            if threshold > start {
                left = left.plus(cell);
            }
            let right = total.minus(left);
            if !enough(right) {
                break;
            }
            let (numerator, denominator) = self.scores(left, right);
            if numerator * found.denominator > found.numerator * denominator {
                found = Best { numerator, denominator, threshold, changed: true };
            }
        }
        *best = found;
    }

    /// The sum of the scores of both sides as a fraction.
    #[inline(always)]
    fn scores(&self, left: Cell, right: Cell) -> (f64, f64) {
        // Hessians are below 2^38, so the signed conversion, which is quicker, is exact.
        let (g, h) = (left.gradient as f64, left.hessian() as i64 as f64 + self.l2);
        let (other_g, other_h) = (right.gradient as f64, right.hessian() as i64 as f64 + self.l2);
        (g * g * other_h + other_g * other_g * h, h * other_h)
    }

    /// The gain in real units; `None` if there is no threshold.
    pub fn gain(&self, best: Best, total: Cell) -> Option<f64> {
        let (gradient, hessian) = (total.gradient as f64, total.hessian() as f64 + self.l2);
        let score = best.numerator / best.denominator - gradient * gradient / hessian;
        (best.threshold != usize::MAX).then_some(score * self.unit)
    }
}
