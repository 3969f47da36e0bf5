//! Splits by Gini impurity where weights are whole numbers, as those of a bootstrap are: sums of
//! classes are integers, and only classes that a node holds are summed.
//!
//! - Two classes: both sums of a bin are one 64-bit integer, and one addition a row.
//! - Up to 16 classes: a row of 4, 8 or 16 sums a bin.
//! - Few rows: they are sorted by bin, and sums change one class at a time.
//!
//! Sums are exact, so all ways (and [`super::classes`], the general one) find the same cut.

use super::grow::{Cut, Range};
use super::moments::between;
use super::sample::Example;

/// Most classes of a node that are summed here.
pub(super) const MAX_CLASSES: usize = 16;
/// Most rows that are sorted.
const SORTED_ROWS: usize = 12;
/// Columns of fewer bins than this are summed by four rows in turn: an addition has to wait for the
/// one before to the same sum, and of few bins most are.
const LANE: usize = 64;
/// Fewest rows that take turns.
const TURNS_FROM: usize = 64;
/// Half of a sum of two classes.
const HALF: u32 = 32;

/// One row of a node: its weight, and its class among those of the node.
#[derive(Debug, Clone, Copy, Default)]
struct Code(u32);

impl Code {
    fn new(weight: f32, class: u8) -> Code {
        Code((weight as u32) << 4 | u32::from(class))
    }

    #[inline(always)]
    fn weight(self) -> u32 {
        self.0 >> 4
    }

    #[inline(always)]
    fn class(self) -> usize {
        (self.0 & 15) as usize
    }
}

/// Room for the sums of a node.
#[derive(Debug)]
pub(super) struct Counts {
    codes: Vec<Code>,
    /// Weights of the classes of the node.
    total: [u32; MAX_CLASSES],
    n_classes: usize,
    weight: u32,
    /// Sum of the squares of `total`.
    squares: i64,
    pairs: Sums<u64>,
    rows4: Sums<[u32; 4]>,
    rows8: Sums<[u32; 8]>,
    rows16: Sums<[u32; 16]>,
    n_rows: Vec<u32>,
}

/// Sums by bin, 0 between searches.
#[derive(Debug)]
struct Sums<T> {
    by_bin: Vec<T>,
    /// Four sums a bin for columns of few bins.
    by_lane: Vec<T>,
}

impl<T: Copy> Sums<T> {
    fn new(zero: T) -> Sums<T> {
        Sums { by_bin: vec![zero; 256], by_lane: vec![zero; 4 * LANE] }
    }

    /// Sums up rows, and gives the sums by bin.
    #[inline(always)]
    fn fill(
        &mut self,
        asked: &Asked<'_>,
        codes: &[Code],
        zero: T,
        add: impl Fn(&mut T, Code),
        join: impl Fn(&mut T, &T),
    ) -> &mut [T; 256] {
        let Asked { bytes, range, .. } = *asked;
        let by_bin: &mut [T; 256] = (&mut self.by_bin[..]).try_into().expect("256 bins");
        let n_bins = usize::from(range.high - range.low) + 2;
        if n_bins > LANE || bytes.len() < TURNS_FROM {
            for (&byte, &code) in bytes.iter().zip(codes) {
                add(&mut by_bin[usize::from(byte)], code);
            }
            return by_bin;
        }
        let lanes: &mut [T; 4 * LANE] = (&mut self.by_lane[..]).try_into().expect("four lanes");
        // A missing value is at 0, the smallest known one at 1.
        let below = range.low - 1;
        let place = |byte: u8| usize::from(byte.saturating_sub(below)) % LANE;
        let (fours, rest) = bytes.as_chunks::<4>();
        let (code_fours, code_rest) = codes[..bytes.len()].as_chunks::<4>();
        for (bytes, codes) in fours.iter().zip(code_fours) {
            for lane in 0..4 {
                add(&mut lanes[lane * LANE + place(bytes[lane])], codes[lane]);
            }
        }
        for (&byte, &code) in rest.iter().zip(code_rest) {
            add(&mut lanes[place(byte)], code);
        }
        for at in 0..n_bins {
            let bin = if at == 0 { 0 } else { usize::from(below) + at };
            for lane in 0..4 {
                let sum = &mut lanes[lane * LANE + at];
                join(&mut by_bin[bin], sum);
                *sum = zero;
            }
        }
        by_bin
    }
}

