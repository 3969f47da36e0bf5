//! Counter-based random numbers: a value depends on its key, never on the order of asking.
//!
//! The mixer is SplitMix64's (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195). Values are
//! part of the contract: a saved seed gives the same model after an update (golden test).

/// Mixes the parts of a key, e.g. `[seed, tree, node path, feature]`, into 64 random bits.
pub fn key(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9E37_79B9_7F4A_7C15, |state, &part| {
        mix(state ^ mix(part.wrapping_add(0x9E37_79B9_7F4A_7C15)))
    })
}

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
    pub fn new(parts: &[u64]) -> Stream {
        Stream(key(parts))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..n`; `n` must not be 0. Bias below 2^-32 for `n` below 2^32.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
