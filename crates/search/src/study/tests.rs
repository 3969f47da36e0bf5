//! Studies of functions with a known minimum.

use super::*;
use crate::space::tests::{parameter, sample_space};
use crate::space::{Domain, Value};

fn plane() -> Space {
    let domain = Domain::Float { low: -4.0, high: 4.0, log: false };
    let zero = || Value::Float(0.0);
    let parameters = ["x", "y", "z"].map(|name| parameter(name, domain, zero())).to_vec();
    Space { learner: "plane", parameters, forbidden: Vec::new() }
}

fn quadratic(config: &Config) -> f64 {
    let at = |name| config.float(name).unwrap();
    (at("x") - 1.3).powi(2) + 2.0 * (at("y") + 0.7).powi(2) + 0.5 * (at("z") - 2.1).powi(2)
}

/// Best value of a study of the quadratic after some trials.
fn best_of(study: Study) -> f64 {
    let mut study = study;
    while let Asked::Try(proposal) = study.ask(f64::INFINITY) {
        study.tell(proposal.id, Told::value(quadratic(&proposal.config))).unwrap();
    }
    study.best().unwrap().value
}

#[test]
fn the_blend_beats_random_draws_at_equal_trials() {
    let mean = |sampler: Option<&str>| {
        let values = (0..10).map(|seed| {
            let study = Study::new(plane(), seed).with_max_trials(40);
            best_of(match sampler {
                Some(name) => study.with_sampler(name).unwrap(),
                None => study,
            })
        });
        values.map(f64::ln).sum::<f64>() / 10.0
    };
    let (blend, random) = (mean(None), mean(Some("random")));
    println!("mean log of the best of 40: blend {blend:.2}, random {random:.2}");
    assert!(blend < random - 1.0, "blend {blend}, random {random}");
}

#[test]
fn larger_is_better_where_asked_for() {
    let mut study = Study::new(plane(), 3).maximizing().with_max_trials(30);
    while let Asked::Try(proposal) = study.ask(f64::INFINITY) {
        study.report(proposal.id, 1, -5.0).unwrap();
        study.tell(proposal.id, Told::value(-quadratic(&proposal.config))).unwrap();
    }
    let best = study.best().unwrap();
    let values = study.history().trials.iter().filter_map(|trial| study.value_of(trial));
    assert_eq!(best.value, values.fold(f64::NEG_INFINITY, f64::max));
    assert_eq!(best.value, -quadratic(&best.trial.config));
    assert!(best.value > -1.0, "{}", best.value);
    assert_eq!(study.curve_of(best.trial.id), [(1, -5.0)]);
}

#[test]
fn several_trials_are_out_at_a_time_and_are_told_in_any_order() {
    let mut study = Study::new(plane(), 1).with_max_trials(12);
    let mut out = Vec::new();
    loop {
        match study.ask(f64::INFINITY) {
            Asked::Try(proposal) => out.push(proposal),
            Asked::Wait => assert!(!out.is_empty()),
            Asked::Stop(over) => {
                assert_eq!(over, Over::TrialsDone);
                break;
            }
        }
        if out.len() == 4 || (study.history().trials.len() + out.len() == 12) {
            let last = out.pop().unwrap();
            study.tell(last.id, Told::value(quadratic(&last.config))).unwrap();
        }
    }
    let ids: Vec<u64> = study.history().trials.iter().map(|trial| trial.id).collect();
    assert_eq!(ids, (0..12).collect::<Vec<u64>>());
    let mut configs: Vec<String> =
        study.history().trials.iter().map(|trial| format!("{:?}", trial.config)).collect();
    configs.sort();
    configs.dedup();
    assert_eq!(configs.len(), 12, "nothing is tried twice");
}

#[test]
fn equal_histories_give_equal_answers_and_adopted_ones_count() {
    let run = |stop_at: usize| {
        let mut study = Study::new(plane(), 5).with_max_trials(20);
        while study.history().trials.len() < stop_at {
            let Asked::Try(proposal) = study.ask(f64::INFINITY) else { panic!("not over yet") };
            let told = Told::value(quadratic(&proposal.config)).after(0.5);
            study.tell(proposal.id, told).unwrap();
        }
        study
    };
    let (mut whole, half) = (run(15), run(10));
    let mut again = Study::new(plane(), 5).with_max_trials(20);
    for trial in &whole.history().trials[..10] {
        let (id, config, seed) = (trial.id, trial.config.clone(), trial.seed);
        let origin = trial.origin;
        again.adopt(Proposal { id, config, fidelity: 1.0, seed, origin }).unwrap();
        again.tell(id, Told::value(half.value_of(trial).unwrap()).after(0.5)).unwrap();
    }
    assert_eq!(again.history(), half.history());
    for _ in 10..15 {
        let Asked::Try(proposal) = again.ask(f64::INFINITY) else { panic!("not over yet") };
        let told = Told::value(quadratic(&proposal.config)).after(0.5);
        again.tell(proposal.id, told).unwrap();
    }
    assert_eq!(again.history(), whole.history());
    assert_eq!(again.ask(f64::INFINITY), whole.ask(f64::INFINITY));
}

