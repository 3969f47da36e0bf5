//! The commands: one file each, and one line in [`Command`].

use std::process::ExitCode;

use crate::Context;
use crate::failure::Failure;

mod bench;
mod compare;
mod completions;
mod evaluate;
mod export;
mod fit;
mod grid;
mod import;
mod inspect;
mod memory;
mod predict;
mod resume;
mod schedule;
mod tune;
mod verify;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Fit(Box<fit::FitArgs>),
    Grid(Box<grid::GridArgs>),
    Compare(Box<compare::CompareArgs>),
    Predict(predict::PredictArgs),
    Evaluate(evaluate::EvaluateArgs),
    Export(export::ExportArgs),
    Inspect(inspect::InspectArgs),
    Bench(bench::BenchArgs),
    Verify(verify::VerifyArgs),
    Import(import::ImportArgs),
    Resume(resume::ResumeArgs),
    Memory(memory::MemoryArgs),
    Schedule(schedule::ScheduleArgs),
    Tune(Box<tune::TuneArgs>),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Runs the command to its exit code.
    ///
    /// # Errors
    /// Whatever keeps it from doing what it was asked.
    pub fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Command::Fit(args) => fit::run(*args, context),
            Command::Grid(args) => grid::run(&args, context),
            Command::Compare(args) => compare::run(&args, context),
            Command::Predict(args) => predict::run(&args, context),
            Command::Evaluate(args) => evaluate::run(&args, context),
            Command::Export(args) => export::run(&args, context),
            Command::Inspect(args) => inspect::run(&args, context),
            Command::Bench(args) => bench::run(&args, context),
            Command::Verify(args) => verify::run(&args, context),
            Command::Import(args) => import::run(&args, context),
            Command::Resume(args) => resume::run(&args, context),
            Command::Memory(args) => memory::run(&args, context),
            Command::Schedule(args) => schedule::run(&args, context),
            Command::Tune(args) => tune::run(&args, context),
            Command::Completions(args) => completions::run(&args),
        }
    }
}
