//! Development tasks: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask bench`.

use std::process::ExitCode;

use clap::Parser;

mod bench;
mod fuzz;
mod instructions;
mod shell;
mod smoke;
mod test;
mod tidy;

/// Development tasks of Eyas.
#[derive(Debug, Parser)]
enum Task {
    /// Everything that must hold: format, tidiness, lints, documentation, first command, tests
    Test,
    /// Arrows between crates, sizes of files, leftovers
    Tidy,
    /// The first command of the README with a short budget
    Smoke,
    /// Fuzzes what reads files from elsewhere
    Fuzz(fuzz::Fuzz),
    /// Counts instructions of small trainings against those that were recorded
    Instructions(instructions::Instructions),
    /// Measures against other systems on tables of real data
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Test => test::run(),
        Task::Tidy => tidy::run(),
        Task::Smoke => smoke::run(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Instructions(instructions) => instructions.run(),
        Task::Bench(bench) => bench.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
