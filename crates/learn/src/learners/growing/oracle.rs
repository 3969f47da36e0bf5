//! Every node of a grown tree against all cuts that it could have had, tried one by one.

use proptest::prelude::*;

use super::blocks::ByRow;
use super::classes::Classes;
use super::columns::{Column, columns};
use super::fixtures::{SQUARES, random};
use super::flags::Flags;
use super::grow::{Grower, Grown, Growth, goes_right};
use super::moments::Moments;
use super::sample::{Draw, Example, Pool};
use super::statistic::Statistic;
use crate::dataset::Dataset;
use crate::learners::{FitInput, NeverStop};
use eyas_search::Config;

/// A node seen slowly: its rows and their examples.
type Rows = Vec<(u32, Example)>;

fn class_of(n_classes: usize, example: &Example) -> usize {
    if n_classes > 2 { example.class() as usize } else { example.number() as usize }
}

struct Checked<'a> {
    columns: &'a [Column<'a>],
    growth: Growth,
    n_classes: usize,
    entropy: bool,
    grown: &'a Grown,
}

impl Checked<'_> {
    /// Minus the weighted impurity of some rows, from its definition.
    fn worth(&self, rows: &[(u32, Example)]) -> f64 {
        let weight: f64 = rows.iter().map(|(_, e)| f64::from(e.weight)).sum();
        if self.n_classes == 0 {
            let sum = |f: fn(f64) -> f64| -> f64 {
                rows.iter().map(|(_, e)| f64::from(e.weight) * f(f64::from(e.number()))).sum()
            };
            let mean = sum(|y| y) / weight;
            return -(sum(|y| y * y) - weight * mean * mean);
        }
        let shares = (0..self.n_classes).map(|class| {
            let of_class = rows.iter().filter(|(_, e)| class_of(self.n_classes, e) == class);
            of_class.map(|(_, e)| f64::from(e.weight)).sum::<f64>() / weight
        });
        let impurity: f64 = if self.entropy {
            shares.filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum()
        } else {
            1.0 - shares.map(|p| p * p).sum::<f64>()
        };
        // Two classes are searched as a variance, which is half of Gini impurity.
        let factor = if self.n_classes == 2 && !self.entropy { 0.5 } else { 1.0 };
        -weight * impurity * factor
    }

    fn sides(&self, rows: &Rows, column: usize, threshold: u8, missing: bool) -> (Rows, Rows) {
        let bytes = &self.columns[column].bytes;
        let right =
            |&(row, _): &(u32, Example)| goes_right(bytes[row as usize], threshold, missing);
        let (right, left) = rows.iter().copied().partition(right);
        (left, right)
    }

    fn gain(&self, rows: &Rows, column: usize, threshold: u8, missing: bool) -> Option<f64> {
        let (left, right) = self.sides(rows, column, threshold, missing);
        let fewest = self.growth.min_samples_leaf;
        let valid = left.len() >= fewest && right.len() >= fewest;
        valid.then(|| self.worth(&left) + self.worth(&right) - self.worth(rows))
    }

    fn best_gain(&self, rows: &Rows) -> Option<f64> {
        let mut best = None;
        for column in 0..self.columns.len() {
            for threshold in 0..=254 {
                for missing in [false, true] {
                    let gain = self.gain(rows, column, threshold, missing);
                    best = gain.map(|gain| best.map_or(gain, |best: f64| best.max(gain))).or(best);
                }
            }
        }
        best
    }

    fn check(&self, index: usize, rows: &Rows, parent: &[f32]) -> Result<(), TestCaseError> {
        let node = self.grown.nodes[index];
        let width = parent.len();
        let value = &self.grown.values[index * width..][..width];
        self.check_value(value, rows, parent)?;
        let mixed = rows.iter().any(|(_, e)| e.class() != rows[0].1.class());
        let may_split = mixed
            && rows.len() >= self.growth.min_samples_split
            && usize::from(node.depth) < self.growth.max_depth;
        let best = if may_split { self.best_gain(rows) } else { None };
        // A drawn threshold may leave too few rows on a side.
        let may_fail = self.growth.random_thresholds && self.growth.min_samples_leaf > 1;
        if node.left == 0 && may_fail {
            return Ok(());
        }
        prop_assert_eq!(node.left == 0, best.is_none());
        let Some(best) = best else { return Ok(()) };
        let (column, threshold) = (node.column as usize, node.threshold);
        let gain = self.gain(rows, column, threshold, node.missing_right).expect("it was made");
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
        prop_assert!(near(node.gain, gain), "{} is not {gain}", node.gain);
        if self.growth.random_thresholds {
            let other = self.gain(rows, column, threshold, !node.missing_right);
            prop_assert!(gain >= other.unwrap_or(gain) - 1e-6);
        } else {
            prop_assert!(near(gain, best), "{gain} is not the best, {best}");
        }
        let (left, right) = self.sides(rows, column, threshold, node.missing_right);
        self.check(node.left as usize, &left, value)?;
        self.check(node.right as usize, &right, value)
    }

    fn check_value(&self, value: &[f32], rows: &Rows, parent: &[f32]) -> Result<(), TestCaseError> {
        let smoothing = self.growth.smoothing;
        let weight: f64 = rows.iter().map(|(_, e)| f64::from(e.weight)).sum();
        for (output, (&value, &parent)) in value.iter().zip(parent).enumerate() {
            let target = |e: &Example| match self.n_classes > 2 {
                true => f64::from(e.class() as usize == output),
                false => f64::from(e.number()),
            };
            let sum: f64 = rows.iter().map(|(_, e)| f64::from(e.weight) * target(e)).sum();
            let slow = (sum + smoothing * f64::from(parent)) / (weight + smoothing);
            prop_assert!((f64::from(value) - slow).abs() < 1e-5, "{value} is not {slow}");
        }
        Ok(())
    }
}

