//! Bayesian optimisation: a Gaussian process of the losses, and the place where it expects the
//! greatest improvement, per cost.

use super::acquire::{Effort, most_promising};
use super::known::{Known, standardised, targets};
use super::{Draw, Sampler};
use crate::axes::Axis;
use crate::history::Origin;
use crate::random::Stream;
use crate::space::Config;
use model::Process;

mod model;

/// Proposes the place of greatest expected improvement under a Gaussian process; where costs
/// differ, of greatest improvement per cost, with a second process of the logarithm of the cost.
///
/// Losses are drawn together by a logarithm, failures count as the worst. The first trials of a
/// learner (3, and one more for each four parameters) are quasi-random. Work is bounded: a search
/// that makes thousands of trials makes cheap ones, so the model sees the best and the latest of
/// them only, and fewer places are weighed.
///
/// Reference: Jones, Schonlau, Welch 1998, doi:10.1023/A:1008306431147; Snoek, Larochelle, Adams
/// 2012, arXiv:1206.2944 (per second); Ament, Daulton, Eriksson, Balandat, Bakshy 2023,
/// arXiv:2310.20708 (the logarithm of the improvement).
#[derive(Debug, Clone, Copy)]
pub struct GaussianProcess;

impl Sampler for GaussianProcess {
    fn name(&self) -> &'static str {
        "gp"
    }

    fn origin(&self) -> Origin {
        Origin::Model
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Jones, Schonlau, Welch 1998, Efficient Global Optimization, doi:10.1023/A:1008306431147",
            "Snoek, Larochelle, Adams 2012, Practical Bayesian Optimization, arXiv:1206.2944",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let known = Known::new(draw);
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0x69]);
        if known.n() < n_first(known.axes.n()) {
            return super::sobol::place(draw, &known, &mut stream);
        }
        let effort = Effort::of(known.n());
        match Guess::new(&known, &effort) {
            Some(guess) => {
                let promise = |place: &[f64]| guess.promise(place);
                let place = most_promising(&known, &promise, &effort, &mut stream)?;
                known.config(&place, &mut stream)
            }
            None => super::sobol::place(draw, &known, &mut stream),
        }
    }
}

/// Trials before there is a model.
fn n_first(n_axes: usize) -> usize {
    3 + n_axes / 4
}

/// What is expected of a place.
struct Guess {
    losses: Process,
    /// Logarithm of the cost, in standard deviations of that.
    costs: Option<(Process, f64)>,
}

impl Guess {
    fn new(known: &Known<'_>, effort: &Effort) -> Option<Guess> {
        let chosen = chosen(known, effort.n_known);
        let place = |&trial: &usize| known.axes.filled(known.place(trial));
        let places: Vec<Vec<f64>> = chosen.iter().map(place).collect();
        let ordered: Vec<bool> =
            known.axes.axes.iter().map(|axis: &Axis| axis.is_ordered).collect();
        let losses: Vec<f64> = chosen.iter().map(|&trial| known.losses[trial]).collect();
        let losses = Process::fit(&places, &ordered, &targets(&losses)?, effort.n_steps)?;
        let costs: Vec<f64> = chosen.iter().map(|&t| libm::log(known.costs[t].max(1e-9))).collect();
        let costs = spread(&costs).and_then(|sd| {
            let targets = standardised(&costs)?;
            Some((Process::fit(&places, &ordered, &targets, effort.n_steps / 2)?, sd))
        });
        Some(Guess { losses, costs })
    }

    /// Logarithm of the expected improvement, less that of the cost.
    fn promise(&self, place: &[f64]) -> f64 {
        let (mean, sd) = self.losses.guess(place);
        let cost = self.costs.as_ref().map_or(0.0, |(model, scale)| scale * model.mean(place));
        ln_expected_improvement(self.losses.best, mean, sd) - cost
    }
}

/// Standard deviation of logarithms of costs, if they differ enough to be worth a model.
fn spread(costs: &[f64]) -> Option<f64> {
    let n = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / n;
    let sd = (costs.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / n).sqrt();
    (sd > 0.1 && sd.is_finite()).then_some(sd)
}

/// Trials that the model is fitted to: the better half of them the best, the others the latest.
fn chosen(known: &Known<'_>, n: usize) -> Vec<usize> {
    if known.n() <= n {
        return (0..known.n()).collect();
    }
    let mut is_chosen = vec![false; known.n()];
    known.ranked().into_iter().take(n / 2).for_each(|trial| is_chosen[trial] = true);
    let mut left = n - n / 2;
    for trial in (0..known.n()).rev() {
        if left > 0 && !is_chosen[trial] {
            is_chosen[trial] = true;
            left -= 1;
        }
    }
    (0..known.n()).filter(|&trial| is_chosen[trial]).collect()
}

/// `ln E[max(best - X, 0)]` of a normal X.
pub(super) fn ln_expected_improvement(best: f64, mean: f64, sd: f64) -> f64 {
    let z = (best - mean) / sd;
    let ln_density = |z: f64| -0.5 * z * z - 0.5 * libm::log(2.0 * std::f64::consts::PI);
    if z < -6.0 {
        // The first terms of the series of the tail.
        let (z2, ln_z2) = (z * z, 2.0 * libm::log(-z));
        return libm::log(sd) + ln_density(z) - ln_z2
            + libm::log(1.0 - 3.0 / z2 + 15.0 / (z2 * z2));
    }
    let below = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    libm::log(sd * (z * below + libm::exp(ln_density(z))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_the_improvement_is_right_and_goes_on_in_the_tail() {
        assert!(
            (ln_expected_improvement(1.0, 1.0, 2.0) - 0.797_884_560_802_865f64.ln()).abs() < 1e-12
        );
        assert!((ln_expected_improvement(5.0, 1.0, 0.5) - 4.0f64.ln()).abs() < 1e-9);
        let (near, far) =
            (ln_expected_improvement(0.0, 5.999, 1.0), ln_expected_improvement(0.0, 6.001, 1.0));
        assert!(near > far && near - far < 0.2, "{near} {far}");
        assert!(ln_expected_improvement(0.0, 100.0, 1.0).is_finite());
    }
}
