//! Real Kafka and real ClickHouse for tests, as child processes that end with whoever started them;
//! OpenRouter's real SDKs, and OpenTelemetry's; Buf; Prometheus and Alertmanager; and what drives a
//! real browser.
//!
//! `cargo xtask test` fetches all once ([`kafka::fetch`], [`clickhouse::fetch`], [`sdk::fetch`],
//! [`otel::fetch`], [`buf::fetch`], [`browser::fetch`]), starts one of each server for the whole run,
//! and names them in the environment. A test asks [`run`] where they are, and takes a topic prefix
//! or a database of its own there. A test that breaks its server starts one for itself.
//!
//! What is fetched lies in `target/testbed`, and is fetched again when what is wanted changes.

pub mod alertmanager;
pub mod browser;
pub mod buf;
pub mod clickhouse;
mod fetched;
pub mod kafka;
pub mod otel;
pub mod prometheus;
mod python;
pub mod run;
pub mod sdk;
pub mod server;

use std::path::PathBuf;

/// Where everything fetched lies.
pub fn folder() -> PathBuf {
    root().join("target/testbed")
}

/// The workspace's root.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}
