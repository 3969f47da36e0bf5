//! `eyas tune`: searches the parameters of any program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use eyas::Interrupt;
use eyas::tune::{Changes, Row, STOPPERS, Stopping, TuneEvent, TuneOptions, TuneReport};
use eyas_search::samplers::SAMPLERS;
use eyas_search::space::Value;
use eyas_search::space::text::{ParameterText, SpaceText};
use serde::Deserialize;

use crate::Context;
use crate::console::{self, Style};
use crate::data::must_exist;
use crate::failure::Failure;
use crate::quantities::{self, Seconds, counted, show_seconds};
use crate::report::{align_right, plain_table};
use crate::{outputs, places};

/// Search the parameters of any program for the values that make its result best
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas tune --space space.toml --budget 10m -- python train.py --lr {lr} --depth {depth}\n  \
    eyas tune --space space.toml --trials 200 --jobs 4 --maximize -- ./simulate {speed}\n  \
    eyas tune --space space.toml --budget 1h --stopper asha --steps 100 -- python train.py {lr}\n  \
    eyas tune --resume ~/.local/state/eyas/runs/space-20260102-030405 --budget 2h\n\n\
    The space is a file of parameters, TOML or JSON:\n  \
    [[parameter]]\n  \
    name = \"lr\"\n  \
    type = \"float\"            # or int, bool, category, ordinal (values = [\"a\", \"b\"])\n  \
    low = 1e-4\n  \
    high = 1.0\n  \
    log = true                # steps are ratios\n  \
    default = 0.01            # tried first; the middle if not given\n\n\
    {name} in an argument stands for a value; the program also finds EYAS_NAME, EYAS_TRIAL, EYAS_SEED \
    and EYAS_RUN (the folder of the run) in its environment. The last line that it prints is its \
    result: a number, or JSON such as {\"loss\": 0.25} (or \"score\", with --maximize). With --stopper, lines \
    such as {\"step\": 3, \"loss\": 0.5} on the way let it be ended early. An exit code other than 0 \
    is a failed trial. A program is ended with all that it has started.\n\n\
    The trials go to standard error, the command line with the best values (or with --json the \
    whole report) to standard output. Ctrl-C ends the run with the best so far.")]
pub struct TuneArgs {
    /// Parameters and their ranges: TOML, or JSON if it ends in .json
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    space: Option<PathBuf>,

    /// Time for all, such as 60s, 10m or 2h; 60s if --trials is not given either
    #[arg(long, value_name = "TIME", value_parser = quantities::budget)]
    budget: Option<Seconds>,

    /// Number of trials
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    trials: Option<u64>,

    /// Programs that run at a time; 1 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,

    /// Longest time of one trial
    #[arg(long, value_name = "TIME", value_parser = quantities::budget)]
    timeout: Option<Seconds>,

    /// Larger results are better
    #[arg(long)]
    maximize: bool,

    /// Draw from this sampler only; several take turns if not given
    #[arg(long, value_name = "NAME", value_parser = sampler_names())]
    sampler: Option<String>,

    /// End trials early by what they print on the way
    #[arg(long, value_name = "NAME", requires = "steps", value_parser = stopper_names())]
    stopper: Option<String>,

    /// Steps that a program prints if it runs to its end
    #[arg(long, value_name = "N", requires = "stopper",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    steps: Option<u64>,

    /// Steps before a trial may be ended early; a 27th of --steps if not given
    #[arg(long, value_name = "N", requires = "stopper",
          value_parser = clap::value_parser!(u64).range(1..))]
    min_steps: Option<u64>,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Folder for what --resume needs; a new one if not given
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,

    /// Write the best values as JSON to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Go on with a run that was stopped or killed, with its own arguments and what is left of its
    /// budget; --budget, --trials, --jobs and --timeout may be changed
    #[arg(long, value_name = "DIR", conflicts_with_all =
          ["space", "maximize", "sampler", "stopper", "steps", "min_steps", "seed", "run", "command"])]
    resume: Option<PathBuf>,

    /// Program and arguments
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "resume")]
    command: Vec<String>,
}

fn sampler_names() -> clap::builder::PossibleValuesParser {
    SAMPLERS.iter().map(|sampler| sampler.name()).collect::<Vec<_>>().into()
}

fn stopper_names() -> clap::builder::PossibleValuesParser {
    STOPPERS.to_vec().into()
}

/// Seconds of a run that is given neither a budget nor a number of trials.
const DEFAULT_SECONDS: f64 = 60.0;
/// Time between lines that say only that all is well.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Failed trials that are told of as they fail.
const FAILURES_TOLD: usize = 3;

/// Raised by Ctrl-C.
static INTERRUPT: Interrupt = Interrupt::new();

