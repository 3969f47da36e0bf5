//! The rate moves between given levels at given steps.

use super::kind::equals;
use super::parameters::{Domain, parameter};
use super::{Schedule, ScheduleKind, half_cosine, piecewise};

/// The shape of the way from one level to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A straight line.
    Linear,
    /// Half a cosine wave.
    Cosine,
}

impl Shape {
    pub(super) const DOMAIN: Domain = Domain::Choice(&["linear", "cosine"]);

    pub(super) fn of(word: &str) -> Shape {
        if word == "linear" { Shape::Linear } else { Shape::Cosine }
    }

    /// The level `x` of the way from `start` to `end`, `x` in `[0, 1]`.
    pub(super) fn between(self, start: f64, end: f64, x: f64) -> f64 {
        match self {
            Shape::Linear => start + (end - start) * x,
            Shape::Cosine => {
                let left = half_cosine(x);
                start * left + end * (1.0 - left)
            }
        }
    }
}

/// The listing of [`Interpolated`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "piecewise_interpolate",
    formula: "a0 * (a line or half a cosine through values at 0 and the boundaries)",
    help: "moves through given shares of the rate at given steps",
    references: &[],
    equals: equals![optax piecewise_interpolate_schedule],
    parameters: &[
        parameter(
            "boundaries",
            Domain::StepList,
            "30%,100%",
            "steps of the levels after the first",
        ),
        parameter("values", Domain::NumberList, "0.04,1,0", "shares of a0, the first at step 0"),
        parameter("shape", Shape::DOMAIN, "linear", "shape of the way between levels"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (boundaries, levels) = (values.step_list("boundaries"), values.number_list("values"));
        piecewise::check(&boundaries, &levels)?;
        let shape = Shape::of(values.choice("shape"));
        let knots = boundaries.iter().map(|at| *at as f64).collect();
        Ok(Box::new(Interpolated { base_rate: values.base_rate, knots, values: levels, shape }))
    },
};

/// Through `a0 * values[0]` at step 0 and `a0 * values[i]` at `knots[i - 1]`; stays at the last.
///
/// Equals optax's `piecewise_interpolate_schedule` (whose scales multiply).
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolated {
    /// The base rate `a0`.
    pub base_rate: f64,
    /// Steps of the levels after the first, in order; they may lie between steps.
    pub knots: Vec<f64>,
    /// Shares of `a0`, one more than knots.
    pub values: Vec<f64>,
    /// Shape of the way between them.
    pub shape: Shape,
}

impl Interpolated {
    /// Its level at a step, as a share of the base rate.
    pub(super) fn level(&self, step: u64) -> f64 {
        let step = step as f64;
        let at = self.knots.partition_point(|knot| *knot <= step);
        let Some(end) = self.knots.get(at) else { return self.values[at] };
        let start = if at == 0 { 0.0 } else { self.knots[at - 1] };
        self.shape.between(self.values[at], self.values[at + 1], (step - start) / (end - start))
    }
}

impl Schedule for Interpolated {
    fn rate(&self, step: u64) -> f64 {
        self.base_rate * self.level(step)
    }
}
