//! `eyas schedule`: the curve of a learning-rate schedule, as numbers or drawn.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use eyas_learn::schedules::{SCHEDULES, Schedule, ScheduleKind, Spec};
use serde_json::{Value, json};

use crate::curve::{self, Curve};
use crate::failure::Failure;
use crate::report::{align_right, plain_table};
use crate::{Context, console, outputs};

/// Most rows of a table for people.
const ROWS_SHOWN: u64 = 40;
/// Most steps of a curve.
const MAX_STEPS: u64 = 10_000_000;

/// Show the curve of a learning-rate schedule
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas schedule cosine --steps 1000 --plot\n  \
    eyas schedule one_cycle --steps 1000 --param rate=0.1 --param rise=0.2 --csv\n  \
    eyas schedule 'sequence(schedules=linear(start=0; end=1)|cosine; milestones=5%)' --steps 500\n  \
    eyas schedule --list cosine\n\n\
    Numbers of steps may be whole (500) or shares of all steps (5%, n, n/20); levels are shares of the \
    base rate `rate`, which is 1 unless set. Curves equal those of Keras, PyTorch and optax; --list says what they are \
    called there and which parameters make the difference.")]
pub struct ScheduleArgs {
    /// Name of the schedule, or a text such as `cosine(alpha=0.1; steps=80%)`
    #[arg(required_unless_present = "list")]
    name: Option<String>,

    /// Steps of the training
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "list",
        value_parser = clap::value_parser!(u64).range(1..=MAX_STEPS)
    )]
    steps: Option<u64>,

    /// Set a parameter; can be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = assignment)]
    params: Vec<(String, String)>,

    /// Print every step as CSV
    #[arg(long, conflicts_with_all = ["json", "plot"])]
    csv: bool,

    /// Draw the curve in the terminal
    #[arg(long, conflicts_with = "json")]
    plot: bool,

    /// Draw the curve into an SVG file
    #[arg(short, long, value_name = "FILE.svg")]
    out: Option<PathBuf>,

    /// List all schedules (or the one named) with formula, parameters and sources
    #[arg(long, conflicts_with_all = ["csv", "plot", "out", "steps", "params"])]
    list: bool,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected NAME=VALUE, e.g. alpha=0.1".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: &ScheduleArgs, context: &Context) -> Result<ExitCode, Failure> {
    if args.list {
        return list(args.name.as_deref(), context.json);
    }
    let name = args.name.as_deref().unwrap_or_default();
    let n_steps = args.steps.unwrap_or(1);
    let mut spec = Spec::parse(name).map_err(failure)?;
    spec.given.extend(args.params.iter().cloned());
    let schedule = spec.build(1.0, n_steps).map_err(failure)?;
    if let Some(out) = &args.out {
        outputs::check("--out", out, &[])?;
        if !out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg")) {
            return Err(Failure::usage(format!(
                "`{}` does not end in .svg, and a picture is written as SVG",
                out.display()
            ))
            .help("name it FILE.svg; numbers go to standard output: --csv > FILE.csv"));
        }
        let title = format!("{} over {n_steps} steps", spec.name);
        let svg = curve::svg(&curve(&*schedule, n_steps), &title);
        eyas_model::file::write_whole(out, svg.as_bytes())?;
        console::tell(&format!("curve written to {}", out.display()));
    }
    if context.json {
        console::print(&json(&spec, &*schedule, n_steps).to_string())?;
    } else if args.csv {
        console::print(csv(&*schedule, n_steps).trim_end())?;
    } else if args.plot {
        console::print(&curve::plot(&curve(&*schedule, n_steps), curve::terminal_width()))?;
    } else if args.out.is_none() {
        console::print(&table(&*schedule, n_steps))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A mistake in the schedule, with where to look.
fn failure(error: eyas_learn::Error) -> Failure {
    Failure::from(error).help("`eyas schedule --list` shows all schedules and their parameters")
}

fn curve(schedule: &dyn Schedule, n_steps: u64) -> Curve<'_> {
    Curve { n_steps, rate: Box::new(|step| schedule.rate(step)) }
}

fn table(schedule: &dyn Schedule, n_steps: u64) -> String {
    let momentum = schedule.momentum(0).is_some();
    let header: &[&str] = if momentum { &["step", "rate", "momentum"] } else { &["step", "rate"] };
    let mut table = plain_table(header);
    for step in steps_shown(n_steps) {
        let mut cells = vec![step.to_string(), format!("{:.6e}", schedule.rate(step))];
        cells.extend(schedule.momentum(step).map(|momentum| format!("{momentum:.6}")));
        table.add_row(cells);
    }
    align_right(&mut table, 0..header.len());
    let mut text = table.to_string();
    if n_steps > ROWS_SHOWN {
        let _ = write!(text, "\n{ROWS_SHOWN} of {n_steps} steps; --csv prints all");
    }
    text
}

