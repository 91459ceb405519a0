//! The servers that all tests of a run share.

use std::sync::OnceLock;

use anyhow::Result;

use crate::clickhouse::{self, ClickHouse};
use crate::kafka::{self, Kafka};

/// Names the Kafka that tests use, as `host:port`: the run's own, or one that stands already.
pub const KAFKA: &str = "SEXTANT_TEST_KAFKA";

/// Names the ClickHouse that tests use, as `http://host:port`.
pub const CLICKHOUSE: &str = "SEXTANT_TEST_CLICKHOUSE_URL";

/// The servers of a run. They end with the value.
pub struct Servers {
    kafka: Option<Kafka>,
    clickhouse: Option<ClickHouse>,
}

impl Servers {
    /// Fetches and starts those that the environment doesn't name. `progress` is told what takes
    /// time.
    ///
    /// # Errors
    /// If one can't be fetched or started; with what to install.
    pub fn start(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let mut servers = Self {
            kafka: None,
            clickhouse: None,
        };
        if given(KAFKA).is_none() {
            kafka::fetch(progress)?;
            progress("starting Kafka");
            servers.kafka = Some(Kafka::start()?);
        }
        if given(CLICKHOUSE).is_none() {
            clickhouse::fetch(progress)?;
            progress("starting ClickHouse");
            servers.clickhouse = Some(ClickHouse::start()?);
        }
        Ok(servers)
    }

    /// How tests are told where those are that were started.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let kafka = self.kafka.as_ref();
        let kafka = kafka.map(|kafka| (KAFKA, kafka.address().to_owned()));
        let clickhouse = self.clickhouse.as_ref();
        let clickhouse = clickhouse.map(|clickhouse| (CLICKHOUSE, clickhouse.url()));
        kafka.into_iter().chain(clickhouse).collect()
    }
}

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
fn start<T>(what: &str, started: Result<T>) -> T {
    started.unwrap_or_else(|error| panic!("{what} cannot be started: {error:#}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a run of the tests tells them what it started, and people what they have"
)]
pub(crate) fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
