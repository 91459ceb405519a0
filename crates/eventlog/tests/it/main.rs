//! The contract of every log, and what only a disk, or only a broker, can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod contract;
mod damage;
mod files;
mod harness;
#[cfg(feature = "kafka")]
mod kafka;
mod lifetime;
mod limits;
mod model;
mod process;
mod retention;
