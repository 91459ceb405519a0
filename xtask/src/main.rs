//! The project's own commands: `cargo xtask help` lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to the person who runs them"
)]

mod ci;
mod codegen;
mod documents;
mod failures;
mod layers;
mod problem;
mod screenshots;
mod servers;
mod source;
mod test;
mod tidy;
mod tokens;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check, then all tests
    Ci,
    /// Run all tests: unit, integration and documentation
    Test(test::Arguments),
    /// Start the Kafka and the ClickHouse that tests use, and keep them
    Servers,
    /// Take the pictures of the pages in docs/images, of the demo
    Screenshots,
    /// Check sizes, whitespace and names
    Tidy,
    /// Check that dependencies only point down
    Layers,
    /// Generate the protocol's Rust code from proto/
    Codegen {
        /// Change nothing, and fail if the committed code is not what proto/ gives
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let passed = match Arguments::parse().command {
        Command::Ci => Ok(ci::run()),
        Command::Test(arguments) => run_tests(&arguments),
        Command::Servers => servers::run().map(|()| true),
        Command::Screenshots => screenshots::run().map(|()| true),
        Command::Tidy => tidy::run(),
        Command::Layers => layers::run(),
        Command::Codegen { check: false } => codegen::write().map(|()| true),
        Command::Codegen { check: true } => codegen::check(),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_tests(arguments: &test::Arguments) -> Result<bool> {
    let outcome = test::run(arguments)?;
    println!("{}\n{}", outcome.failures, outcome.summary);
    Ok(outcome.passed)
}
