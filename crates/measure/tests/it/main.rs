//! The sliding window against a brute-force oracle that keeps every observation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod oracle;
mod window_props;
