//! Quantiles of samples and their confidence bounds.

/// The sample of which a share `q` is not above it (nearest rank); `sorted` ascends, not empty.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// A sample that the true quantile `q` does not exceed with this `confidence`; infinite if there
/// are too few samples to tell.
///
/// Distribution-free: of `n` independent samples, the number above the true quantile is binomial
/// with chance `1 - q`. The sample with `k` samples above it is a bound if that number is at most
/// `k` with a chance of at most `1 - confidence`.
/// Reference: David, Nagaraja (2003), Order Statistics, section 7.1, doi:10.1002/0471722162.
pub(crate) fn upper_bound_of_quantile(sorted: &[f64], q: f64, confidence: f64) -> f64 {
    let n = sorted.len() as f64;
    let odds = libm::log((1.0 - q) / q);
    let mut log_chance = n * libm::log(q);
    let mut at_most = libm::exp(log_chance);
    let mut n_above = 0;
    while at_most <= 1.0 - confidence && n_above < sorted.len() {
        n_above += 1;
        let k = n_above as f64;
        log_chance += libm::log((n - k + 1.0) / k) + odds;
        at_most += libm::exp(log_chance);
    }
    // `n_above` is the first count that is too likely.
    match n_above {
        0 => f64::INFINITY,
        _ => sorted[sorted.len() - n_above],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn nearest_ranks() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        let quantiles = [0.0, 0.5, 0.99, 0.999, 1.0].map(|q| quantile(&sorted, q));
        assert_eq!(quantiles, [1.0, 100.0, 198.0, 200.0, 200.0]);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
    }

    #[test]
    fn ranks_of_the_bound_are_those_of_the_binomial() {
        // scipy.stats.binom(n, 0.01): the largest k with cdf(k) <= 0.05, checked with 1.17.
        let rank_above = |n: u32| {
            let sorted: Vec<f64> = (0..n).map(f64::from).collect();
            let bound = upper_bound_of_quantile(&sorted, 0.99, 0.95);
            f64::from(n - 1) - bound
        };
        assert_eq!(rank_above(298), f64::NEG_INFINITY);
        assert_eq!(rank_above(299), 0.0);
        assert_eq!(rank_above(1000), 4.0);
        assert_eq!(rank_above(20_000), 176.0);
        assert_eq!(rank_above(200_000), 1926.0);
    }

    #[test]
    fn the_bound_covers_the_truth_as_often_as_it_says() {
        let mut random = Random(3);
        let covered = (0..1000).filter(|_| {
            let mut samples: Vec<f64> = (0..500).map(|_| random.unit()).collect();
            samples.sort_unstable_by(f64::total_cmp);
            upper_bound_of_quantile(&samples, 0.99, 0.95) >= 0.99
        });
        assert!((950..=1000).contains(&covered.count()));
    }
}
