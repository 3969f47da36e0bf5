//! The strategies of a run: the learners' spaces with what the engine adds, and their prices.

use eyas_learn::Dataset;
use eyas_learn::learners::{LEARNERS, Learner, learner};
use eyas_learn::prune::select_k_best;
use eyas_learn::task::Facts;
use eyas_model::CostModel;
use eyas_search::strategy::Price;
use eyas_search::{Config, Domain, History, Parameter, Space, Value};

use crate::options::Method;

/// Spaces and first configurations of a run.
pub(crate) struct Strategies {
    pub spaces: Vec<Space>,
    pub portfolio: Vec<Config>,
    /// Learners that come after the others ([`Learner::is_extra`]).
    pub extras: Vec<&'static str>,
}

/// From this many features on, leaving some out is worth a parameter.
const SELECT_FROM_FEATURES: usize = 4;

impl Strategies {
    /// All learners' strategies, less what `without` switches off.
    pub fn new(facts: &Facts, without: &[Method]) -> Strategies {
        let mut spaces: Vec<Space> = LEARNERS.iter().map(|l| l.space(facts)).collect();
        // The defaults of all learners first, then the other configurations in turn.
        let lists: Vec<Vec<Config>> = LEARNERS.iter().map(|l| l.portfolio(facts)).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let turns = (0..longest).flat_map(|turn| lists.iter().filter_map(move |l| l.get(turn)));
        let mut portfolio: Vec<Config> = turns.cloned().collect();
        if !without.contains(&Method::Pruning) && facts.n_features >= SELECT_FROM_FEATURES {
            spaces.iter_mut().filter(|s| s.learner != "baseline").for_each(add_selection);
        }
        if without.contains(&Method::Rate) {
            spaces.iter_mut().for_each(fix_rate);
            portfolio.iter_mut().for_each(fix_rate_of);
            portfolio = distinct(portfolio);
        }
        let extras = LEARNERS.iter().filter(|l| l.is_extra()).map(|l| l.name()).collect();
        Strategies { spaces, portfolio, extras }
    }

    /// Leaves out the extra learners that are too dear for a budget of `total` seconds or work units.
    pub fn without_dear(
        mut self,
        facts: &Facts,
        n_folds: usize,
        total: f64,
        by_work: bool,
    ) -> Self {
        let is_dear = |name: &str| {
            learner(name).is_some_and(|learner| {
                let cost = default_cost(learner, facts, by_work) * n_folds as f64;
                learner.is_extra() && cost > MOST_SHARE_OF_EXTRA * total
            })
        };
        self.spaces.retain(|space| !is_dear(space.learner));
        self.portfolio.retain(|config| !is_dear(&config.learner));
        self
    }

    /// Predicted p99 of the fastest configuration of the portfolio, in nanoseconds.
    pub fn least_ns(&self, facts: &Facts, cost: &CostModel) -> f64 {
        let shapes = self
            .portfolio
            .iter()
            .filter_map(|config| Some(learner(&config.learner)?.cheapest_shape(facts, config)));
        shapes.map(|shape| cost.predict_p99_ns(&shape)).fold(f64::INFINITY, f64::min)
    }
}

fn distinct(configs: Vec<Config>) -> Vec<Config> {
    let mut kept: Vec<Config> = Vec::with_capacity(configs.len());
    configs.into_iter().for_each(|config| {
        if !kept.contains(&config) {
            kept.push(config);
        }
    });
    kept
}

fn add_selection(space: &mut Space) {
    space.parameters.push(Parameter {
        name: "feature_share",
        domain: Domain::Float { low: 0.05, high: 1.0, log: true },
        default: Value::Float(1.0),
        nested: false,
        when: None,
        help: "share of the features that is kept, the best by `feature_score`",
    });
    space.parameters.push(Parameter {
        name: "feature_score",
        domain: Domain::Category(&["mutual_info", "chi2", "f_test"]),
        default: Value::Text("mutual_info".into()),
        nested: false,
        when: None,
        help: "what ranks the features (SelectKBest)",
    });
}

/// The configuration as its learner knows it, without what the engine adds.
pub(crate) fn of_learner(config: &Config) -> Config {
    let mut config = config.clone();
    config.values.remove("feature_share");
    config.values.remove("feature_score");
    config
}

/// Names of the parameters that make a learning rate dynamic, with their fixed values.
const RATE_PARAMETERS: [(&str, &str); 2] =
    [("schedule", "constant"), ("learning_rate_rule", "value")];

fn fix_rate(space: &mut Space) {
    for parameter in &mut space.parameters {
        if let Some((_, fixed)) = RATE_PARAMETERS.iter().find(|(name, _)| *name == parameter.name) {
            parameter.default = Value::Text((*fixed).into());
        }
    }
    space.parameters.retain(|p| RATE_PARAMETERS.iter().all(|(name, _)| *name != p.name));
}

fn fix_rate_of(config: &mut Config) {
    for (name, fixed) in RATE_PARAMETERS {
        if config.values.contains_key(name) {
            config.values.insert(name.into(), Value::Text(fixed.into()));
        }
    }
}

/// Whether the configuration's rate changes during a fit, or follows from rows and rounds.
pub(crate) fn has_dynamic_rate(config: &Config) -> bool {
    RATE_PARAMETERS.iter().any(|(name, fixed)| config.text(name).is_some_and(|v| v != *fixed))
}

