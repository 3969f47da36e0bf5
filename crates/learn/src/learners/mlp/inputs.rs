//! From features to the columns of the first layer.
//!
//! Everything is learned from the training rows. Numbers come first, then categories.

use eyas_model::net::scaled;
use eyas_model::{Curve, Input};

use super::knots::Knots;
use super::options::{Numeric, Options};
use crate::dataset::Dataset;

/// Largest absolute value after robust scaling.
const ROBUST_CLIP: f64 = 4.0;
/// Interquartile range of the standard normal distribution.
const NORMAL_QUARTILES: f64 = 1.3489795003921634;
/// Rows that quartiles are taken from, evenly spread.
pub(super) const QUARTILE_ROWS: usize = 20_000;
/// Categories of up to so many bins have a column a bin in any case.
const FEW_BINS: usize = 8;
/// Rows that are encoded side by side, so that their numbers stay in the cache.
const BLOCK: usize = 128;

/// What the columns of the first layer hold.
#[derive(Debug, Clone)]
pub(super) struct Inputs {
    /// As in the model, but embeddings have no rows; numbers before the others.
    pub list: Vec<Input>,
    /// Columns of numbers and of all inputs.
    pub n_numbers: usize,
    pub n_columns: usize,
    /// Bins that some training row has, by input `(n_inputs,)`; empty for numbers.
    pub seen: Vec<Vec<bool>>,
}

/// Rows ready to become batches.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    /// Numbers `(n_rows, n_numbers)`.
    pub numbers: Vec<f32>,
    /// Bins `(n_rows, inputs that read a bin)`.
    pub bins: Vec<u8>,
}

impl Inputs {
    /// Learns them from the rows `train`.
    pub fn new(data: &Dataset, train: &[u32], features: &[u32], options: &Options) -> Inputs {
        let is_number = |feature: &&u32| !data.features[**feature as usize].bins.is_categorical();
        let mut ranges = Vec::new();
        for &feature in features.iter().filter(is_number) {
            ranges.push((feature, Range::new(data, train, feature)));
        }
        let largest = ranges.iter().map(|(_, range)| range.largest()).fold(0.0, f64::max);
        let mut list = Vec::new();
        for (feature, range) in ranges {
            let scaling = match options.numeric {
                Numeric::Quantile | Numeric::Piecewise => {
                    let knots = Knots::new(data, train, feature, options.numeric);
                    let curve = knots.input(feature, options.numeric, range.has_missing);
                    list.extend(curve.or_else(|| range.input(feature, None)));
                    continue;
                }
                Numeric::Standard => range.standard(),
                Numeric::Robust => range.robust(data, train, feature),
                Numeric::Common => range.common(largest),
            };
            list.extend(range.input(feature, scaling));
        }
        let n_numbers = list.iter().map(Input::width).sum();
        let mut seen = vec![Vec::new(); list.len()];
        for &feature in features.iter().filter(|feature| !is_number(feature)) {
            let own = seen_bins(data, train, feature);
            let n_bins = own.len();
            let n_seen = own.iter().filter(|&&seen| seen).count();
            if n_seen > 1 {
                list.push(if options.embeds && n_bins > FEW_BINS {
                    Input::Embedding { feature, width: embedding_width(n_bins), rows: Vec::new() }
                } else {
                    Input::OneHot { feature, n_bins: n_bins as u32 }
                });
                seen.push(own);
            }
        }
        let n_columns = list.iter().map(Input::width).sum();
        Inputs { list, n_numbers, n_columns, seen }
    }

    /// Inputs that read a bin, in order.
    pub fn binned(&self) -> impl Iterator<Item = &Input> {
        self.list.iter().filter(|input| input.reads_bin())
    }

    /// Encodes rows of a dataset.
    pub fn encode(&self, data: &Dataset, rows: &[u32]) -> Encoded {
        let n_binned = self.binned().count();
        let mut encoded = Encoded {
            numbers: vec![0.0; rows.len() * self.n_numbers],
            bins: Vec::with_capacity(rows.len() * n_binned),
        };
        for (block, rows) in rows.chunks(BLOCK).enumerate() {
            let start = block * BLOCK * self.n_numbers;
            self.encode_numbers(data, rows, &mut encoded.numbers[start..]);
            for &row in rows {
                let bin = |input: &Input| data.bins[input.feature() as usize][row as usize];
                encoded.bins.extend(self.binned().map(bin));
            }
        }
        encoded
    }

