//! Spans as instrumentations send them, and as nobody should.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod accounting;
mod ending;
mod grpc;
mod harness;
mod hostile;
mod http;
mod mapping;
