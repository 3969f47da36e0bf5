//! How numbers become comparable: centre and scale, or groups of bins.

use crate::dataset::Dataset;

/// Largest absolute value after robust scaling.
const ROBUST_CLIP: f64 = 4.0;
/// Interquartile range of the standard normal distribution.
const NORMAL_QUARTILES: f64 = 1.3489795003921634;

/// `clamp((v - center) / scale, -clip, clip)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling {
    /// Subtracted.
    pub center: f64,
    /// Divides; above 0.
    pub scale: f64,
    /// Largest absolute value.
    pub clip: f64,
}

impl Scaling {
    /// The scaled value.
    pub fn scale(&self, value: f64) -> f64 {
        ((value - self.center) / self.scale).clamp(-self.clip, self.clip)
    }
}

/// The distinct numbers of a feature in some rows.
#[derive(Debug)]
pub(super) struct Values {
    /// Ascending numbers and the weight of the rows that have them; runs of equal numbers are one.
    sorted: Vec<(f64, f64)>,
    /// Weight of the rows with a number.
    pub total_weight: f64,
    /// Weight of the rows without.
    pub missing_weight: f64,
}

impl Values {
    /// The numbers of `feature` in `rows`.
    pub fn new(data: &Dataset, rows: &[u32], feature: u32) -> Values {
        let mut values = Values { sorted: Vec::new(), total_weight: 0.0, missing_weight: 0.0 };
        for &row in rows {
            let (value, weight) =
                (data.number(feature as usize, row as usize), data.weight(row as usize));
            if value.is_nan() {
                values.missing_weight += weight;
            } else if weight > 0.0 {
                values.sorted.push((value, weight));
                values.total_weight += weight;
            }
        }
        values.sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        values.sorted.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0.0 };
            same
        });
        values
    }

    /// Mean and standard deviation; clipped at the largest value seen, so that a fit sees all and
    /// a prediction does not extrapolate. `None` where all numbers are equal.
    pub fn standard(&self) -> Option<Scaling> {
        let (low, high) = self.ends()?;
        let sum: f64 = self.sorted.iter().map(|(value, weight)| value * weight).sum();
        let center = sum / self.total_weight;
        let squares = self.sorted.iter().map(|(value, weight)| weight * (value - center).powi(2));
        let scale = (squares.sum::<f64>() / self.total_weight).sqrt();
        let clip = (high - center).max(center - low) / scale;
        let usable = scale > 0.0 && scale.is_finite() && center.is_finite() && clip.is_finite();
        usable.then_some(Scaling { center, scale, clip })
    }

    /// Median and interquartile range, on the scale of a standard deviation; clipped at four of
    /// them. As [`Values::standard`] where half of the numbers are equal.
    pub fn robust(&self) -> Option<Scaling> {
        self.ends()?;
        let quartiles = [0.25, 0.5, 0.75].map(|share| self.quantile(share));
        let scale = (quartiles[2] - quartiles[0]) / NORMAL_QUARTILES;
        if scale > 0.0 && scale.is_finite() {
            Some(Scaling { center: quartiles[1], scale, clip: ROBUST_CLIP })
        } else {
            self.standard()
        }
    }

    /// The number that at least `share` of all rows have.
    pub fn commonest(&self, share: f64) -> Option<f64> {
        let least = share * (self.total_weight + self.missing_weight);
        self.sorted.iter().find(|(_, weight)| *weight >= least).map(|(value, _)| *value)
    }

    /// Smallest and largest number; `None` where they are equal.
    fn ends(&self) -> Option<(f64, f64)> {
        let (low, high) = (self.sorted.first()?.0, self.sorted.last()?.0);
        (low < high).then_some((low, high))
    }

    /// The smallest number at or below which at least `share` of the weight lies.
    fn quantile(&self, share: f64) -> f64 {
        let mut left = share * self.total_weight * (1.0 - 1e-12);
        for (value, weight) in &self.sorted {
            left -= weight;
            if left <= 0.0 {
                return *value;
            }
        }
        self.sorted.last().map_or(f64::NAN, |(value, _)| *value)
    }
}

/// Groups neighbouring bins into at most `n_groups` groups of about equal weight; bin 0, missing,
/// is a group of its own. A bin without weight goes with the group before it (the first ones with
/// the first group); a missing bin without weight has none.
pub(super) fn group_bins(weight_of_bin: &[f64], n_groups: usize) -> Vec<Option<u32>> {
    let total: f64 = weight_of_bin[1..].iter().sum();
    let missing = (weight_of_bin[0] > 0.0).then_some(0);
    let mut group = u32::from(missing.is_some());
    let (mut last_part, mut passed) = (None, 0.0);
    let mut groups = vec![missing];
    for &weight in &weight_of_bin[1..] {
        if weight > 0.0 {
            let part = ((passed + 0.5 * weight) / total * n_groups as f64) as usize;
            group += u32::from(last_part.is_some_and(|last| part > last));
            last_part = Some(part);
        }
        passed += weight;
        groups.push(Some(group));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_about_equal_weight_and_ordered() {
        let groups = group_bins(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 3);
        assert_eq!(groups, [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)]);
        let groups = group_bins(&[2.0, 0.0, 9.0, 0.0, 1.0, 1.0], 2);
        assert_eq!(groups, [Some(0), Some(1), Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(group_bins(&[1.0, 0.0, 0.0], 4), [Some(0), Some(1), Some(1)]);
    }
}
