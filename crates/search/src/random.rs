//! Counter-based random numbers: a value depends on its key, never on the order of asking.
//!
//! The mixer is SplitMix64's (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195). Values are
//! part of the contract: a saved seed gives the same model after an update (golden test).

/// Mixes the parts of a key, e.g. `[seed, tree, node path, feature]`, into 64 random bits.
#[inline]
pub fn key(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, &part| longer(state, part))
}

/// The key of the parts that `front` is the key of, and one more: for loops over the last part.
#[inline]
pub fn longer(front: u64, part: u64) -> u64 {
    mix(front ^ mix(part.wrapping_add(0x9E37_79B9_7F4A_7C15)))
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of random numbers that starts at a key.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// A stream of its own for this key.
    #[inline]
    pub fn new(parts: &[u64]) -> Stream {
        Stream(key(parts))
    }

    /// The stream of a key that is known.
    #[inline]
    pub fn of_key(key: u64) -> Stream {
        Stream(key)
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..n`; `n` must not be 0. Bias below 2^-32 for `n` below 2^32.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller 1958, doi:10.1214/aoms/1177706645; one of the two values).
    pub fn bell(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * v)
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_contract() {
        let mut stream = Stream::new(&[1, 2, 3]);
        let got: Vec<u64> = (0..3).map(|_| stream.next_u64()).collect();
        assert_eq!(got, [0x5BC581B04A97C4DF, 0x9C4D6541405D32D6, 0x443334DAC5D2F022]);
        assert_eq!(key(&[]), 0x9E37_79B9_7F4A_7C15);
        assert_eq!(longer(key(&[1, 2]), 3), key(&[1, 2, 3]));
    }

    #[test]
    fn below_and_uniform_stay_in_range_and_cover_it() {
        let mut stream = Stream::new(&[7]);
        let mut counts = [0usize; 5];
        for _ in 0..5000 {
            counts[stream.below(5)] += 1;
            let u = stream.uniform();
            assert!((0.0..1.0).contains(&u));
        }
        assert!(counts.iter().all(|&n| (850..1150).contains(&n)), "{counts:?}");
    }

    #[test]
    fn bells_have_the_moments_of_the_normal() {
        let mut stream = Stream::new(&[8]);
        let values: Vec<f64> = (0..20_000).map(|_| stream.bell()).collect();
        let moment = |k: i32| values.iter().map(|v| v.powi(k)).sum::<f64>() / 20_000.0;
        assert!(moment(1).abs() < 0.03 && (moment(2) - 1.0).abs() < 0.04);
        assert!((moment(4) - 3.0).abs() < 0.3);
    }

    #[test]
    fn shuffle_permutes() {
        let mut items: Vec<u32> = (0..50).collect();
        Stream::new(&[4]).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
