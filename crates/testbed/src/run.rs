//! The servers that all tests of a run share.

use std::sync::OnceLock;

use crate::clickhouse::ClickHouse;
use crate::kafka::Kafka;

/// Names the Kafka that tests use, as `host:port`: the run's own, or one that stands already.
pub const KAFKA: &str = "SEXTANT_TEST_KAFKA";

/// Names the ClickHouse that tests use, as `http://host:port`.
pub const CLICKHOUSE: &str = "SEXTANT_TEST_CLICKHOUSE_URL";

/// Where the run's Kafka is reached, as `host:port`.
///
/// Without a run that started one, the process that asks starts its own, which ends with it.
///
/// # Panics
/// If there is none, and none can be started.
pub fn kafka() -> String {
    static OWN: OnceLock<Kafka> = OnceLock::new();
    given(KAFKA).unwrap_or_else(|| {
        let own = OWN.get_or_init(|| start("Kafka", Kafka::start()));
        own.address().to_owned()
    })
}

/// Where the run's ClickHouse is reached, as `http://host:port`, by the user `default`.
///
/// Without a run that started one, the process that asks starts its own, which ends with it.
///
/// # Panics
/// If there is none, and none can be started.
pub fn clickhouse() -> String {
    static OWN: OnceLock<ClickHouse> = OnceLock::new();
    given(CLICKHOUSE).unwrap_or_else(|| {
        let own = OWN.get_or_init(|| start("ClickHouse", ClickHouse::start()));
        own.url()
    })
}

#[expect(
    clippy::panic,
    reason = "a test that can't have its server has failed, and says what is missing"
)]
fn start<T>(what: &str, started: anyhow::Result<T>) -> T {
    started.unwrap_or_else(|error| panic!("{what} cannot be started: {error:#}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a run of the tests tells them what it started"
)]
fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
