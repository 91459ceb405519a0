//! The doubles pass the suites that the real ones pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod document;
mod memory_log;
mod openapi;
