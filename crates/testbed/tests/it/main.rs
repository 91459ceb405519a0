//! The servers start, and end as told.
#![allow(clippy::unwrap_used, reason = "tests may")]

mod clickhouse;
mod kafka;
