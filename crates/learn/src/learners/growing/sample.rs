//! The rows that a tree learns from.

use crate::dataset::{Dataset, Target};
use crate::random::Stream;

/// One training row in a tree: how much it counts, and its target.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::learners) struct Example {
    /// Weight, above 0.
    pub weight: f32,
    /// Centered number (0 or 1 for binary tasks) as its bits, or class index of three and more.
    target: u32,
}

impl Example {
    /// A row of regression or of a binary task.
    pub fn of_number(weight: f32, target: f32) -> Example {
        Example { weight, target: target.to_bits() }
    }

    /// A row of a task of three and more classes.
    pub fn of_class(weight: f32, class: u32) -> Example {
        Example { weight, target: class }
    }

    /// The number; of a class without meaning.
    #[inline(always)]
    pub fn number(self) -> f32 {
        f32::from_bits(self.target)
    }

    /// The class; of a number without meaning.
    #[inline(always)]
    pub fn class(self) -> u32 {
        self.target
    }
}

/// All rows that a fit may learn from: those of `train` whose weight is above 0.
#[derive(Debug)]
pub(in crate::learners) struct Pool {
    rows: Vec<u32>,
    examples: Vec<Example>,
}

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Draw {
    /// With replacement.
    pub bootstrap: bool,
    /// Draws as a share of the rows, in `(0, 1]`.
    pub share: f64,
}

impl Draw {
    /// Whether a tree may leave out rows.
    pub fn leaves_out(self) -> bool {
        self.bootstrap || self.share < 1.0
    }
}

impl Pool {
    /// Gathers targets, less `center` for numbers.
    pub fn new(data: &Dataset, train: &[u32], center: f64) -> Pool {
        let rows: Vec<u32> =
            train.iter().copied().filter(|&row| data.weight(row as usize) as f32 > 0.0).collect();
        let several = data.n_outputs() > 1;
        let example = |&row: &u32| {
            let row = row as usize;
            let weight = data.weight(row) as f32;
            match &data.target {
                Target::Numbers(all) => Example::of_number(weight, (all[row] - center) as f32),
                Target::Classes(classes) if several => Example::of_class(weight, classes[row]),
                Target::Classes(classes) => Example::of_number(weight, classes[row] as f32),
            }
        };
        let examples = rows.iter().map(example).collect();
        Pool { rows, examples }
    }

    /// The rows `(len,)`, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Places of the rows that were not drawn, ascending; `drawn` as [`Pool::draw`] gives them.
    pub fn left_out(&self, drawn: &[u32]) -> Vec<u32> {
        let mut drawn = drawn.iter().peekable();
        let places = self.rows.iter().enumerate();
        places.filter(|(_, row)| drawn.next_if_eq(row).is_none()).map(|(at, _)| at as u32).collect()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether all weights are whole numbers, and any sum of a tree's is below 2^28.
    pub fn is_whole(&self) -> bool {
        // However rows are drawn, none counts more than the heaviest.
        let heaviest = self.examples.iter().map(|example| example.weight).fold(0.0, f32::max);
        let most = f64::from(heaviest) * self.examples.len() as f64;
        most < f64::from(1 << 28) && self.examples.iter().all(|e| e.weight.fract() == 0.0)
    }

    /// The rows of one tree, ascending, into `rows` and `examples`; a row drawn twice counts twice.
    pub fn draw(&self, draw: Draw, key: &[u64], rows: &mut Vec<u32>, examples: &mut Vec<Example>) {
        rows.clear();
        examples.clear();
        if self.rows.is_empty() || (!draw.bootstrap && draw.share >= 1.0) {
            rows.extend_from_slice(&self.rows);
            examples.extend_from_slice(&self.examples);
            return;
        }
        let counts = self.counts(draw, key);
        for ((&row, &example), &count) in self.rows.iter().zip(&self.examples).zip(&counts) {
            if count > 0 {
                rows.push(row);
                examples.push(Example { weight: example.weight * f32::from(count), ..example });
            }
        }
    }

    fn counts(&self, draw: Draw, key: &[u64]) -> Vec<u16> {
        let n_rows = self.rows.len();
        let n_draws = ((n_rows as f64 * draw.share).round() as usize).clamp(1, n_rows);
        let mut counts = vec![0u16; n_rows];
        let mut stream = Stream::new(key);
        if draw.bootstrap {
            for _ in 0..n_draws {
                let count = &mut counts[stream.below(n_rows)];
                *count = count.saturating_add(1);
            }
        } else {
            // Selection sampling (Knuth, The Art of Computer Programming 2, algorithm S).
            let mut wanted = n_draws;
            for (seen, count) in counts.iter_mut().enumerate() {
                if stream.below(n_rows - seen) < wanted {
                    *count = 1;
                    wanted -= 1;
                }
            }
        }
        counts
    }
}
