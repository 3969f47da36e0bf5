//! Splits for one number a row: regression, and binary tasks as the numbers 0 and 1.
//!
//! Gini impurity of two classes is twice the variance of their 0/1 target, so both are one
//! criterion: a node is worth `sum(w y)^2 / sum(w)`, and a split gains the worth of its sides less
//! that of the node.

use super::sample::Example;
use super::statistic::{Cut, Range, Statistic};

/// Sum of weights, and of weights times targets.
type Moment = [f64; 2];

/// A bin with rows in it.
#[derive(Debug, Clone, Copy, Default)]
struct Filled {
    bin: u8,
    n_rows: u32,
    sum: Moment,
}

impl Filled {
    /// The rows of both.
    fn and(self, other: Filled) -> Filled {
        let sum = [self.sum[0] + other.sum[0], self.sum[1] + other.sum[1]];
        Filled { bin: self.bin, n_rows: self.n_rows + other.n_rows, sum }
    }
}

/// Statistics of one node, and room to find its split.
#[derive(Debug)]
pub(in crate::learners) struct Moments {
    binary: bool,
    entropy: bool,
    total: Moment,
    histogram: Vec<Moment>,
    n_rows: Vec<u32>,
    filled: Vec<Filled>,
}

impl Moments {
    /// For numbers, with variance.
    pub fn regression() -> Moments {
        Moments::new(false, false)
    }

    /// For targets 0 and 1, with Gini impurity or entropy.
    pub fn binary(entropy: bool) -> Moments {
        Moments::new(true, entropy)
    }

    fn new(binary: bool, entropy: bool) -> Moments {
        Moments {
            binary,
            entropy,
            total: [0.0; 2],
            histogram: vec![[0.0; 2]; 256],
            n_rows: vec![0; 256],
            filled: vec![Filled::default(); 256],
        }
    }

