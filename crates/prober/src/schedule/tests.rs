//! Agents in a simulated fleet, over days that take seconds.

mod alone;
mod sharing;
mod world;
