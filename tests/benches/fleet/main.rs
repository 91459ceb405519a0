//! A whole fleet under load: the release binary as collector, aggregators and server, on a Kafka
//! and a ClickHouse of its own, or as one standalone.
//!
//! Senders in this process report over the real gRPC stream; a watcher in this process holds what
//! the server serves. Every process runs with the settings it is shipped with, but for how many
//! series the aggregator keeps. At the end every count served must be what was acknowledged, or
//! the run fails.
//!
//! `cargo bench -p sextant-tests --bench fleet -- --help` names the options.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it measures in real time, stops at the first surprise, and prints figures"
)]

mod ledger;
mod load;
mod options;
mod report;
mod sender;
mod system;
mod takeover;
mod traffic;
mod watcher;
mod workload;

use anyhow::Result;
use clap::Parser;

use crate::options::Options;

fn main() -> Result<()> {
    let options = Options::parse();
    options.check()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(async {
        if options.takeover {
            takeover::run(&options).await
        } else {
            load::run(&options).await
        }
    })?;
    report.print(options.output);
    Ok(())
}
