//! How good probabilities are, row by row.

use super::scored::{Scored, Truth, mean, mean_influence};
use super::{CLASSES, Metric};

/// `-ln p` of the true class, with `p` clipped to `[eps, 1 - eps]`, `eps = 2^-52`. Rows of
/// probabilities are not normalised.
pub(super) const LOG_LOSS: Metric = Metric {
    name: "log_loss",
    aliases: &["logloss", "cross_entropy", "neg_log_loss"],
    help: "Mean of minus the logarithm of the probability of the true class.",
    tasks: CLASSES,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| log_loss(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| log_loss(scored, row))),
};

/// Squared error of probabilities: of class 1 for two classes, summed over classes for more.
///
/// Reference: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
pub(super) const BRIER: Metric = Metric {
    name: "brier",
    aliases: &["brier_score", "brier_score_loss", "neg_brier_score"],
    help: "Mean squared error of the probabilities.",
    tasks: CLASSES,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| brier(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| brier(scored, row))),
};

fn log_loss(scored: &Scored<'_>, row: usize) -> f64 {
    let Truth::Classes(classes) = scored.truth else { return f64::NAN };
    let probability = match (scored.n_outputs, classes[row]) {
        (1, 0) => 1.0 - scored.predictions[row],
        (1, _) => scored.predictions[row],
        (_, class) => scored.row(row)[class as usize],
    };
    -libm::log(probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON))
}

fn brier(scored: &Scored<'_>, row: usize) -> f64 {
    let Truth::Classes(classes) = scored.truth else { return f64::NAN };
    let squared = |probability: f64, is_true: bool| (probability - f64::from(is_true)).powi(2);
    let probabilities = scored.row(row);
    let errors = probabilities.iter().enumerate();
    match scored.n_outputs {
        1 => squared(probabilities[0], classes[row] == 1),
        _ => errors.map(|(class, &p)| squared(p, classes[row] as usize == class)).sum(),
    }
}
