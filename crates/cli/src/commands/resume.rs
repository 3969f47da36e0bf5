//! `eyas resume`: continues a run that was stopped or killed.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::Context;
use crate::failure::Failure;
use crate::run_args::RunArgs;

/// Continue a run that was stopped or killed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  eyas resume ~/.local/state/eyas/runs/adult-20260102-030405\n\n\
    The folder is that of --run; `eyas fit` prints it. The run goes on with its own arguments and \
    what is left of its budget, from the state that each fit under way kept last \
    (`eyas fit --checkpoint-every`). Linear models and `eyas grid` keep none."
)]
pub struct ResumeArgs {
    /// Folder of the run
    dir: PathBuf,
}

/// Runs the command.
pub fn run(args: &ResumeArgs, context: &Context) -> Result<ExitCode, Failure> {
    if !args.dir.is_dir() {
        return Err(Failure::usage(format!("`{}` is not a folder", args.dir.display()))
            .help("name the folder that `eyas fit` printed as its run"));
    }
    let (header, _, _) = eyas::journal::read(&args.dir)?;
    let mut run: RunArgs = serde_json::from_str(&header.caller_state).map_err(|error| {
        Failure::failed(format!("the run in `{}` cannot be continued: {error}", args.dir.display()))
            .help("it was begun by another version or by a program; start it again")
    })?;
    run.output.run = Some(args.dir.clone());
    run.settle();
    super::fit::go(&run, context, true)
}
