//! Archives over a log and a store in memory, that come and go.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod away;
mod coming_and_going;
mod keeping;
mod rig;
mod sampled;
mod shelf;
