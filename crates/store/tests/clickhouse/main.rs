//! The store on ClickHouse, against ClickHouse's own engine: the contract of every store, the same
//! answers as from SQLite, faults, and what people ask in SQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests may"
)]

mod contract;
mod differential;
mod events;
mod faults;
mod harness;
mod proxy;
mod retention;
#[path = "../it/rows.rs"]
mod rows;
mod schema;
mod setup;
mod views;
mod writing;
