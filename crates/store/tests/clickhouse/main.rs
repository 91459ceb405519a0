//! The store on ClickHouse, against ClickHouse's own engine: the contract of every store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod contract;
mod harness;