/// Runs the command.
pub fn run(args: &TuneArgs, context: &Context) -> Result<ExitCode, Failure> {
    if let Some(out) = &args.out {
        let space = args.space.as_deref().map(|path| ("--space", path));
        outputs::check("--out", out, &space.into_iter().collect::<Vec<_>>())?;
        places::can_write(out)?;
    }
    let report = match &args.resume {
        Some(dir) => resume(args, dir, context)?,
        None => begin(args, context)?,
    };
    if let Some(out) = &args.out {
        let best = serde_json::json!({
            "trial": report.best.trial,
            "value": report.best.value,
            "values": report.best.values,
            "notes": report.best.notes,
            "command": report.command,
        });
        let text = serde_json::to_string_pretty(&best).expect("plain data serialises") + "\n";
        eyas_model::file::write_whole(out, text.as_bytes())?;
    }
    if context.json {
        let text = serde_json::to_string_pretty(&report).expect("a report is JSON");
        console::print(&text)?;
    } else {
        console::tell(&summary(&report, Style::of_stderr()));
        console::print(&report.command)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn begin(args: &TuneArgs, context: &Context) -> Result<TuneReport, Failure> {
    let path = args.space.as_deref().expect("clap asks for it");
    must_exist(path)?;
    let options = options(args, space(path)?);
    let notices = options.check()?;
    if !context.quiet {
        let word = Style::of_stderr().yellow("note:");
        notices.iter().for_each(|notice| console::tell(&format!("{word} {notice}")));
    }
    let made = match &args.run {
        Some(_) => None,
        None => Some(places::make_run_dir(&path.with_extension(""))?),
    };
    let dir = args.run.as_ref().or(made.as_ref()).expect("one of them is there");
    listen_for_interrupts();
    let mut progress = Progress::new(context);
    let tuned = eyas::tune::tune(&options, dir, context.started, &INTERRUPT, &mut |event| {
        progress.show(event);
    });
    if let Some(made) = made.filter(|_| tuned.is_err()) {
        // Only an empty folder goes: that of a run that did not begin.
        let _ = std::fs::remove_dir(made);
    }
    Ok(tuned?)
}

fn resume(args: &TuneArgs, dir: &Path, context: &Context) -> Result<TuneReport, Failure> {
    if !dir.is_dir() {
        return Err(Failure::usage(format!("`{}` is not a folder", dir.display()))
            .help("name the folder that `eyas tune` printed as its run"));
    }
    let changes = Changes {
        budget_seconds: args.budget.map(|budget| budget.0),
        max_trials: args.trials,
        jobs: args.jobs.map(|jobs| jobs as usize),
        timeout_seconds: args.timeout.map(|limit| limit.0),
    };
    listen_for_interrupts();
    let mut progress = Progress::new(context);
    let mut observer = |event: &TuneEvent<'_>| progress.show(event);
    Ok(eyas::tune::resume(dir, &changes, context.started, &INTERRUPT, &mut observer)?)
}

fn options(args: &TuneArgs, space: SpaceText) -> TuneOptions {
    let budget = args.budget.map(|budget| budget.0);
    let stopping = args.stopper.as_ref().map(|stopper| Stopping {
        stopper: stopper.clone(),
        max_steps: args.steps.expect("clap asks for it"),
        min_steps: args.min_steps,
    });
    TuneOptions {
        space,
        command: args.command.clone(),
        budget_seconds: budget.or(args.trials.is_none().then_some(DEFAULT_SECONDS)),
        max_trials: args.trials,
        jobs: args.jobs.map_or(1, |jobs| jobs as usize),
        timeout_seconds: args.timeout.map(|limit| limit.0),
        sampler: args.sampler.clone(),
        stopping,
        maximize: args.maximize,
        seed: args.seed,
    }
}

/// A space as a file holds it; what is tuned need not have a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpaceFile {
    learner: Option<String>,
    #[serde(rename = "parameter", default)]
    parameters: Vec<ParameterText>,
    #[serde(default)]
    forbidden: Vec<BTreeMap<String, Vec<Value>>>,
}

fn space(path: &Path) -> Result<SpaceText, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let parsed: Result<SpaceFile, String> = match is_json {
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
        false => toml::from_str(&text).map_err(|error| error.to_string()),
    };
    let file = parsed.map_err(|error| {
        Failure::usage(format!("--space `{}`: {}", path.display(), error.trim_end()))
            .help("`eyas tune --help` shows a space")
    })?;
    let learner = file.learner.unwrap_or_else(|| places::stem(&path.with_extension("")));
    Ok(SpaceText { learner, parameters: file.parameters, forbidden: file.forbidden })
}

/// The first Ctrl-C ends the run with the best so far, the second ends the process.
fn listen_for_interrupts() {
    // Fails only if a handler is set already, which nobody does.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPT.is_raised() {
            std::process::exit(130);
        }
        INTERRUPT.raise();
        console::tell("\nending the programs; the best so far follows");
    });
}

