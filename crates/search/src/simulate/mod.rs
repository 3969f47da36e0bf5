//! The whole search on known loss surfaces, with a fake clock and seeded faults: for tests and
//! for comparing strategies at thousands of decisions a second.

mod surface;
mod synthetic;

pub use surface::{Evaluation, Recorded, Surface};
pub use synthetic::Synthetic;

use crate::history::{History, Outcome, Trial};
use crate::random::Stream;
use crate::samplers::sampler;
use crate::strategy::{Decision, Proposal, Rules, StopReason, next};

/// Work units of a second, where costs are counted in work.
const WORK_PER_SECOND: f64 = 1e6;

/// How often things go wrong, as probabilities per trial.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// The trial panics halfway.
    pub crash: f64,
    /// All losses are NaN.
    pub nan: f64,
    /// The trial takes ten times its price; the end of the budget cuts it off.
    pub slow: f64,
    /// Costs are off their price by a factor of up to this, at least 1; below 1 counts as 1.
    pub misprice: f64,
}

/// How a simulated run is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Seconds of the fake clock for all; with `by_work`, of fits in sum.
    pub budget_seconds: f64,
    /// Ends the run after this many trials.
    pub max_trials: usize,
    /// Trials at a time; at least 1.
    pub workers: usize,
    /// As in [`Rules`].
    pub limit_ns: f64,
    /// As in [`Rules`].
    pub screening: Option<f64>,
    /// Name of a sampler, as in [`Rules`]; an unknown one is the blend.
    pub sampler: Option<&'static str>,
    /// As in [`Rules`].
    pub defaults_only: bool,
    /// Costs in work units, and proposals in fixed rounds of `workers`.
    pub by_work: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// Seed of the search and of the faults.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            budget_seconds: f64::INFINITY,
            max_trials: 50,
            workers: 1,
            limit_ns: f64::INFINITY,
            screening: None,
            sampler: None,
            defaults_only: false,
            by_work: false,
            faults: Faults::default(),
            seed: 0,
        }
    }
}

/// One decision, with what it depended on.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// How many of [`Simulation::ended`] had ended.
    pub n_ended: usize,
    /// What was running.
    pub pending: Vec<Proposal>,
    /// What was left, in the unit of the rules.
    pub remaining: f64,
    /// What was decided.
    pub decision: Decision,
}

/// A simulated run.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// All trials by number.
    pub history: History,
    /// Numbers of the trials in the order in which they ended.
    pub ended: Vec<u64>,
    /// All decisions in their order.
    pub steps: Vec<Step>,
    /// Why it ended; `None` if the plan's number of trials was reached.
    pub stop: Option<StopReason>,
    /// Seconds on the fake clock at the end.
    pub seconds: f64,
}

impl Simulation {
    /// Least loss within a latency of full trials; infinite if there is none.
    pub fn best_loss(&self, limit_ns: f64) -> f64 {
        let full = self.history.trials.iter().filter(|t| t.fidelity >= 1.0);
        let losses = full.filter_map(|t| t.best_within(limit_ns)).map(|point| point.loss);
        losses.fold(f64::INFINITY, f64::min)
    }
}

/// Runs the strategy on a surface.
pub fn simulate(surface: &dyn Surface, plan: &Plan) -> Simulation {
    let mut run = Run::new(surface, plan);
    while run.advance() {}
    run.simulation
}

/// Asks for every decision of a simulation again.
///
/// # Errors
/// Place in [`Simulation::steps`] of the first decision that came out differently, with what it
/// is now.
pub fn replay(
    surface: &dyn Surface,
    plan: &Plan,
    simulation: &Simulation,
) -> Result<(), Box<(usize, Decision)>> {
    for (index, step) in simulation.steps.iter().enumerate() {
        let ended = &simulation.ended[..step.n_ended];
        let trials = simulation.history.trials.iter().filter(|t| ended.contains(&t.id));
        let history = History { trials: trials.cloned().collect() };
        let again = decide(surface, plan, &history, &step.pending, step.remaining);
        if again != step.decision {
            return Err(Box::new((index, again)));
        }
    }
    Ok(())
}

fn decide(
    surface: &dyn Surface,
    plan: &Plan,
    history: &History,
    pending: &[Proposal],
    remaining: f64,
) -> Decision {
    let unit = if plan.by_work { WORK_PER_SECOND } else { 1.0 };
    let price = |config: &_, fidelity| {
        let mut price = surface.price(config, fidelity);
        price.cost *= unit;
        price
    };
    let rules = Rules {
        spaces: surface.spaces(),
        portfolio: surface.portfolio(),
        memory: surface.memory(),
        price: &price,
        remaining,
        limit_ns: plan.limit_ns,
        limit_memory_bytes: f64::INFINITY,
        screening: plan.screening,
        sampler: plan.sampler.and_then(sampler),
        extras: &[],
        defaults_only: plan.defaults_only,
        by_work: plan.by_work,
        seed: plan.seed,
    };
    next(&rules, history, pending)
}

