//! The log and the store that the processes of a fleet share: Kafka and ClickHouse.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sextant_eventlog::kafka::KafkaLog;
use sextant_eventlog::{EventLog, LogError, TopicSpec};
use sextant_measure::time::Clock;
use sextant_store::clickhouse::ClickHouseStore;
use sextant_store::{Limits, Store};
use sextant_wire::topics::topics;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backends::retention;
use super::role::Role;
use crate::config::Config;

/// Between attempts to prepare the topics; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// How often the log's readers are looked through, and the store's figures taken.
const TURN: Duration = Duration::from_secs(15);
/// Turns between two sweeps of the store: an hour.
const SWEEP_EVERY: u32 = 240;

/// What a process of a fleet works with.
pub(super) struct Engines {
    log: Arc<KafkaLog>,
    store: Option<Arc<ClickHouseStore>>,
    /// Whether it sees to it that the store forgets.
    sweeps: bool,
}

impl Engines {
    /// Makes the clients, and waits until the topics are there. The store is waited for by nobody.
    pub(super) async fn open(role: Role, config: &Config, instance: &str) -> anyhow::Result<Self> {
        let log = KafkaLog::open(&config.kafka, &format!("{}-{instance}", role.name()));
        let log = Arc::new(log.context("cannot use Kafka")?);
        let store = if role.stores() {
            Some(Arc::new(store(config).await?))
        } else {
            None
        };
        prepare(&log, &topics(config.log.partitions, config.log.retention())).await?;
        Ok(Self {
            log,
            store,
            sweeps: role.owns(),
        })
    }

    pub(super) fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as Arc<dyn EventLog>
    }

    pub(super) fn store(&self) -> Option<Arc<dyn Store>> {
        let store = self.store.as_ref()?;
        Some(Arc::clone(store) as Arc<dyn Store>)
    }

    /// Looks after the clients, and after what the store keeps, until `stop`.
    pub(super) fn look_after(
        &self,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let (log, store) = (Arc::clone(&self.log), self.store.clone());
        let (sweeps, stop) = (self.sweeps, stop.clone());
        let skipped = Gauge::<i64>::default();
        let help = "Rows that could not be decoded";
        registry.register("sextant_store_skipped_rows", help, skipped.clone());
        tasks.spawn(async move {
            let mut ticks = interval(TURN);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut turn = 0_u32;
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                log.tidy().await;
                if let Some(store) = &store {
                    let rows = store.stats().corrupt_rows;
                    skipped.set(i64::try_from(rows).unwrap_or(i64::MAX));
                    if sweeps && turn.is_multiple_of(SWEEP_EVERY) {
                        sweep(store, &*clock).await;
                    }
                }
                turn = turn.wrapping_add(1);
            }
        });
    }

    /// Waits until the log can't be used any more, and says why.
    pub(super) async fn stopped(&self) -> String {
        format!("the log has stopped: {}", self.log.stopped().await)
    }

    /// Closes them in good order.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        Ok(self.log.close().await?)
    }
}

/// A store that may be away, but not one that will never do.
async fn store(config: &Config) -> anyhow::Result<ClickHouseStore> {
    let kept = retention(&config.store);
    let store = ClickHouseStore::new(config.clickhouse.clone(), kept, Limits::default());
    let store = store.context("cannot use ClickHouse")?;
    match store.check().await {
        Ok(()) => {}
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "the store is not there yet; windows go on without");
        }
        Err(error) => return Err(error).context("cannot use ClickHouse"),
    }
    Ok(store)
}

async fn sweep(store: &ClickHouseStore, clock: &dyn Clock) {
    if let Err(error) = store.enforce_retention(clock.now()).await {
        tracing::warn!(%error, "the store was not swept");
    }
}

/// Prepares the topics, however long Kafka is away.
async fn prepare(log: &KafkaLog, topics: &[TopicSpec]) -> anyhow::Result<()> {
    let mut retry = RETRY_FIRST;
    loop {
        match log.prepare(topics).await {
            Ok(()) => return Ok(()),
            Err(error @ LogError::Unavailable { .. }) => {
                tracing::warn!(%error, "the topics are not there yet");
            }
            Err(error) => return Err(error).context("cannot prepare the log's topics"),
        }
        sleep(retry).await;
        retry = (retry * 2).min(RETRY_LONGEST);
    }
}