/// What a search is given.
struct Asked<'a> {
    bytes: &'a [u8],
    range: Range,
    min_rows: u32,
}

impl Counts {
    pub fn new() -> Counts {
        Counts {
            codes: Vec::new(),
            total: [0; MAX_CLASSES],
            n_classes: 0,
            weight: 0,
            squares: 0,
            pairs: Sums::new(0),
            rows4: Sums::new([0; 4]),
            rows8: Sums::new([0; 8]),
            rows16: Sums::new([0; 16]),
            n_rows: vec![0; 256],
        }
    }

    /// Takes up a node: sums up its classes into `totals`; returns whether it is one for this
    /// module.
    pub fn start(&mut self, examples: &[Example], totals: &mut [f64]) -> bool {
        if totals.len() > MAX_CLASSES {
            return false;
        }
        let mut lanes = [[0u32; MAX_CLASSES]; 4];
        let (fours, rest) = examples.as_chunks::<4>();
        for four in fours {
            for (lane, example) in lanes.iter_mut().zip(four) {
                lane[example.class() as usize % MAX_CLASSES] += example.weight as u32;
            }
        }
        for (lane, example) in lanes.iter_mut().zip(rest) {
            lane[example.class() as usize % MAX_CLASSES] += example.weight as u32;
        }
        let mut place = [0u8; MAX_CLASSES];
        self.n_classes = 0;
        self.total = [0; MAX_CLASSES];
        for (class, total) in totals.iter_mut().enumerate() {
            let sum: u32 = lanes.iter().map(|lane| lane[class]).sum();
            *total = f64::from(sum);
            if sum > 0 {
                place[class] = self.n_classes as u8;
                self.total[self.n_classes] = sum;
                self.n_classes += 1;
            }
        }
        self.weight = self.total.iter().sum();
        if self.n_classes > 1 {
            self.squares = self.total.iter().map(|&n| i64::from(n) * i64::from(n)).sum();
            self.codes.clear();
            let place = |example: &Example| place[example.class() as usize % MAX_CLASSES];
            self.codes.extend(examples.iter().map(|e| Code::new(e.weight, place(e))));
        }
        true
    }

    /// The best cut of a column with the bytes of the node's rows, `min_rows` rows a side.
    pub fn best_cut(&mut self, bytes: &[u8], range: Range, min_rows: usize) -> Option<Cut> {
        let asked = Asked { bytes, range, min_rows: min_rows as u32 };
        if bytes.len() <= SORTED_ROWS {
            return self.search_sorted(&asked);
        }
        match self.n_classes {
            0..=2 if !range.missing && range.low + 1 == range.high => self.cut_of_two_bins(&asked),
            0..=2 => self.search_pairs(&asked),
            3..=4 => {
                search_rows(&asked, &self.codes, &self.total, &mut self.rows4, &mut self.n_rows)
            }
            5..=8 => {
                search_rows(&asked, &self.codes, &self.total, &mut self.rows8, &mut self.n_rows)
            }
            _ => search_rows(&asked, &self.codes, &self.total, &mut self.rows16, &mut self.n_rows),
        }
    }

    fn search_sorted(&self, asked: &Asked<'_>) -> Option<Cut> {
        let n_rows = asked.bytes.len();
        let mut keys = [0u16; SORTED_ROWS];
        for (place, &byte) in asked.bytes.iter().enumerate() {
            let key = u16::from(byte) << 8 | place as u16;
            let mut at = place;
            while at > 0 && keys[at - 1] > key {
                keys[at] = keys[at - 1];
                at -= 1;
            }
            keys[at] = key;
        }
        let mut best = Best::new(asked.range);
        for missing_left in [false, true] {
            if missing_left && !asked.range.missing {
                break;
            }
            let mut left = [0u32; MAX_CLASSES];
            let (mut left_squares, mut left_weight, mut n_left) = (0i64, 0i64, 0u32);
            let mut right_squares = self.squares;
            let mut before = 0;
            for &key in &keys[..n_rows] {
                let byte = (key >> 8) as u8;
                if byte == 0 && !missing_left {
                    continue;
                }
                let n_right = n_rows as u32 - n_left;
                let enough = n_left >= asked.min_rows.max(1) && n_right >= asked.min_rows;
                if byte != before && enough {
                    let right_weight = i64::from(self.weight) - left_weight;
                    let worth = left_squares as f64 / left_weight as f64
                        + right_squares as f64 / right_weight as f64;
                    best.offer(worth, (before, byte), missing_left, right_weight > left_weight);
                }
                let code = self.codes[usize::from(key & 255)];
                let (class, weight) = (code.class(), i64::from(code.weight()));
                let own = i64::from(left[class]);
                left_squares += weight * (2 * own + weight);
                right_squares -= weight * (2 * (i64::from(self.total[class]) - own) - weight);
                left[class] += code.weight();
                left_weight += weight;
                n_left += 1;
                before = byte;
            }
        }
        best.cut
    }

