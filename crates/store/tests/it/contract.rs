//! What every store must do.

use crate::harness::SqliteHarness;

sextant_testkit::store_contract!(SqliteHarness::new());
