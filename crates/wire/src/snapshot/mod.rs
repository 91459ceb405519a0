//! The routing snapshot: what a gateway pulls.
//!
//! - [`encode`]: from a server's values to bytes.
//! - [`decode`]: from messages to a receiver's values; requests.
//! - [`json`]: the same as JSON text.

pub mod decode;
pub mod encode;
pub mod json;
#[cfg(test)]
mod tests;
