//! When to wake someone, and how they hear of it.

pub mod delivery;