    /// A column of two bins and no missing value: there is one cut.
    fn cut_of_two_bins(&self, asked: &Asked<'_>) -> Option<Cut> {
        let Range { low, high, .. } = asked.range;
        let (mut weight, mut second, mut n_rows) = (0u32, 0u32, 0u32);
        for (&byte, code) in asked.bytes.iter().zip(&self.codes) {
            let right = u32::from(byte == high);
            let own = code.weight() * right;
            weight += own;
            second += own * (code.0 & 1);
            n_rows += right;
        }
        let n_left = asked.bytes.len() as u32 - n_rows;
        if n_rows.min(n_left) < asked.min_rows {
            return None;
        }
        let worth = |weight: u32, second: u32| {
            let [weight, second] = [weight, second].map(i64::from);
            let first = weight - second;
            (first * first + second * second) as f64 / weight as f64
        };
        let left = self.weight - weight;
        let worth = worth(left, self.total[1] - second) + worth(weight, second);
        Some(Cut { worth, threshold: between(low, high), missing_right: weight > left })
    }

    fn search_pairs(&mut self, asked: &Asked<'_>) -> Option<Cut> {
        let pairs = self.pairs.fill(asked, &self.codes, 0, add_to_pair, |sum, other| *sum += other);
        let counts: &mut [u32; 256] = (&mut self.n_rows[..]).try_into().expect("256 bins");
        count_rows(asked, counts);
        let (second, all) = (i64::from(self.total[1]), i64::from(self.weight));
        let n_total = asked.bytes.len() as u32;
        let mut best = Best::new(asked.range);
        let present = Present::new(asked);
        let passes = if asked.range.missing { 2 } else { 1 };
        for missing_left in [false, true].into_iter().take(passes) {
            let (mut left, mut n_left, mut before) = (0u64, 0u32, 0);
            if missing_left {
                (left, n_left) = (pairs[0], counts[0]);
            }
            present.each(|bin| {
                let own = pairs[usize::from(bin)];
                if own == 0 {
                    return;
                }
                let enough = n_left >= asked.min_rows && n_total - n_left >= asked.min_rows;
                if left > 0 && (asked.min_rows < 2 || enough) {
                    let weight = (left & u64::from(u32::MAX)) as i64;
                    let upper = (left >> HALF) as i64;
                    let lower = weight - upper;
                    let (right_upper, right) = (second - upper, all - weight);
                    let right_lower = right - right_upper;
                    let worth = (upper * upper + lower * lower) as f64 / weight as f64
                        + (right_upper * right_upper + right_lower * right_lower) as f64
                            / right as f64;
                    best.offer(worth, (before, bin), missing_left, right > weight);
                }
                left += own;
                n_left += counts[usize::from(bin)];
                before = bin;
            });
        }
        pairs[0] = 0;
        present.each(|bin| pairs[usize::from(bin)] = 0);
        clear_rows(asked, &present, counts);
        best.cut
    }
}

/// Adds a row to a sum of weights, and of weights of the second class above [`HALF`].
#[inline(always)]
fn add_to_pair(sum: &mut u64, code: Code) {
    let weight = u64::from(code.weight());
    *sum += weight | (weight * u64::from(code.0 & 1)) << HALF;
}

/// Bins with rows, bit by bit; where rows are many, all bins of the range.
struct Present([u64; 4]);

impl Present {
    fn new(asked: &Asked<'_>) -> Present {
        let Range { low, high, .. } = asked.range;
        let mut words = [0u64; 4];
        if asked.bytes.len() * 2 < usize::from(high - low) {
            for &byte in asked.bytes {
                words[usize::from(byte >> 6)] |= 1 << (byte & 63);
            }
            words[0] &= !1;
            return Present(words);
        }
        for (place, word) in words.iter_mut().enumerate() {
            let start = place * 64;
            let from = usize::from(low).saturating_sub(start);
            let to = (usize::from(high) + 1).saturating_sub(start).min(64);
            if from < to {
                *word = (u64::MAX >> (64 - (to - from))) << from;
            }
        }
        Present(words)
    }

