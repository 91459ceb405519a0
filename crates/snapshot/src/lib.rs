//! What a gateway must know right now: rows, version, delta, age.
//!
//! Values and pure functions only: no I/O, no clock, no async. Time is an argument.
//!
//! - [`row`], [`gates`]: what is known of an endpoint, of a sender, and of an operator's verdicts;
//!   [`routing`]: what of an endpoint's row a router must know.
//! - [`record`], [`key`]: what is read from the windows log.
//! - [`picture`]: what a reader of the logs holds, and what changed in it since a version.
//! - [`snapshot`], [`change`], [`version`]: what is handed out.
//! - [`mirror`]: what a receiver holds.
//! - [`best`]: the endpoint to name first.
//!
//! # Constraints
//!
//! - No row goes back: neither in a picture, nor in a mirror that is fed by several pictures.
//! - A stale owner's record changes nothing, once the claim after it is known.
//! - Whoever asks since any version gets all that changed, or everything. A picture that can't
//!   prove that it remembers every removal since then gives everything.
//! - Rows, senders, gates, remembered removals and remembered positions are all bounded.

pub mod best;
pub mod change;
mod cursor;
mod error;
pub mod gates;
mod handover;
pub mod key;
mod lane;
pub mod mirror;
mod partition;
pub mod picture;
mod providers;
pub mod record;
pub mod routing;
pub mod row;
pub mod snapshot;
pub mod stamp;
pub mod version;

pub use crate::error::SnapshotError;
