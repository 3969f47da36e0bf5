//! The strategy as a whole, on simulated surfaces.

use eyas_search::random::Stream;
use eyas_search::samplers::{Draw, Random, SAMPLERS, Sampler};
use eyas_search::simulate::{
    Faults, Plan, Recorded, Simulation, Surface, Synthetic, replay, simulate,
};
use eyas_search::strategy::{Price, Rules};
use eyas_search::{Config, Decision, History, Origin, Outcome, Proposal, Space, StopReason, next};
use proptest::prelude::*;

/// Surfaces on which no constant of the strategy was chosen (that was done on seeds below 200), so
/// that the figures are not flattered.
const FRESH_SEEDS: std::ops::Range<u64> = 5000..5050;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Least noise-free loss of full trials above the optimum.
fn regret(surface: &Synthetic, run: &Simulation, n_trials: usize) -> f64 {
    let trials = run.history.trials.iter().take(n_trials).filter(|t| t.fidelity >= 1.0);
    let losses = trials.map(|t| surface.loss(&t.config));
    losses.fold(f64::INFINITY, f64::min) - surface.optimum()
}

/// A learner and a configuration at random, again and again.
fn random_configs(surface: &Synthetic, seed: u64) -> impl Iterator<Item = Config> {
    let mut stream = Stream::new(&[seed, 0xBA5E]);
    (0..).map(move |id| {
        let space = &surface.spaces()[1 + stream.below(surface.spaces().len() - 1)];
        let (portfolio, history) = (&[][..], &History::default());
        let (limit_ns, by_work, attempt) = (f64::INFINITY, false, 0);
        let draw = Draw { space, portfolio, history, limit_ns, by_work, seed, id, attempt };
        Random.draw(&draw).expect("random always draws")
    })
}

fn random_regret(surface: &Synthetic, seed: u64, n_trials: usize) -> f64 {
    let losses = random_configs(surface, seed).take(n_trials).map(|config| surface.loss(&config));
    losses.fold(f64::INFINITY, f64::min) - surface.optimum()
}

/// Trials of random search that fit a budget in seconds.
fn n_random(surface: &Synthetic, seed: u64, budget_seconds: f64) -> usize {
    let mut spent = 0.0;
    let fits = |config: &Config| {
        spent += surface.price(config, 1.0).cost;
        spent <= budget_seconds
    };
    random_configs(surface, seed).take_while(fits).count()
}

#[test]
fn beats_random_search_by_a_wide_margin() {
    for (n_trials, factor) in [(20, 1.1), (50, 4.0), (100, 10.0)] {
        let mut ours = Vec::new();
        let mut random = Vec::new();
        for seed in FRESH_SEEDS {
            let surface = Synthetic::new(seed, 0.0);
            let run = simulate(&surface, &Plan { seed, max_trials: n_trials, ..Plan::default() });
            ours.push(regret(&surface, &run, n_trials));
            random.push(random_regret(&surface, seed, n_trials));
        }
        let (ours, random) = (median(ours), median(random));
        println!("{n_trials} trials: median regret {ours:.4}, random {random:.4}");
        assert!(ours * factor < random, "{n_trials} trials: {ours} against {random}");
    }
}

#[test]
fn beats_random_search_at_equal_cost_with_screening_too() {
    let (mut ours, mut random) = (Vec::new(), Vec::new());
    for seed in FRESH_SEEDS {
        let surface = Synthetic::new(seed, 0.0);
        let plan = Plan {
            seed,
            budget_seconds: 30.0,
            screening: Some(0.2),
            max_trials: 1000,
            ..Plan::default()
        };
        let run = simulate(&surface, &plan);
        ours.push(regret(&surface, &run, 1000));
        random.push(random_regret(&surface, seed, n_random(&surface, seed, 30.0)));
    }
    let (ours, random) = (median(ours), median(random));
    println!("30 s, screened: median regret {ours:.4}, random {random:.4}");
    assert!(ours * 2.0 < random, "{ours} against {random}");
}

