//! Seeded loss surfaces with a known optimum.

use super::surface::{Evaluation, Surface};
use crate::history::Point;
use crate::random::{self, Stream};
use crate::space::{Config, Domain, Parameter, Space, Value};
use crate::strategy::Price;

const LEARNERS: [&str; 4] = ["baseline", "linear", "forest", "boosting"];
const NAMES: [&str; 6] = ["x0", "x1", "x2", "x3", "x4", "x5"];
const KINDS: [&str; 3] = ["a", "b", "c"];

/// A surface of four learners with 0, 3, 5 and 7 parameters that are not nested.
///
/// The loss of learner `l` at the place `u` of the unit cube is
/// `floor_l + sum_i w_i (u_i - o_i)^2 + c (u_0 - o_0)(u_1 - o_1) + penalty of a wrong name`, the
/// optimum `o` and the weights drawn from the seed. A part of the rows adds to it, and so does
/// each truncation below the last. Two parameters are on a logarithmic scale, one is whole, one
/// counts only under one name.
#[derive(Debug, Clone)]
pub struct Synthetic {
    seed: u64,
    spaces: Vec<Space>,
    portfolio: Vec<Config>,
    memory: Vec<Config>,
    hills: Vec<Hill>,
    noise: f64,
}

/// The loss of one learner.
#[derive(Debug, Clone)]
struct Hill {
    floor: f64,
    optimum: Vec<f64>,
    weights: Vec<f64>,
    best_kind: usize,
    seconds: f64,
    ns_per_tree: f64,
}

impl Synthetic {
    /// A surface of this seed; losses carry noise of this standard deviation. The portfolio is
    /// each learner's default, drawn at random.
    pub fn new(seed: u64, noise: f64) -> Synthetic {
        let mut stream = Stream::new(&[seed, 0x517]);
        let spaces: Vec<Space> = [0, 3, 4, 6].into_iter().enumerate().map(space).collect();
        let hills: Vec<Hill> = (0..spaces.len()).map(|l| Hill::new(l, &mut stream)).collect();
        let mut portfolio = Vec::new();
        for space in &spaces {
            let mut config = space.default_config();
            for parameter in space.parameters.iter().filter(|p| !p.nested) {
                config = config.with(parameter.name, parameter.domain.value_at(stream.uniform()));
            }
            portfolio.push(config);
        }
        Synthetic { seed, spaces, portfolio, memory: Vec::new(), hills, noise }
    }

    /// The same, with a memory of `n` configurations that are off the optimum by up to `distance`
    /// in each coordinate. Up to 0.3 they are of the best learner: a memory that helps; above,
    /// of the worst one and with a wrong name: a memory that harms.
    #[must_use]
    pub fn with_memory(mut self, n: usize, distance: f64) -> Synthetic {
        let mut stream = Stream::new(&[self.seed, 0x3E3]);
        let mut order: Vec<usize> = (1..self.hills.len()).collect();
        order.sort_by(|&a, &b| self.hills[a].floor.total_cmp(&self.hills[b].floor));
        let learner = if distance > 0.3 { order[order.len() - 1] } else { order[0] };
        let near = |_| self.near_optimum(learner, distance, &mut stream);
        self.memory = (0..n).map(near).collect();
        self
    }

    fn near_optimum(&self, learner: usize, distance: f64, stream: &mut Stream) -> Config {
        let hill = &self.hills[learner];
        let mut config = self.spaces[learner].default_config();
        for (i, parameter) in self.spaces[learner].parameters.iter().enumerate() {
            if let Some(&optimum) = hill.optimum.get(i) {
                let sign = if optimum < 0.5 { 1.0 } else { -1.0 };
                let place = optimum + sign * distance * (0.8 + 0.2 * stream.uniform());
                config = config.with(parameter.name, parameter.domain.value_at(place));
            }
        }
        config.with("kind", KINDS[(hill.best_kind + usize::from(distance > 0.3)) % 3])
    }

    /// The least loss there is.
    pub fn optimum(&self) -> f64 {
        self.hills.iter().map(|hill| hill.floor).fold(f64::INFINITY, f64::min)
    }

    /// The loss of a configuration in full, without noise.
    pub fn loss(&self, config: &Config) -> f64 {
        let learner = self.spaces.iter().position(|s| s.learner == config.learner);
        learner.map_or(f64::NAN, |l| self.hills[l].loss(&self.spaces[l], config))
    }
}

