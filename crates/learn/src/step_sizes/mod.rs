//! What adapts a training to what it sees: rules for the step size, and optimizers.
//!
//! ```text
//! Schedule (step) ------------> rate \
//! StepSize (loss, gradients) --> rate --> Optimizer::step(params, gradients, rate)
//! ```
//! A [`Schedule`](crate::schedules::Schedule) knows the step alone; a [`StepSize`] is a small state
//! that sees losses or gradients and gives the rate as [`Advice`]; an [`Optimizer`] moves
//! parameters. Optimizers that find their own rate (D-Adaptation, Prodigy, DoG, Mechanic) take the
//! rate as a factor, 1 or a schedule. Each has one line in [`STEP_SIZES`] or [`OPTIMIZERS`].
//!
//! ```
//! use eyas_learn::step_sizes::{AdamW, Layout, Optimizer};
//! let mut optimizer = AdamW::new(&Layout::flat(2), Default::default());
//! let mut params = [1.0_f32, -2.0];
//! for _ in 0..500 {
//!     let grads = params; // of the sum of squares, halved
//!     optimizer.step(&mut params, &grads, 0.02);
//! }
//! assert!(params.iter().all(|param| param.abs() < 1e-2));
//! ```
//! Parameters and gradients are flat `f32` slices, in groups that a [`Layout`] describes. No step
//! allocates; sums run in `f64` in an order that is fixed, so equal inputs give equal bits. A step panics where
//! the lengths are not those of the layout. Whatever the gradients are, it never panics otherwise;
//! NaN spreads into parameters, and [`Recovery`] says what to do then.

use crate::error::Error;

mod adam;
mod averaged;
mod d_adaptation;
mod dog;
mod hypergradient;
mod layout;
mod mechanic;
mod muon;
mod nadam;
mod plateau;
mod polyak;
mod prodigy;
mod range_test;
mod recovery;
mod schedule_free;
mod sgd;
mod state;

pub use adam::{Adam, AdamOptions, AdamW};
pub use averaged::{Averaged, Averaging};
pub use d_adaptation::{DAdaptAdam, DAdaptAdamOptions, DAdaptSgd, DAdaptSgdOptions};
pub use dog::{Dog, DogOptions};
pub use hypergradient::{Hypergradient, HypergradientOptions, HypergradientRule};
pub use layout::{Group, Layout};
pub use mechanic::{Mechanic, MechanicOptions};
pub use muon::{Muon, MuonOptions, MuonScale};
pub use nadam::{NAdam, NAdamOptions};
pub use plateau::{MinDelta, Plateau, PlateauOptions, PlateauRule};
pub use polyak::{Polyak, PolyakOptions};
pub use prodigy::{Prodigy, ProdigyOptions};
pub use range_test::{RangeTest, RangeTestOptions};
pub use recovery::{Recovery, RecoveryOptions};
pub use schedule_free::{ScheduleFree, ScheduleFreeOptions};
pub use sgd::{Sgd, SgdOptions};
pub use state::StateVisitor;

/// What a rule sees after the loss and the gradients of a step are known, before parameters move.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Loss; may be NaN or infinite.
    pub loss: f64,
    /// Gradients of all parameters; empty for rules that see the loss only.
    pub grads: &'a [f32],
}

impl<'a> Seen<'a> {
    /// A loss without gradients.
    pub fn loss(loss: f64) -> Seen<'a> {
        Seen { loss, grads: &[] }
    }
}

/// What a rule says about the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// Go on at this rate.
    Continue {
        /// The rate.
        rate: f64,
    },
    /// Go on at this rate, which is lower than before.
    Reduced {
        /// The rate.
        rate: f64,
    },
    /// The state is good: keep a copy of parameters and optimizer; go on at this rate.
    Keep {
        /// The rate.
        rate: f64,
    },
    /// The training diverged: go back to the last kept state, then on at this rate.
    GoBack {
        /// The rate.
        rate: f64,
    },
    /// The rule is through; its last word is this rate.
    Done {
        /// The rate.
        rate: f64,
    },
}

impl Advice {
    /// The rate of the next step.
    pub fn rate(&self) -> f64 {
        match *self {
            Advice::Continue { rate }
            | Advice::Reduced { rate }
            | Advice::Keep { rate }
            | Advice::GoBack { rate }
            | Advice::Done { rate } => rate,
        }
    }
}

/// A rule that gives the rate of a step by what it sees.
pub trait StepSize: std::fmt::Debug + Send {
    /// Name of the rule.
    fn name(&self) -> &'static str;

    /// The rate as it stands.
    fn rate(&self) -> f64;

    /// Takes what a step has shown; says how to go on.
    fn observe(&mut self, seen: &Seen) -> Advice;

