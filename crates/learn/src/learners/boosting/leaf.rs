//! The value of a leaf and what it is worth, under penalties and bounds.

use super::parameters::Parameters;
use super::split::Sums;

/// Bounds of a leaf where there are none.
pub(super) const FREE: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

/// Penalties on leaf values, and their bounds.
///
/// With sums `G` and `H` a leaf of value `v` decreases the loss by
/// `-(G v + (H + lambda_l2) v^2 / 2 + lambda_l1 |v|)`, most at
/// `v = -sign(G) max(|G| - lambda_l1, 0) / (H + lambda_l2)`; a score is twice that decrease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub l1: f64,
    pub l2: f64,
    /// Least and largest value.
    pub bounds: [f64; 2],
}

impl Leaf {
    pub fn new(parameters: &Parameters, bounds: [f64; 2]) -> Leaf {
        Leaf { l1: parameters.lambda_l1, l2: parameters.lambda_l2, bounds }
    }

    /// As this, with more `lambda_l2`.
    pub fn with_more_l2(self, more: f64) -> Leaf {
        Leaf { l2: self.l2 + more, ..self }
    }

    /// Whether there is neither a penalty on sizes nor a bound.
    pub fn is_plain(self) -> bool {
        self.l1 == 0.0 && self.bounds == FREE
    }

    /// The best value within the bounds.
    pub fn value(self, sums: Sums) -> f64 {
        let weight = sums.hessian + self.l2;
        let gradient = soft(sums.gradient, self.l1);
        let value = if weight > 0.0 { -gradient / weight } else { 0.0 };
        value.clamp(self.bounds[0], self.bounds[1])
    }

    /// Twice what the best value within the bounds decreases the loss by.
    pub fn score(self, sums: Sums) -> f64 {
        let weight = sums.hessian + self.l2;
        let gradient = soft(sums.gradient, self.l1);
        if self.bounds == FREE {
            return if weight > 0.0 { gradient * gradient / weight } else { 0.0 };
        }
        let value = self.value(sums);
        -(2.0 * (sums.gradient * value + self.l1 * value.abs()) + weight * value * value)
    }
}

/// A number drawn to 0 by `by`.
fn soft(x: f64, by: f64) -> f64 {
    if by == 0.0 { x } else { x.signum() * (x.abs() - by).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_best_within_the_bounds() {
        for (gradient, bounds) in [(3.0, FREE), (-3.0, FREE), (0.4, FREE), (3.0, [-0.2, 0.1])] {
            let leaf = Leaf { l1: 0.5, l2: 1.0, bounds };
            let sums = Sums { gradient, hessian: 4.0, count: 1.0 };
            let worth = |v: f64| -2.0 * (gradient * v + 2.5 * v * v + 0.5 * v.abs());
            let best = (-1000..=1000)
                .map(|i| f64::from(i) / 1000.0)
                .filter(|v| (bounds[0]..=bounds[1]).contains(v))
                .max_by(|&a, &b| worth(a).total_cmp(&worth(b)))
                .expect("not empty");
            assert!((leaf.value(sums) - best).abs() < 1e-9);
            assert!((leaf.score(sums) - worth(best)).abs() < 1e-9);
        }
    }
}
