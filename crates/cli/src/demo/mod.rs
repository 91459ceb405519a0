//! `--demo`: something to look at before there is anything to measure.
//!
//! - [`world`]: providers that are made up, as a function of a seed and of time.
//! - [`agents`]: edge agents that report what they see of it, as real ones would.
//! - [`view`], [`screen`]: what the numbers say, and how that looks.
//! - [`terminal`]: shows it again and again, and leaves the terminal as it was.
//!
//! Only the providers are simulated. What they seem to do is reported, logged, filed and published
//! by the same path as anything else, and all numbers shown are those that came out of it.

pub mod agents;
mod attempt;
mod character;
mod dice;
mod endpoints;
mod outage;
pub mod screen;
pub mod terminal;
mod text;
pub mod view;
pub mod world;