/// The features that a configuration keeps, by their scores on the training rows; ascending.
pub(crate) fn choose_features(data: &Dataset, rows: &[u32], config: &Config) -> Vec<u32> {
    let all = 0..data.n_features() as u32;
    let share = config.float("feature_share").unwrap_or(1.0);
    let k = (share * f64::from(all.end)).ceil().max(1.0) as usize;
    if k >= all.len() {
        return all.collect();
    }
    let name = config.text("feature_score").unwrap_or("mutual_info");
    let Some(score) = select_k_best::feature_score(name) else { return all.collect() };
    let mut ranked = select_k_best::rank_features(score, data, rows);
    ranked.truncate(k);
    let mut features: Vec<u32> = ranked.into_iter().map(|(feature, _)| feature).collect();
    features.sort_unstable();
    features
}

/// What the dearest learner's default is expected to cost on one split, in seconds or work units;
/// extra learners ([`Learner::is_extra`]) do not count.
pub(crate) fn dearest_default(facts: &Facts, by_work: bool) -> f64 {
    let counted = LEARNERS.iter().filter(|learner| !learner.is_extra());
    counted.map(|learner| default_cost(*learner, facts, by_work)).fold(0.0, f64::max)
}

/// What a learner's default is expected to cost on one split.
fn default_cost(learner: &dyn Learner, facts: &Facts, by_work: bool) -> f64 {
    let rate = if by_work { 1.0 } else { FIRST_SECONDS_PER_WORK };
    let default = learner.portfolio(facts).into_iter().next();
    default.map_or(0, |config| learner.work(facts, &config)) as f64 * rate
}

/// Largest share of the budget that an extra learner's default may be expected to take on all
/// folds; where it takes more, the run does without the learner.
const MOST_SHARE_OF_EXTRA: f64 = 0.1;

/// Prices strategies before they are tried. A function of facts, cost model and history.
pub(crate) struct Pricer<'a> {
    pub facts: &'a Facts,
    pub cost: &'a CostModel,
    pub n_folds: usize,
    pub by_work: bool,
}

/// Seconds a work unit takes before any trial told otherwise.
const FIRST_SECONDS_PER_WORK: f64 = 2e-9;

impl Pricer<'_> {
    /// Price of a configuration at a fidelity, in seconds or work units.
    pub fn price(&self, history: &History, config: &Config, fidelity: f64) -> Price {
        let Some(learner) = learner(&config.learner) else {
            return Price { cost: f64::INFINITY, ns: f64::INFINITY, memory_bytes: 0.0 };
        };
        let full = fidelity >= 1.0;
        let n_rows = (self.facts.n_rows as f64 * fidelity).ceil() as usize;
        let facts = Facts { n_rows, ..*self.facts };
        let folds = if full { self.n_folds as f64 } else { 1.0 };
        let work = learner.work(&facts, config) as f64 * folds;
        let rate = if self.by_work { 1.0 } else { seconds_per_work(history, config) };
        Price {
            cost: work * rate * self.bias(history, config),
            ns: self.cost.predict_p99_ns(&learner.cheapest_shape(&facts, config)),
            memory_bytes: learner.memory_bytes(&facts, config) as f64,
        }
    }

    /// How much less work than foreseen the learner's trials took so far, since most stop early:
    /// the 80 % quantile of used over foreseen, once five trials are known.
    fn bias(&self, history: &History, config: &Config) -> f64 {
        let done = completed(history, config).filter(|trial| trial.fidelity >= 1.0);
        let mut shares: Vec<f64> = done
            .filter_map(|trial| {
                let learner = learner(&trial.config.learner)?;
                let foreseen = learner.work(self.facts, &trial.config) as f64 * self.n_folds as f64;
                (foreseen > 0.0).then(|| trial.work as f64 / foreseen)
            })
            .collect();
        if shares.len() < 5 {
            return 1.0;
        }
        shares.sort_by(f64::total_cmp);
        shares[(shares.len() * 4) / 5].clamp(0.05, 1.5)
    }
}

fn completed<'h>(
    history: &'h History,
    config: &'h Config,
) -> impl Iterator<Item = &'h eyas_search::Trial> {
    let same = move |trial: &&eyas_search::Trial| {
        trial.config.learner == config.learner && trial.work > 0 && trial.seconds > 0.0
    };
    history.trials.iter().filter(same)
}

fn seconds_per_work(history: &History, config: &Config) -> f64 {
    let (seconds, work) = completed(history, config)
        .fold((0.0, 0.0), |(s, w), trial| (s + trial.seconds, w + trial.work as f64));
    if work > 0.0 { seconds / work } else { FIRST_SECONDS_PER_WORK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_budgets_do_without_extra_learners() {
        let facts = Facts {
            kind: eyas_model::TaskKind::Binary,
            n_rows: 50_000,
            n_features: 20,
            n_categorical: 5,
            n_outputs: 1,
            n_bins: 4_000,
        };
        let has_nets = |total: f64| {
            let strategies = Strategies::new(&facts, &[]).without_dear(&facts, 5, total, false);
            let spaces = strategies.spaces.iter().filter(|space| space.learner == "mlp").count();
            let configs = strategies.portfolio.iter().filter(|c| c.learner == "mlp").count();
            assert_eq!(spaces > 0, configs > 0);
            // What is left is whole: every learner has its default.
            assert_eq!(strategies.spaces.len(), LEARNERS.len() - usize::from(spaces == 0));
            spaces > 0
        };
        assert!(!has_nets(1.0));
        assert!(has_nets(3600.0));
    }
}
