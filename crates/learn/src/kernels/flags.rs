//! Sums over the rows whose bit in a word is 1.

use super::arch::{Kernel, widest};

/// The sum of `addends[i]` over the rows whose bit `flag` of `words[i]` is 1, modulo 2^64; both
/// `(n_rows,)`.
///
/// # Panics
/// If there are more words than addends, or `flag` is above 63.
pub fn sum_of_flagged(words: &[u64], flag: u32, addends: &[u64]) -> u64 {
    assert!(flag < 64);
    widest(SumOfFlagged { words, flag, addends: &addends[..words.len()] })
}

struct SumOfFlagged<'a> {
    words: &'a [u64],
    flag: u32,
    addends: &'a [u64],
}

impl Kernel for SumOfFlagged<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let mut sum = 0u64;
        for (word, addend) in self.words.iter().zip(self.addends) {
            let mask = (word >> self.flag & 1).wrapping_neg();
            sum = sum.wrapping_add(addend & mask);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_a_filter(rows in prop::collection::vec(any::<(u64, u64)>(), 0..70), flag in 0u32..64) {
            let (words, addends): (Vec<u64>, Vec<u64>) = rows.iter().copied().unzip();
            let slow = rows
                .iter()
                .filter(|(word, _)| word >> flag & 1 == 1)
                .fold(0u64, |sum, (_, addend)| sum.wrapping_add(*addend));
            prop_assert_eq!(sum_of_flagged(&words, flag, &addends), slow);
        }
    }
}
