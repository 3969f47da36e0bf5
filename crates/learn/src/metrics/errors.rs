//! Errors of predicted numbers.

use super::scored::{Scored, Truth, mean, mean_influence};
use super::{Metric, REGRESSION};

/// Root of the mean squared error. Its influence is that of the mean squared error over
/// `2 rmse` (delta method).
pub(super) const RMSE: Metric = Metric {
    name: "rmse",
    aliases: &["root_mean_squared_error", "neg_root_mean_squared_error"],
    help: "Root of the mean squared error.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| squared(scored, row)).sqrt(),
    influence: Some(rmse_influence),
};

/// Mean squared error.
pub(super) const MSE: Metric = Metric {
    name: "mse",
    aliases: &["mean_squared_error", "neg_mean_squared_error"],
    help: "Mean squared error.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| squared(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| squared(scored, row))),
};

/// Mean absolute error.
pub(super) const MAE: Metric = Metric {
    name: "mae",
    aliases: &["mean_absolute_error", "neg_mean_absolute_error"],
    help: "Mean absolute error.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| error(scored, row).abs()),
    influence: Some(|scored| mean_influence(scored, |row| error(scored, row).abs())),
};

/// Mean of `|error| / max(|truth|, eps)`, `eps = 2^-52`; 0.1 is ten percent.
pub(super) const MAPE: Metric = Metric {
    name: "mape",
    aliases: &["mean_absolute_percentage_error", "neg_mean_absolute_percentage_error"],
    help: "Mean of absolute errors as shares of the true value.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| relative(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| relative(scored, row))),
};

/// Share of the target's variance that is explained. With a constant target: 1 if all
/// predictions are right, else 0. NaN below two rows.
pub(super) const R2: Metric = Metric {
    name: "r2",
    aliases: &["r2_score"],
    help: "Share of the target's variance that the predictions explain.",
    tasks: REGRESSION,
    higher_is_better: true,
    loss: |scored| -r2(scored),
    influence: None,
};

/// Mean of `2 (y ln(y / p) - y + p)`, for counts. NaN if any truth is negative; infinite if any
/// prediction is not positive (scikit-learn raises an error there).
pub(super) const POISSON_DEVIANCE: Metric = Metric {
    name: "poisson_deviance",
    aliases: &["poisson", "mean_poisson_deviance", "neg_mean_poisson_deviance"],
    help: "Mean deviance of counts from predicted rates.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| mean(scored, |row| poisson(scored, row)),
    influence: Some(|scored| mean_influence(scored, |row| poisson(scored, row))),
};

fn truth(scored: &Scored<'_>, row: usize) -> f64 {
    match scored.truth {
        Truth::Numbers(numbers) => numbers[row],
        Truth::Classes(_) => f64::NAN,
    }
}

pub(super) fn error(scored: &Scored<'_>, row: usize) -> f64 {
    scored.predictions[row] - truth(scored, row)
}

fn squared(scored: &Scored<'_>, row: usize) -> f64 {
    error(scored, row).powi(2)
}

fn relative(scored: &Scored<'_>, row: usize) -> f64 {
    error(scored, row).abs() / truth(scored, row).abs().max(f64::EPSILON)
}

fn poisson(scored: &Scored<'_>, row: usize) -> f64 {
    let (y, predicted) = (truth(scored, row), scored.predictions[row]);
    match () {
        () if predicted.is_nan() || y.is_nan() || y < 0.0 => f64::NAN,
        () if predicted <= 0.0 => f64::INFINITY,
        () if y == 0.0 => 2.0 * predicted,
        () => 2.0 * (y * libm::log(y / predicted) - y + predicted),
    }
}

fn rmse_influence(scored: &Scored<'_>) -> Vec<f64> {
    let rmse = (RMSE.loss)(scored);
    let mut influences = mean_influence(scored, |row| squared(scored, row));
    if rmse > 0.0 {
        influences.iter_mut().for_each(|influence| *influence /= 2.0 * rmse);
    }
    influences
}

fn r2(scored: &Scored<'_>) -> f64 {
    if scored.n_rows() < 2 {
        return f64::NAN;
    }
    let centre = mean(scored, |row| truth(scored, row));
    let unexplained = mean(scored, |row| squared(scored, row));
    let variance = mean(scored, |row| (truth(scored, row) - centre).powi(2));
    if unexplained == 0.0 {
        1.0
    } else if variance == 0.0 {
        0.0
    } else {
        1.0 - unexplained / variance
    }
}
