//! Means of paired differences, how sure they are, and when one counts as seen.
//!
//! Two runs of one block (the same fold and the same seed) are a pair; they are scored on the same
//! sealed rows.
//!
//! - *One split.* The mean of the pairs' differences has two errors: that of the rows, common to all
//!   seeds (the paired standard error of the metric), and that of the runs,
//!   `s^2 / n` over seeds. They are added as variances; degrees of freedom by Welch and
//!   Satterthwaite, those of the rows being infinite.
//! - *Folds.* Differences are averaged over the seeds of a fold; of the `k` means the variance is
//!   `s^2 (1/k + n_test / n_train)`, since the folds learn from shared rows, with `k - 1` degrees of
//!   freedom.
//! - *Nanoseconds.* Each pair is one observation: `s^2 / n`, `n - 1` degrees of freedom.
//!
//! A difference is *seen* if it is beyond two standard errors, more where degrees of freedom are few:
//! the quantile of Student's t that covers as much as two standard errors do of a normal (95.45 %).
//!
//! References: Nadeau and Bengio 2003, doi:10.1023/A:1024068626366 (folds); Satterthwaite 1946,
//! doi:10.2307/3002019; JCGM 100:2008, table G.2 (quantiles).

use serde::{Deserialize, Serialize};

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error; `None` where it cannot be known (one run of each, or an undefined score).
    pub se: Option<f64>,
    /// Degrees of freedom of the standard error; `None` if there are so many that it is as good as
    /// known.
    pub degrees_of_freedom: Option<f64>,
    /// How many standard errors a difference must have to be seen.
    pub needed: f64,
}

/// A difference of two runs of one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub fold: usize,
    pub difference: f64,
    /// Standard error that comes from the rows.
    pub rows_se: f64,
}

/// Degrees of freedom, and the quantile of t that covers 95.45 %.
const QUANTILES: [(f64, f64); 17] = [
    (1.0, 13.97),
    (2.0, 4.53),
    (3.0, 3.31),
    (4.0, 2.87),
    (5.0, 2.65),
    (6.0, 2.52),
    (7.0, 2.43),
    (8.0, 2.37),
    (9.0, 2.32),
    (10.0, 2.28),
    (12.0, 2.23),
    (15.0, 2.18),
    (20.0, 2.13),
    (30.0, 2.09),
    (50.0, 2.05),
    (100.0, 2.025),
    (f64::INFINITY, 2.0),
];

/// The quantile for these degrees of freedom, between entries of the table by their reciprocals.
fn needed(degrees_of_freedom: f64) -> f64 {
    let df = degrees_of_freedom.max(1.0);
    let at = QUANTILES.iter().position(|(known, _)| *known >= df).unwrap_or(QUANTILES.len() - 1);
    let (high, of_high) = QUANTILES[at];
    if at == 0 || high == df {
        return of_high;
    }
    let (low, of_low) = QUANTILES[at - 1];
    let share = (1.0 / df - 1.0 / high) / (1.0 / low - 1.0 / high);
    of_high + share * (of_low - of_high)
}

impl Estimate {
    fn new(value: f64, variance: f64, degrees_of_freedom: f64) -> Estimate {
        let se = variance.sqrt();
        Estimate {
            value,
            se: se.is_finite().then_some(se),
            degrees_of_freedom: degrees_of_freedom.is_finite().then_some(degrees_of_freedom),
            needed: needed(degrees_of_freedom),
        }
    }

    /// A mean without an error.
    fn alone(value: f64) -> Estimate {
        Estimate { value, se: None, degrees_of_freedom: None, needed: 2.0 }
    }

    /// 1 or -1 where the difference is seen, else 0.
    pub fn sign(&self) -> i8 {
        match self.se {
            Some(se) if self.value.abs() > self.needed * se && self.value != 0.0 => {
                if self.value > 0.0 { 1 } else { -1 }
            }
            _ => 0,
        }
    }

    /// Of scores, by fold and seed; `test_share` is sealed rows over rows learned from. `None`
    /// without pairs.
    pub(super) fn of_scores(pairs: &[Pair], test_share: f64) -> Option<Estimate> {
        let folds: std::collections::BTreeSet<usize> = pairs.iter().map(|pair| pair.fold).collect();
        let differences_of = |fold: usize| -> Vec<f64> {
            pairs.iter().filter(|pair| pair.fold == fold).map(|pair| pair.difference).collect()
        };
        if folds.len() > 1 {
            let means: Vec<f64> = folds.iter().map(|&fold| mean(&differences_of(fold))).collect();
            let k = means.len() as f64;
            let variance = variance(&means) * (1.0 / k + test_share);
            return Some(Estimate::new(mean(&means), variance, k - 1.0));
        }
        let differences = differences_of(*folds.first()?);
        let errors: Vec<f64> = pairs.iter().map(|pair| pair.rows_se).collect();
        let of_rows = mean(&errors).powi(2);
        let n = differences.len() as f64;
        let value = mean(&differences);
        if differences.len() < 2 {
            return Some(Estimate::new(value, of_rows, f64::INFINITY));
        }
        let of_runs = variance(&differences) / n;
        let total = of_rows + of_runs;
        let df = if of_runs > 0.0 { (n - 1.0) * (total / of_runs).powi(2) } else { f64::INFINITY };
        Some(Estimate::new(value, total, df))
    }

