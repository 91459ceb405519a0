//! Watchers by the thousand: the release binary as one standalone, and gateways that hold a stream
//! each, over TCP, from a process of their own.
//!
//! A feed reports observations of so many endpoints each second, so that their rows change. For
//! each number of watchers a fresh standalone is looked at twice: without watchers, and with them.
//! It prints the rows of the table in `docs/performance.md`.
//!
//! `cargo bench -p sextant-tests --bench watch -- --help` names the options.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it measures in real time, and prints figures"
)]

mod crowd;
mod feed;
mod messages;
mod options;
mod pages;
mod run;

use anyhow::Result;
use clap::Parser;

use crate::options::Options;

fn main() -> Result<()> {
    let options = Options::parse();
    options.check()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match &options.crowd_of {
            Some(server) => crowd::be(&options, server).await,
            None => run::all(&options).await,
        }
    })
}
