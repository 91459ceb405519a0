//! What a router promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod ages;
mod allocations;
mod draw;
mod filters;
mod market;
mod oracle;
mod order;
