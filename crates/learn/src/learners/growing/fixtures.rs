//! Small data sets for tests.

use eyas_model::encoder::{Bins, Derive, Feature};
use eyas_model::{Schema, TaskKind};

use crate::dataset::{Dataset, Target};
use crate::metrics::{Metric, Scored, Truth};
use crate::random::Stream;

/// A data set of these bins by feature; `n_levels[f]` is 0 for a numeric feature.
pub(crate) fn dataset(
    bins: Vec<Vec<u8>>,
    n_levels: &[usize],
    target: Target,
    n_classes: usize,
) -> Dataset {
    let n_rows = bins.first().map_or(0, Vec::len);
    let feature = |(index, (bins, &n_levels)): (usize, (&Vec<u8>, &usize))| {
        let highest = usize::from(bins.iter().copied().max().unwrap_or(0)).max(2);
        let bins = match n_levels {
            0 => Bins::Edges((1..highest).map(|edge| edge as f64).collect()),
            n_levels => Bins::Levels((0..n_levels).map(|level| level.to_string()).collect()),
        };
        Feature { column: index as u32, derive: Derive::Itself, name: index.to_string(), bins }
    };
    let features = bins.iter().zip(n_levels).enumerate().map(feature).collect();
    let task = match n_classes {
        0 => TaskKind::Regression,
        2 => TaskKind::Binary,
        _ => TaskKind::Multiclass,
    };
    let classes = (0..n_classes).map(|class| class.to_string()).collect();
    let schema = Schema { task, target: "y".to_owned(), classes, columns: Vec::new() };
    let numbers = bins.iter().map(|bins| bins.iter().map(|&bin| f64::from(bin)).collect());
    let numbers = numbers.collect();
    Dataset { schema, n_rows, features, bins, numbers, target, weights: None }
}

/// Three numeric features (one with missing values, one of many bins) and a categorical one of
/// five levels; the target depends on all of them and on noise.
pub(crate) fn random(seed: u64, n_rows: usize, n_classes: usize) -> Dataset {
    let mut stream = Stream::new(&[seed, 7]);
    let mut bins = vec![Vec::new(); 4];
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    for _ in 0..n_rows {
        let row = [stream.below(5), 1 + stream.below(4), 1 + stream.below(200), stream.below(7)];
        let signal = row[0] * row[1] + row[2] / 25 + [0, 6, 1, 4, 2, 5, 3][row[3]];
        let noisy = signal + stream.below(6);
        row.iter().zip(&mut bins).for_each(|(&bin, column)| column.push(bin as u8));
        numbers.push(noisy as f64);
        classes.push((noisy * n_classes / 40).min(n_classes.saturating_sub(1)) as u32);
    }
    let target = if n_classes == 0 { Target::Numbers(numbers) } else { Target::Classes(classes) };
    dataset(bins, &[0, 0, 0, 5], target, n_classes)
}

/// Mean squared error of numbers or shares, weighted.
pub(crate) static SQUARES: Metric = Metric::new("squares", &[], false, squares);

fn squares(scored: &Scored<'_>) -> f64 {
    let width = scored.n_outputs;
    let (mut sum, mut total) = (0.0, 0.0);
    for (place, &prediction) in scored.predictions.iter().enumerate() {
        let (row, output) = (place / width, place % width);
        let truth = match scored.truth {
            Truth::Numbers(numbers) => numbers[row],
            Truth::Classes(classes) if width == 1 => f64::from(classes[row]),
            Truth::Classes(classes) => f64::from(classes[row] == output as u32),
        };
        let weight = scored.weights.map_or(1.0, |weights| weights[row]);
        sum += weight * (prediction - truth) * (prediction - truth);
        total += weight;
    }
    sum / total
}