/// A trial that is running: when it will end, and what will come of it.
struct Running {
    until: f64,
    proposal: Proposal,
    trial: Trial,
}

struct Run<'a> {
    surface: &'a dyn Surface,
    plan: &'a Plan,
    now: f64,
    spent_work: u64,
    running: Vec<Running>,
    simulation: Simulation,
}

impl<'a> Run<'a> {
    fn new(surface: &'a dyn Surface, plan: &'a Plan) -> Run<'a> {
        let (history, ended, steps) = (History::default(), Vec::new(), Vec::new());
        let simulation = Simulation { history, ended, steps, stop: None, seconds: 0.0 };
        Run { surface, plan, now: 0.0, spent_work: 0, running: Vec::new(), simulation }
    }

    fn remaining(&self) -> f64 {
        match self.plan.by_work {
            true => self.plan.budget_seconds * WORK_PER_SECOND - self.spent_work as f64,
            false => self.plan.budget_seconds - self.now,
        }
    }

    /// Starts what can start, and ends one trial; whether there is more to do.
    fn advance(&mut self) -> bool {
        let is_round = self.plan.by_work && !self.running.is_empty();
        while !is_round && self.running.len() < self.plan.workers.max(1) && self.start() {}
        let first = |a: &&Running, b: &&Running| {
            a.until.total_cmp(&b.until).then(a.proposal.id.cmp(&b.proposal.id))
        };
        let Some(ended) = self.running.iter().min_by(first) else { return false };
        let id = ended.proposal.id;
        self.end(id);
        true
    }

    /// Asks for one decision and starts its trial; whether one was started.
    fn start(&mut self) -> bool {
        let history = &self.simulation.history;
        if history.trials.len() + self.running.len() >= self.plan.max_trials {
            return false;
        }
        let pending: Vec<Proposal> = self.running.iter().map(|r| r.proposal.clone()).collect();
        let remaining = self.remaining();
        let decision = decide(self.surface, self.plan, history, &pending, remaining);
        let n_ended = self.simulation.ended.len();
        self.simulation.steps.push(Step {
            n_ended,
            pending,
            remaining,
            decision: decision.clone(),
        });
        match decision {
            Decision::Try(proposal) => {
                let trial = self.outcome(&proposal);
                self.running.push(Running { until: self.now + trial.seconds, proposal, trial });
                return true;
            }
            Decision::Stop(reason) => self.simulation.stop = Some(reason),
            Decision::Wait => {}
        }
        false
    }

    fn end(&mut self, id: u64) {
        let place = self.running.iter().position(|r| r.proposal.id == id);
        let ended = self.running.remove(place.expect("the trial is running"));
        self.now = ended.until;
        self.spent_work += ended.trial.work;
        self.simulation.seconds = self.now;
        self.simulation.ended.push(id);
        let trials = &mut self.simulation.history.trials;
        let at = trials.partition_point(|t| t.id < id);
        trials.insert(at, ended.trial);
    }

    /// What will come of a proposal, faults included.
    fn outcome(&self, proposal: &Proposal) -> Trial {
        let faults = self.plan.faults;
        let mut stream = Stream::new(&[self.plan.seed, proposal.id, 0xFA017]);
        let found = self.surface.evaluate(&proposal.config, proposal.fidelity, proposal.seed);
        let Evaluation { mut curve, mut seconds } = found;
        let (factor, power) = (faults.misprice.max(1.0), 2.0 * stream.uniform() - 1.0);
        seconds *= libm::pow(factor, power);
        let mut outcome = Outcome::Completed;
        if stream.uniform() < faults.crash {
            (curve, seconds) = (Vec::new(), 0.5 * seconds);
            outcome = Outcome::Failed("panicked".to_owned());
        } else if stream.uniform() < faults.nan {
            curve.iter_mut().for_each(|point| point.loss = f64::NAN);
            outcome = Outcome::Diverged;
        }
        if stream.uniform() < faults.slow {
            seconds *= 10.0;
        }
        let left = self.plan.budget_seconds - self.now;
        if !self.plan.by_work && seconds > left {
            curve.truncate((curve.len() as f64 * left / seconds) as usize);
            (seconds, outcome) = (left, Outcome::Stopped);
        }
        Trial {
            id: proposal.id,
            config: proposal.config.clone(),
            fidelity: proposal.fidelity,
            seed: proposal.seed,
            origin: proposal.origin,
            outcome,
            curve,
            seconds,
            work: (seconds * WORK_PER_SECOND) as u64,
        }
    }
}
