//! How a process says how it went: 0 done, 1 failed, 2 usage, 78 bad configuration.

use std::process::ExitCode;

use crate::config::Problems;
use crate::escape::OneLine;
use crate::output;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// `EX_CONFIG` of BSD's sysexits.
const CONFIGURATION: u8 = 78;

/// Why a command did not do what it was told to.
#[derive(Debug)]
pub enum Failure {
    /// The configuration can't be read or contradicts itself; nothing was begun.
    Configuration(Problems),
    /// What was asked for can't be; nothing was begun.
    Usage(anyhow::Error),
    /// It was tried.
    Failed(anyhow::Error),
    /// It was tried, and what came of it has been said already.
    Told,
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Says what went wrong, if anything did, and gives the code to exit with.
pub fn with(outcome: Result<(), Failure>) -> ExitCode {
    let (code, said) = match outcome {
        Ok(()) => (DONE, Ok(())),
        Err(Failure::Told) => (FAILED, Ok(())),
        Err(Failure::Configuration(problems)) => (CONFIGURATION, output::note(problems)),
        Err(Failure::Usage(error)) => (USAGE, note(&error)),
        Err(Failure::Failed(error)) => (FAILED, note(&error)),
    };
    ended(code, said.is_ok())
}

/// Says what went wrong, with its causes.
fn note(error: &anyhow::Error) -> anyhow::Result<()> {
    output::note(OneLine(format!("error: {error:#}")))
}

/// Shows what the command line's parser has to say: a mistake, or help that was asked for.
pub fn usage(shown: &clap::Error) -> ExitCode {
    let code = if shown.use_stderr() { USAGE } else { DONE };
    ended(code, output::unless_unread(shown.print()).is_ok())
}

/// A process that can't say how it went has not done what it was asked for.
fn ended(code: u8, said: bool) -> ExitCode {
    ExitCode::from(if code == DONE && !said { FAILED } else { code })
}
