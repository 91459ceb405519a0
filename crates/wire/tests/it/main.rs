//! Round trips, and bytes from those who mean harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod alerts;
mod fixtures;
mod hostile;
mod json;
mod round_trips;
mod values;
