//! The search itself: what to try next, as a function of rules and history.
//!
//! The order, every step of it skipping what was tried and what cannot fit:
//! 1. each learner's default, by ascending price (those of extra learners last), so that a usable
//!    model exists at once;
//! 2. with screening: the best third of each complete batch of screened trials, in full;
//! 3. the memory's configurations, while they are below the share that they earned
//!    ([`memory_share`]);
//! 4. a round of the portfolio: up to two more configurations of each learner that is not
//!    clearly dominated (drawn at random where the portfolio has none), the better learners'
//!    first, up to a dozen trials;
//! 5. the arms (learner x portfolio, model, local, random): the one of greatest expected improvement
//!    per cost; in one trial of ten the best arm of a learner drawn at random, learners with fewer
//!    than two trials first.

mod arms;
mod guard;
mod view;

pub use guard::memory_share;

use serde::{Deserialize, Serialize};

use crate::history::{History, Origin};
use crate::random;
use crate::samplers::{Draw, Random, Sampler};
use crate::screening;
use crate::space::{Config, Space};
use arms::Arm;
use view::View;

/// What a configuration is expected to cost before it is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Cost of the trial, in the unit of [`Rules::remaining`].
    pub cost: f64,
    /// Least latency that any truncation of the fit could have, in nanoseconds.
    pub ns: f64,
    /// Bytes of memory that the trial needs beyond the data.
    pub memory_bytes: f64,
}

/// All that a decision may depend on besides the history.
pub struct Rules<'a> {
    /// The learners' spaces, in the order of the first trials.
    pub spaces: &'a [Space],
    /// Built-in configurations, best guess first; the first of each learner is its default.
    pub portfolio: &'a [Config],
    /// Configurations that the memory proposes, best guess first.
    pub memory: &'a [Config],
    /// Prices a configuration at a fidelity (share of the rows).
    pub price: &'a dyn Fn(&Config, f64) -> Price,
    /// Cost units left for trials; `f64::INFINITY` for no limit. The prices of pending trials are
    /// set aside from it if costs are work units; the clock has taken its part already.
    pub remaining: f64,
    /// Largest latency allowed, in nanoseconds.
    pub limit_ns: f64,
    /// Largest memory a trial may take beyond the data, in bytes.
    pub limit_memory_bytes: f64,
    /// Share of the rows on which newcomers are screened; `None`: full fits only.
    pub screening: Option<f64>,
    /// The only sampler to draw from after the defaults and the memory; `None`: the blend, after a
    /// round of the portfolio.
    pub sampler: Option<&'static dyn Sampler>,
    /// Learners whose defaults come after those of all others, whatever their price: they are welcome
    /// where there is time, and others must not miss their turn if the price is wrong.
    pub extras: &'a [&'static str],
    /// Whether only the portfolio's defaults are tried (greedy selection switched off).
    pub defaults_only: bool,
    /// Whether costs are counted in work units (`true`) or seconds.
    pub by_work: bool,
    /// Seed of all randomness.
    pub seed: u64,
}

/// A trial to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Number of the trial: history and pending trials counted.
    pub id: u64,
    /// What to try.
    pub config: Config,
    /// Share of the training rows to use.
    pub fidelity: f64,
    /// Seed of its randomness.
    pub seed: u64,
    /// Who proposes it.
    pub origin: Origin,
}

/// Why a search ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// No configuration that is still worth trying fits what is left.
    BudgetSpent,
    /// Every configuration of the space has been tried.
    SpaceExhausted,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Run this trial.
    Try(Proposal),
    /// Wait for a pending trial: what comes next depends on it.
    Wait,
    /// End.
    Stop(StopReason),
}

/// Least number of newcomers after which the round of the portfolio is over.
const N_OPENING: usize = 12;
/// Configurations of one learner in that round.
const N_OPENING_PER_LEARNER: usize = 2;
/// Draws of one arm before the next one is asked.
const N_ATTEMPTS: u64 = 16;

/// Decides what to try next. `pending` are proposals whose trials are still running.
///
/// Pure: equal arguments give equal decisions, so a recorded history replays. Losses that are
/// NaN or infinite, empty curves and failed trials count as worst. A configuration that was tried
/// (nested parameters ignored) is not proposed again, except once in full after its screening.
/// Costs O(trials x parameters).
pub fn next(rules: &Rules<'_>, history: &History, pending: &[Proposal]) -> Decision {
    let mut search = Search::new(rules, history, pending);
    let found = search
        .default_trial()
        .or_else(|| if rules.defaults_only { None } else { search.newcomer() });
    match found {
        Some(offer) => Decision::Try(search.proposal(offer)),
        None if !pending.is_empty() => Decision::Wait,
        None if search.refused => Decision::Stop(StopReason::BudgetSpent),
        None => Decision::Stop(StopReason::SpaceExhausted),
    }
}

