//! Runs the search on recorded tables and on functions, and measures what a proposal costs: the
//! program behind `cargo xtask bench search`. Every run is a line of JSON:
//! `{"task", "system", "seed", "losses", "seconds"}`, what each trial gave and took.
//!
//! ```text
//! search tables FOLDER TASK,... [--sampler NAME] [--trials N] [--seeds N] [--first-seed N] [--costs]
//! search functions TASK,... [--sampler NAME] [--trials N] [--seeds N]
//! search screening FILE
//! search price [--sampler NAME] [--trials N]
//! ```

mod formulas;
mod functions;
mod price;
mod screening;
mod tables;

use eyas_search::samplers::{Sampler, sampler};
use eyas_search::strategy::{Decision, Price, Rules, next};
use eyas_search::{Config, History, Outcome, Point, Proposal, Space, Trial};
use serde_json::json;

/// What the command line says.
struct Options {
    sampler: Option<&'static dyn Sampler>,
    n_trials: usize,
    seeds: std::ops::Range<u64>,
    /// Whether the search is told what trials take; else each takes a second.
    costs: bool,
}

/// What can be searched.
trait Problem {
    fn space(&self) -> &Space;
    /// Loss and seconds.
    fn evaluate(&self, config: &Config) -> (f64, f64);
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = options(&arguments)?;
    let positional: Vec<&String> = positional(&arguments);
    match positional[..] {
        [what, folder, tasks] if what == "tables" => {
            for task in tasks.split(',') {
                run(task, &tables::Table::read(folder.as_ref(), task)?, &options);
            }
        }
        [what, tasks] if what == "functions" => {
            for task in tasks.split(',') {
                run(task, &functions::Function::named(task)?, &options);
            }
        }
        [what, file] if what == "screening" => screening::run(file.as_ref())?,
        [what] if what == "price" => price::run(&options),
        _ => {
            return Err(
                "search tables FOLDER TASK,... | functions TASK,... | screening FILE | price"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

fn positional(arguments: &[String]) -> Vec<&String> {
    let mut found = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.strip_prefix("--") {
            Some("costs") => {}
            Some(_) => drop(rest.next()),
            None => found.push(argument),
        }
    }
    found
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1)
    };
    let number = |name: &str, default: u64| match value(name) {
        Some(text) => text.parse().map_err(|_| format!("{name} {text} is no number")),
        None => Ok(default),
    };
    let named = match value("--sampler").filter(|name| *name != "blend") {
        Some(name) => Some(sampler(name).ok_or_else(|| format!("there is no sampler `{name}`"))?),
        None => None,
    };
    let first = number("--first-seed", 0)?;
    Ok(Options {
        sampler: named,
        n_trials: number("--trials", 100)? as usize,
        seeds: first..first + number("--seeds", 20)?,
        costs: arguments.iter().any(|a| a == "--costs"),
    })
}

fn run(task: &str, problem: &dyn Problem, options: &Options) {
    for seed in options.seeds.clone() {
        let (mut losses, mut seconds) = (Vec::new(), Vec::new());
        search(problem, options, seed, |loss, took| {
            losses.push(loss);
            seconds.push(took);
        });
        let system = options.sampler.map_or("blend", |sampler| sampler.name());
        let line = json!({
            "task": task, "system": system, "seed": seed, "losses": losses, "seconds": seconds,
        });
        println!("{line}");
    }
}

/// One search, trial after trial.
fn search(problem: &dyn Problem, options: &Options, seed: u64, mut told: impl FnMut(f64, f64)) {
    let mut history = History::default();
    while history.trials.len() < options.n_trials {
        let Decision::Try(proposal) = decide(problem.space(), options.sampler, &history, seed)
        else {
            break;
        };
        let (loss, seconds) = problem.evaluate(&proposal.config);
        told(loss, seconds);
        history.trials.push(trial(proposal, loss, if options.costs { seconds } else { 1.0 }));
    }
}

fn decide(
    space: &Space,
    sampler: Option<&'static dyn Sampler>,
    history: &History,
    seed: u64,
) -> Decision {
    let price = |_: &Config, _: f64| Price { cost: 1.0, ns: 1.0, memory_bytes: 0.0 };
    let rules = Rules {
        spaces: std::slice::from_ref(space),
        portfolio: &[],
        memory: &[],
        price: &price,
        remaining: f64::INFINITY,
        limit_ns: f64::INFINITY,
        limit_memory_bytes: f64::INFINITY,
        screening: None,
        sampler,
        extras: &[],
        defaults_only: false,
        by_work: false,
        seed,
    };
    next(&rules, history, &[])
}

fn trial(proposal: Proposal, loss: f64, seconds: f64) -> Trial {
    let Proposal { id, config, fidelity, seed, origin } = proposal;
    let (label, loss_se, ns, bytes) = (String::new(), 0.0, 1.0, 1);
    let curve = vec![Point { truncation: 0, label, loss, loss_se, ns, bytes }];
    let outcome = Outcome::Completed;
    Trial { id, config, fidelity, seed, origin, outcome, curve, seconds, work: 1 }
}
