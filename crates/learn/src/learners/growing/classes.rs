//! Splits for three and more classes.
//!
//! A node is worth `sum_c n_c^2 / n` (Gini) or `sum_c n_c ln(n_c / n)` (entropy), a split gains
//! the worth of its sides less that of the node. Both sums are kept up to date as rows move from
//! the right to the left side in order of their bin, one class at a time, so a candidate costs the
//! rows (or the filled cells of the histogram, if fewer) and not the number of classes.

use super::counts::Counts;
use super::moments::{between, x_ln_x};
use super::sample::Example;
use super::statistic::{Cut, Range, Statistic};

/// Weight of one class in one bin.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    weight: f64,
    class: u32,
}

/// Cells of one bin: they end at `end` in the list of cells.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    bin: u8,
    n_rows: u32,
    end: u32,
}

/// The sums over classes of both sides of a cut.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    left: f64,
    /// `sum_c of f(left_c)`.
    left_worth: f64,
    /// `sum_c of f(right_c)`, for Gini less that of the whole node.
    right_worth: f64,
}

/// Statistics of one node, and room to find its split.
#[derive(Debug)]
pub(in crate::learners) struct Classes {
    n_classes: usize,
    entropy: bool,
    total: Vec<f64>,
    weight: f64,
    /// `sum_c of f(total_c)`.
    total_worth: f64,
    left: Vec<f64>,
    histogram: Vec<f64>,
    n_rows: Vec<u32>,
    cells: Vec<Cell>,
    groups: Vec<Group>,
    /// For whole weights and Gini impurity.
    counts: Option<Counts>,
    /// Whether the node is one for `counts`.
    counted: bool,
}

