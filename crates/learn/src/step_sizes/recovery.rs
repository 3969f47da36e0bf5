//! Goes back to the last good state when a training diverges.

use super::{Advice, Seen, StateVisitor, StepSize, StepSizeKind};

/// The listing of [`Recovery`].
pub(super) const KIND: StepSizeKind = StepSizeKind {
    name: "recovery",
    formula: "a factor^k after k divergences",
    help: "goes back to the last good state at half the rate when the training diverges",
    references: &[],
    sees_gradients: false,
    build: |base_rate, _| Box::new(Recovery::new(base_rate, RecoveryOptions::default())),
};

/// What can be set of [`Recovery`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecoveryOptions {
    /// Factor of the rate at a divergence, in `(0, 1)`.
    pub factor: f64,
    /// Divergence: the loss is over the lowest by so many times the way it fell and its size.
    pub tolerance: f64,
    /// Losses between two states that are kept, at least 1.
    pub keep_every: u64,
    /// Divergences after which it gives up.
    pub max_returns: u64,
}

impl Default for RecoveryOptions {
    fn default() -> Self {
        RecoveryOptions { factor: 0.5, tolerance: 3.0, keep_every: 10, max_returns: 10 }
    }
}

/// A loss that is not finite, or over `lowest + tolerance (first - lowest + |lowest|)`, is a
/// divergence: [`Advice::GoBack`] to the state of the last [`Advice::Keep`], at `factor` times the
/// rate; [`Advice::Done`] after too many. The first loss that is finite is kept, and every
/// `keep_every`-th after it that is not half as far up.
#[derive(Debug, Clone)]
pub struct Recovery {
    options: RecoveryOptions,
    rate: f64,
    first: f64,
    lowest: f64,
    since_kept: u64,
    n_returns: u64,
}

impl Recovery {
    /// Nothing seen.
    pub fn new(base_rate: f64, options: RecoveryOptions) -> Self {
        let (first, lowest, since_kept, n_returns) = (f64::NAN, f64::INFINITY, 0, 0);
        Recovery { options, rate: base_rate, first, lowest, since_kept, n_returns }
    }

    /// How often it went back.
    pub fn n_returns(&self) -> u64 {
        self.n_returns
    }

    fn go_back(&mut self) -> Advice {
        self.rate *= self.options.factor;
        self.since_kept = 0;
        if self.n_returns >= self.options.max_returns {
            return Advice::Done { rate: self.rate };
        }
        self.n_returns += 1;
        Advice::GoBack { rate: self.rate }
    }
}

impl StepSize for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn observe(&mut self, seen: &Seen) -> Advice {
        let loss = seen.loss;
        if !loss.is_finite() {
            return self.go_back();
        }
        let is_first = self.first.is_nan();
        if is_first {
            self.first = loss;
        }
        let size = (self.first - self.lowest).abs() + self.lowest.abs();
        if loss > self.lowest + self.options.tolerance * size {
            return self.go_back();
        }
        let is_good = loss <= self.lowest + 0.5 * self.options.tolerance * size;
        self.lowest = self.lowest.min(loss);
        self.since_kept += 1;
        if is_first || (is_good && self.since_kept >= self.options.keep_every) {
            self.since_kept = 0;
            return Advice::Keep { rate: self.rate };
        }
        Advice::Continue { rate: self.rate }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.f64(&mut self.rate);
        visitor.f64(&mut self.first);
        visitor.f64(&mut self.lowest);
        visitor.u64(&mut self.since_kept);
        visitor.u64(&mut self.n_returns);
    }
}
