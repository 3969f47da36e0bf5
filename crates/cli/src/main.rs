//! The command `eyas`: models within a latency budget, found within a training budget.
//!
//! ```text
//! arguments --clap--> one file of `commands` --> library crates
//!                      \--> words to standard error, results to standard output, an exit code
//! ```
//! Exit codes: 0 done, 1 ran and failed, 2 the arguments are at fault, 130 interrupted twice.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use eyas_model::Tier;

use failure::Failure;

mod commands;
mod comparison;
mod console;
mod curve;
mod data;
mod excerpt;
mod failure;
mod fits_done;
mod latency;
mod model;
mod outputs;
mod panic;
mod places;
mod progress;
mod quantities;
mod report;
mod run_args;
mod scoring;
mod store;

/// Finds the most accurate model that meets a latency budget, within a training budget.
#[derive(Debug, Parser)]
#[command(
    name = "eyas",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Example:\n  eyas fit adult.csv.gz --target class --latency 20us --budget 60s\n\n\
                  Exit codes: 0 done, 1 ran and failed, 2 the arguments are at fault, \
                  130 interrupted twice."
)]
struct Cli {
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    json: bool,

    /// No progress on standard error
    #[arg(short, long, global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: commands::Command,
}

/// What every command may need to know.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// When the process began: the training budget counts from here.
    pub started: Instant,
    /// Whether results are printed as JSON.
    pub json: bool,
    /// Whether progress is hidden.
    pub quiet: bool,
}

fn main() -> ExitCode {
    let started = Instant::now();
    panic::install();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions are results (0), all else is the caller's mistake (2).
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
                return Failure::of_arguments(&error.render().to_string()).report(true);
            }
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let context = Context { started, json: cli.json, quiet: cli.quiet };
    match check_tier().and_then(|()| cli.command.run(&context)) {
        Ok(code) => code,
        Err(failure) => failure.report(cli.json),
    }
}

/// A tier that is asked for must be there: the library would pass over it in silence.
fn check_tier() -> Result<(), Failure> {
    let Some(asked) = std::env::var_os("EYAS_TIER") else { return Ok(()) };
    let names: Vec<&str> = Tier::all().into_iter().map(Tier::name).collect();
    if names.iter().any(|name| asked == *name) {
        return Ok(());
    }
    let asked = asked.display();
    Err(Failure::usage(format!("EYAS_TIER is `{asked}`, which this processor does not have"))
        .help(format!("set it to one of {}, or to nothing", names.join(", "))))
}
