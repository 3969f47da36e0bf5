//! Splits by Gini impurity where weights are whole numbers, as those of a bootstrap are: sums of
//! classes are integers, and only classes that a node holds are summed.
//!
//! - Up to 4 classes: all sums of a bin are one 64-bit integer, and one addition a row.
//! - Up to 16 classes, and weights that this has no room for: a row of 4, 8 or 16 sums a bin.
//! - Few rows: they are sorted by bin, and sums change one class at a time.
//!
//! Sums are exact, so all ways (and [`super::classes`], the general one) find the same cut.

use super::lanes::{Code, FIELDS, Lanes, pack, weight_and_squares, whole};
use super::moments::between;
use super::sample::Example;
use super::statistic::{Cut, Range};

/// Most classes of a node that are summed here.
pub(super) const MAX_CLASSES: usize = 16;
/// Most rows that are sorted.
const SORTED_ROWS: usize = 16;
/// Columns of fewer bins than this are summed by four rows in turn: an addition has to wait for the
/// one before to the same sum, and of few bins most are.
const LANE: usize = 64;
/// Fewest rows that take turns.
const TURNS_FROM: usize = 64;

/// Room for the sums of a node.
#[derive(Debug)]
pub(super) struct Counts {
    codes: Vec<Code>,
    lanes: Lanes,
    /// Weights of the classes of the node.
    total: [u32; MAX_CLASSES],
    n_classes: usize,
    weight: u32,
    /// Sum of the squares of `total`.
    squares: i64,
    packed: Sums<u64>,
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
    fn fill<C: Copy>(
        &mut self,
        asked: &Asked<'_>,
        codes: &[C],
        zero: T,
        add: impl Fn(&mut T, C),
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
            lanes: Lanes::default(),
            total: [0; MAX_CLASSES],
            n_classes: 0,
            weight: 0,
            squares: 0,
            packed: Sums::new(0),
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
                lane[example.class() as usize % MAX_CLASSES] += whole(example.weight);
            }
        }
        for (lane, example) in lanes.iter_mut().zip(rest) {
            lane[example.class() as usize % MAX_CLASSES] += whole(example.weight);
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
            self.lanes.forget();
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
        let packs = self.lanes.has_room(self.weight);
        match self.n_classes {
            0..=2 if !range.missing && range.low + 1 == range.high => self.cut_of_two_bins(&asked),
            0..=2 if packs => self.search_packed::<2>(&asked),
            3..=FIELDS if packs => self.search_packed::<FIELDS>(&asked),
            0..=4 => {
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
        let places = ascending(asked.bytes);
        let mut best = Best::new(asked.range);
        for missing_left in [false, true] {
            if missing_left && !asked.range.missing {
                break;
            }
            let mut left = [0u32; MAX_CLASSES];
            let (mut left_squares, mut left_weight, mut n_left) = (0i64, 0i64, 0u32);
            let mut right_squares = self.squares;
            let mut before = 0;
            for &place in &places[..n_rows] {
                let place = usize::from(place);
                let byte = asked.bytes[place];
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
                let code = self.codes[place];
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

    /// The cut of a column of two values, none of them missing, whose larger one is told by a bit
    /// of each row's word.
    pub fn cut_of_flag(
        &mut self,
        words: &[u64],
        flag: u32,
        range: Range,
        min_rows: usize,
    ) -> Option<Cut> {
        if min_rows > 1 {
            let n_high = words.iter().filter(|word| **word >> flag & 1 == 1).count();
            if n_high.min(words.len() - n_high) < min_rows {
                return None;
            }
        }
        let (mut left_squares, mut right_squares, mut right_weight) = (0i64, 0i64, 0u32);
        for group in 0..self.n_classes.div_ceil(FIELDS) {
            let sums = self.lanes.sums(&self.codes, self.weight, group, words, flag);
            let totals = &self.total[group * FIELDS..];
            for (&total, right) in totals.iter().zip(sums) {
                let left = total - right;
                left_squares += i64::from(left) * i64::from(left);
                right_squares += i64::from(right) * i64::from(right);
                right_weight += right;
            }
        }
        let left_weight = self.weight - right_weight;
        let worth = left_squares as f64 / f64::from(left_weight)
            + right_squares as f64 / f64::from(right_weight);
        let missing_right = right_weight > left_weight;
        Some(Cut { worth, threshold: between(range.low, range.high), missing_right })
    }

    /// Of the first `K` classes, which are all there are, in one word a bin.
    ///
    /// Cuts within bins of one and the same class are never the best (Fayyad, Irani 1992,
    /// doi:10.1023/A:1022638503176). To leave them out was tried: the branch cost more than it saved.
    fn search_packed<const K: usize>(&mut self, asked: &Asked<'_>) -> Option<Cut> {
        let lanes = self.lanes.group(&self.codes, 0);
        let add = |sum: &mut u64, lane: u64| *sum += lane;
        let bins = self.packed.fill(asked, lanes, 0, add, |sum, other| *sum += other);
        let counts: &mut [u32; 256] = (&mut self.n_rows[..]).try_into().expect("256 bins");
        count_rows(asked, counts);
        let (total, n_total) = (pack(&self.total), asked.bytes.len() as u32);
        let mut best = Best::new(asked.range);
        let present = Present::new(asked);
        let passes = if asked.range.missing { 2 } else { 1 };
        for missing_left in [false, true].into_iter().take(passes) {
            let (mut left, mut n_left, mut before) = (0u64, 0u32, 0);
            if missing_left {
                (left, n_left) = (bins[0], counts[0]);
            }
            present.each(|bin| {
                let own = bins[usize::from(bin)];
                if own == 0 {
                    return;
                }
                let enough = n_left >= asked.min_rows && n_total - n_left >= asked.min_rows;
                if left > 0 && (asked.min_rows < 2 || enough) {
                    let (weight, squares) = weight_and_squares::<K>(left);
                    let (right, right_squares) = weight_and_squares::<K>(total - left);
                    let worth = squares as i64 as f64 / weight as i64 as f64
                        + right_squares as i64 as f64 / right as i64 as f64;
                    best.offer(worth, (before, bin), missing_left, right > weight);
                }
                left += own;
                n_left += counts[usize::from(bin)];
                before = bin;
            });
        }
        bins[0] = 0;
        present.each(|bin| bins[usize::from(bin)] = 0);
        clear_rows(asked, &present, counts);
        best.cut
    }
}

/// Places of at most [`SORTED_ROWS`] bytes in ascending order, equal ones in their own.
///
/// How many come before each is counted with all of them side by side: no branch depends on the
/// data, as it would in sorting by comparison.
fn ascending(bytes: &[u8]) -> [u8; SORTED_ROWS] {
    let mut all = [u8::MAX; SORTED_ROWS];
    all[..bytes.len()].copy_from_slice(bytes);
    let mut n_before = [0u8; SORTED_ROWS];
    for (place, &byte) in bytes.iter().enumerate() {
        for (other, n_before) in n_before.iter_mut().enumerate() {
            let (smaller, equal) = (byte < all[other], byte == all[other]);
            *n_before += u8::from(smaller | (equal & (place < other)));
        }
    }
    let mut places = [0; SORTED_ROWS];
    for (place, &n_before) in n_before[..bytes.len()].iter().enumerate() {
        places[usize::from(n_before) % SORTED_ROWS] = place as u8;
    }
    places
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_sorted(bytes in prop::collection::vec(0u8..6, 0..=SORTED_ROWS), top: bool) {
            let bytes: Vec<u8> = bytes.iter().map(|&b| if top { b.wrapping_sub(3) } else { b }).collect();
            let mut slow: Vec<u8> = (0..bytes.len() as u8).collect();
            slow.sort_by_key(|&place| bytes[usize::from(place)]);
            prop_assert_eq!(&ascending(&bytes)[..bytes.len()], &slow[..]);
        }
    }
}
