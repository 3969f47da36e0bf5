//! Numbers by their ranks: normal scores, and piecewise-linear columns.

use eyas_model::Input;

use super::inputs::QUARTILE_ROWS;
use super::options::Numeric;
use crate::dataset::Dataset;

/// Ranges between quantiles: of normal scores, and of piecewise-linear columns.
const SCORE_RANGES: usize = 32;
const PIECES: usize = 16;
/// Largest absolute normal score.
const LARGEST_SCORE: f64 = 3.0;

/// Columns of a number that enters so.
pub(super) fn width(numeric: Numeric) -> usize {
    if numeric == Numeric::Piecewise { PIECES } else { 1 }
}

/// Quantiles of a feature in some rows, all different, each with its share of the rows.
#[derive(Debug)]
pub(super) struct Knots {
    /// Value, and the share of rows below it, equal ones counted half.
    list: Vec<(f64, f64)>,
}

impl Knots {
    pub fn new(data: &Dataset, rows: &[u32], feature: u32, numeric: Numeric) -> Knots {
        let every = rows.len().div_ceil(QUARTILE_ROWS).max(1);
        let numbers = rows.iter().step_by(every);
        let numbers = numbers.map(|&row| data.number(feature as usize, row as usize));
        let mut sorted: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Knots::of_sorted(&sorted, if numeric == Numeric::Piecewise { PIECES } else { SCORE_RANGES })
    }

    fn of_sorted(sorted: &[f64], n_ranges: usize) -> Knots {
        let mut list: Vec<(f64, f64)> = Vec::new();
        let Some(last) = sorted.len().checked_sub(1) else { return Knots { list } };
        for range in 0..=n_ranges {
            let value = sorted[(range * last + n_ranges / 2) / n_ranges];
            if list.last().is_none_or(|(before, _)| value > *before) {
                let below = sorted.partition_point(|&other| other < value);
                let equal = sorted.partition_point(|&other| other <= value) - below;
                list.push((value, (below as f64 + 0.5 * equal as f64) / sorted.len() as f64));
            }
        }
        Knots { list }
    }

    /// The input; none where all numbers are the same. A missing number is zero, and has a column of
    /// its own if some row of the training has none.
    pub fn input(&self, feature: u32, numeric: Numeric, has_missing: bool) -> Option<Input> {
        let n_knots = self.list.len();
        let (first, last) = (self.list.first()?.0, self.list.last()?.0);
        if n_knots < 2 || !(last - first).is_finite() {
            return None;
        }
        let width = if numeric == Numeric::Piecewise { n_knots - 1 } else { 1 };
        let mut rows = Vec::with_capacity((n_knots + 1) * (width + 1));
        for (knot, (_, share)) in self.list.iter().enumerate() {
            match numeric {
                // In range `j` column `j` rises from 0 to 1.
                Numeric::Piecewise => {
                    rows.extend((0..width).map(|j| f32::from(u8::from(j < knot))))
                }
                _ => rows.push(normal_score(*share) as f32),
            }
            rows.extend(has_missing.then_some(0.0));
        }
        rows.extend(std::iter::repeat_n(0.0, width));
        rows.extend(has_missing.then_some(1.0));
        let knots = self.list.iter().map(|(value, _)| *value).collect();
        let width = (width + usize::from(has_missing)) as u32;
        Some(Input::Curve { feature, width, knots, rows })
    }
}

/// The number that a share of a standard normal distribution lies below, at most
/// [`LARGEST_SCORE`] from zero.
fn normal_score(share: f64) -> f64 {
    // Bisection: this runs a few times a feature.
    let (mut low, mut high) = (-LARGEST_SCORE, LARGEST_SCORE);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        let below = 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2);
        if below < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas_model::Curve;

    fn at(input: &Input, value: f64) -> Vec<f32> {
        let Input::Curve { width, knots, rows, .. } = input else { panic!("a curve") };
        let mut numbers = Vec::new();
        Curve { knots, rows, width: *width as usize }.at(value, |number| numbers.push(number));
        numbers
    }

    #[test]
    fn scores_are_those_of_a_normal_distribution() {
        for (share, score) in [(0.5, 0.0), (0.975, 1.959_964), (0.1, -1.281_552), (0.0, -3.0)] {
            assert!((normal_score(share) - score).abs() < 1e-6, "{share}");
        }
        // Cubes of even numbers: ranks alone count.
        let sorted: Vec<f64> = (0..1001).map(|i| f64::from(i - 500).powi(3)).collect();
        let input = Knots::of_sorted(&sorted, SCORE_RANGES).input(3, Numeric::Quantile, false);
        let input = input.expect("different numbers");
        for (place, share) in [(500, 0.5), (100, 0.1), (900, 0.9)] {
            let score = at(&input, sorted[place])[0];
            assert!((f64::from(score) - normal_score(share)).abs() < 0.05, "{place} {score}");
        }
    }

    #[test]
    fn pieces_fill_up_one_after_the_other() {
        let sorted: Vec<f64> = (0..=160).map(f64::from).collect();
        let input = Knots::of_sorted(&sorted, PIECES).input(0, Numeric::Piecewise, true);
        let input = input.expect("different numbers");
        let numbers = at(&input, 25.0);
        assert_eq!(numbers.len(), PIECES + 1);
        assert_eq!(numbers[..4], [1.0, 1.0, 0.5, 0.0]);
        assert_eq!(at(&input, f64::NAN)[PIECES - 1..], [0.0, 1.0]);
        assert_eq!(at(&input, 1e9), [vec![1.0; PIECES], vec![0.0]].concat());
    }

    #[test]
    fn what_is_always_the_same_has_no_curve() {
        assert!(Knots::of_sorted(&[], 4).input(0, Numeric::Quantile, false).is_none());
        assert!(Knots::of_sorted(&[2.0; 9], 4).input(0, Numeric::Quantile, true).is_none());
        let two = Knots::of_sorted(&[1.0, 1.0, 1.0, 5.0], 4).input(0, Numeric::Quantile, false);
        assert_eq!(at(&two.expect("two numbers"), 1.0), [normal_score(0.375) as f32]);
    }
}
