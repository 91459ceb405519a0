//! The store on SQLite: the contract of every store, and what only a file can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod contract;
mod damage;
mod formats;
mod full;
mod harness;
mod opening;
mod process;
mod retention;
mod rows;
mod views;
