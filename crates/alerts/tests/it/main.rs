//! Alerts over a log in memory; incidents told to real Alertmanagers, and to webhooks that misbehave
//! on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod alertmanager;
mod config;
mod desk;
mod hook;
mod leading;
mod log;
mod rules;
mod shelf;
mod trial;
mod webhook;