#[test]
fn mistakes_are_named_and_change_nothing() {
    let mut study = Study::new(plane(), 0);
    let Asked::Try(proposal) = study.ask(f64::INFINITY) else { panic!("there is a default") };
    assert_eq!(study.tell(7, Told::value(1.0)), Err(StudyError::UnknownTrial(7)));
    study.report(0, 3, 1.0).unwrap();
    let back = study.report(0, 3, 1.0).unwrap_err().to_string();
    assert_eq!(back, "trial 0 reports step 3 after step 3; steps must ascend");
    study.tell(0, Told::value(1.0)).unwrap();
    assert_eq!(study.tell(0, Told::value(2.0)), Err(StudyError::ToldTwice(0)));
    assert_eq!(study.report(0, 9, 2.0), Err(StudyError::ToldTwice(0)));
    assert_eq!(study.adopt(proposal.clone()), Err(StudyError::TakenId(0)));
    let config = proposal.config.clone().with("x", 9.0);
    let outside = study.adopt(Proposal { id: 4, config, ..proposal }).unwrap_err().to_string();
    assert!(outside.contains("`x`") && outside.contains("from -4 to 4"), "{outside}");
    assert_eq!(study.history().trials.len(), 1);
    let unknown = Study::new(plane(), 0).with_sampler("oracle").err().unwrap().to_string();
    assert!(unknown.contains("no sampler `oracle`, expected one of portfolio,"), "{unknown}");
}

#[test]
fn failures_and_divergence_are_facts_and_all_kinds_of_parameters_are_searched() {
    let mut study = Study::new(sample_space(), 2).with_max_trials(24);
    while let Asked::Try(proposal) = study.ask(f64::INFINITY) {
        let told = match proposal.id % 4 {
            1 => Told::failed("out of memory"),
            2 => Told::value(f64::NAN),
            3 => Told::stopped().with_curve(vec![(1, 0.9), (2, 0.8)]),
            _ => Told::value(proposal.config.float("learning_rate").unwrap()),
        };
        study.tell(proposal.id, told).unwrap();
    }
    let trials = &study.history().trials;
    assert_eq!(trials[1].outcome, Outcome::Failed("out of memory".into()));
    assert_eq!((&trials[2].outcome, trials[2].best()), (&Outcome::Diverged, None));
    assert_eq!(study.value_of(&trials[3]), Some(0.8));
    assert!(study.best().unwrap().value < 0.1);
}

#[test]
fn no_trial_starts_that_would_not_end_in_what_remains() {
    let mut study = Study::new(plane(), 0);
    let mut left = 10.0;
    let (mut n, mut overrun) = (0, 0.0);
    while let Asked::Try(proposal) = study.ask(left) {
        // A second at x = -4 and three at x = 4.
        let seconds = 2.0 + 0.25 * proposal.config.float("x").unwrap();
        let told = Told::value(quadratic(&proposal.config)).after(seconds);
        study.tell(proposal.id, told).unwrap();
        (left, n) = (left - seconds, n + 1);
        overrun = f64::max(overrun, -left);
    }
    assert_eq!(study.ask(left), Asked::Stop(Over::BudgetSpent));
    assert!(n >= 4 && overrun < 0.5, "{n} trials, {overrun} s too late");
}

#[test]
fn a_stopper_ends_what_lags_behind() {
    let course = Course { min_steps: 1, max_steps: 9, eta: 3, is_last: false };
    let study = Study::new(plane(), 4).with_max_trials(40).with_stopper("asha", course);
    let mut study = study.unwrap();
    let mut steps = 0;
    while let Asked::Try(proposal) = study.ask(f64::INFINITY) {
        let end = quadratic(&proposal.config);
        let mut verdict = Verdict::Continue;
        for step in 1..=9 {
            steps += 1;
            verdict = study.report(proposal.id, step, end + 3.0 / step as f64).unwrap();
            if verdict == Verdict::Stop {
                break;
            }
        }
        let told = if verdict == Verdict::Stop { Told::stopped() } else { Told::value(end) };
        study.tell(proposal.id, told).unwrap();
    }
    assert!(steps < 40 * 9 * 7 / 10, "{steps} steps of {}", 40 * 9);
    assert!(study.best().unwrap().value < 2.0);
}

#[test]
fn what_is_forgotten_may_come_again() {
    let mut study = Study::new(plane(), 0);
    let first = study.ask(f64::INFINITY);
    study.forget(0).unwrap();
    assert_eq!(study.forget(0), Err(StudyError::UnknownTrial(0)));
    assert_eq!(study.ask(f64::INFINITY), first);
}

#[test]
fn guesses_come_first_and_must_be_of_the_space() {
    let guess = plane().default_config().with("x", 1.0);
    let mut study = Study::new(plane(), 0).with_guesses(vec![guess.clone()]).unwrap();
    assert!(matches!(study.ask(f64::INFINITY), Asked::Try(first) if first.config == guess));
    let wrong = Study::new(plane(), 0).with_guesses(vec![guess.with("w", 1.0)]).err().unwrap();
    assert!(wrong.to_string().contains("no parameter `w`"));
}

#[test]
fn what_was_told_survives_text_even_where_json_has_no_number_for_it() {
    let told =
        Told::value(f64::INFINITY).after(0.1 + 0.2).with_curve(vec![(1, 0.3), (2, f64::NAN)]);
    let again: Told = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
    assert!(matches!(again.ending, Ending::Value(value) if value.is_nan()));
    assert_eq!((again.seconds, again.curve[0]), (told.seconds, (1, 0.3)));
    assert!(again.curve[1].1.is_nan() && again.curve[1].0 == 2);
    let failed = Told::failed("no");
    let again: Told = serde_json::from_str(&serde_json::to_string(&failed).unwrap()).unwrap();
    assert_eq!(again, failed);
}