impl Classes {
    /// For `n_classes` classes, with Gini impurity or entropy; `whole` if all weights are whole
    /// numbers that sum up to less than 2^28.
    pub fn new(n_classes: usize, entropy: bool, whole: bool) -> Classes {
        Classes {
            n_classes,
            entropy,
            counts: (whole && !entropy).then(Counts::new),
            counted: false,
            total: vec![0.0; n_classes],
            weight: 0.0,
            total_worth: 0.0,
            left: vec![0.0; n_classes],
            histogram: vec![0.0; 256 * n_classes],
            n_rows: vec![0; 256],
            cells: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Lists cells by bin, ascending.
    fn fill(&mut self, bytes: &[u8], examples: &[Example], range: Range) {
        self.cells.clear();
        self.groups.clear();
        let n_bins = usize::from(range.high - range.low) + 1;
        if bytes.len() > n_bins * self.n_classes / 2 {
            self.fill_from_histogram(bytes, examples, range);
        } else {
            self.fill_by_sorting(bytes, examples);
        }
    }

    fn fill_from_histogram(&mut self, bytes: &[u8], examples: &[Example], range: Range) {
        let n_classes = self.n_classes;
        for (&byte, example) in bytes.iter().zip(examples) {
            let cell = usize::from(byte) * n_classes + example.class() as usize;
            self.histogram[cell] += f64::from(example.weight);
            self.n_rows[usize::from(byte)] += 1;
        }
        let missing = if range.missing { 0..1 } else { 0..0 };
        for bin in missing.chain(usize::from(range.low)..usize::from(range.high) + 1) {
            let n_rows = std::mem::take(&mut self.n_rows[bin]);
            if n_rows == 0 {
                continue;
            }
            let row = &mut self.histogram[bin * n_classes..][..n_classes];
            for (class, weight) in row.iter_mut().enumerate() {
                if *weight > 0.0 {
                    self.cells.push(Cell { weight: *weight, class: class as u32 });
                    *weight = 0.0;
                }
            }
            let end = self.cells.len() as u32;
            self.groups.push(Group { bin: bin as u8, n_rows, end });
        }
    }

    /// One cell a row, by a counting sort over the bins that occur.
    fn fill_by_sorting(&mut self, bytes: &[u8], examples: &[Example]) {
        let counts: &mut [u32; 256] =
            (&mut self.n_rows[..]).try_into().expect("it has 256 entries");
        let mut touched = [0u64; 4];
        for &byte in bytes {
            counts[usize::from(byte)] += 1;
            touched[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        let mut end = 0;
        for (word, &bits) in touched.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let bin = word * 64 + bits.trailing_zeros() as usize;
                let n_rows = std::mem::replace(&mut counts[bin], end);
                end += n_rows;
                self.groups.push(Group { bin: bin as u8, n_rows, end });
                bits &= bits - 1;
            }
        }
        self.cells.resize(bytes.len(), Cell::default());
        for (&byte, example) in bytes.iter().zip(examples) {
            let place = &mut counts[usize::from(byte)];
            self.cells[*place as usize] =
                Cell { weight: f64::from(example.weight), class: example.class() };
            *place += 1;
        }
        self.groups.iter().for_each(|group| counts[usize::from(group.bin)] = 0);
    }

    fn search<const ENTROPY: bool>(&mut self, range: Range, min_rows: u32) -> Option<Cut> {
        let n_total = self.groups.last().map_or(0, |_| self.groups.iter().map(|g| g.n_rows).sum());
        let first = usize::from(range.missing);
        let mut best: Option<Cut> = None;
        for missing_left in [false, true] {
            if missing_left && !range.missing {
                break;
            }
            self.left.fill(0.0);
            let mut sides = Sides { right_worth: self.total_worth, ..Sides::default() };
            let (mut n_left, mut start) = (0, 0);
            for place in 0..self.groups.len() - 1 {
                let group = self.groups[place];
                let cells = start..group.end as usize;
                start = cells.end;
                if place < first && !missing_left {
                    continue;
                }
                self.shift::<ENTROPY>(&mut sides, cells);
                n_left += group.n_rows;
                if n_left < min_rows || n_total - n_left < min_rows {
                    continue;
                }
                let worth = self.sides_worth::<ENTROPY>(sides);
                if best.is_none_or(|best| worth > best.worth) {
                    let next = self.groups[place + 1].bin;
                    let threshold = if place < first { 0 } else { between(group.bin, next) };
                    let missing_right = if range.missing {
                        !missing_left
                    } else {
                        self.weight - sides.left > sides.left
                    };
                    best = Some(Cut { worth, threshold, missing_right });
                }
            }
        }
        best
    }

    /// Moves cells from the right to the left side.
    #[inline(always)]
    fn shift<const ENTROPY: bool>(&mut self, sides: &mut Sides, cells: std::ops::Range<usize>) {
        for cell in &self.cells[cells] {
            let class = cell.class as usize;
            let (before, total) = (self.left[class], self.total[class]);
            let after = before + cell.weight;
            if ENTROPY {
                sides.left_worth += x_ln_x(after) - x_ln_x(before);
                sides.right_worth += x_ln_x(total - after) - x_ln_x(total - before);
            } else {
                let squares = cell.weight * (before + after);
                sides.left_worth += squares;
                sides.right_worth += squares - 2.0 * cell.weight * total;
            }
            sides.left += cell.weight;
            self.left[class] = after;
        }
    }

    fn sides_worth<const ENTROPY: bool>(&self, sides: Sides) -> f64 {
        let right = self.weight - sides.left;
        if ENTROPY {
            sides.left_worth + sides.right_worth - x_ln_x(sides.left) - x_ln_x(right)
        } else {
            sides.left_worth / sides.left + sides.right_worth / right
        }
    }

    fn best(&mut self, range: Range, min_rows: usize) -> Option<Cut> {
        if self.entropy {
            self.search::<true>(range, min_rows as u32)
        } else {
            self.search::<false>(range, min_rows as u32)
        }
    }
}

impl Statistic for Classes {
    fn width(&self) -> usize {
        self.n_classes
    }

    fn start(&mut self, examples: &[Example]) -> bool {
        let total = &mut self.total;
        self.counted = self.counts.as_mut().is_some_and(|counts| counts.start(examples, total));
        if !self.counted {
            self.total.fill(0.0);
            for example in examples {
                self.total[example.class() as usize] += f64::from(example.weight);
            }
        }
        self.weight = self.total.iter().sum();
        let worth = if self.entropy { x_ln_x } else { |x: f64| x * x };
        self.total_worth = self.total.iter().map(|&weight| worth(weight)).sum();
        self.total.iter().filter(|&&weight| weight > 0.0).count() > 1
    }

    fn worth(&self) -> f64 {
        if self.entropy {
            self.total_worth - x_ln_x(self.weight)
        } else {
            self.total_worth / self.weight
        }
    }

    fn scale(&self) -> f64 {
        // Entropy is in bits.
        if self.entropy { std::f64::consts::LOG2_E } else { 1.0 }
    }

    fn bound(&self) -> f64 {
        // Pure sides: each is worth its weight, or has a likelihood of 1.
        if self.entropy { 0.0 } else { self.weight }
    }

    fn value(&self, parent: &[f32], smoothing: f64, values: &mut Vec<f32>) {
        let weight = self.weight + smoothing;
        let counts = self.total.iter().zip(parent);
        values.extend(
            counts.map(|(count, share)| ((count + smoothing * f64::from(*share)) / weight) as f32),
        );
    }

    fn best_cut(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut> {
        if self.counted
            && let Some(counts) = &mut self.counts
        {
            return counts.best_cut(bytes, range, min_rows);
        }
        self.fill(bytes, examples, range);
        self.best(range, min_rows)
    }

    fn cut_of_flag(
        &mut self,
        words: &[u64],
        flag: u32,
        examples: &[Example],
        range: Range,
        min_rows: usize,
    ) -> Option<Cut> {
        if self.counted
            && let Some(counts) = &mut self.counts
        {
            return counts.cut_of_flag(words, flag, range, min_rows);
        }
        let byte = |word: &u64| if word >> flag & 1 == 1 { range.high } else { range.low };
        let bytes: Vec<u8> = words.iter().map(byte).collect();
        self.best_cut(&bytes, examples, range, min_rows)
    }

    fn cut_at(
        &mut self,
        bytes: &[u8],
        examples: &[Example],
        range: Range,
        min_rows: usize,
        threshold: u8,
    ) -> Option<Cut> {
        let n_classes = self.n_classes;
        for (&byte, example) in bytes.iter().zip(examples) {
            let side = usize::from(byte > 0) + usize::from(byte > threshold);
            self.histogram[side * n_classes + example.class() as usize] +=
                f64::from(example.weight);
            self.n_rows[side] += 1;
        }
        self.cells.clear();
        self.groups.clear();
        for (side, bin) in [0, threshold, threshold.saturating_add(1)].into_iter().enumerate() {
            let n_rows = std::mem::take(&mut self.n_rows[side]);
            if n_rows == 0 {
                continue;
            }
            let row = &mut self.histogram[side * n_classes..][..n_classes];
            for (class, weight) in row.iter_mut().enumerate() {
                if *weight > 0.0 {
                    self.cells.push(Cell { weight: *weight, class: class as u32 });
                    *weight = 0.0;
                }
            }
            self.groups.push(Group { bin, n_rows, end: self.cells.len() as u32 });
        }
        self.best(range, min_rows)
    }
}
