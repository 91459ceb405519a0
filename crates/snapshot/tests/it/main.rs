//! Pictures, what they hand out, and what becomes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod best;
mod changes;
mod gates;
mod history;
mod make;
mod mirror;
mod ownership;
mod ownership_props;
mod suspicion;
mod version_props;
mod world;
