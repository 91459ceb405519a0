//! What a process with its own log and store looks after: retention, and their figures.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sextant_eventlog::sqlite::SqliteLog;
use sextant_measure::time::Clock;
use sextant_store::Store as _;
use sextant_store::sqlite::SqliteStore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::figures::Figures;

const TURN: Duration = Duration::from_secs(5);
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
    let counted = Figures::register(registry, &FIGURES);
    let stop = stop.clone();
    tasks.spawn(async move {
        let mut ticks = interval(TURN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turn = 0_u32;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            counted.take(&figures(&embedded));
            if turn.is_multiple_of(SWEEP_EVERY)
                && let Err(error) = embedded.store.enforce_retention(clock.now()).await
            {
                tracing::warn!(%error, "the store was not swept");
            }
            turn = turn.wrapping_add(1);
        }
    });
}

/// What the log and the store count themselves.
const FIGURES: [(&str, &str); 11] = [
    ("log_appended_records", "Records appended"),
    ("log_appended_bytes", "Bytes appended"),
    ("log_transactions", "Transactions, each with one fsync"),
    (
        "log_corrupt_records",
        "Records skipped for a wrong checksum",
    ),
    ("log_full_appends", "Appends refused for a full disk"),
    ("store_writes", "Writes answered with success"),
    ("store_full_writes", "Writes refused for a full disk"),
    ("store_rows", "Rows written that stand"),
    ("store_expired_rows", "Rows deleted by retention"),
    ("store_skipped_rows", "Rows that could not be decoded"),
    (
        "store_evicted_rows",
        "Attempts that made room for newer ones",
    ),
];

fn figures(embedded: &Embedded) -> [u64; 11] {
    let (log, store) = (embedded.log.stats(), embedded.store.stats());
    [
        log.records,
        log.bytes,
        log.groups,
        log.corrupt_records,
        log.full_refusals,
        store.writes,
        store.full_refusals,
        store.rows,
        store.expired_rows,
        store.corrupt_rows,
        store.evicted_rows,
    ]
}