/// Seed of a trial's randomness, from the seed of the search and the number of the trial.
pub fn seed_of_trial(seed: u64, id: u64) -> u64 {
    random::key(&[seed, id, 0x5EED])
}

/// A trial to run, but for its number and seed.
struct Offer {
    config: Config,
    fidelity: f64,
    origin: Origin,
}

/// One decision in the making.
struct Search<'a> {
    rules: &'a Rules<'a>,
    history: &'a History,
    pending: &'a [Proposal],
    view: View,
    id: u64,
    screening: Option<f64>,
    remaining: f64,
    /// Whether a configuration was passed over because it does not fit.
    refused: bool,
}

impl<'a> Search<'a> {
    fn new(rules: &'a Rules<'a>, history: &'a History, pending: &'a [Proposal]) -> Search<'a> {
        let n_proposed = (history.trials.len() + pending.len()) as u64;
        let ids = history.trials.iter().map(|t| t.id).chain(pending.iter().map(|p| p.id));
        let id = ids.map(|id| id + 1).fold(n_proposed, u64::max);
        let set_aside: f64 = match rules.by_work {
            true => pending.iter().map(|p| (rules.price)(&p.config, p.fidelity).cost).sum(),
            false => 0.0,
        };
        let screening = rules.screening.filter(|share| *share > 0.0 && *share < 1.0);
        let (view, remaining) = (View::new(rules, history, pending), rules.remaining - set_aside);
        Search { rules, history, pending, view, id, screening, remaining, refused: false }
    }

    fn proposal(&self, offer: Offer) -> Proposal {
        let Offer { config, fidelity, origin } = offer;
        let seed = seed_of_trial(self.rules.seed, self.id);
        Proposal { id: self.id, config, fidelity, seed, origin }
    }

    /// Whether a trial fits what is left and the limits; remembers if one did not.
    fn fits(&mut self, config: &Config, fidelity: f64) -> bool {
        self.fits_with(config, fidelity, 0.0)
    }

    fn fits_with(&mut self, config: &Config, fidelity: f64, extra_cost: f64) -> bool {
        let price = (self.rules.price)(config, fidelity);
        // A price that is NaN does not fit.
        let fits = price.cost + extra_cost <= self.remaining
            && price.ns <= self.rules.limit_ns
            && price.memory_bytes <= self.rules.limit_memory_bytes;
        self.refused |= !fits;
        fits
    }

    /// The cheapest default that is still to be tried.
    fn default_trial(&mut self) -> Option<Offer> {
        let mut untried = Vec::new();
        for (learner, space) in self.rules.spaces.iter().enumerate() {
            let config = default_of(space, self.rules.portfolio);
            if !self.view.is_tried(learner, space.fingerprint(&config)) {
                let is_extra = self.rules.extras.contains(&space.learner);
                untried.push((is_extra, (self.rules.price)(&config, 1.0).cost, config));
            }
        }
        untried.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let fitting = untried.into_iter().find(|(.., config)| self.fits(config, 1.0));
        fitting.map(|(.., config)| Offer { config, fidelity: 1.0, origin: Origin::Default })
    }

    fn newcomer(&mut self) -> Option<Offer> {
        self.promotion(false)
            .or_else(|| self.memory_trial())
            .or_else(|| self.opening())
            .or_else(|| self.best_arm())
            .or_else(|| self.promotion(true))
            .or_else(|| self.unscreened())
            .or_else(|| self.rest_of_memory())
    }

    /// A screened trial that has earned a full one; of a batch that is not complete too, if `all`.
    fn promotion(&mut self, all: bool) -> Option<Offer> {
        let share = self.screening?;
        let screened = self.view.screened(share);
        let promoted = screening::promoted(&screened, all);
        let mut waiting = promoted.into_iter().map(|index| &self.history.trials[index]);
        waiting
            .find(|trial| {
                let space =
                    self.rules.spaces.iter().position(|s| s.learner == trial.config.learner);
                space.is_some_and(|learner| {
                    let fingerprint = self.rules.spaces[learner].fingerprint(&trial.config);
                    !self.view.is_tried_at(learner, fingerprint, 1.0)
                }) && self.fits(&trial.config, 1.0)
            })
            .map(|t| Offer { config: t.config.clone(), fidelity: 1.0, origin: t.origin })
    }

    /// A configuration as an offer, if it is of a space, new, and fits.
    fn admit(&mut self, config: &Config, origin: Origin) -> Option<Offer> {
        let learner = self.rules.spaces.iter().position(|s| s.learner == config.learner)?;
        let space = &self.rules.spaces[learner];
        if space.check(config).is_err() || self.view.is_tried(learner, space.fingerprint(config)) {
            return None;
        }
        let config = space.complete(config);
        let fidelity = self.screening.unwrap_or(1.0);
        // Screening is for nothing if there is no room for the full trial after it.
        let mut full_cost = 0.0;
        if self.screening.is_some() {
            if !self.fits(&config, 1.0) {
                return None;
            }
            full_cost = (self.rules.price)(&config, 1.0).cost;
        }
        let fits = self.fits_with(&config, fidelity, full_cost);
        fits.then_some(Offer { config, fidelity, origin })
    }

    /// The memory's next configuration, if its share is not used up.
    fn memory_trial(&mut self) -> Option<Offer> {
        let share = self.view.memory_allowance()?;
        let budget = self.view.cost_spent() + self.remaining;
        let rules = self.rules;
        rules.memory.iter().find_map(|config| {
            let offer = self.admit(config, Origin::Memory)?;
            let cost = (rules.price)(&offer.config, offer.fidelity).cost;
            let within = self.view.memory_cost() + cost <= share * budget;
            within.then_some(offer)
        })
    }

    /// With nothing else left to try, the memory's rest is better than nothing.
    fn rest_of_memory(&mut self) -> Option<Offer> {
        let rules = self.rules;
        rules.memory.iter().find_map(|config| self.admit(config, Origin::Memory))
    }

    /// The round of the portfolio.
    fn opening(&mut self) -> Option<Offer> {
        if self.view.n_newcomers() >= N_OPENING || self.rules.sampler.is_some() {
            return None;
        }
        let rules = self.rules;
        let mut learners = self.view.learners_by_loss();
        learners.retain(|&learner| !self.view.is_dominated(learner));
        for round in 1..=N_OPENING_PER_LEARNER {
            for &learner in &learners {
                let name = rules.spaces[learner].learner;
                let mut of_learner = rules.portfolio.iter().filter(|c| c.learner == name);
                let offer = match of_learner.nth(round) {
                    Some(config) => self.admit(config, Origin::Portfolio),
                    None if self.view.learners[learner].n_trials <= round => {
                        self.draw_from(Arm { learner, sampler: &Random })
                    }
                    None => None,
                };
                if offer.is_some() {
                    return offer;
                }
            }
        }
        None
    }

    /// The arm of greatest value that has something new which fits.
    fn best_arm(&mut self) -> Option<Offer> {
        let order = arms::order(&self.view, self.rules.sampler, self.rules.seed, self.id);
        order.into_iter().find_map(|arm| self.draw_from(arm))
    }

    fn draw_from(&mut self, arm: Arm) -> Option<Offer> {
        let sampler: &dyn Sampler = arm.sampler;
        for attempt in 0..N_ATTEMPTS {
            let config = sampler.draw(&Draw {
                space: &self.rules.spaces[arm.learner],
                portfolio: self.rules.portfolio,
                history: self.history,
                limit_ns: self.rules.limit_ns,
                by_work: self.rules.by_work,
                seed: self.rules.seed,
                id: self.id,
                attempt,
            })?;
            if let Some(offer) = self.admit(&config, sampler.origin()) {
                return Some(offer);
            }
        }
        None
    }

    /// What is too dear to be screened first may still fit in full, once nothing is left to
    /// promote.
    fn unscreened(&mut self) -> Option<Offer> {
        if self.pending.iter().any(|p| p.fidelity < 1.0) {
            return None;
        }
        self.screening.take()?;
        self.memory_trial().or_else(|| self.opening()).or_else(|| self.best_arm())
    }
}

/// A learner's default: its first configuration in the portfolio, else its space's.
fn default_of(space: &Space, portfolio: &[Config]) -> Config {
    let first = portfolio.iter().find(|c| c.learner == space.learner && space.check(c).is_ok());
    first.map_or_else(|| space.default_config(), |config| space.complete(config))
}
