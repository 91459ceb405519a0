//! What a process with its own log and store looks after: retention, and their figures.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sextant_eventlog::sqlite::SqliteLog;
use sextant_measure::time::Clock;
use sextant_store::Store as _;
use sextant_store::sqlite::SqliteStore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const FIGURES: Duration = Duration::from_secs(5);
/// Turns between two sweeps of the store: ten minutes.
const SWEEP_EVERY: u32 = 120;

/// The embedded log and store.
pub(super) struct Embedded {
    log: Arc<SqliteLog>,
    store: Arc<SqliteStore>,
}

impl Embedded {
    pub(super) fn new(log: &Arc<SqliteLog>, store: Arc<SqliteStore>) -> Self {
        Self {
            log: Arc::clone(log),
            store,
        }
    }
}

/// Starts looking after them until `stop`.
pub(super) fn start(
    embedded: Embedded,
    clock: Arc<dyn Clock>,
    registry: &mut Registry,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let figures = Figures::register(registry);
    let stop = stop.clone();
    tasks.spawn(async move {
        let mut ticks = interval(FIGURES);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn = 0_u32;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            figures.take(&embedded);
            if turn.is_multiple_of(SWEEP_EVERY)
                && let Err(error) = embedded.store.enforce_retention(clock.now()).await
            {
                tracing::warn!(%error, "the store was not swept");
            }
            turn = turn.wrapping_add(1);
        }
    });
}

/// What the log and the store have done, as they count it themselves.
struct Figures {
    appended_records: Gauge,
    appended_bytes: Gauge,
    commits: Gauge,
    corrupt_records: Gauge,
    refused_full: Gauge,
    stored_rows_skipped: Gauge,
}

impl Figures {
    fn register(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(format!("sextant_{name}"), help, gauge.clone());
            gauge
        };
        Self {
            appended_records: gauge("log_appended_records", "Appended since the start"),
            appended_bytes: gauge("log_appended_bytes", "Appended since the start"),
            commits: gauge("log_commits", "Transactions, each with one fsync"),
            corrupt_records: gauge("log_corrupt_records", "Skipped for a wrong checksum"),
            refused_full: gauge("log_refused_full", "Appends refused for a full disk"),
            stored_rows_skipped: gauge("store_skipped_rows", "Rows that could not be decoded"),
        }
    }

    fn take(&self, embedded: &Embedded) {
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        let (log, store) = (embedded.log.stats(), embedded.store.stats());
        set(&self.appended_records, log.records);
        set(&self.appended_bytes, log.bytes);
        set(&self.commits, log.groups);
        set(&self.corrupt_records, log.corrupt_records);
        set(&self.refused_full, log.full_refusals);
        set(&self.stored_rows_skipped, store.corrupt_rows);
    }
}
