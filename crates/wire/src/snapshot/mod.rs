//! The routing snapshot: what a gateway pulls.
//!
//! - [`routing`]: the values that a receiver holds, and how they follow from what a server holds.
//! - [`encode`]: from a server's values to bytes.
//! - [`decode`]: from messages to a receiver's values; requests.
//! - [`json`]: the same as JSON text.

pub mod decode;
pub mod encode;
pub mod json;
pub mod routing;
#[cfg(test)]
mod tests;
