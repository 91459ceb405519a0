//! The `sextant` binary: read the command line, do what it says, say how it went.

use std::process::ExitCode;

use clap::Parser as _;
use sextant_cli::args::Arguments;
use sextant_cli::environment::Environment;
use sextant_cli::{commands, exit};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(shown) => return exit::usage(&shown),
    };
    let environment = Environment::of_process();
    exit::with(commands::run(arguments, &environment))
}
