//! Sorting of scores, fast: what ranking metrics spend their time on.
//!
//! A score becomes an integer of the same order; a radix sort by the leading bits of the range
//! that the scores span, then a comparison sort of the few runs that are not yet in order.

/// An integer of the same order as a number that is not NaN; `-0.0` and `0.0` are equal.
pub(super) fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Bits of a radix pass.
const DIGIT_BITS: u32 = 11;
/// Passes: keys are put in order by their leading `DIGIT_BITS * N_PASSES` bits.
const N_PASSES: u32 = 2;
/// Below this a comparison sort is faster.
const MIN_RADIX_ITEMS: usize = 256;

/// Sorts by `key`, ascending; `O(n log n)` at worst, `O(n)` for keys that are well spread. The
/// order of equal keys is unspecified but always the same.
pub(super) fn sort_by_key<T: Copy + Default>(items: &mut Vec<T>, key: impl Fn(&T) -> u64) {
    if items.len() < MIN_RADIX_ITEMS {
        items.sort_unstable_by_key(key);
        return;
    }
    let (least, greatest) = range(items.iter().map(&key));
    let span_bits = 64 - (greatest - least).leading_zeros();
    let shift = span_bits.saturating_sub(DIGIT_BITS * N_PASSES);
    let prefix = |item: &T| (key(item) - least) >> shift;
    let mut other = vec![T::default(); items.len()];
    for pass in 0..N_PASSES {
        radix_pass(items, &mut other, |item| prefix(item) >> (pass * DIGIT_BITS));
        std::mem::swap(items, &mut other);
    }
    if shift > 0 {
        sort_runs(items, prefix, &key);
    }
}

fn range(keys: impl Iterator<Item = u64>) -> (u64, u64) {
    keys.fold((u64::MAX, 0), |(least, greatest), key| (least.min(key), greatest.max(key)))
}

/// Moves items to `to`, ordered by the lowest digit of `digits`, equal digits in order.
fn radix_pass<T: Copy>(from: &[T], to: &mut [T], digits: impl Fn(&T) -> u64) {
    const MASK: u64 = (1 << DIGIT_BITS) - 1;
    let mut starts = [0u32; 1 << DIGIT_BITS];
    for item in from {
        starts[(digits(item) & MASK) as usize] += 1;
    }
    let mut total = 0;
    for start in &mut starts {
        total += std::mem::replace(start, total);
    }
    for item in from {
        let start = &mut starts[(digits(item) & MASK) as usize];
        to[*start as usize] = *item;
        *start += 1;
    }
}

/// Puts each run of equal `prefix` in order by `key`.
fn sort_runs<T>(items: &mut [T], prefix: impl Fn(&T) -> u64, key: impl Fn(&T) -> u64) {
    let mut start = 0;
    while start < items.len() {
        let run_prefix = prefix(&items[start]);
        let mut end = start + 1;
        let mut sorted = true;
        while end < items.len() && prefix(&items[end]) == run_prefix {
            sorted &= key(&items[end - 1]) <= key(&items[end]);
            end += 1;
        }
        if !sorted {
            items[start..end].sort_unstable_by_key(&key);
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bits_keep_the_order_of_numbers() {
        let numbers = [f64::NEG_INFINITY, -2.0, -1e-300, 0.0, 1e-300, 0.5, 1.0, 3.0, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| ordered_bits(pair[0]) < ordered_bits(pair[1])));
        assert_eq!(ordered_bits(-0.0), ordered_bits(0.0));
    }

    proptest! {
        #[test]
        fn equals_a_comparison_sort(
            n in 0usize..2000,
            spread in 1u32..64,
            mask in prop::sample::select(vec![u64::MAX, 0xFF, 0xFFFF_0000_0000_0000, !0xFF_FFFF]),
            seed: u64,
        ) {
            let mut stream = crate::random::Stream::new(&[seed]);
            let mut items: Vec<(u64, u32)> = (0..n as u32)
                .map(|row| ((stream.next_u64() >> (64 - spread)) & mask, row))
                .collect();
            let mut keys: Vec<u64> = items.iter().map(|item| item.0).collect();
            let mut expected = items.clone();
            sort_by_key(&mut items, |item| item.0);
            prop_assert!(items.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            items.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(items, expected);
            sort_by_key(&mut keys, |key| *key);
            prop_assert!(keys.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
