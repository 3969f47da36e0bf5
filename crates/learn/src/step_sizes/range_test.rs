//! Finds a rate by raising it until the training diverges.

use super::{Advice, Seen, StateVisitor, StepSize, StepSizeKind};

/// The listing of [`RangeTest`].
pub(super) const KIND: StepSizeKind = StepSizeKind {
    name: "range_test",
    formula: "low (high / low)^(t / (n - 1)); picks where the smoothed loss falls fastest",
    help: "raises the rate until the training diverges and picks one",
    references: &[
        "Smith, L. N. (2017). Cyclical learning rates for training neural networks. arXiv:1506.01186",
    ],
    sees_gradients: false,
    build: |base_rate, _| {
        let (low, high) = (1e-5 * base_rate, 10.0 * base_rate);
        Box::new(RangeTest::new(RangeTestOptions { low, high, ..RangeTestOptions::default() }))
    },
};

/// What can be set of [`RangeTest`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeTestOptions {
    /// First rate, above 0.
    pub low: f64,
    /// Last rate, above `low`.
    pub high: f64,
    /// Number of rates.
    pub n_steps: usize,
    /// Share of the mean loss that is kept, in `[0, 1)`; 0 is no smoothing.
    pub smoothing: f64,
    /// Divergence: the smoothed loss is over the lowest by so many times its size.
    pub tolerance: f64,
}

impl Default for RangeTestOptions {
    fn default() -> Self {
        RangeTestOptions { low: 1e-6, high: 1.0, n_steps: 100, smoothing: 0.9, tolerance: 3.0 }
    }
}

/// Gives rates `low (high / low)^(t / (n - 1))`, one after the other; ends after `n` losses, at a
/// loss that is not finite or when the smoothed loss is over the lowest by `tolerance` times its
/// size. Its last word is the rate where the smoothed loss fell fastest by the logarithm of the
/// rate (differences of neighbours, as `numpy.gradient`).
///
/// The mean is `m = s m + (1 - s) loss`, divided by `1 - s^t` for its start.
#[derive(Debug, Clone)]
pub struct RangeTest {
    options: RangeTestOptions,
    losses: Vec<f64>,
    mean: f64,
    lowest: f64,
    n_seen: u64,
    is_done: bool,
}

impl RangeTest {
    /// Nothing seen.
    pub fn new(options: RangeTestOptions) -> Self {
        let losses = vec![0.0; options.n_steps.max(1)];
        RangeTest { options, losses, mean: 0.0, lowest: f64::INFINITY, n_seen: 0, is_done: false }
    }

    /// The smoothed losses so far.
    pub fn losses(&self) -> &[f64] {
        &self.losses[..(self.n_seen as usize).min(self.losses.len())]
    }

    /// The rate of a step.
    pub fn rate_of(&self, step: usize) -> f64 {
        let last = (self.losses.len() - 1).max(1) as f64;
        let RangeTestOptions { low, high, .. } = self.options;
        low * libm::pow(high / low, step as f64 / last)
    }

    /// The rate where the loss fell fastest; the lowest rate where that is not known.
    pub fn suggestion(&self) -> f64 {
        let losses = self.losses();
        let n = losses.len();
        if n < 2 {
            return self.options.low;
        }
        let slope = |at: usize| match at {
            0 => losses[1] - losses[0],
            _ if at == n - 1 => losses[n - 1] - losses[n - 2],
            _ => (losses[at + 1] - losses[at - 1]) / 2.0,
        };
        let steepest = (0..n).min_by(|a, b| slope(*a).total_cmp(&slope(*b))).unwrap_or(0);
        if slope(steepest) < 0.0 { self.rate_of(steepest) } else { self.options.low }
    }
}

impl StepSize for RangeTest {
    fn name(&self) -> &'static str {
        "range_test"
    }

    fn rate(&self) -> f64 {
        if self.is_done { self.suggestion() } else { self.rate_of(self.n_seen as usize) }
    }

    fn observe(&mut self, seen: &Seen) -> Advice {
        if !self.is_done {
            let RangeTestOptions { smoothing, tolerance, .. } = self.options;
            self.mean = smoothing * self.mean + (1.0 - smoothing) * seen.loss;
            let smooth = self.mean / (1.0 - libm::pow(smoothing, self.n_seen as f64 + 1.0));
            self.is_done =
                !smooth.is_finite() || smooth > self.lowest + tolerance * self.lowest.abs();
            if !self.is_done {
                self.losses[self.n_seen as usize] = smooth;
                self.lowest = self.lowest.min(smooth);
                self.n_seen += 1;
                self.is_done = self.n_seen as usize == self.losses.len();
            }
        }
        let rate = self.rate();
        if self.is_done { Advice::Done { rate } } else { Advice::Continue { rate } }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_seen);
        // A state from elsewhere must not point behind the losses.
        self.n_seen = self.n_seen.min(self.losses.len() as u64);
        visitor.flag(&mut self.is_done);
        self.is_done |= self.n_seen as usize == self.losses.len();
        visitor.f64(&mut self.mean);
        visitor.f64(&mut self.lowest);
        visitor.f64s(&mut self.losses);
    }
}