/// All steps, or evenly spaced ones with the first and the last.
fn steps_shown(n_steps: u64) -> impl Iterator<Item = u64> {
    let n_rows = n_steps.min(ROWS_SHOWN);
    (0..n_rows).map(move |row| row * (n_steps - 1) / (n_rows - 1).max(1))
}

fn csv(schedule: &dyn Schedule, n_steps: u64) -> String {
    let momentum = schedule.momentum(0).is_some();
    let mut text = String::from(if momentum { "step,rate,momentum\n" } else { "step,rate\n" });
    for step in 0..n_steps {
        let _ = write!(text, "{step},{}", schedule.rate(step));
        if let Some(momentum) = schedule.momentum(step) {
            let _ = write!(text, ",{momentum}");
        }
        text.push('\n');
    }
    text
}

fn json(spec: &Spec, schedule: &dyn Schedule, n_steps: u64) -> Value {
    let rates: Vec<f64> = (0..n_steps).map(|step| schedule.rate(step)).collect();
    let momentum: Option<Vec<f64>> = (0..n_steps).map(|step| schedule.momentum(step)).collect();
    let given: serde_json::Map<String, Value> =
        spec.given.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "schedule": spec.name, "steps": n_steps, "parameters": given, "rates": rates,
        "momentum": momentum,
    })
}

/// Prints the list, or one entry of it.
fn list(name: Option<&str>, as_json: bool) -> Result<ExitCode, Failure> {
    let kinds = match name {
        Some(name) => std::slice::from_ref(ScheduleKind::by_name(name).map_err(failure)?),
        None => SCHEDULES,
    };
    if as_json {
        let all: Vec<Value> = kinds.iter().map(described).collect();
        console::print(&json!({"schedules": all}).to_string())?;
    } else {
        let all: Vec<String> = kinds.iter().map(entry).collect();
        console::print(all.join("\n").trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An entry of the list for people.
fn entry(kind: &ScheduleKind) -> String {
    let mut text = format!("{}: {}\n  {}\n", kind.name, kind.help, kind.formula);
    let width = |name: &str, default: &str| name.len() + 1 + default.len();
    let widest = kind.parameters.iter().map(|one| width(one.name, one.default)).max().unwrap_or(0);
    for parameter in kind.parameters {
        let setting = format!("{}={}", parameter.name, parameter.default);
        let _ = writeln!(text, "    {setting:widest$}  {} [{}]", parameter.help, parameter.domain);
    }
    let elsewhere: Vec<String> =
        kind.equals.iter().map(|equal| format!("{} {}", equal.library, equal.name)).collect();
    if !elsewhere.is_empty() {
        let _ = writeln!(text, "  elsewhere: {}", elsewhere.join(", "));
    }
    for reference in kind.references {
        let _ = writeln!(text, "  {reference}");
    }
    text
}

/// An entry of the list for machines.
fn described(kind: &ScheduleKind) -> Value {
    let parameters: Vec<Value> = kind
        .parameters
        .iter()
        .map(|one| {
            let domain = one.domain.to_string();
            json!({"name": one.name, "default": one.default, "domain": domain, "help": one.help})
        })
        .collect();
    let elsewhere: Vec<Value> = kind
        .equals
        .iter()
        .map(|equal| json!({"library": equal.library, "name": equal.name}))
        .collect();
    json!({
        "name": kind.name, "help": kind.help, "formula": kind.formula, "parameters": parameters,
        "elsewhere": elsewhere, "references": kind.references,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_evenly_spaced_from_first_to_last() {
        assert_eq!(steps_shown(1).collect::<Vec<_>>(), [0]);
        assert_eq!(steps_shown(3).collect::<Vec<_>>(), [0, 1, 2]);
        let many: Vec<u64> = steps_shown(MAX_STEPS).collect();
        assert_eq!((many.len(), many[0], many[39]), (40, 0, MAX_STEPS - 1));
    }

    #[test]
    fn assignments_have_two_sides() {
        assert_eq!(assignment("a = 1=2"), Ok(("a".into(), "1=2".into())));
        assert!(assignment("a").is_err() && assignment("=1").is_err());
    }
}
