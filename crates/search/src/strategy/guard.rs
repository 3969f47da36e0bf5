//! The guard of the memory: it proposes, but only as often as it has earned.

/// Share of the newcomers that the memory may propose, after `n_tried` of its proposals of which
/// `n_helped` gave the best loss of their time: `(1 + n_helped) / (4 + n_tried)`.
///
/// This is the mean of a Beta(1, 3) prior after those trials: it starts at a quarter, goes to 1
/// if the memory always helps, and if it never helps, the number of its trials grows only with
/// the square root of the number of trials.
pub fn memory_share(n_tried: usize, n_helped: usize) -> f64 {
    (1 + n_helped) as f64 / (4 + n_tried) as f64
}

/// Whether the memory may propose the next newcomer after `n_newcomers`, `n_tried` of them its own.
pub(super) fn is_allowed(n_tried: usize, n_helped: usize, n_newcomers: usize) -> bool {
    n_tried as f64 <= memory_share(n_tried, n_helped) * n_newcomers as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n_memory(n_newcomers: usize, helps: bool) -> usize {
        let mut n_tried = 0;
        for n in 0..n_newcomers {
            n_tried += usize::from(is_allowed(n_tried, if helps { n_tried } else { 0 }, n));
        }
        n_tried
    }

    #[test]
    fn starts_first_with_a_quarter_and_fades_or_grows_by_what_it_earns() {
        assert_eq!(memory_share(0, 0), 0.25);
        assert!(is_allowed(0, 0, 0));
        assert_eq!(n_memory(12, false), 2);
        assert_eq!(n_memory(100, false), 9);
        assert!(n_memory(12, true) >= 6);
        assert!(n_memory(100, true) >= 80);
    }
}
