//! Gradient-based one-side sampling.
//!
//! Reference: Ke et al. 2017, LightGBM: A Highly Efficient Gradient Boosting Decision Tree,
//! NeurIPS 30, algorithm 2.

use super::gradients::Pair;
use super::parameters::Parameters;
use super::sample::Sample;
use crate::random;

/// All of the `top_rate n` rows with the largest gradients, and a random `(subsample - top_rate) n` of
/// the others, each counted `(n - n_top) / n_other` times; at least one of either.
///
/// The size of a gradient is the sum of `|g|` over the outputs, as in the paper; LightGBM's program
/// takes `|g h|` and begins after `1 / learning_rate` rounds. Of equal sizes the first rows count as
/// the larger. Cost: about 10 ns a row.
pub(super) fn draw(parameters: &Parameters, pairs: &[Vec<Pair>], key: u64) -> Sample {
    let n_rows = pairs[0].len();
    let size = |row: usize| -> f32 { pairs.iter().map(|pairs| pairs[row][0].abs()).sum() };
    // Numbers that are not negative are in the order of their bits.
    let sizes: Vec<u64> = (0..n_rows).map(|row| u64::from(size(row).to_bits())).collect();
    let share = |rate: f64| (rate * n_rows as f64).round() as usize;
    let n_top = share(parameters.top_rate).clamp(1, n_rows.max(2) - 1).min(n_rows);
    let mut is_top = vec![false; n_rows];
    largest(&sizes, n_top).for_each(|row| is_top[row] = true);
    let others: Vec<usize> = (0..n_rows).filter(|&row| !is_top[row]).collect();
    let n_other = share(parameters.subsample - parameters.top_rate).clamp(1, others.len().max(1));
    let lots: Vec<u64> = others.iter().map(|&row| random::key(&[key, row as u64])).collect();
    let mut weights = vec![0f32; n_rows];
    let factor = others.len() as f64 / n_other as f64;
    largest(&lots, n_other).for_each(|place| weights[others[place]] = factor as f32);
    weights.iter_mut().zip(is_top).filter(|(_, top)| *top).for_each(|(weight, _)| *weight = 1.0);
    let rows = (0..n_rows as u32).filter(|&row| weights[row as usize] > 0.0).collect();
    Sample { rows: Some(rows), weights: Some(weights) }
}

/// Places of the `n` largest numbers, ascending; of equal ones the first.
fn largest(numbers: &[u64], n: usize) -> impl Iterator<Item = usize> {
    let n = n.min(numbers.len());
    let least = match n {
        0 => u64::MAX,
        _ => *numbers.to_vec().select_nth_unstable_by(n - 1, |a, b| b.cmp(a)).1,
    };
    let n_over = numbers.iter().filter(|&&number| number > least).count();
    let mut n_equal = n.saturating_sub(n_over);
    numbers.iter().enumerate().filter_map(move |(place, &number)| {
        let is_equal = number == least && n_equal > 0;
        n_equal -= usize::from(is_equal);
        (number > least || is_equal).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use eyas_model::TaskKind;
    use eyas_search::Config;
    use proptest::prelude::*;

    use super::*;
    use crate::random::Stream;
    use crate::task::Facts;

    fn parameters(subsample: f64, top_rate: f64) -> Result<Parameters, crate::Error> {
        let facts = Facts {
            kind: TaskKind::Binary,
            n_rows: 100,
            n_features: 3,
            n_categorical: 0,
            n_outputs: 1,
            n_bins: 30,
        };
        let config = Config { learner: "boosting".to_owned(), values: Default::default() };
        let config = config.with("sampling", "goss").with("subsample", subsample);
        Parameters::read(&config.with("top_rate", top_rate), &facts)
    }

    /// The definition: sort by size, take the top, deal out lots to the others.
    fn slow(sizes: &[f32], n_top: usize, n_other: usize, key: u64) -> Vec<f32> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]).then(a.cmp(&b)));
        let mut weights = vec![0.0; sizes.len()];
        let (top, others) = order.split_at(n_top);
        top.iter().for_each(|&row| weights[row] = 1.0);
        let mut others = others.to_vec();
        others.sort_by_key(|&row| (std::cmp::Reverse(random::key(&[key, row as u64])), row));
        let factor = others.len() as f64 / n_other as f64;
        others[..n_other].iter().for_each(|&row| weights[row] = factor as f32);
        weights
    }

    proptest! {
        #[test]
        fn draws_what_the_definition_says(
            seed in any::<u64>(),
            n_rows in 10usize..400,
            n_outputs in 1usize..4,
            top in 0.05f64..0.5,
            other in 0.05f64..0.4,
        ) {
            let mut random = Stream::new(&[seed]);
            // Few distinct sizes, so that some are equal.
            let pairs: Vec<Vec<Pair>> = (0..n_outputs)
                .map(|_| (0..n_rows).map(|_| [random.below(9) as f32 - 4.0, 0.2]).collect())
                .collect();
            let sizes: Vec<f32> =
                (0..n_rows).map(|row| pairs.iter().map(|p| p[row][0].abs()).sum()).collect();
            let parameters = parameters(top + other, top).expect("allowed");
            let sample = draw(&parameters, &pairs, seed);
            let n = |rate: f64| ((rate * n_rows as f64).round() as usize).max(1);
            let want = slow(&sizes, n(top), n(parameters.subsample - top), seed);
            prop_assert_eq!(sample.weights.as_ref(), Some(&want));
            let rows: Vec<u32> = (0..n_rows as u32).filter(|&r| want[r as usize] > 0.0).collect();
            prop_assert_eq!(sample.rows, Some(rows));
            // All rows are stood for.
            let total: f64 = want.iter().map(|&w| f64::from(w)).sum();
            prop_assert!((total - n_rows as f64).abs() < 1e-3 * n_rows as f64);
        }
    }

    #[test]
    fn sums_of_gradients_are_unbiased() {
        let mut random = Stream::new(&[4]);
        let pairs: Vec<Pair> = (0..2000).map(|_| [random.uniform() as f32 - 0.3, 1.0]).collect();
        let sum: f64 = pairs.iter().map(|pair| f64::from(pair[0])).sum();
        let parameters = parameters(0.3, 0.0).expect("allowed");
        assert!((parameters.top_rate - 0.2).abs() < 1e-12);
        let pairs = [pairs];
        let drawn = |key: u64| -> f64 {
            let weights = draw(&parameters, &pairs, key).weights.expect("weights");
            pairs[0].iter().zip(weights).map(|(p, w)| f64::from(p[0]) * f64::from(w)).sum()
        };
        let sums: Vec<f64> = (0..400).map(drawn).collect();
        let mean = sums.iter().sum::<f64>() / 400.0;
        let variance = sums.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 399.0;
        let error = (variance / 400.0).sqrt();
        assert!((mean - sum).abs() < 4.0 * error, "{mean} {sum} {error}");
    }

    #[test]
    fn few_rows_and_wrong_rates() {
        for n_rows in 1..5 {
            let sample =
                draw(&parameters(0.3, 0.0).expect("allowed"), &[vec![[1.0, 1.0]; n_rows]], 1);
            assert!(!sample.rows.expect("rows").is_empty());
        }
        let error = parameters(0.3, 0.3).expect_err("too much").to_string();
        assert!(error.contains("top_rate") && error.contains("0.3"), "{error}");
    }
}
