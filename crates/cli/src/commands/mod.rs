//! What each subcommand does.

mod config;
mod healthcheck;
mod replay;
mod snapshot;
mod token;

use anyhow::Context as _;

use crate::args::{Arguments, Command};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::standalone;

/// Does what the arguments say.
pub fn run(arguments: Arguments, environment: &Environment) -> Result<(), Failure> {
    match arguments.command {
        Command::Config(command) => config::run(&command, environment),
        Command::Healthcheck(args) => waiting(healthcheck::run(&args, environment)),
        Command::Replay(args) => waiting(replay::run(&args, environment)),
        Command::Standalone(args) => waiting(standalone::run(&args, environment)),
        Command::Snapshot(args) => waiting(snapshot::run(&args, environment)),
    }
}

/// Runs what waits on others.
fn waiting(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(work)
}