/// Lines about a run, while it runs.
struct Progress {
    hidden: bool,
    started: Instant,
    last: Instant,
    n_failures: usize,
}

impl Progress {
    fn new(context: &Context) -> Progress {
        let hidden = context.quiet || context.json;
        Progress { hidden, started: context.started, last: context.started, n_failures: 0 }
    }

    fn show(&mut self, event: &TuneEvent<'_>) {
        if self.hidden {
            return;
        }
        match event {
            TuneEvent::Ended { trial, value: Some(value), is_best: true, .. } => {
                let values = values_line(trial.config.values.iter());
                self.line(&format!(
                    "trial {}: {}, best so far: {values}",
                    trial.id,
                    number(*value)
                ));
            }
            TuneEvent::Ended { trial, .. } => {
                if let eyas_search::Outcome::Failed(why) = &trial.outcome {
                    self.n_failures += 1;
                    if self.n_failures <= FAILURES_TOLD {
                        self.line(&format!("trial {} failed: {why}", trial.id));
                    }
                }
            }
            TuneEvent::Tick { n_ended, n_running, best } => {
                if self.last.elapsed() >= LINE_EVERY {
                    let best = best.map_or("none yet".into(), number);
                    let ended = counted(*n_ended as u64, "trial");
                    self.line(&format!("{ended}, {n_running} running, best {best}"));
                }
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.last = Instant::now();
        console::tell(&format!(
            "{:>8}  {text}",
            show_seconds(self.started.elapsed().as_secs_f64())
        ));
    }
}

fn values_line<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    values.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Six digits that count.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-4..1e6).contains(&size) {
        let before = if size >= 1.0 { size.log10().floor() as usize + 1 } else { 1 };
        let text = format!("{value:.*}", 7usize.saturating_sub(before));
        let short = text.trim_end_matches('0').trim_end_matches('.');
        return if text.contains('.') { short.to_owned() } else { text };
    }
    format!("{value:.5e}")
}

fn summary(report: &TuneReport, style: Style) -> String {
    let mut parts = vec![top(report, style)];
    let of = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let kinds = [
        of(report.n_stopped, "ended early"),
        of(report.n_timed_out, "timed out"),
        of(report.n_failed, "failed"),
        of(report.n_diverged, "diverged"),
        of(report.n_unfinished, "cut off by the end"),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let trials = counted(report.n_trials as u64, "trial");
    parts.push(format!("{trials}{kinds} in {}; {}", show_seconds(report.seconds), over(report)));
    if let Some(saved) = report.saved.filter(|saved| saved.steps > 0) {
        parts.push(format!(
            "ending early saved {} of {} steps, about {}",
            saved.steps,
            saved.of_steps,
            show_seconds(saved.seconds)
        ));
    }
    if let (Some(failure), true) = (&report.failure, report.n_failed > 0) {
        parts.push(format!("the last failure: {failure}"));
    }
    parts.push(format!("run: {}", report.run_dir));
    let best = format!(
        "best: {} by {}",
        number(report.best.value),
        values_line(report.best.values.iter())
    );
    parts.push(style.bold(&best));
    parts.join("\n")
}

fn over(report: &TuneReport) -> &'static str {
    match report.over.as_str() {
        "TrialsDone" => "all trials are done",
        "SpaceExhausted" => "every combination has been tried",
        "Interrupted" => "interrupted",
        _ => "no further trial fits the budget",
    }
}

/// The best trials as a table.
fn top(report: &TuneReport, style: Style) -> String {
    let mut names: Vec<&String> = report.top.iter().flat_map(|row| row.values.keys()).collect();
    names.sort();
    names.dedup();
    let value = if report.maximize { "score" } else { "loss" };
    let mut header = vec!["trial", value, "time", ""];
    header.extend(names.iter().map(|name| name.as_str()));
    let mut table = plain_table(&header);
    for row in &report.top {
        table.add_row(cells(row, &names));
    }
    align_right(&mut table, 0..3);
    let direction = if report.maximize { "larger" } else { "smaller" };
    let title = format!("The best trials, {direction} is better");
    format!("{}\n{}", style.bold(&title), table.trim_fmt())
}

fn cells(row: &Row, names: &[&String]) -> Vec<String> {
    let how = row.stopped_at.map_or(String::new(), |step| format!("ended at step {step}"));
    let values =
        names.iter().map(|name| row.values.get(*name).map_or("-".into(), Value::to_string));
    let first = [row.trial.to_string(), number(row.value), show_seconds(row.seconds), how];
    first.into_iter().chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-12.3456789, "-12.34568"),
            (123456.789, "123456.8"),
            (100.0, "100"),
            (1e-9, "1.00000e-9"),
            (2.5e7, "2.50000e7"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
