//! What a simulated search runs on.

use crate::history::{History, Point};
use crate::space::{Config, Space};
use crate::strategy::Price;

/// What comes of a trial that goes well.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Its points, by ascending ns.
    pub curve: Vec<Point>,
    /// What it takes.
    pub seconds: f64,
}

/// A world to search in.
pub trait Surface {
    /// The learners' spaces.
    fn spaces(&self) -> &[Space];
    /// Built-in configurations, the first of each learner its default.
    fn portfolio(&self) -> &[Config];
    /// What the memory proposes.
    fn memory(&self) -> &[Config];
    /// The price of a trial, its cost in seconds.
    fn price(&self, config: &Config, fidelity: f64) -> Price;
    /// What comes of a trial.
    fn evaluate(&self, config: &Config, fidelity: f64, seed: u64) -> Evaluation;
}

/// A surface made of recorded trials: a configuration gives what the nearest recorded one of its
/// learner gave (at the nearest fidelity that was recorded).
#[derive(Debug, Clone)]
pub struct Recorded {
    spaces: Vec<Space>,
    portfolio: Vec<Config>,
    memory: Vec<Config>,
    history: History,
    /// Of each trial: its space and its place in the unit cube.
    places: Vec<Option<(usize, Vec<f64>)>>,
}

impl Recorded {
    /// A surface of the trials of a history; those that are of no space are ignored.
    pub fn new(
        spaces: Vec<Space>,
        portfolio: Vec<Config>,
        memory: Vec<Config>,
        history: History,
    ) -> Recorded {
        let place = |config: &Config| {
            let learner = spaces.iter().position(|space| space.check(config).is_ok())?;
            Some((learner, spaces[learner].encode(config)))
        };
        let places = history.trials.iter().map(|t| place(&t.config)).collect();
        Recorded { spaces, portfolio, memory, history, places }
    }

    /// Place in the history of the nearest trial.
    fn nearest(&self, config: &Config, fidelity: f64) -> Option<usize> {
        let learner = self.spaces.iter().position(|space| space.check(config).is_ok())?;
        let place = self.spaces[learner].encode(config);
        let of_learner = self.places.iter().enumerate().filter_map(|(index, recorded)| {
            let (of, at) = recorded.as_ref().filter(|(of, _)| *of == learner)?;
            debug_assert_eq!(*of, learner);
            let squares = at.iter().zip(&place).map(|(a, b)| (a - b) * (a - b));
            let by_fidelity = (self.history.trials[index].fidelity - fidelity).abs();
            Some((by_fidelity, squares.sum::<f64>(), index))
        });
        let nearest = of_learner.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        nearest.map(|(_, _, index)| index)
    }
}

impl Surface for Recorded {
    fn spaces(&self) -> &[Space] {
        &self.spaces
    }

    fn portfolio(&self) -> &[Config] {
        &self.portfolio
    }

    fn memory(&self) -> &[Config] {
        &self.memory
    }

    fn price(&self, config: &Config, fidelity: f64) -> Price {
        let trial = self.nearest(config, fidelity).map(|index| &self.history.trials[index]);
        let cost = trial.map_or(f64::INFINITY, |t| t.seconds);
        let ns = trial.and_then(|t| t.curve.first()).map_or(0.0, |point| point.ns);
        Price { cost, ns, memory_bytes: 0.0 }
    }

    fn evaluate(&self, config: &Config, fidelity: f64, _seed: u64) -> Evaluation {
        let trial = self.nearest(config, fidelity).map(|index| &self.history.trials[index]);
        let curve = trial.map_or_else(Vec::new, |t| t.curve.clone());
        Evaluation { curve, seconds: trial.map_or(0.0, |t| t.seconds) }
    }
}
