//! What Sextant measures, and what every number means.
//!
//! Values and pure functions only: no I/O, no clock, no async. Time is an argument.
//!
//! - [`id`]: models, providers, quantizations, regions and what they name together.
//! - [`observation`], [`outcome`]: one upstream attempt and what it counts for.
//! - [`scale`], [`bins`], [`sketch`]: mergeable log-linear histograms.
//! - [`window`], [`long`]: the sliding windows.
//! - [`figures`], [`ratio`], [`status`]: the numbers that are published.

mod aged;
pub mod bins;
pub mod counts;
pub mod figures;
pub mod id;
pub mod long;
pub mod observation;
pub mod outcome;
pub mod quantization;
pub mod ratio;
pub mod refusal;
mod running;
pub mod scale;
pub mod sketch;
pub mod status;
mod step;
pub mod time;
pub mod window;
