//! One battery over the list.

use super::*;

const RATE: f64 = 0.3;

fn made(kind: &ScheduleKind, base_rate: f64, n_steps: u64) -> Box<dyn Schedule> {
    kind.with(base_rate, n_steps, &[]).unwrap()
}

#[test]
fn names_are_distinct_and_found() {
    for (at, kind) in SCHEDULES.iter().enumerate() {
        assert!(SCHEDULES[..at].iter().all(|other| other.name != kind.name), "{}", kind.name);
        assert!(by_name(kind.name, RATE, 10).is_some());
        assert!(ScheduleKind::by_name(kind.name).is_ok());
    }
    assert!(by_name("no such schedule", RATE, 10).is_none());
}

#[test]
fn learners_choose_from_the_same_schedules_in_the_same_order() {
    let names = [
        "constant",
        "inverse_sqrt",
        "inverse_time",
        "exponential",
        "step",
        "linear",
        "polynomial",
        "cosine",
        "warmup_cosine",
    ];
    assert_eq!(SCHEDULE_NAMES, names);
}

#[test]
fn rates_are_finite_and_within_the_base_rate() {
    for kind in SCHEDULES {
        for n_steps in [0, 1, 2, 3, 7, 100, u64::MAX] {
            let schedule = made(kind, RATE, n_steps);
            let steps =
                (0..=103).chain([n_steps / 2, n_steps.saturating_add(1), u64::MAX - 1, u64::MAX]);
            for step in steps {
                let rate = schedule.rate(step);
                let within = (0.0..=RATE * (1.0 + 1e-12)).contains(&rate);
                assert!(within, "{} of {n_steps} at {step}: {rate}", kind.name);
                let momentum = schedule.momentum(step).unwrap_or(0.0);
                assert!((0.0..1.0).contains(&momentum), "{} at {step}: {momentum}", kind.name);
            }
        }
    }
}

#[test]
fn base_rate_is_a_factor() {
    for kind in SCHEDULES {
        for step in 0..12 {
            let (once, thrice) = (made(kind, 0.1, 10).rate(step), made(kind, 0.3, 10).rate(step));
            assert!((3.0 * once - thrice).abs() < 1e-15, "{} at {step}", kind.name);
            let given = [("rate".to_owned(), "3".to_owned())];
            let scaled = kind.with(0.1, 10, &given).unwrap().rate(step);
            assert!((scaled - thrice).abs() < 1e-15, "{} at {step}", kind.name);
        }
    }
}

#[test]
fn lengths_stretch_with_the_training() {
    let shares = ["inverse_sqrt", "noam", "constant", "one_cycle"];
    for kind in SCHEDULES.iter().filter(|kind| !shares.contains(&kind.name)) {
        let (short, long) = (made(kind, RATE, 840), made(kind, RATE, 8400));
        for step in (0..900).step_by(12) {
            let (a, b) = (short.rate(step), long.rate(10 * step));
            assert!((a - b).abs() < 1e-12, "{} at {step}: {a} {b}", kind.name);
        }
    }
}

#[test]
fn only_those_that_know_the_end_depend_on_it() {
    for kind in SCHEDULES {
        let rates = |n_steps| {
            let schedule = made(kind, RATE, n_steps);
            (0..60).map(|step| schedule.rate(step)).collect::<Vec<_>>()
        };
        assert_eq!(kind.knows_end, rates(20) != rates(50), "{}", kind.name);
        assert_eq!(rates(20), rates(20), "{}", kind.name);
    }
}

#[test]
fn inverse_sqrt_follows_its_formula() {
    let schedule = by_name("inverse_sqrt", 0.8, 10).unwrap();
    let rates = [0, 1, 3, 15, 99].map(|step| schedule.rate(step));
    assert_eq!(rates, [0.8, 0.8 / 2f64.sqrt(), 0.4, 0.2, 0.08]);
}

#[test]
fn first_and_last_rates() {
    let rates = |name: &str| {
        let schedule = by_name(name, 1.0, 100).unwrap();
        [schedule.rate(0), schedule.rate(100), schedule.rate(500)]
    };
    for name in ["cosine", "linear", "polynomial", "flat_cosine"] {
        assert_eq!(rates(name), [1.0, 0.0, 0.0], "{name}");
    }
    for name in ["warmup_cosine", "warmup_stable_decay", "warmup", "product"] {
        assert_eq!(rates(name), [0.0, 0.0, 0.0], "{name}");
    }
    let step = rates("step");
    assert!(step[0] == 1.0 && (step[1] - 0.01).abs() < 1e-15);
    assert_eq!(rates("one_cycle"), [0.04, 0.04 / 1e4, 0.04 / 1e4]);
    assert!(rates("coslog").iter().all(|rate| rate.abs() < 1e-12));
}

