//! Contract suites, seeded traffic with known truth, test doubles

pub mod eventlog_contract;
pub mod memory_log;
pub mod openapi;
pub mod store_contract;