    /// Calls `see` with each known bin, ascending.
    #[inline(always)]
    fn each(&self, mut see: impl FnMut(u8)) {
        for (place, &word) in self.0.iter().enumerate() {
            let mut word = word;
            while word != 0 {
                see((place * 64) as u8 + word.trailing_zeros() as u8);
                word &= word - 1;
            }
        }
    }
}

/// Counts rows by bin, where their number matters.
fn count_rows(asked: &Asked<'_>, counts: &mut [u32; 256]) {
    if asked.min_rows > 1 {
        asked.bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    }
}

fn clear_rows(asked: &Asked<'_>, present: &Present, counts: &mut [u32; 256]) {
    if asked.min_rows > 1 {
        counts[0] = 0;
        present.each(|bin| counts[usize::from(bin)] = 0);
    }
}

/// With `K` sums a bin.
fn search_rows<const K: usize>(
    asked: &Asked<'_>,
    codes: &[Code],
    total: &[u32; MAX_CLASSES],
    sums: &mut Sums<[u32; K]>,
    counts: &mut [u32],
) -> Option<Cut> {
    let add = |sums: &mut [u32; K], code: Code| sums[code.class() % K] += code.weight();
    let join = |sums: &mut [u32; K], other: &[u32; K]| {
        sums.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    };
    let rows = sums.fill(asked, codes, [0; K], add, join);
    let counts: &mut [u32; 256] = counts.try_into().expect("256 bins");
    count_rows(asked, counts);
    let total: &[u32; K] = total[..K].try_into().expect("as long as it is cut");
    let all: u32 = total.iter().sum();
    let n_total = asked.bytes.len() as u32;
    let mut best = Best::new(asked.range);
    let present = Present::new(asked);
    let passes = if asked.range.missing { 2 } else { 1 };
    for missing_left in [false, true].into_iter().take(passes) {
        let (mut left, mut n_left, mut left_weight, mut before) = ([0u32; K], 0u32, 0u32, 0);
        if missing_left {
            (left, n_left) = (rows[0], counts[0]);
            left_weight = left.iter().sum();
        }
        present.each(|bin| {
            let own = &rows[usize::from(bin)];
            let weight: u32 = own.iter().sum();
            if weight == 0 {
                return;
            }
            let enough = n_left >= asked.min_rows && n_total - n_left >= asked.min_rows;
            if left_weight > 0 && (asked.min_rows < 2 || enough) {
                let (mut squares, mut right_squares) = (0u64, 0u64);
                for (&left, &total) in left.iter().zip(total) {
                    let right = total - left;
                    squares += u64::from(left) * u64::from(left);
                    right_squares += u64::from(right) * u64::from(right);
                }
                let right_weight = all - left_weight;
                let worth = squares as i64 as f64 / f64::from(left_weight)
                    + right_squares as i64 as f64 / f64::from(right_weight);
                best.offer(worth, (before, bin), missing_left, right_weight > left_weight);
            }
            left.iter_mut().zip(own).for_each(|(left, own)| *left += own);
            left_weight += weight;
            n_left += counts[usize::from(bin)];
            before = bin;
        });
    }
    rows[0] = [0; K];
    present.each(|bin| rows[usize::from(bin)] = [0; K]);
    clear_rows(asked, &present, counts);
    best.cut
}

/// The best cut so far.
struct Best {
    range: Range,
    cut: Option<Cut>,
}

impl Best {
    fn new(range: Range) -> Best {
        Best { range, cut: None }
    }

    /// A cut between two neighbouring bins; bin 0 is the missing values alone.
    #[inline(always)]
    fn offer(&mut self, worth: f64, bins: (u8, u8), missing_left: bool, right_is_heavier: bool) {
        if self.cut.is_none_or(|best| worth > best.worth) {
            let threshold = if bins.0 == 0 { 0 } else { between(bins.0, bins.1) };
            let missing_right = if self.range.missing { !missing_left } else { right_is_heavier };
            self.cut = Some(Cut { worth, threshold, missing_right });
        }
    }
}
