//! One battery over the list, and figures recorded from the libraries.

use super::*;

const RATE: f64 = 0.3;

#[test]
fn names_are_distinct_and_found() {
    for (at, kind) in SCHEDULES.iter().enumerate() {
        assert!(SCHEDULES[..at].iter().all(|other| other.name != kind.name), "{}", kind.name);
        assert!(by_name(kind.name, RATE, 10).is_some());
    }
    assert!(by_name("no such schedule", RATE, 10).is_none());
}

#[test]
fn rates_are_finite_and_within_the_base_rate() {
    for kind in SCHEDULES {
        for n_steps in [0, 1, 2, 7, 100] {
            let schedule = (kind.build)(RATE, n_steps);
            for step in (0..=n_steps + 3).chain([u64::MAX]) {
                let rate = schedule.rate(step);
                let within = (0.0..=RATE * (1.0 + 1e-12)).contains(&rate);
                assert!(within, "{} of {n_steps} at {step}: {rate}", kind.name);
            }
        }
    }
}

#[test]
fn base_rate_is_a_factor() {
    for kind in SCHEDULES {
        for step in 0..12 {
            let (once, thrice) =
                ((kind.build)(0.1, 10).rate(step), (kind.build)(0.3, 10).rate(step));
            assert!((3.0 * once - thrice).abs() < 1e-15, "{} at {step}", kind.name);
        }
    }
}

#[test]
fn only_those_that_know_the_end_depend_on_it() {
    for kind in SCHEDULES {
        let rates = |n_steps| {
            let schedule = (kind.build)(RATE, n_steps);
            (0..30).map(|step| schedule.rate(step)).collect::<Vec<_>>()
        };
        assert_eq!(kind.knows_end, rates(20) != rates(40), "{}", kind.name);
    }
}

#[test]
fn inverse_sqrt_follows_its_formula() {
    let schedule = InverseSqrt { base_rate: 0.8 };
    let rates = [0, 1, 3, 15, 99].map(|step| schedule.rate(step));
    assert_eq!(rates, [0.8, 0.8 / 2f64.sqrt(), 0.4, 0.2, 0.08]);
}
