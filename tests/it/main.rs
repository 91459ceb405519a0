//! End to end: the binary as its users run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests stop at the first surprise, and they run in real time"
)]

mod agent;
mod alerts;
mod archive;
mod bad_input;
mod browser;
mod chaos;
mod crash;
mod deploy;
mod fleet;
mod gateway;
mod grafana;
mod metrics;
mod openapi;
mod operations;
mod otlp;
mod outages;
mod probes;
mod prometheus;
mod protocol;
mod reload;
mod replay;
mod rights;
mod sdk;
mod watch;
