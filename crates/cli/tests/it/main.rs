//! The binary as others run it: what it prints, and how it exits.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod binary;
mod config;
mod replay;
mod server;
mod signals;
