//! What a router promises.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod ages;
mod allocations;
mod closed_loop;
mod draw;
mod filters;
mod market;
mod oracle;
mod order;
#[path = "../simulation/mod.rs"]
mod simulation;
