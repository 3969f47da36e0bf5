//! The learning rate of boosting in closed form, from the number of rows and of rounds.

use eyas_model::TaskKind;

/// Whether a validation set picks the number of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounds {
    /// The rounds given are the most that are tried; the best number is kept.
    AtMost,
    /// All rounds are kept.
    Exactly,
}

/// Log-linear law: `ln rate = constant + by_rows * ln rows + by_rounds * ln(rounds / 1000)`.
struct Law {
    constant: f64,
    by_rows: f64,
    by_rounds: f64,
}

/// Largest rate the law may give.
const MAX_RATE: f64 = 0.5;

/// Learning rate for boosting `n_rounds` trees on `n_rows` rows.
///
/// `min(exp(b + a ln rows + c ln(rounds / 1000)), 0.5)`, the law that CatBoost's authors fitted to
/// the best rates of many tasks; it starts from the mean for regression and from zero scores for
/// classes. Rows and rounds of 0 count as 1. More rounds want a smaller rate, more rows a larger.
///
/// Reference: Prokhorenkova, L. et al. (2018). CatBoost: unbiased boosting with categorical
/// features. arXiv:1706.09516; coefficients as in CatBoost 1.2 (CPU), checked against its figures.
pub fn boosting_rate(kind: TaskKind, rounds: Rounds, n_rows: usize, n_rounds: usize) -> f64 {
    let law = law(kind, rounds);
    let by_rows = law.by_rows * libm::log(n_rows.max(1) as f64);
    let by_rounds = law.by_rounds * libm::log(n_rounds.max(1) as f64 / 1000.0);
    libm::exp(law.constant + by_rows + by_rounds).min(MAX_RATE)
}

fn law(kind: TaskKind, rounds: Rounds) -> Law {
    let (constant, by_rows, by_rounds) = match (kind, rounds) {
        (TaskKind::Regression, Rounds::AtMost) => (-4.062, 0.157, -0.61),
        (TaskKind::Regression, Rounds::Exactly) => (-4.287, 0.158, -0.813),
        (TaskKind::Binary, Rounds::AtMost) => (-5.158, 0.247, -0.435),
        (TaskKind::Binary, Rounds::Exactly) => (-7.525, 0.427, -0.917),
        (TaskKind::Multiclass, Rounds::AtMost) => (-2.364, 0.02, -0.382),
        (TaskKind::Multiclass, Rounds::Exactly) => (-2.889, 0.051, -0.845),
    };
    Law { constant, by_rows, by_rounds }
}