    fn encode_numbers(&self, data: &Dataset, rows: &[u32], numbers: &mut [f32]) {
        let mut column = 0;
        for input in &self.list {
            if let Input::Curve { feature, width, knots, rows: of_knots } = input {
                let curve = Curve { knots, rows: of_knots, width: *width as usize };
                for (&row, numbers) in rows.iter().zip(numbers.chunks_exact_mut(self.n_numbers)) {
                    let mut own = numbers[column..].iter_mut();
                    curve.at(data.number(*feature as usize, row as usize), |number| {
                        *own.next().expect("a row has all columns") = number;
                    });
                }
                column += input.width();
            }
            let Input::Number { feature, center, factor, clip, missing, indicator } = *input else {
                continue;
            };
            for (&row, numbers) in rows.iter().zip(numbers.chunks_exact_mut(self.n_numbers)) {
                let value = data.number(feature as usize, row as usize);
                numbers[column] = scaled(value, center, factor, clip, missing);
                if indicator {
                    numbers[column + 1] = f32::from(u8::from(value.is_nan()));
                }
            }
            column += input.width();
        }
    }
}

/// Learned numbers for a category of `n_bins` bins.
fn embedding_width(n_bins: usize) -> u32 {
    // A rule of thumb of fastai: 1.6 n^0.56; at most 16 here.
    (libm::round(1.6 * libm::pow(n_bins as f64, 0.56)) as u32).clamp(2, 16)
}

fn seen_bins(data: &Dataset, train: &[u32], feature: u32) -> Vec<bool> {
    let mut seen = vec![false; data.features[feature as usize].bins.n_bins()];
    for &row in train {
        seen[usize::from(data.bins[feature as usize][row as usize])] = true;
    }
    seen
}

/// What is known of the numbers of a feature in some rows.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    mean: f64,
    deviation: f64,
    has_missing: bool,
}

/// Center, factor and clip.
type Scaling = (f64, f64, f64);

impl Range {
    fn new(data: &Dataset, rows: &[u32], feature: u32) -> Range {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for &row in rows {
            let value = data.number(feature as usize, row as usize);
            if !value.is_nan() {
                (low, high) = (low.min(value), high.max(value));
                n += 1.0;
                let before = value - mean;
                mean += before / n;
                squares += before * (value - mean);
            }
        }
        let deviation = (squares / f64::max(n, 1.0)).sqrt();
        Range { low, high, mean, deviation, has_missing: n < rows.len() as f64 }
    }

    /// Largest absolute value; 0 without any.
    fn largest(&self) -> f64 {
        if self.low <= self.high { self.low.abs().max(self.high.abs()) } else { 0.0 }
    }

    /// Mean and deviation, clipped at the largest value seen.
    fn standard(&self) -> Option<Scaling> {
        let clip = (self.high - self.mean).max(self.mean - self.low) / self.deviation;
        usable((self.mean, 1.0 / self.deviation, clip))
    }

    /// Median and quartiles, as a deviation; as [`Range::standard`] where half of the numbers are
    /// equal.
    fn robust(&self, data: &Dataset, rows: &[u32], feature: u32) -> Option<Scaling> {
        let every = rows.len().div_ceil(QUARTILE_ROWS).max(1);
        let numbers = rows.iter().step_by(every);
        let numbers = numbers.map(|&row| data.number(feature as usize, row as usize));
        let mut sorted: Vec<f64> = numbers.filter(|number| !number.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied();
        let quartiles = at(0.25).zip(at(0.5)).zip(at(0.75));
        let scaling = quartiles.and_then(|((low, middle), high)| {
            usable((middle, NORMAL_QUARTILES / (high - low), ROBUST_CLIP))
        });
        scaling.or_else(|| self.standard())
    }

    /// By the largest of all features.
    fn common(&self, largest: f64) -> Option<Scaling> {
        if self.low < self.high { usable((0.0, 1.0 / largest, 1.0)) } else { None }
    }

    /// The input; none where the number is the same in all rows.
    fn input(&self, feature: u32, scaling: Option<Scaling>) -> Option<Input> {
        let (center, factor, clip) = match scaling {
            Some(scaling) => scaling,
            // All the same, but whether it is missing may tell something.
            None if self.has_missing && self.low <= self.high => (0.0, 1.0, 0.0),
            None => return None,
        };
        let indicator = self.has_missing;
        let mean = ((self.mean - center) * factor).clamp(-clip, clip);
        let missing = if mean.is_nan() { 0.0 } else { mean };
        Some(Input::Number { feature, center, factor, clip, missing, indicator })
    }
}

/// A scaling that a model takes.
fn usable(scaling: Scaling) -> Option<Scaling> {
    let (center, factor, clip) = scaling;
    let fits = center.is_finite() && factor.is_finite() && factor > 0.0;
    (fits && (0.0..=1e30).contains(&clip)).then_some(scaling)
}
