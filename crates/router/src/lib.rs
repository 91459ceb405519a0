//! How a request picks an endpoint: tiers, gates, limits, order, reasons.
//!
//! Pure: no I/O, no clock, no chance of its own. A [`board::Board`] is made of each snapshot, off
//! the path of requests; [`choose`] then goes through one model's candidates without waiting and,
//! once its [`decision::Decision`] has been used before, without allocating.
//!
//! - [`request`], [`tier`], [`tag`]: what is asked for.
//! - [`board`], [`candidate`]: what there is to choose from; [`freshness`]: how old that is.
//! - [`decision`]: the whole order, with the reason for every place in it, and what was left out.
//!
//! ```text
//! filters (gates, native, only, ignore, price) -> order (limits, status, tier) -> draw (share, explore)
//! ```

pub mod board;
pub mod candidate;
mod choose;
pub mod decision;
mod draw;
mod filter;
pub mod freshness;
mod gates;
mod order;
pub mod request;
pub mod tag;
pub mod tier;

pub use choose::choose;
