//! What a collector is to its senders and to its log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod admission;
mod agents;
mod arrival;
mod directory;
mod durability;
mod faulty_log;
mod harness;
mod hostile;
mod http;
mod limits;
mod metrics;
mod sample;
mod stream;
mod unary;
