//! Small, seeded random numbers for the order of rows and for synthetic models.

/// SplitMix64. Reference: Steele, Lea, Flood (2014), doi:10.1145/2714064.2660195.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform below `n`, for `n` of at least one; the bias for any usable `n` is negligible.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The numbers below `n` in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_and_a_whole_permutation() {
        // First output of the reference implementation for seed 1234567.
        assert_eq!(Random(1_234_567).bits(), 6_457_827_717_110_365_317);
        let mut order = Random(1).permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        let mut random = Random(2);
        assert!((0..1000).all(|_| random.below(3) < 3 && random.unit() < 1.0));
    }
}