    /// Sums rows by bin into `filled`, empty bins left out, and clears what it used; returns how
    /// many bins are filled. Bin 0 comes first.
    fn fill(&mut self, bytes: &[u8], examples: &[Example], range: Range, counted: bool) -> usize {
        let histogram: &mut [Moment; 256] =
            (&mut self.histogram[..]).try_into().expect("it has 256 entries");
        let sparse = bytes.len() < usize::from(range.high - range.low) / 4;
        let mut touched = [0u64; 4];
        for (&byte, example) in bytes.iter().zip(examples) {
            let sum = &mut histogram[usize::from(byte)];
            sum[0] += f64::from(example.weight);
            sum[1] += f64::from(example.weight) * f64::from(example.number());
            if sparse {
                touched[usize::from(byte >> 6)] |= 1 << (byte & 63);
            }
        }
        if counted {
            bytes.iter().for_each(|&byte| self.n_rows[usize::from(byte)] += 1);
        }
        let mut n_filled = 0;
        let n_rows = &mut self.n_rows;
        let filled = &mut self.filled;
        let mut take = |bin: usize| {
            let (sum, n_rows) = (&mut histogram[bin], &mut n_rows[bin]);
            filled[n_filled] = Filled { bin: bin as u8, n_rows: *n_rows, sum: *sum };
            n_filled += usize::from(sum[0] > 0.0);
            (*sum, *n_rows) = ([0.0; 2], 0);
        };
        if sparse {
            for (word, &bits) in touched.iter().enumerate() {
                let mut bits = bits;
                while bits != 0 {
                    take(word * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }
        } else {
            if range.missing {
                take(0);
            }
            (usize::from(range.low)..=usize::from(range.high)).for_each(take);
        }
        n_filled
    }

    fn best_of_filled(
        &self,
        n_rows: usize,
        range: Range,
        n_filled: usize,
        min_rows: usize,
    ) -> Option<Cut> {
        let counts = (min_rows > 1).then_some((n_rows as u32, min_rows as u32));
        if self.entropy {
            self.search(range, n_filled, counts, log_likelihood)
        } else {
            self.search(range, n_filled, counts, squares)
        }
    }

    fn search(
        &self,
        range: Range,
        n_filled: usize,
        counts: Option<(u32, u32)>,
        worth: impl Fn(Moment) -> f64,
    ) -> Option<Cut> {
        let (missing, known) = self.filled[..n_filled].split_at(usize::from(range.missing));
        let missing = missing.first().copied().unwrap_or_default();
        let (n_total, min_rows) = counts.unwrap_or((0, 0));
        let mut best: Option<Cut> = None;
        let mut offer = |left: Moment, n_left: u32, bin: u8, next: u8, missing_right: bool| {
            if counts.is_some() && (n_left < min_rows || n_total - n_left < min_rows) {
                return;
            }
            let right = [self.total[0] - left[0], self.total[1] - left[1]];
            let worth = worth(left) + worth(right);
            if best.is_none_or(|best| worth > best.worth) {
                let missing_right = if range.missing { missing_right } else { right[0] > left[0] };
                best = Some(Cut { worth, threshold: between(bin, next), missing_right });
            }
        };
        let mut scan = |start: Filled, missing_right: bool| {
            let (mut left, mut n_left) = (start.sum, start.n_rows);
            for pair in known.windows(2) {
                let (this, next) = (&pair[0], &pair[1]);
                left = [left[0] + this.sum[0], left[1] + this.sum[1]];
                n_left += this.n_rows;
                offer(left, n_left, this.bin, next.bin, missing_right);
            }
        };
        scan(Filled::default(), true);
        if range.missing {
            scan(missing, false);
            offer(missing.sum, missing.n_rows, 0, 1, false);
        }
        best
    }
}

/// The threshold half-way between two neighbours among the bins of a node.
pub(super) fn between(bin: u8, next: u8) -> u8 {
    bin + (next - bin - 1) / 2
}

/// Sums of the rows that are missing, left and right of a threshold.
///
/// Sums are indexed by side, so no branch depends on the data. Rows take turns between two sets of
/// sums, as an addition has to wait for the one before to the same sum. (Masked sums in four lanes
/// were tried, and were slower.)
#[inline(always)]
fn sides(bytes: &[u8], examples: &[Example], threshold: u8) -> [Moment; 4] {
    let mut sums = [[[0.0; 2]; 4]; 2];
    let add = |sums: &mut [Moment; 4], byte: u8, example: &Example| {
        let side = &mut sums[usize::from(byte > 0) + usize::from(byte > threshold)];
        side[0] += f64::from(example.weight);
        side[1] += f64::from(example.weight) * f64::from(example.number());
    };
    let (byte_pairs, last_byte) = bytes.as_chunks::<2>();
    let (example_pairs, last_example) = examples.as_chunks::<2>();
    for (bytes, examples) in byte_pairs.iter().zip(example_pairs) {
        add(&mut sums[0], bytes[0], &examples[0]);
        add(&mut sums[1], bytes[1], &examples[1]);
    }
    if let ([byte], [example]) = (last_byte, last_example) {
        add(&mut sums[0], *byte, example);
    }
    let [mut all, other] = sums;
    for (sum, other) in all.iter_mut().zip(&other) {
        *sum = [sum[0] + other[0], sum[1] + other[1]];
    }
    all
}

/// `sum(w y)^2 / sum(w)`.
fn squares(sum: Moment) -> f64 {
    sum[1] * sum[1] / sum[0]
}

/// `sum over classes of w_c ln(w_c / w)` of a 0/1 target.
fn log_likelihood(sum: Moment) -> f64 {
    x_ln_x(sum[1]) + x_ln_x(sum[0] - sum[1]) - x_ln_x(sum[0])
}

/// `x ln x`, 0 at and below 0.
pub(super) fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * libm::log(x) } else { 0.0 }
}

impl Statistic for Moments {
    fn width(&self) -> usize {
        1
    }

