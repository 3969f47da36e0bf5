//! The rate goes up and down between two levels.

use super::kind::equals;
use super::parameters::{Domain, SOME_STEPS, parameter};
use super::{Schedule, ScheduleKind};

/// What becomes of the height of the cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CyclicMode {
    /// It stays.
    Triangular,
    /// It is halved after each cycle.
    Triangular2,
    /// It falls by a factor `gamma` a step.
    ExpRange,
}

const MODES: &[&str] = &["triangular", "triangular2", "exp_range"];
const MOMENTUM: Domain = Domain::Number { low: 0.0, high: 0.9999 };

/// The listing of [`Cyclic`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "cyclic",
    formula: "a0 * (low + (1 - low) * height * h), h up from 0 to 1 in u steps and down in d",
    help: "goes up and down between two levels, four times",
    references: &[
        "Smith, L. N. (2017). Cyclical learning rates for training neural networks. arXiv:1506.01186",
    ],
    equals: equals![torch CyclicLR],
    parameters: &[
        parameter(
            "low",
            Domain::Number { low: 0.0, high: 1.0 },
            "0.1",
            "low level as a share of a0 (torch: base_lr; a0 is max_lr)",
        ),
        parameter("up", SOME_STEPS, "n/8", "steps u of a rise (torch: step_size_up)"),
        parameter("down", SOME_STEPS, "", "steps d of a fall; as the rise, if not given"),
        parameter(
            "mode",
            Domain::Choice(MODES),
            "triangular",
            "height: the same, halved each cycle, or by gamma^t",
        ),
        parameter(
            "gamma",
            Domain::Number { low: 0.0, high: 1.0 },
            "1",
            "factor of the height a step, for exp_range",
        ),
        parameter(
            "momentum_low",
            MOMENTUM,
            "0.8",
            "momentum where the rate is high (torch: base_momentum)",
        ),
        parameter(
            "momentum_high",
            MOMENTUM,
            "0.9",
            "momentum where the rate is low (torch: max_momentum)",
        ),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let n_up = values.steps("up");
        let mode = match values.choice("mode") {
            "triangular" => CyclicMode::Triangular,
            "triangular2" => CyclicMode::Triangular2,
            _ => CyclicMode::ExpRange,
        };
        Ok(Box::new(Cyclic {
            base_rate: values.base_rate,
            low: values.number("low"),
            n_up,
            n_down: values.steps_if("down").unwrap_or(n_up),
            mode,
            gamma: values.number("gamma"),
            momentum: (values.number("momentum_low"), values.number("momentum_high")),
        }))
    },
};

/// `a0 * (low + (1 - low) * height * h)`, `h` rising from 0 to 1 in `n_up` steps and falling in
/// `n_down`; the momentum goes the other way. Equals PyTorch's `CyclicLR`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclic {
    /// Highest rate `a0`.
    pub base_rate: f64,
    /// Lowest as a share of it, at most 1.
    pub low: f64,
    /// Steps of a rise, at least 1.
    pub n_up: u64,
    /// Steps of a fall, at least 1.
    pub n_down: u64,
    /// What becomes of the height.
    pub mode: CyclicMode,
    /// Factor of the height a step, for `ExpRange`.
    pub gamma: f64,
    /// Momentum at the highest and at the lowest rate.
    pub momentum: (f64, f64),
}

impl Cyclic {
    /// `height * h`.
    fn height(&self, step: u64) -> f64 {
        let period = self.n_up as u128 + self.n_down as u128;
        let (cycle, within) = (step as u128 / period, step as u128 % period);
        let h = if within <= self.n_up as u128 {
            within as f64 / self.n_up as f64
        } else {
            (period - within) as f64 / self.n_down as f64
        };
        match self.mode {
            CyclicMode::Triangular => h,
            CyclicMode::Triangular2 => h * libm::pow(0.5, cycle as f64),
            CyclicMode::ExpRange => h * libm::pow(self.gamma, step as f64),
        }
    }
}

impl Schedule for Cyclic {
    fn rate(&self, step: u64) -> f64 {
        self.base_rate * (self.low + (1.0 - self.low) * self.height(step))
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        let (low, high) = self.momentum;
        Some(high - (high - low) * self.height(step))
    }
}
