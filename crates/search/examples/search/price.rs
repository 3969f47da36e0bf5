//! What a proposal costs in time and the search in memory, with 20 parameters.

use std::time::Instant;

use eyas_search::samplers::{Draw, SAMPLERS};
use eyas_search::strategy::Decision;
use eyas_search::{Config, Domain, History, Origin, Parameter, Proposal, Space, Value};
use serde_json::json;

use crate::{Options, decide, trial};

/// Milliseconds of a proposal of each sampler and of the blend after as many trials as asked, and
/// the resident memory.
pub fn run(options: &Options) {
    let space = space();
    let history = history(&space, options.n_trials);
    let one = |of: &mut dyn FnMut(u64)| {
        let mut took: Vec<f64> = (0..40)
            .map(|round| {
                let began = Instant::now();
                of(round);
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        // Other work on the machine can only add to it.
        took.sort_unstable_by(f64::total_cmp);
        took[0]
    };
    let is_wanted = |name: &str| options.sampler.is_none_or(|sampler| sampler.name() == name);
    for sampler in SAMPLERS.iter().filter(|sampler| is_wanted(sampler.name())) {
        let ms = one(&mut |round| {
            let draw = Draw {
                space: &space,
                portfolio: &[],
                history: &history,
                limit_ns: f64::INFINITY,
                by_work: false,
                seed: 1,
                id: history.trials.len() as u64 + round,
                attempt: 0,
            };
            std::hint::black_box(sampler.draw(&draw));
        });
        println!("{}", json!({"system": sampler.name(), "trials": options.n_trials, "ms": ms}));
    }
    let ms = one(&mut |round| {
        let decision = decide(&space, options.sampler, &history, round);
        assert!(matches!(std::hint::black_box(decision), Decision::Try(_)));
    });
    let system = options.sampler.map_or("blend", |_| "decision");
    println!(
        "{}",
        json!({"system": system, "trials": options.n_trials, "ms": ms,
        "peak_bytes": peak_bytes()})
    );
}

/// Highest resident memory of this process; NaN where the system does not tell.
fn peak_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    number.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
}

fn space() -> Space {
    let names: Vec<&'static str> =
        (0..20).map(|at| &*Box::leak(format!("parameter_{at}").into_boxed_str())).collect();
    let parameter = |(at, name): (usize, &&'static str)| {
        let domain = match at % 5 {
            0 => Domain::Float { low: 1e-4, high: 1.0, log: true },
            1 => Domain::Float { low: 0.0, high: 1.0, log: false },
            2 => Domain::Int { low: 1, high: 1000, log: true },
            3 => Domain::Category(&["a", "b", "c", "d"]),
            _ => Domain::Bool,
        };
        let when = (at == 6).then_some(("parameter_3", &["a", "b"][..]));
        let default = domain.value_at(0.5);
        Parameter { name, domain, default, nested: false, when, help: "" }
    };
    let parameters = names.iter().enumerate().map(parameter).collect();
    Space { learner: "large", parameters, forbidden: Vec::new() }
}

/// Random trials, a few of them failed, with a loss that has a slope.
fn history(space: &Space, n: usize) -> History {
    let random = eyas_search::samplers::sampler("random").expect("it is listed");
    let empty = History::default();
    let config = |id: u64| {
        let draw = Draw {
            space,
            portfolio: &[],
            history: &empty,
            limit_ns: f64::INFINITY,
            by_work: false,
            seed: 7,
            id,
            attempt: 0,
        };
        random.draw(&draw).expect("random always draws")
    };
    let loss = |config: &Config| {
        let unit = |p: &Parameter| p.domain.unit(&config.values[p.name]);
        let a = unit(&space.parameters[0]) - 0.3;
        let kind = f64::from(u8::from(config.values["parameter_3"] == Value::from("b")));
        a * a + 0.1 * unit(&space.parameters[1]) + 0.05 * kind
    };
    let trials = (0..n as u64).map(|id| {
        let config = config(id);
        let value = if id % 37 == 0 { f64::NAN } else { loss(&config) };
        let proposal = Proposal { id, config, fidelity: 1.0, seed: id, origin: Origin::Random };
        trial(proposal, value, 1.0 + (id % 10) as f64)
    });
    History { trials: trials.collect() }
}
