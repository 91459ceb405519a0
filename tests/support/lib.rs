//! What the tests that cross processes share: the binary as a child, traffic with known truth,
//! and the numbers that it must give.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::missing_errors_doc,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    reason = "tests stop at the first surprise, and they run in real time"
)]

pub mod browser;
pub mod embedded;
pub mod fleet;
pub mod ledger;
pub mod metrics;
pub mod page;
pub mod process;
pub mod promql;
pub mod sdk;
pub mod spread;
pub mod stored;
pub mod traffic;
pub mod truth;
pub mod usage;
