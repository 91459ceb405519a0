//! A closed loop: gateways choose by what was measured of their own requests a moment ago.
//!
//! Time is virtual, and chance comes from a seed. What is measured, published and chosen is the
//! project's own code: sliding windows, rows, boards and [`sextant_router::choose`]. Only requests
//! and providers are made up.
//!
//! - [`provider`]: what answers, how fast, and when not.
//! - [`pipeline`]: from an attempt that has ended to the board that a gateway holds.
//! - [`world`]: gateways that send requests; [`history`]: what came of them.
//! - [`scenarios`]: who takes part, and what happens to them.

pub(crate) mod history;
mod pipeline;
pub(crate) mod provider;
pub(crate) mod scenarios;
pub(crate) mod world;
