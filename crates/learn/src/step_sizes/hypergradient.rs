//! The rate follows the gradient of the loss by the rate.

use super::{Advice, Seen, StateVisitor, StepSize, StepSizeKind, dot, norm_squared};

/// The listing of [`Hypergradient`].
pub(super) const KIND: StepSizeKind = StepSizeKind {
    name: "hypergradient",
    formula: "a + beta g_t.g_(t-1), or a (1 + beta cos(g_t, g_(t-1)))",
    help: "rises while gradients agree, falls when they turn",
    references: &[
        "Baydin, A. G. et al. (2018). Online learning rate adaptation with hypergradient descent. arXiv:1703.04782",
    ],
    sees_gradients: true,
    build: |base_rate, n_params| {
        Box::new(Hypergradient::new(base_rate, n_params, HypergradientOptions::default()))
    },
};

/// How the rate moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HypergradientRule {
    /// `a + beta g_t.g_(t-1)`.
    Additive,
    /// `a (1 + beta g_t.g_(t-1) / (|g_t| |g_(t-1)|))`.
    Multiplicative,
}

/// What can be set of [`Hypergradient`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HypergradientOptions {
    /// How the rate moves.
    pub rule: HypergradientRule,
    /// Rate of the rate `beta`; below 1 for the multiplicative rule.
    pub hyper_rate: f64,
    /// The rate never rises above this.
    pub max_rate: f64,
}

impl Default for HypergradientOptions {
    fn default() -> Self {
        let rule = HypergradientRule::Multiplicative;
        HypergradientOptions { rule, hyper_rate: 0.02, max_rate: f64::MAX }
    }
}

/// Hypergradient descent for plain gradient descent, whose last step was `-a g_(t-1)`. The rate
/// stays between 0 and `max_rate`, and where it is when a gradient is not finite.
#[derive(Debug, Clone)]
pub struct Hypergradient {
    options: HypergradientOptions,
    rate: f64,
    before: Vec<f32>,
    norm_before: f64,
}

impl Hypergradient {
    /// No gradient seen.
    pub fn new(base_rate: f64, n_params: usize, options: HypergradientOptions) -> Self {
        Hypergradient { options, rate: base_rate, before: vec![0.0; n_params], norm_before: 0.0 }
    }
}

impl StepSize for Hypergradient {
    fn name(&self) -> &'static str {
        "hypergradient"
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    /// # Panics
    /// If there is not a gradient for each parameter.
    fn observe(&mut self, seen: &Seen) -> Advice {
        assert_eq!(seen.grads.len(), self.before.len(), "a gradient for each parameter");
        let (product, norm) = (dot(seen.grads, &self.before), norm_squared(seen.grads).sqrt());
        let HypergradientOptions { rule, hyper_rate, max_rate } = self.options;
        let lengths = norm * self.norm_before;
        let rate = match rule {
            HypergradientRule::Additive => self.rate + hyper_rate * product,
            HypergradientRule::Multiplicative if lengths > 0.0 => {
                self.rate * (1.0 + hyper_rate * product / lengths)
            }
            HypergradientRule::Multiplicative => self.rate,
        };
        if rate.is_finite() {
            self.rate = rate.max(0.0).min(max_rate);
        }
        self.before.copy_from_slice(seen.grads);
        self.norm_before = norm;
        Advice::Continue { rate: self.rate }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.f64(&mut self.rate);
        visitor.f64(&mut self.norm_before);
        visitor.f32s(&mut self.before);
    }
}
