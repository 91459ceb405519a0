//! What each subcommand does.

mod alerts;
mod config;
mod healthcheck;
mod migrate;
mod replay;
mod route;
mod snapshot;
mod token;

use std::time::Duration;

use anyhow::Context as _;

use crate::args::{AlertsArgs, AlertsCommand, Arguments, Command, RoleArgs, StandaloneArgs};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::process::{self, Job, Role};

/// Does what the arguments say.
pub fn run(arguments: Arguments, environment: &Environment) -> Result<(), Failure> {
    match arguments.command {
        Command::Config(command) => config::run(&command, environment),
        Command::Healthcheck(args) => waiting(healthcheck::run(&args, environment)),
        Command::Migrate(file) => waiting(migrate::run(&file, environment)),
        Command::Replay(args) => waiting(replay::run(&args, environment)),
        Command::Standalone(args) => standalone(&args, environment),
        Command::Agent(args) => role(Role::Agent, &args, environment),
        Command::Collector(args) => role(Role::Collector, &args, environment),
        Command::Aggregator(args) => role(Role::Aggregator, &args, environment),
        Command::Archive(args) => role(Role::Archive, &args, environment),
        Command::Server(args) => role(Role::Server, &args, environment),
        Command::Alerts(AlertsArgs {
            command: Some(AlertsCommand::Test(file)),
            ..
        }) => waiting(alerts::test(&file, environment)),
        Command::Alerts(args) => role(Role::Alerts, &args.role, environment),
        Command::Route(args) => waiting(route::run(&args, environment)),
        Command::Snapshot(args) => waiting(snapshot::run(&args, environment)),
    }
}

fn standalone(args: &StandaloneArgs, environment: &Environment) -> Result<(), Failure> {
    let job = Job {
        role: Role::Standalone,
        args: &args.role,
        flags: &args.flags(),
        demo: args.demo,
    };
    waiting(process::run(job, environment))
}

fn role(role: Role, args: &RoleArgs, environment: &Environment) -> Result<(), Failure> {
    let job = Job {
        role,
        args,
        flags: &[],
        demo: false,
    };
    waiting(process::run(job, environment))
}

/// How long calls that block may go on after all else has ended.
const LINGER: Duration = Duration::from_secs(1);

/// Runs what waits on others.
fn waiting(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(work);
    // A call into a library that does not come back keeps no process from ending.
    runtime.shutdown_timeout(LINGER);
    done
}