/// What holds of every run.
fn check_invariants(surface: &dyn Surface, plan: &Plan, run: &Simulation) {
    let unit = if plan.by_work { 1e6 } else { 1.0 };
    let mut proposed = Vec::new();
    for step in &run.steps {
        let Decision::Try(proposal) = &step.decision else { continue };
        let price = surface.price(&proposal.config, proposal.fidelity);
        assert!(price.cost * unit <= step.remaining, "{proposal:?} costs more than is left");
        assert!(price.ns <= plan.limit_ns, "{proposal:?} cannot meet the limit");
        assert_eq!(proposal.id, proposed.len() as u64, "numbers follow each other");
        let spaces = surface.spaces();
        let learner = spaces.iter().position(|s| s.check(&proposal.config).is_ok());
        let learner = learner.expect("it is of a space");
        let key = (learner, spaces[learner].fingerprint(&proposal.config), proposal.fidelity);
        assert!(!proposed.contains(&key), "{proposal:?} was proposed before");
        proposed.push(key);
    }
    for trial in run.history.trials.iter().filter(|t| t.fidelity < 1.0) {
        assert_eq!(Some(trial.fidelity), plan.screening);
    }
    if plan.faults == Faults::default() && plan.workers == 1 {
        assert!(run.seconds <= plan.budget_seconds);
    }
    let ended_normally = run.history.trials.len() == plan.max_trials;
    assert!(ended_normally || run.stop.is_some(), "a run ends for a reason");
}

/// The defaults that fit come first, the cheapest one at the very first.
fn check_defaults(surface: &dyn Surface, plan: &Plan, run: &Simulation) {
    let cost = |config| surface.price(config, 1.0).cost;
    let n_spaces = surface.spaces().len();
    let n_fitting =
        surface.portfolio().iter().filter(|c| surface.price(c, 1.0).ns <= plan.limit_ns);
    if plan.budget_seconds < 100.0 || plan.max_trials < n_spaces {
        return;
    }
    let n_defaults = n_fitting.count();
    let (defaults, rest) = run.history.trials.split_at(n_defaults);
    assert!(defaults.iter().all(|t| t.origin == Origin::Default && t.fidelity == 1.0));
    assert!(defaults.windows(2).all(|pair| cost(&pair[0].config) <= cost(&pair[1].config)));
    assert!(rest.iter().all(|t| t.origin != Origin::Default));
}

