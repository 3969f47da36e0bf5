//! The numbers of a feature by row.

/// Numbers of a numeric feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// As they were read `(n_rows,)`, NaN is missing. Empty for categories.
    Exact(Vec<f64>),
    /// Only bins are kept: the mean of the numbers that were seen in each `(n_bins,)`, NaN for the
    /// missing bin.
    OfBins(Vec<f64>),
}

impl Numbers {
    /// The number of a row whose bin is `bin`; NaN is missing.
    ///
    /// # Panics
    /// If there is no such row, or no such bin.
    #[inline]
    pub fn of(&self, row: usize, bin: u8) -> f64 {
        match self {
            Numbers::Exact(numbers) => numbers[row],
            Numbers::OfBins(means) => means[usize::from(bin)],
        }
    }

    /// Means of the bins of some numbers `(n_bins,)`; a bin without numbers has that of the nearest
    /// one below, or above.
    pub fn means(n_bins: usize, bins: &[u8], numbers: &[f64]) -> Numbers {
        // Halves, since the sum of two large numbers would overflow; more of them do not fit one
        // bin of a sensible column, and its mean is then the largest number there is.
        let mut sums = [(0.0, 0_u64); 256];
        for (&bin, &number) in bins.iter().zip(numbers) {
            let sum = &mut sums[usize::from(bin)];
            sum.0 += 0.5 * number;
            sum.1 += 1;
        }
        sums[0].1 = 0;
        let mean = |&(half, n): &(f64, u64)| match n {
            0 => f64::NAN,
            _ => (2.0 * (half / n as f64)).clamp(f64::MIN, f64::MAX),
        };
        let mut means: Vec<f64> = sums[..n_bins].iter().map(mean).collect();
        let first = means.iter().copied().find(|mean| !mean.is_nan()).unwrap_or(0.0);
        let mut last = first;
        for mean in means.iter_mut().skip(1) {
            last = if mean.is_nan() { last } else { *mean };
            *mean = last;
        }
        Numbers::OfBins(means)
    }
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::Exact(Vec::new())
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(numbers: Vec<f64>) -> Numbers {
        Numbers::Exact(numbers)
    }
}

impl FromIterator<f64> for Numbers {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Numbers {
        Numbers::Exact(numbers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_stand_for_their_numbers() {
        let numbers = [1.0, 3.0, f64::NAN, 10.0];
        let means = Numbers::means(6, &[2, 2, 0, 4], &numbers);
        let of = |bin| means.of(0, bin);
        assert!(of(0).is_nan());
        assert_eq!([of(1), of(2), of(3), of(4), of(5)], [2.0, 2.0, 2.0, 10.0, 10.0]);
        assert_eq!(Numbers::from(numbers.to_vec()).of(3, 0), 10.0);
        assert_eq!(Numbers::means(2, &[1, 1], &[f64::MAX, f64::MAX]).of(0, 1), f64::MAX);
    }
}
