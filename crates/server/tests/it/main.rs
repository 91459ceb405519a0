//! A server over a log in memory, on a clock that the test moves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod away;
mod cut;
mod endpoints;
mod events;
mod exposed;
mod follow;
mod gates;
mod health;
mod histories;
mod history;
mod holder;
mod hostile;
mod incidents;
mod listener;
mod minimums;
mod models;
mod numbers;
mod once;
mod pages;
mod rig;
mod route;
mod shares;
mod slow;
mod snapshot;
mod store;
mod storms;
mod watch;
mod wired;