prop_compose! {
    fn plans()(
        seed in 0..1000u64,
        budget_seconds in prop_oneof![Just(0.0), Just(f64::INFINITY), 0.1..200.0f64],
        max_trials in 1..60usize,
        workers in 1..4usize,
        limit_ns in prop_oneof![Just(f64::INFINITY), 10.0..5000.0f64],
        screening in prop_oneof![Just(None), (0.05..0.9f64).prop_map(Some)],
        by_work in any::<bool>(),
        sampler in prop_oneof![Just(None), (0..SAMPLERS.len()).prop_map(|at| Some(SAMPLERS[at].name()))],
        broken in prop_oneof![Just(0.0), 0.0..1.0f64],
        misprice in 1.0..3.0f64,
    ) -> Plan {
        let misprice = if broken == 0.0 { 0.0 } else { misprice };
        let faults = Faults { crash: broken / 2.0, nan: broken / 2.0, slow: broken / 10.0, misprice };
        let defaults_only = false;
        Plan { budget_seconds, max_trials, workers, limit_ns, screening, sampler, defaults_only, by_work, faults, seed }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn invariants_hold_whatever_goes_wrong(plan in plans(), noise in 0.0..0.05f64, n_memory in 0..8usize) {
        let surface = Synthetic::new(plan.seed, noise).with_memory(n_memory, 0.2);
        let run = simulate(&surface, &plan);
        check_invariants(&surface, &plan, &run);
        check_defaults(&surface, &plan, &run);
        prop_assert_eq!(replay(&surface, &plan, &run), Ok(()));
    }
}

#[test]
fn a_recorded_history_can_be_searched_again() {
    let surface = Synthetic::new(5, 0.01);
    let first = simulate(&surface, &Plan { seed: 5, ..Plan::default() });
    let json = serde_json::to_string(&first.history).unwrap();
    let history: History = serde_json::from_str(&json).unwrap();
    assert_eq!(history, first.history);
    let (spaces, portfolio) = (surface.spaces().to_vec(), surface.portfolio().to_vec());
    let recorded = Recorded::new(spaces, portfolio, Vec::new(), history);
    let plan = Plan { seed: 6, ..Plan::default() };
    let run = simulate(&recorded, &plan);
    check_invariants(&recorded, &plan, &run);
    check_defaults(&recorded, &plan, &run);
    assert_eq!(replay(&recorded, &plan, &run), Ok(()));
    let best = |run: &Simulation| run.best_loss(f64::INFINITY);
    assert!(best(&run) >= best(&first), "nothing better was recorded");
}

#[test]
fn defaults_only_ends_after_the_defaults() {
    let surface = Synthetic::new(1, 0.0);
    let run = simulate(&surface, &Plan { defaults_only: true, ..Plan::default() });
    assert_eq!(run.history.trials.len(), surface.spaces().len());
    assert_eq!(run.stop, Some(StopReason::SpaceExhausted));
    let none = simulate(&surface, &Plan { budget_seconds: 0.0, ..Plan::default() });
    assert_eq!((none.history.trials.len(), none.stop), (0, Some(StopReason::BudgetSpent)));
}

#[test]
fn a_third_of_each_batch_is_promoted() {
    let surface = Synthetic::new(2, 0.0);
    let plan = Plan { screening: Some(0.2), max_trials: 84, ..Plan::default() };
    let run = simulate(&surface, &plan);
    let n_screened = run.history.trials.iter().filter(|t| t.fidelity < 1.0).count();
    let n_full = run.history.trials.iter().filter(|t| t.fidelity == 1.0).count();
    assert_eq!((n_screened, n_full), (60, 24), "4 defaults and 2 of each of 10 batches");
}

#[test]
fn everything_that_fails_still_ends_and_tries_every_learner() {
    let surface = Synthetic::new(3, 0.0);
    let faults = Faults { crash: 1.0, ..Faults::default() };
    let run = simulate(&surface, &Plan { faults, max_trials: 40, ..Plan::default() });
    assert!(run.history.trials.iter().all(|t| matches!(t.outcome, Outcome::Failed(_))));
    for space in &surface.spaces()[1..] {
        let n = run.history.trials.iter().filter(|t| t.config.learner == space.learner).count();
        assert!(n >= 2, "{} had {n} trials", space.learner);
    }
}

fn n_memory(run: &Simulation) -> usize {
    run.history.trials.iter().filter(|t| t.origin == Origin::Memory).count()
}

#[test]
fn a_memory_that_harms_is_abandoned_and_one_that_helps_is_used() {
    let mut regrets = [Vec::new(), Vec::new(), Vec::new()];
    let mut counts = [Vec::new(), Vec::new(), Vec::new()];
    for seed in FRESH_SEEDS {
        let plan = Plan { seed, max_trials: 40, ..Plan::default() };
        let none = Synthetic::new(seed, 0.0);
        let harmful = none.clone().with_memory(36, 0.6);
        let helpful = none.clone().with_memory(6, 0.05);
        for (i, surface) in [none, harmful, helpful].iter().enumerate() {
            let run = simulate(surface, &plan);
            regrets[i].push(regret(surface, &run, 40));
            counts[i].push(n_memory(&run) as f64);
        }
    }
    let [none, harmful, helpful] = regrets.map(median);
    let [_, n_harmful, n_helpful] = counts.map(median);
    println!(
        "40 trials, regret: no memory {none:.4}, harmful {harmful:.4} ({n_harmful}), helpful {helpful:.4} ({n_helpful})"
    );
    assert!(n_harmful <= 6.0, "{n_harmful} of 36 trials went to a memory that harms");
    assert!(harmful < 4.0 * none, "{harmful} against {none}");
    assert!(helpful < 0.5 * none, "{helpful} against {none}");
}

#[test]
fn defaults_of_extra_learners_come_last_whatever_their_price() {
    let space = |learner| Space { learner, parameters: Vec::new(), forbidden: Vec::new() };
    let spaces = [space("cheap extra"), space("dear"), space("cheap")];
    let price = |config: &Config, _: f64| {
        let cost = if config.learner == "dear" { 5.0 } else { 1.0 };
        Price { cost, ns: 1.0, memory_bytes: 0.0 }
    };
    let order = |extras: &[&'static str]| {
        let mut pending: Vec<Proposal> = Vec::new();
        let rules = Rules {
            spaces: &spaces,
            portfolio: &[],
            memory: &[],
            price: &price,
            remaining: f64::INFINITY,
            limit_ns: f64::INFINITY,
            limit_memory_bytes: f64::INFINITY,
            screening: None,
            sampler: None,
            extras,
            defaults_only: false,
            by_work: false,
            seed: 0,
        };
        while let Decision::Try(proposal) = next(&rules, &History::default(), &pending) {
            pending.push(proposal);
        }
        pending.into_iter().map(|proposal| proposal.config.learner).collect::<Vec<_>>()
    };
    assert_eq!(order(&[]), ["cheap extra", "cheap", "dear"]);
    assert_eq!(order(&["cheap extra"]), ["cheap", "dear", "cheap extra"]);
}
