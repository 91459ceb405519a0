//! Aggregators over a log in memory and a real store, on a clock that the test moves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod away;
mod clock;
mod ending;
mod flaky;
mod gates;
mod holding;
mod numbers;
mod ownership;
mod rig;
mod storing;
mod traffic;
