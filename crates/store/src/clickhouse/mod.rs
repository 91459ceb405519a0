//! A store on ClickHouse, for any number of processes.
//!
//! Tables end in `_rows`; views over them are what people ask (`docs/clickhouse.md`). A row is
//! whole and has a version; of rows with one key the engine keeps the highest version when it
//! merges parts, and every read looks past those that are not merged yet (`FINAL`), within the
//! days that it asks for. `schema/` says more where it is decided.
//!
//! The schema is made and changed by [`migrate`] alone; [`ClickHouseStore::check`] only looks.
//!
//! What differs from a store in a file: a write that ends in
//! [`StoreError::Unavailable`](crate::StoreError::Unavailable) may stand in part; minutes after 2106-02-07 are refused; rows are deleted by whole days.

#[cfg(feature = "clickhouse")]
mod agents;
#[cfg(feature = "clickhouse")]
mod attempts;
mod config;
#[cfg(feature = "clickhouse")]
mod counted;
#[cfg(feature = "clickhouse")]
mod fault;
#[cfg(feature = "clickhouse")]
mod gates;
#[cfg(feature = "clickhouse")]
mod history;
#[cfg(feature = "clickhouse")]
mod incidents;
#[cfg(feature = "clickhouse")]
mod migration;
#[cfg(feature = "clickhouse")]
mod read;
#[cfg(feature = "clickhouse")]
mod retention;
#[cfg(feature = "clickhouse")]
mod server;
#[cfg(feature = "clickhouse")]
mod stats;
#[cfg(feature = "clickhouse")]
mod steps;
#[cfg(feature = "clickhouse")]
mod store;
#[cfg(all(test, feature = "clickhouse"))]
mod tests;
#[cfg(feature = "clickhouse")]
mod uptime;
#[cfg(feature = "clickhouse")]
mod windows;
#[cfg(feature = "clickhouse")]
mod write;

pub use self::config::ClickHouseConfig;
#[cfg(feature = "clickhouse")]
pub use self::migration::migrate;
#[cfg(feature = "clickhouse")]
pub use self::stats::Stats;
#[cfg(feature = "clickhouse")]
pub use self::store::{ClickHouseStore, SCHEMA_VERSION};
