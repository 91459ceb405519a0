//! A gateway beside servers that do as they are told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod disk;
mod following;
mod market;
mod server;