fn check_tree<S: Statistic>(
    data: &Dataset,
    statistic: S,
    growth: Growth,
    entropy: bool,
    seed: u64,
) -> Result<(), TestCaseError> {
    let train: Vec<u32> = (0..data.n_rows as u32).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let config = Config { learner: String::new(), values: Default::default() };
    let input = FitInput {
        data,
        train: &train,
        valid: &[],
        features: &features,
        metric: &SQUARES,
        config: &config,
        seed,
        stop: &NeverStop,
        threads: &crate::ONE_THREAD,
        last_truncation: None,
        checkpoints: &crate::NoCheckpoints,
    };
    let columns = columns(&input);
    let prior = vec![0.25; statistic.width()];
    let by_row = ByRow::new(&columns, growth.n_tried);
    let flags = Flags::new(&columns);
    let mut grower = Grower::new(
        &columns,
        by_row.as_ref().filter(|_| !seed.is_multiple_of(3)),
        flags.as_ref().filter(|_| !seed.is_multiple_of(4)),
        growth,
        statistic,
        prior.clone(),
    );
    let draw = Draw { bootstrap: seed.is_multiple_of(2), share: 1.0 };
    let pool = Pool::new(data, &train, 3.0);
    pool.draw(draw, &[seed], &mut grower.rows, &mut grower.examples);
    let rows: Rows = grower.rows.iter().copied().zip(grower.examples.iter().copied()).collect();
    let grown = grower.grow(seed, &mut |_| false).expect("nothing stops it");
    let n_classes = data.schema.classes.len();
    let checked = Checked { columns: &columns, growth, n_classes, entropy, grown: &grown };
    checked.check(0, &rows, &prior)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_split_is_the_best_there_is(
        seed in 0u64..1000,
        n_rows in 1usize..140,
        n_classes in prop::sample::select(vec![0usize, 2, 3, 5]),
        min_samples_leaf in 1usize..4,
        min_samples_split in 2usize..6,
        max_depth in 1usize..8,
        random_thresholds: bool,
        entropy: bool,
        weighted: bool,
    ) {
        let mut data = random(seed, n_rows, n_classes);
        if weighted {
            data.weights = Some((0..n_rows).map(|row| (row % 5) as f64 * 0.5).collect());
        }
        let growth = Growth {
            n_tried: 4,
            count_constants: seed.is_multiple_of(5),
            max_depth,
            min_samples_split,
            min_impurity_decrease: 0.0,
            min_samples_leaf,
            smoothing: 0.5,
            random_thresholds,
        };
        // One row more than the test above needs: the first one has no weight.
        if !weighted || n_rows > 1 {
            let entropy = entropy && n_classes > 0;
            if n_classes > 2 {
                let whole = data.weights.is_none();
                let statistic = Classes::new(n_classes, entropy, whole);
                check_tree(&data, statistic, growth, entropy, seed)?;
            } else if n_classes == 2 {
                check_tree(&data, Moments::binary(entropy), growth, entropy, seed)?;
            } else {
                check_tree(&data, Moments::regression(), growth, entropy, seed)?;
            }
        }
    }
}