    /// Shows every number of the state to a visitor, always in the same order.
    fn visit_state(&mut self, visitor: &mut dyn StateVisitor);

    /// The state as bytes.
    fn save(&mut self) -> Vec<u8> {
        state::save(self.name(), |visitor| self.visit_state(visitor))
    }

    /// Takes over a saved state of the same rule and size.
    ///
    /// # Errors
    /// Bytes that are none; the state is as it was then.
    fn load(&mut self, bytes: &[u8]) -> Result<(), Error> {
        state::load(self.name(), bytes, |visitor| self.visit_state(visitor))
    }
}

/// Moves parameters against their gradients.
pub trait Optimizer: std::fmt::Debug + Send {
    /// Name of the optimizer.
    fn name(&self) -> &'static str;

    /// Moves the parameters once, at a rate.
    ///
    /// # Panics
    /// If `params` or `grads` are not as long as the layout.
    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32);

    /// Turns the parameters that are trained into those to predict with; nothing twice.
    fn eval(&mut self, _params: &mut [f32]) {}

    /// Turns them back, before the next step; nothing twice.
    fn train(&mut self, _params: &mut [f32]) {}

    /// Shows every number of the state to a visitor, always in the same order.
    fn visit_state(&mut self, visitor: &mut dyn StateVisitor);

    /// The state as bytes, for a checkpoint beside the parameters.
    fn save(&mut self) -> Vec<u8> {
        state::save(self.name(), |visitor| self.visit_state(visitor))
    }

    /// Takes over a saved state of the same optimizer and layout.
    ///
    /// # Errors
    /// Bytes that are none; the state is as it was then.
    fn load(&mut self, bytes: &[u8]) -> Result<(), Error> {
        state::load(self.name(), bytes, |visitor| self.visit_state(visitor))
    }
}

/// A rule as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct StepSizeKind {
    /// Name in configurations and reports.
    pub name: &'static str,
    /// What it computes.
    pub formula: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Where it comes from.
    pub references: &'static [&'static str],
    /// Whether it sees gradients; if not, the loss is enough.
    pub sees_gradients: bool,
    /// Makes it with its default options, from a base rate and the number of parameters.
    pub build: fn(base_rate: f64, n_params: usize) -> Box<dyn StepSize>,
}

/// Every rule for the step size.
pub const STEP_SIZES: &[StepSizeKind] =
    &[plateau::KIND, hypergradient::KIND, polyak::KIND, range_test::KIND, recovery::KIND];

/// An optimizer as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct OptimizerKind {
    /// Name in configurations and reports.
    pub name: &'static str,
    /// What it computes: `p` parameters, `g` gradients, `a` the rate.
    pub formula: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Where it comes from.
    pub references: &'static [&'static str],
    /// Whether it finds its own rate: the rate it is given is a factor, 1 if in doubt.
    pub finds_rate: bool,
    /// Makes it with its default options.
    pub build: fn(&Layout) -> Box<dyn Optimizer>,
}

/// Every optimizer. Any of them can be wrapped in [`ScheduleFree`], [`Averaged`] and [`Mechanic`].
pub const OPTIMIZERS: &[OptimizerKind] = &[
    sgd::KIND,
    sgd::NESTEROV_KIND,
    adam::KIND,
    adam::ADAMW_KIND,
    nadam::KIND,
    muon::KIND,
    schedule_free::SGD_KIND,
    schedule_free::ADAMW_KIND,
    d_adaptation::SGD_KIND,
    d_adaptation::ADAM_KIND,
    prodigy::KIND,
    dog::KIND,
    dog::LAYERWISE_KIND,
    mechanic::KIND,
];

impl Optimizer for Box<dyn Optimizer> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        (**self).step(params, grads, lr);
    }

    fn eval(&mut self, params: &mut [f32]) {
        (**self).eval(params);
    }

    fn train(&mut self, params: &mut [f32]) {
        (**self).train(params);
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        (**self).visit_state(visitor);
    }
}

/// `x . y` in `f64`, in eight lanes that are added in order, so that it is fast and always the same.
fn dot(x: &[f32], y: &[f32]) -> f64 {
    let (x_chunks, x_rest) = x.as_chunks::<8>();
    let (y_chunks, y_rest) = y.as_chunks::<8>();
    let mut lanes = [0.0_f64; 8];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for lane in 0..8 {
            lanes[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    for ((x, y), lane) in x_rest.iter().zip(y_rest).zip(&mut lanes) {
        *lane += f64::from(*x) * f64::from(*y);
    }
    lanes.iter().sum()
}

/// `|x|^2`.
fn norm_squared(x: &[f32]) -> f64 {
    dot(x, x)
}

#[cfg(test)]
mod figures;
#[cfg(test)]
mod tests;