/// A space of `n` parameters with an order, a category if `n > 0`, and trees.
fn space((learner, n): (usize, usize)) -> Space {
    let domains = [
        Domain::Float { low: 1e-4, high: 1.0, log: true },
        Domain::Float { low: 0.0, high: 1.0, log: false },
        Domain::Int { low: 1, high: 64, log: true },
        Domain::Float { low: -1.0, high: 3.0, log: false },
        Domain::Float { low: 1e-3, high: 1e3, log: true },
        Domain::Float { low: 0.0, high: 1.0, log: false },
    ];
    let parameter = |name, domain: Domain| {
        let (default, help) = (domain.value_at(0.5), "");
        Parameter { name, domain, default, nested: false, when: None, help }
    };
    let mut parameters: Vec<Parameter> = NAMES
        .into_iter()
        .zip(domains)
        .take(n)
        .map(|(name, domain)| parameter(name, domain))
        .collect();
    if n > 0 {
        parameters.push(parameter("kind", Domain::Category(&KINDS)));
        let trees = Domain::Int { low: 1, high: 1000, log: true };
        let mut trees = parameter("n_estimators", trees);
        (trees.nested, trees.default) = (true, Value::Int(100));
        parameters.push(trees);
    }
    if n > 4 {
        parameters[4].when = Some(("kind", &KINDS[..2]));
    }
    Space { learner: LEARNERS[learner], parameters, forbidden: Vec::new() }
}

impl Hill {
    fn new(learner: usize, stream: &mut Stream) -> Hill {
        let n = [0, 3, 4, 6][learner];
        let floor = if learner == 0 { 1.0 } else { 0.1 + 0.2 * stream.uniform() };
        let optimum = (0..n).map(|_| 0.1 + 0.8 * stream.uniform()).collect();
        let weights = (0..n).map(|_| libm::exp(-3.0 * stream.uniform())).collect();
        let seconds = [0.01, 0.2, 1.0, 1.0][learner] * (0.5 + stream.uniform());
        let ns_per_tree = [0.0, 1.0, 20.0, 10.0][learner];
        Hill { floor, optimum, weights, best_kind: stream.below(3), seconds, ns_per_tree }
    }

    fn loss(&self, space: &Space, config: &Config) -> f64 {
        let mut offsets = Vec::with_capacity(self.optimum.len());
        for (parameter, optimum) in space.parameters.iter().zip(&self.optimum) {
            let value = config.values.get(parameter.name).unwrap_or(&parameter.default);
            let active = space.is_active(parameter, config);
            offsets.push(if active { parameter.domain.unit(value) - optimum } else { 0.3 });
        }
        let squares = offsets.iter().zip(&self.weights).map(|(d, w)| w * d * d);
        let mut loss = self.floor + squares.sum::<f64>();
        if let [a, b, ..] = offsets[..] {
            // Below the geometric mean of the weights, so that the optimum stays the optimum.
            loss += (self.weights[0] * self.weights[1]).sqrt() * a * b;
        }
        let wrong = config.text("kind").is_some_and(|kind| kind != KINDS[self.best_kind]);
        loss + if wrong { 0.1 } else { 0.0 }
    }

    fn n_trees(config: &Config) -> f64 {
        config.float("n_estimators").unwrap_or(1.0)
    }
}

impl Surface for Synthetic {
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
        let learner = self.spaces.iter().position(|s| s.learner == config.learner);
        let Some(hill) = learner.map(|learner| &self.hills[learner]) else {
            return Price { cost: f64::INFINITY, ns: f64::INFINITY, memory_bytes: f64::INFINITY };
        };
        let size = Hill::n_trees(config) / 100.0;
        Price {
            cost: hill.seconds * fidelity * (0.5 + 0.5 * size),
            ns: 20.0 + hill.ns_per_tree * (Hill::n_trees(config) / 4.0).ceil(),
            memory_bytes: 1e6 * size,
        }
    }

    fn evaluate(&self, config: &Config, fidelity: f64, seed: u64) -> Evaluation {
        let learner = self.spaces.iter().position(|s| s.learner == config.learner);
        let hill = &self.hills[learner.expect("a strategy proposes only learners of its rules")];
        let mut stream = Stream::new(&[self.seed, seed, random::key(&[fidelity.to_bits()])]);
        let bell = stream.uniform() + stream.uniform() + stream.uniform() - 1.5;
        let noise = self.noise + 0.02 * (1.0 - fidelity);
        let full = self.loss(config) + 0.1 * (1.0 - fidelity) + 2.0 * noise * bell;
        let trees = Hill::n_trees(config);
        let point = |quarter: usize| {
            let n_trees = (trees * quarter as f64 / 4.0).ceil();
            Point {
                truncation: quarter - 1,
                label: format!("n_estimators={n_trees}"),
                loss: full + 0.02 * (4 - quarter) as f64,
                loss_se: self.noise,
                ns: 20.0 + hill.ns_per_tree * n_trees,
                bytes: 64 * n_trees as u64,
            }
        };
        let curve = (1..=4).map(point).collect();
        Evaluation { curve, seconds: self.price(config, fidelity).cost }
    }
}