#[test]
fn every_parameter_says_what_it_is() {
    for kind in SCHEDULES {
        for (at, parameter) in kind.parameters.iter().enumerate() {
            assert!(!parameter.help.is_empty() && parameter.name != "rate", "{}", kind.name);
            assert!(kind.parameters[..at].iter().all(|other| other.name != parameter.name));
            let optional = parameter.default.is_empty();
            let given = [(parameter.name.to_owned(), "?".to_owned())];
            let made = kind.with(1.0, 10, &given);
            assert!(made.is_err(), "{} {} takes `?`, {optional}", kind.name, parameter.name);
        }
    }
}

#[test]
fn mistakes_are_named() {
    let message = |text: &str| from_text(text, 0.1, 100).unwrap_err().to_string();
    assert_eq!(
        message("cosin"),
        "parameter `schedule` is `cosin`, but no schedule is called so; did you mean `cosine`?"
    );
    assert_eq!(message("StepLR"), "parameter `schedule` is `StepLR`, but here it is called `step`");
    assert_eq!(
        message("cosine(alph=0)"),
        "parameter `alph` is `0`, but `cosine` has no such parameter; did you mean `alpha`?"
    );
    assert_eq!(
        message("exponential(decay_steps=0)"),
        "parameter `decay_steps` is `0`, but must be steps: a whole number from 1, or a share such as 5% or n/20"
    );
    for (text, words) in [
        ("zzzzzz", "must be one of constant, inverse_sqrt"),
        ("piecewise(boundaries=9,3)", "steps that do not fall"),
        ("piecewise(boundaries=9; values=1)", "must be 2 of them"),
        ("warmup_cosine(warmup=101)", "at most `steps`, 100"),
        ("cosine(alpha=nan)", "a number from 0"),
        ("cosine(after=maybe)", "one of hold, rise"),
        ("warmup(then=cosine|linear)", "one schedule"),
        ("sequence(milestones=3,4)", "must be 1, one fewer than schedules"),
        ("product(schedules=cosin)", "did you mean `cosine`?"),
    ] {
        assert!(message(text).contains(words), "{text}: {}", message(text));
    }
}

/// A value of a domain, by three numbers; extremes are frequent.
fn any_value(domain: Domain, choice: u64, steps: u64, share: f64) -> String {
    match domain {
        Domain::Steps { least } => match choice % 6 {
            0 => least.to_string(),
            1 => u64::MAX.to_string(),
            2 => format!("{}%", 200.0 * share),
            3 => "n".to_owned(),
            _ => steps.max(least).to_string(),
        },
        Domain::Number { low, high } => match choice % 4 {
            0 => low.to_string(),
            1 => high.to_string(),
            2 => (low + (high - low) * share).to_string(),
            _ => share.clamp(low, high).to_string(),
        },
        Domain::Choice(words) => words[choice as usize % words.len()].to_owned(),
        Domain::StepList => {
            ["5", "0,0", "n/3,n", "0,18446744073709551615"][choice as usize % 4].into()
        }
        Domain::NumberList => {
            ["1,0", "0,0,1e12", "3,0.5,2", "1e12,1e12"][choice as usize % 4].into()
        }
        Domain::Schedules => {
            let growing = "exponential(decay_rate=1e9; decay_steps=1)";
            let lists = ["cosine", "linear|one_cycle", "step|cyclic|noam"];
            let at = choice as usize % 4;
            lists.get(at).map_or(format!("{growing}|{growing}"), |list| (*list).to_owned())
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_parameters_make_a_finite_schedule_or_an_error(
        at in 0..SCHEDULES.len(),
        n_steps in proptest::prop_oneof![0..40_u64, proptest::prelude::any::<u64>()],
        base_rate in proptest::prop_oneof![
            proptest::prelude::Just(0.0), proptest::prelude::Just(1e9), 1e-6..1.0_f64
        ],
        draws in proptest::collection::vec((0..60_u64, 0..60_u64, 0.0..1.0_f64), 12),
        step in proptest::prelude::any::<u64>(),
    ) {
        let kind = &SCHEDULES[at];
        let given: Vec<(String, String)> = kind.parameters.iter().zip(draws)
            .filter(|(_, draw)| draw.0 % 5 != 0)
            .map(|(parameter, (choice, steps, share))| {
                (parameter.name.to_owned(), any_value(parameter.domain, choice, steps, share))
            })
            .collect();
        if let Ok(schedule) = kind.with(base_rate, n_steps, &given) {
            for step in (0..64).chain([n_steps, step, u64::MAX]) {
                let rate = schedule.rate(step);
                let place = format!("{} {given:?} {base_rate} of {n_steps} at {step}", kind.name);
                proptest::prop_assert!(rate.is_finite() && rate >= 0.0, "{place}: {rate}");
                let momentum = schedule.momentum(step).unwrap_or(0.0);
                proptest::prop_assert!((0.0..1.0).contains(&momentum), "{place}: {momentum}");
            }
        }
    }
}