    /// Of nanoseconds, one observation a pair. `None` without pairs.
    pub(super) fn of_runs(values: &[f64]) -> Option<Estimate> {
        let n = values.len() as f64;
        match values.len() {
            0 => None,
            1 => Some(Estimate::alone(values[0])),
            _ => Some(Estimate::new(mean(values), variance(values) / n, n - 1.0)),
        }
    }
}

/// Mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample variance.
fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(fold: usize, difference: f64, rows_se: f64) -> Pair {
        Pair { fold, difference, rows_se }
    }

    #[test]
    fn the_table_is_met_and_falls_between() {
        assert_eq!(needed(1.0), 13.97);
        assert_eq!(needed(0.2), 13.97);
        assert_eq!(needed(4.0), 2.87);
        assert_eq!(needed(f64::INFINITY), 2.0);
        let dense: Vec<f64> = (10..2000).map(|tenths| needed(f64::from(tenths) / 10.0)).collect();
        assert!(dense.windows(2).all(|pair| pair[0] >= pair[1]));
        // Student's t with 1000 degrees of freedom: 2.0024.
        assert!((needed(1000.0) - 2.0025).abs() < 0.001, "{}", needed(1000.0));
    }

    #[test]
    fn one_split_adds_the_errors_of_rows_and_runs() {
        let one = Estimate::of_scores(&[pair(0, 0.3, 0.1)], 0.3).unwrap();
        assert_eq!((one.value, one.se, one.needed), (0.3, Some(0.1), 2.0));
        assert_eq!(one.sign(), 1);
        // Differences 1, 2, 3: variance 1, of their mean 1/3; rows 0.2^2.
        let pairs = [pair(0, 1.0, 0.2), pair(0, 2.0, 0.2), pair(0, 3.0, 0.2)];
        let three = Estimate::of_scores(&pairs, 0.3).unwrap();
        let total: f64 = 1.0 / 3.0 + 0.04;
        assert!((three.se.unwrap() - total.sqrt()).abs() < 1e-12);
        let df = three.degrees_of_freedom.unwrap();
        assert!((df - 2.0 * (3.0 * total).powi(2)).abs() < 1e-9, "{df}");
        assert_eq!(three.sign(), 0, "2 is below 4 errors of 0.61");
    }

    #[test]
    fn folds_count_once_however_many_seeds_they_have() {
        let once = [pair(0, 1.0, 9.0), pair(1, 3.0, 9.0)];
        let twice = [once[0], once[1], once[0], once[1]];
        let of = |pairs: &[Pair]| Estimate::of_scores(pairs, 0.5).unwrap();
        assert_eq!(of(&once), of(&twice));
        // Variance 2, times 1/2 + 1/2.
        assert!((of(&once).se.unwrap() - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(of(&once).degrees_of_freedom, Some(1.0));
    }

    #[test]
    fn what_has_no_error_is_not_seen() {
        let one = Estimate::of_runs(&[-4000.0]).unwrap();
        assert_eq!((one.se, one.sign()), (None, 0));
        let undefined = Estimate::of_scores(&[pair(0, 0.3, f64::NAN)], 0.3).unwrap();
        assert_eq!((undefined.se, undefined.sign()), (None, 0));
        let same = Estimate::of_runs(&[0.0, 0.0]).unwrap();
        assert_eq!(same.sign(), 0);
        assert_eq!(Estimate::of_runs(&[]), None);
        assert_eq!(Estimate::of_scores(&[], 0.1), None);
    }

    /// With no true difference, a difference must be seen in about one case in twenty.
    #[test]
    fn nothing_is_seen_where_there_is_nothing() {
        use eyas_search::random::Stream;
        let mut random = Stream::new(&[7]);
        let mut normal = || (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0;
        for n in [2, 3, 5] {
            let n_seen = (0..4_000).filter(|_| {
                let values: Vec<f64> = (0..n).map(|_| normal()).collect();
                Estimate::of_runs(&values).unwrap().sign() != 0
            });
            let share = n_seen.count() as f64 / 4_000.0;
            assert!((0.03..0.065).contains(&share), "{share} of {n} runs");
            let n_seen = (0..4_000).filter(|_| {
                let of_rows = normal();
                let pairs: Vec<Pair> =
                    (0..n).map(|_| pair(0, of_rows + 0.7 * normal(), 1.0)).collect();
                Estimate::of_scores(&pairs, 0.3).unwrap().sign() != 0
            });
            let share = n_seen.count() as f64 / 4_000.0;
            assert!(share < 0.065, "{share} of {n} seeds");
        }
    }
}
