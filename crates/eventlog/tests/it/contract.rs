//! The contract of every log.

use crate::harness::SqliteHarness;

sextant_testkit::eventlog_contract!(SqliteHarness::new());
