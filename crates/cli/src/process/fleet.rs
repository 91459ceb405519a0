//! The log and the store that the processes of a fleet share: Kafka and ClickHouse.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
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
use super::figures::Figures;
use super::opening::Opening;
use super::parts::Parts;
use crate::config::Config;

/// Between attempts to prepare the topics; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// How often the log's readers are looked through, and what both count is taken.
const TURN: Duration = Duration::from_secs(5);
/// Turns between two sweeps of the store: an hour.
const SWEEP_EVERY: u32 = 720;

/// What a process of a fleet works with.
pub(super) struct Engines {
    log: Arc<KafkaLog>,
    store: Option<Arc<ClickHouseStore>>,
    /// Whether it sees to it that the store forgets.
    sweeps: bool,
}

impl Engines {
    /// Makes the clients, and waits until the topics are there. The store is waited for by nobody.
    pub(super) async fn open(parts: &Parts<'_>, opening: &Opening) -> anyhow::Result<Self> {
        let (role, config, instance) = (parts.role, parts.config, parts.instance);
        let log = KafkaLog::open(&config.kafka, &format!("{}-{instance}", role.name()));
        let log = Arc::new(log.context("cannot use Kafka")?);
        opening.waits_for("ClickHouse has not answered yet".to_owned());
        let store = if role.stores() {
            Some(Arc::new(store(config).await?))
        } else {
            None
        };
        let topics = topics(config.log.partitions, config.log.retention());
        opening.waits_for("Kafka has not answered yet".to_owned());
        prepare(&log, &topics, opening).await?;
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
        let log_counted = Figures::register(registry, &LOG_FIGURES);
        let store_counted = store
            .is_some()
            .then(|| Figures::register(registry, &STORE_FIGURES));
        tasks.spawn(async move {
            let mut ticks = interval(TURN);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut turn = 0_u32;
            let turns = async {
                loop {
                    ticks.tick().await;
                    log.tidy().await;
                    log_counted.take(&log_figures(&log));
                    if let (Some(store), Some(counted)) = (&store, &store_counted) {
                        counted.take(&store_figures(store));
                        if sweeps && turn.is_multiple_of(SWEEP_EVERY) {
                            sweep(store, &*clock).await;
                        }
                    }
                    turn = turn.wrapping_add(1);
                }
            };
            // Also a sweep that hangs: what it leaves is the next one's.
            stop.run_until_cancelled(turns).await;
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

/// What the log counts itself.
const LOG_FIGURES: [(&str, &str); 8] = [
    ("log_appended_records", "Records appended"),
    ("log_appended_bytes", "Bytes appended"),
    (
        "log_failed_appends",
        "Appends that failed; their records may stand",
    ),
    ("log_read_records", "Records read"),
    (
        "log_corrupt_records",
        "Records skipped for a wrong checksum",
    ),
    ("log_failed_reads", "Reads that failed"),
    ("log_commits", "Positions committed"),
    ("log_failed_commits", "Positions not committed"),
];

fn log_figures(log: &KafkaLog) -> [u64; 8] {
    let stats = log.stats();
    [
        stats.appended_records,
        stats.appended_bytes,
        stats.failed_appends,
        stats.read_records,
        stats.corrupt_records,
        stats.failed_reads,
        stats.commits,
        stats.failed_commits,
    ]
}

/// What the store counts itself.
const STORE_FIGURES: [(&str, &str); 6] = [
    ("store_writes", "Writes answered with success"),
    (
        "store_failed_writes",
        "Writes that failed; their rows may stand",
    ),
    ("store_batches", "Times that rows were sent"),
    ("store_rows", "Rows sent and taken"),
    ("store_expired_rows", "Rows deleted by retention"),
    ("store_skipped_rows", "Rows that could not be decoded"),
];

fn store_figures(store: &ClickHouseStore) -> [u64; 6] {
    let stats = store.stats();
    [
        stats.writes,
        stats.failed_writes,
        stats.batches,
        stats.rows,
        stats.expired_rows,
        stats.corrupt_rows,
    ]
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
async fn prepare(log: &KafkaLog, topics: &[TopicSpec], opening: &Opening) -> anyhow::Result<()> {
    let mut retry = RETRY_FIRST;
    loop {
        match log.prepare(topics).await {
            Ok(()) => return Ok(()),
            Err(error @ LogError::Unavailable { .. }) => {
                tracing::warn!(%error, "the topics are not there yet");
                opening.waits_for(format!("the topics are not there yet: {error}"));
            }
            Err(error) => return Err(error).context("cannot prepare the log's topics"),
        }
        sleep(retry).await;
        retry = (retry * 2).min(RETRY_LONGEST);
    }
}