    fn start(&mut self, examples: &[Example]) -> bool {
        let first = examples.first().map_or(0.0, |example| example.number());
        let mut total = [0.0; 2];
        let mut mixed = false;
        for example in examples {
            total[0] += f64::from(example.weight);
            total[1] += f64::from(example.weight) * f64::from(example.number());
            mixed |= example.number() != first;
        }
        self.total = total;
        mixed
    }

    fn worth(&self) -> f64 {
        if self.entropy { log_likelihood(self.total) } else { squares(self.total) }
    }

    fn scale(&self) -> f64 {
        match (self.binary, self.entropy) {
            (false, _) => 1.0,
            // Gini impurity is twice the variance, entropy is in bits.
            (true, false) => 2.0,
            (true, true) => std::f64::consts::LOG2_E,
        }
    }

    fn bound(&self) -> f64 {
        match (self.binary, self.entropy) {
            (false, _) => f64::INFINITY,
            // Pure sides: `p = 1` on one and 0 on the other.
            (true, false) => self.total[1],
            (true, true) => 0.0,
        }
    }

    fn value(&self, parent: &[f32], smoothing: f64, values: &mut Vec<f32>) {
        let prior = smoothing * f64::from(parent[0]);
        values.push(((self.total[1] + prior) / (self.total[0] + smoothing)) as f32);
    }

    fn best_cut(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut> {
        let n_filled = self.fill(bytes, examples, range, min_rows > 1);
        self.best_of_filled(bytes.len(), range, n_filled, min_rows)
    }

    fn cut_of_flag(
        &mut self,
        words: &[u64],
        flag: u32,
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut> {
        let (mut low, mut high) = (Filled::default(), Filled::default());
        (low.bin, high.bin) = (range.low, range.high);
        for (word, example) in words.iter().zip(examples) {
            let is_high = (word >> flag & 1) as u32;
            let weight = f64::from(example.weight);
            let moment = [weight, weight * f64::from(example.number())];
            let share = f64::from(is_high);
            for (part, sum) in high.sum.iter_mut().zip(moment) {
                *part += share * sum;
            }
            for (part, sum) in low.sum.iter_mut().zip(moment) {
                *part += (1.0 - share) * sum;
            }
            high.n_rows += is_high;
        }
        low.n_rows = words.len() as u32 - high.n_rows;
        (self.filled[0], self.filled[1]) = (low, high);
        self.best_of_filled(words.len(), range, 2, min_rows)
    }

    fn cut_at(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
        threshold: u8,
    ) -> Option<Cut> {
        let counted = min_rows > 1;
        let sides = sides(bytes, examples, threshold);
        let mut n_rows = [0; 4];
        if counted {
            for &byte in bytes {
                n_rows[usize::from(byte > 0) + usize::from(byte > threshold)] += 1;
            }
        }
        let missing = Filled { bin: 0, n_rows: n_rows[0], sum: sides[0] };
        let known = Filled { bin: threshold, n_rows: n_rows[1], sum: sides[1] };
        let mut best: Option<Cut> = None;
        let mut offer = |left: Filled, threshold: u8, missing_right: bool| {
            let n_right = bytes.len() - left.n_rows as usize;
            if counted && ((left.n_rows as usize) < min_rows || n_right < min_rows) {
                return;
            }
            let right = [self.total[0] - left.sum[0], self.total[1] - left.sum[1]];
            let worth = match self.entropy {
                false => squares(left.sum) + squares(right),
                true => log_likelihood(left.sum) + log_likelihood(right),
            };
            if best.is_none_or(|best| worth > best.worth) {
                let missing_right =
                    if range.missing { missing_right } else { right[0] > left.sum[0] };
                best = Some(Cut { worth, threshold, missing_right });
            }
        };
        if range.low < range.high {
            offer(known, threshold, true);
        }
        if range.missing {
            if range.low < range.high {
                offer(known.and(missing), threshold, false);
            }
            offer(missing, 0, false);
        }
        best
    }
}
