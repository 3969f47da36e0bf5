//! The rate falls when the loss no longer does.

use super::{Advice, Seen, StateVisitor, StepSize, StepSizeKind};

/// The listing of [`Plateau`].
pub(super) const KIND: StepSizeKind = StepSizeKind {
    name: "plateau",
    formula: "a factor^k after k plateaus of the loss",
    help: "falls to a tenth when the loss has not improved for ten observations",
    references: &[],
    sees_gradients: false,
    build: |base_rate, _| Box::new(Plateau::new(base_rate, PlateauOptions::default())),
};

/// When a run of losses without improvement is long enough. The libraries differ by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlateauRule {
    /// Fires at `wait >= patience`; a cooldown of `c` skips `c - 1` losses, and one that improves
    /// during a cooldown does count as the best.
    Keras,
    /// Fires at `bad > patience`; a cooldown of `c` skips `c` losses.
    PyTorch,
    /// Fires at `bad >= patience`; a cooldown of `c` skips `c` losses, and one that improves during
    /// a cooldown does count as the best.
    Optax,
}

/// By how much a loss must fall to count as an improvement on the best so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MinDelta {
    /// `loss < best - delta`.
    Absolute(f64),
    /// `loss < best * (1 - delta)`; for losses that are not negative.
    Relative(f64),
    /// `loss < best * (1 - relative) - absolute`, as optax.
    Both {
        /// Share of the best.
        relative: f64,
        /// Part beside it.
        absolute: f64,
    },
}

/// What a plateau does to the rate, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlateauOptions {
    /// Which library's counting applies.
    pub rule: PlateauRule,
    /// Factor of the rate at a plateau, in `(0, 1)`.
    pub factor: f64,
    /// Losses without improvement that are borne.
    pub patience: u64,
    /// Losses after a fall during which none is counted.
    pub cooldown: u64,
    /// What counts as an improvement.
    pub min_delta: MinDelta,
    /// The rate never falls below this.
    pub min_rate: f64,
    /// A fall of the rate by no more than this is left out (PyTorch: `eps`, 1e-8); 0 in the others.
    pub min_change: f64,
    /// Losses whose mean counts as one (optax: `accumulation_size`); 1 in Keras and PyTorch.
    pub accumulation: u64,
}

impl Default for PlateauOptions {
    /// PyTorch's defaults, but for `min_change`.
    fn default() -> Self {
        PlateauOptions {
            rule: PlateauRule::PyTorch,
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_delta: MinDelta::Relative(1e-4),
            min_rate: 0.0,
            min_change: 0.0,
            accumulation: 1,
        }
    }
}

/// Reduces the rate when the loss stops to fall: a state that sees one loss after another.
///
/// A NaN loss never counts as an improvement. Equals Keras's and PyTorch's `ReduceLROnPlateau`
/// (`mode="min"`) up to Keras's rounding of rates to f32, and optax's
/// `contrib.reduce_on_plateau`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plateau {
    options: PlateauOptions,
    rate: f64,
    best: f64,
    n_bad: u64,
    cooldown_left: u64,
    mean: f64,
    n_seen: u64,
}

impl Plateau {
    /// Starts at `base_rate`, no loss seen.
    pub fn new(base_rate: f64, options: PlateauOptions) -> Plateau {
        let (best, n_bad, cooldown_left, mean, n_seen) = (f64::INFINITY, 0, 0, 0.0, 0);
        Plateau { options, rate: base_rate, best, n_bad, cooldown_left, mean, n_seen }
    }

    fn take(&mut self, loss: f64) {
        match self.options.rule {
            PlateauRule::Keras => self.observe_keras(loss),
            PlateauRule::PyTorch => self.observe_pytorch(loss),
            PlateauRule::Optax => self.observe_optax(loss),
        }
    }

    fn observe_keras(&mut self, loss: f64) {
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.n_bad = 0;
        }
        if self.improves(loss) {
            self.best = loss;
            self.n_bad = 0;
        } else if self.cooldown_left == 0 {
            self.n_bad += 1;
            if self.n_bad >= self.options.patience && self.rate > self.options.min_rate {
                self.reduce();
            }
        }
    }

    fn observe_pytorch(&mut self, loss: f64) {
        if self.improves(loss) {
            self.best = loss;
            self.n_bad = 0;
        } else {
            self.n_bad += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.n_bad = 0;
        }
        if self.n_bad > self.options.patience {
            self.reduce();
        }
    }

    fn observe_optax(&mut self, loss: f64) {
        let improves = self.improves(loss);
        if improves {
            self.best = loss;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.n_bad = 0;
            return;
        }
        self.n_bad = if improves { 0 } else { self.n_bad + 1 };
        if self.n_bad >= self.options.patience.max(1) {
            self.reduce();
        }
    }

    fn improves(&self, loss: f64) -> bool {
        match self.options.min_delta {
            MinDelta::Absolute(delta) => loss < self.best - delta,
            MinDelta::Relative(delta) => loss < self.best * (1.0 - delta),
            MinDelta::Both { relative, absolute } => loss < self.best * (1.0 - relative) - absolute,
        }
    }

    fn reduce(&mut self) {
        let rate = (self.rate * self.options.factor).max(self.options.min_rate);
        if self.rate - rate > self.options.min_change {
            self.rate = rate;
        }
        self.cooldown_left = self.options.cooldown;
        self.n_bad = 0;
    }
}

impl StepSize for Plateau {
    fn name(&self) -> &'static str {
        "plateau"
    }

    fn rate(&self) -> f64 {
        self.rate
    }

    fn observe(&mut self, seen: &Seen) -> Advice {
        let before = self.rate;
        self.mean = (self.n_seen as f64 * self.mean + seen.loss) / (self.n_seen + 1) as f64;
        self.n_seen += 1;
        if self.n_seen >= self.options.accumulation {
            let loss = self.mean;
            (self.mean, self.n_seen) = (0.0, 0);
            self.take(loss);
        }
        let rate = self.rate;
        if rate < before { Advice::Reduced { rate } } else { Advice::Continue { rate } }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.f64(&mut self.rate);
        visitor.f64(&mut self.best);
        visitor.f64(&mut self.mean);
        visitor.u64(&mut self.n_bad);
        visitor.u64(&mut self.cooldown_left);
        visitor.u64(&mut self.n_seen);
    }
}
