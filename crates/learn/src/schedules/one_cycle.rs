//! The rate rises once and falls far below where it began.

use super::kind::equals;
use super::parameters::{Domain, SOME_STEPS, Values, parameter};
use super::piecewise_interpolate::{Interpolated, Shape};
use super::{Schedule, ScheduleKind};

const PART: Domain = Domain::Number { low: 0.0, high: 1.0 };
const DIVISOR: Domain = Domain::Number { low: 1.0, high: 1e12 };
const MOMENTUM: Domain = Domain::Number { low: 0.0, high: 0.9999 };

/// The listing of [`OneCycle`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "one_cycle",
    formula: "from a0 / div up to a0, then down to a0 / (div final_div); by a0 / div in three phases",
    help: "rises for three tenths of the steps, then falls far below where it began",
    references: &[
        "Smith, L. N.; Topin, N. (2018). Super-convergence: very fast training of neural networks using large learning rates. arXiv:1708.07120",
    ],
    equals: equals![torch OneCycleLR, optax cosine_onecycle_schedule, optax linear_onecycle_schedule],
    parameters: &[
        parameter("steps", SOME_STEPS, "n", "steps of the cycle"),
        parameter("rise", PART, "0.3", "share of the steps that rise (pct_start)"),
        parameter(
            "phases",
            Domain::Choice(&["2", "3"]),
            "2",
            "3: falls to where it began, then on (torch: three_phase)",
        ),
        parameter(
            "back",
            PART,
            "",
            "share of the steps where it is back, for 3 phases (optax: pct_final, 0.85; torch: twice the rise)",
        ),
        parameter("shape", Shape::DOMAIN, "cosine", "shape of the ways (torch: anneal_strategy)"),
        parameter("div", DIVISOR, "25", "a0 / div is the first rate (div_factor)"),
        parameter(
            "final_div",
            DIVISOR,
            "10000",
            "the last rate is the first / final_div (final_div_factor)",
        ),
        parameter(
            "end_at",
            Domain::Choice(&["last_step", "steps"]),
            "last_step",
            "the last rate is that of step n - 1 (torch) or of step n (optax)",
        ),
        parameter("momentum_low", MOMENTUM, "0.85", "momentum at the peak (torch: base_momentum)"),
        parameter("momentum_high", MOMENTUM, "0.95", "momentum at both ends (torch: max_momentum)"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let knots = knots(values);
        let (div, final_div) = (values.number("div"), values.number("final_div"));
        let (first, last) = (1.0 / div, 1.0 / (div * final_div));
        let (low, high) = (values.number("momentum_low"), values.number("momentum_high"));
        let (rates, momenta) = if knots.len() == 3 {
            (vec![first, 1.0, first, last], vec![high, low, high, high])
        } else {
            (vec![first, 1.0, last], vec![high, low, high])
        };
        let shape = Shape::of(values.choice("shape"));
        let way =
            |values: Vec<f64>| Interpolated { base_rate: 1.0, knots: knots.clone(), values, shape };
        let (rate, momentum) = (way(rates), way(momenta));
        Ok(Box::new(OneCycle { base_rate: values.base_rate, rate, momentum }))
    },
};

/// Where the ways end: PyTorch counts to the last step and its ends may lie between steps, optax
/// rounds down and counts to the step after the last.
fn knots(values: &Values) -> Vec<f64> {
    let (steps, rise) = (values.steps("steps") as f64, values.number("rise"));
    let three = values.choice("phases") == "3";
    let back = values.number_if("back").unwrap_or(2.0 * rise).clamp(rise, 1.0);
    let torch = values.choice("end_at") == "last_step";
    let mut knots = if torch { vec![rise * steps - 1.0] } else { vec![(rise * steps).floor()] };
    if three {
        // Two ways of equal length, each a step shorter than its share.
        knots.push(if torch { back * steps - 2.0 } else { (back * steps).floor() });
    }
    knots.push(if torch { steps - 1.0 } else { steps });
    let end = knots[knots.len() - 1];
    knots
        .iter()
        .scan(0.0_f64, |last, knot| {
            *last = knot.clamp(*last, end.max(*last));
            Some(*last)
        })
        .collect()
}

/// A rise and a fall of the rate, and the contrary of the momentum; stays at its end.
///
/// Equals PyTorch's `OneCycleLR` and optax's `cosine_onecycle_schedule` and
/// `linear_onecycle_schedule`.
#[derive(Debug, Clone, PartialEq)]
pub struct OneCycle {
    /// Highest rate `a0`.
    pub base_rate: f64,
    /// The rates as shares of `a0`.
    pub rate: Interpolated,
    /// The momentum.
    pub momentum: Interpolated,
}

impl Schedule for OneCycle {
    fn rate(&self, step: u64) -> f64 {
        self.base_rate * self.rate.level(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        Some(self.momentum.level(step))
    }
}
