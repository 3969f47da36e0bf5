//! Samplers: where a configuration to try may come from; one file each, and one line in
//! [`SAMPLERS`].
//!
//! A sampler is a function of (space, history, seed, id): it holds no state, so two runs that
//! have seen the same draw the same.

mod acquire;
mod cma_es;
mod differential_evolution;
mod flow2;
mod forest;
mod gaussian_process;
mod grid;
mod known;
mod local;
mod matrix;
mod portfolio;
mod random;
mod sobol;
mod surrogate;
mod tpe;

pub use cma_es::CmaEs;
pub use differential_evolution::DifferentialEvolution;
pub use flow2::Flow2;
pub use forest::Forest;
pub use gaussian_process::GaussianProcess;
pub use grid::Grid;
pub use local::Local;
pub use portfolio::Portfolio;
pub use random::Random;
pub use sobol::Sobol;
pub use tpe::Tpe;

use crate::history::{History, Origin};
use crate::space::{Config, Space};

/// All that a draw may depend on.
#[derive(Clone, Copy)]
pub struct Draw<'a> {
    /// The learner's space.
    pub space: &'a Space,
    /// Built-in configurations of all learners, best guess first.
    pub portfolio: &'a [Config],
    /// What has been tried.
    pub history: &'a History,
    /// Largest latency allowed, in nanoseconds; points above it are not seen.
    pub limit_ns: f64,
    /// Whether costs are counted in work units (`true`) or seconds.
    pub by_work: bool,
    /// Seed of the search.
    pub seed: u64,
    /// Number of the trial to be proposed.
    pub id: u64,
    /// Counts the draws for this trial, from 0: an earlier one was tried before or does not fit.
    pub attempt: u64,
}

/// A source of configurations.
pub trait Sampler: Sync {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// Whom its trials are credited to.
    fn origin(&self) -> Origin;

    /// Where the method comes from: authors, year, title, DOI or arXiv id.
    fn references(&self) -> &'static [&'static str];

    /// A complete configuration of the space, perhaps one that was tried before; `None` where
    /// the method has none (any more) to offer.
    fn draw(&self, draw: &Draw<'_>) -> Option<Config>;
}

/// Every sampler.
pub static SAMPLERS: &[&dyn Sampler] = &[
    &Portfolio,
    &GaussianProcess,
    &Local,
    &Random,
    &Grid,
    &Sobol,
    &Tpe,
    &Forest,
    &Flow2,
    &CmaEs,
    &DifferentialEvolution,
];

/// The samplers among which a search shares its trials out if none is named, in the order in which
/// ties are broken.
pub static BLEND: &[&dyn Sampler] = &[&Portfolio, &GaussianProcess, &Local, &Random];

/// The sampler of a name.
pub fn sampler(name: &str) -> Option<&'static dyn Sampler> {
    SAMPLERS.iter().copied().find(|sampler| sampler.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Point, Trial};
    use crate::space::tests::sample_space;

    fn history(space: &Space) -> History {
        let config = space.default_config();
        let point = |loss| Point {
            truncation: 0,
            label: String::new(),
            loss,
            loss_se: 0.0,
            ns: 1.0,
            bytes: 1,
        };
        let trial = |id: u64, loss| Trial {
            id,
            config: config.clone().with("depth", 1 + id as i64),
            fidelity: 1.0,
            seed: 0,
            origin: Origin::Default,
            outcome: Outcome::Completed,
            curve: vec![point(loss)],
            seconds: 1.0,
            work: 1,
        };
        let losses = [0.5, f64::NAN, 0.3, f64::INFINITY, 0.4];
        History { trials: losses.iter().zip(0..).map(|(&loss, id)| trial(id, loss)).collect() }
    }

    #[test]
    fn every_sampler_draws_configurations_of_the_space_and_draws_them_again() {
        let space = sample_space();
        let portfolio = [space.default_config(), space.default_config().with("depth", 3)];
        let history = history(&space);
        for sampler in SAMPLERS {
            for id in 0..200 {
                let draw = Draw {
                    space: &space,
                    portfolio: &portfolio,
                    history: &history,
                    limit_ns: 2.0,
                    by_work: id % 3 == 0,
                    seed: 3,
                    id,
                    attempt: id % 2,
                };
                let config = sampler.draw(&draw).expect("there is something to draw");
                assert_eq!(space.check(&config), Ok(()), "{}", sampler.name());
                assert_eq!(config.values.len(), space.parameters.len());
                assert_eq!(sampler.draw(&draw), Some(config));
            }
        }
    }

    #[test]
    fn samplers_cope_with_a_space_without_parameters() {
        let space = Space { learner: "baseline", parameters: Vec::new(), forbidden: Vec::new() };
        let history = History::default();
        for sampler in SAMPLERS {
            let draw = Draw {
                space: &space,
                portfolio: &[],
                history: &history,
                limit_ns: f64::INFINITY,
                by_work: false,
                seed: 0,
                id: 0,
                attempt: 0,
            };
            assert!(sampler.draw(&draw).is_none_or(|config| config.values.is_empty()));
        }
    }
}
