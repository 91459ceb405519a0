//! What every store must do.

use crate::harness::ClickHouseHarness;

sextant_testkit::store_contract!(ClickHouseHarness::new());
