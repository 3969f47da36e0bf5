//! The rate that would reach the lowest loss if the loss were linear.

use super::{Advice, Seen, StateVisitor, StepSize, StepSizeKind, norm_squared};

/// The listing of [`Polyak`].
pub(super) const KIND: StepSizeKind = StepSizeKind {
    name: "polyak",
    formula: "scale min((loss - lowest) / (|g|^2 + eps), max_rate)",
    help: "the rate that the gap to the lowest loss asks for",
    references: &[
        "Polyak, B. T. (1987). Introduction to optimization. Optimization Software",
        "Loizou, N.; Vaswani, S.; Laradji, I.; Lacoste-Julien, S. (2021). Stochastic Polyak step-size for SGD. arXiv:2002.10542",
    ],
    sees_gradients: true,
    build: |base_rate, _| {
        Box::new(Polyak::new(PolyakOptions { max_rate: base_rate, ..PolyakOptions::default() }))
    },
};

/// What can be set of [`Polyak`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolyakOptions {
    /// Lowest loss that can be reached, or less (`f*`).
    pub lowest_loss: f64,
    /// Bound of the rate before scaling; infinite for Polyak's own rule, finite for SPS_max.
    pub max_rate: f64,
    /// Factor of the rate. SPS_max with constant `c` and bound `b` is `scale = 1 / c`,
    /// `max_rate = c b`.
    pub scale: f64,
    /// Added to the squared gradient.
    pub eps: f64,
}

impl Default for PolyakOptions {
    fn default() -> Self {
        PolyakOptions { lowest_loss: 0.0, max_rate: 1.0, scale: 1.0, eps: 0.0 }
    }
}

/// `scale min((loss - lowest) / (|g|^2 + eps), max_rate)`; 0 for a loss below the lowest, for a
/// gradient of zero and where the loss is not a number. Equals optax's `polyak_sgd` of variant
/// `sps+`.
#[derive(Debug, Clone)]
pub struct Polyak {
    options: PolyakOptions,
    rate: f64,
}

impl Polyak {
    /// Nothing seen: the rate is that of a large gap.
    pub fn new(options: PolyakOptions) -> Self {
        let rate = (options.scale * options.max_rate).min(f64::MAX);
        Polyak { options, rate }
    }
}

impl StepSize for Polyak {
    fn name(&self) -> &'static str {
        "polyak"
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn observe(&mut self, seen: &Seen) -> Advice {
        let PolyakOptions { lowest_loss, max_rate, scale, eps } = self.options;
        let (gap, square) = ((seen.loss - lowest_loss).max(0.0), norm_squared(seen.grads) + eps);
        let known = gap.is_finite() && square.is_finite() && square > f64::EPSILON;
        self.rate = if known { scale * (gap / square).min(max_rate) } else { 0.0 };
        Advice::Continue { rate: self.rate }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.f64(&mut self.rate);
    }
}
