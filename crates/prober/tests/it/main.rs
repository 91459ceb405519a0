//! Probers that ask real servers, which misbehave on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod budget;
mod config;
mod hostile;
mod kit;
mod misconfigured;
mod outcomes;
mod provider;
mod requests;
mod sharing;
mod tls;
