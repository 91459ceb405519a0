//! What happens when the disk refuses, with a disk that refuses when told to.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rusqlite::{Connection, ffi};
use tempfile::TempDir;

use super::disk::{Disk, RealDisk};
use super::{SqliteLog, SqliteOptions};
use crate::{Cleanup, EventLog, LogError, Offset, Position, ReadLimit, Record, TopicSpec};

const TOPIC: &str = "observations";
const LIMIT: ReadLimit = ReadLimit {
    records: 1_000,
    bytes: 1 << 20,
};
const POSITION: Position = Position {
    offset: Offset(1),
    time_us: 0,
};

/// How the disk refuses.
#[derive(Default)]
struct Faults {
    /// The most pages that a file may have: SQLite itself then reports a full disk.
    pages_max: AtomicI64,
    /// Whether the next commit fails as it does when fsync reports EIO.
    fails_next_sync: AtomicBool,
    /// Whether the next commit panics.
    panics: AtomicBool,
    /// While it is closed, commits wait.
    gate: Gate,
}

#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Keeps commits waiting until the guard is dropped, at the end of a failed test too.
    fn close(&self) -> ClosedGate<'_> {
        *self.is_closed.lock().unwrap() = true;
        ClosedGate(self)
    }

    fn pass(&self) {
        drop(
            self.opened
                .wait_while(self.is_closed.lock().unwrap(), |is_closed| *is_closed),
        );
    }
}

struct ClosedGate<'a>(&'a Gate);

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        *self.0.is_closed.lock().unwrap() = false;
        self.0.opened.notify_all();
    }
}

struct FaultyDisk(Arc<Faults>);

impl Disk for FaultyDisk {
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let pages_max = match self.0.pages_max.load(Relaxed) {
            0 => i64::from(u32::MAX - 1),
            pages_max => pages_max,
        };
        connection.query_row(&format!("PRAGMA max_page_count = {pages_max}"), (), |_| {
            Ok(())
        })?;
        RealDisk.begin(connection)
    }

    fn commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.0.gate.pass();
        assert!(!self.0.panics.load(Relaxed), "as told");
        if self.0.fails_next_sync.swap(false, Relaxed) {
            let failure = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(failure, None));
        }
        RealDisk.commit(connection)
    }
}

async fn open(directory: &TempDir, options: SqliteOptions) -> (Arc<SqliteLog>, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    let disk = Box::new(FaultyDisk(Arc::clone(&faults)));
    let clock = Arc::new(|| 1_790_000_000_000_000);
    let log = SqliteLog::open_on(directory.path(), options, clock, disk).unwrap();
    let retention = Duration::from_hours(2);
    let cleanup = Cleanup::Delete { retention };
    let topic = TopicSpec {
        name: TOPIC.to_owned(),
        partitions: 2,
        cleanup,
    };
    log.prepare(&[topic]).await.unwrap();
    (Arc::new(log), faults)
}

fn record(bytes: usize) -> Vec<Record> {
    vec![Record {
        value: Some(vec![5; bytes].into()),
        ..Record::default()
    }]
}

async fn offsets(log: &SqliteLog) -> Vec<u64> {
    let fetched = log
        .read(TOPIC, 0, Offset(0), LIMIT, Duration::ZERO)
        .await
        .unwrap();
    fetched
        .records
        .iter()
        .map(|record| record.offset.0)
        .collect()
}

#[tokio::test]
async fn p9_after_a_failed_sync_nothing_is_acknowledged_though_the_disk_works_again() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(&directory, SqliteOptions::default()).await;
    log.append(TOPIC, 0, record(10)).await.unwrap();
    faults.fails_next_sync.store(true, Relaxed);
    let failure = log.append(TOPIC, 0, record(10)).await.unwrap_err();
    let LogError::Stopped { reason } = &failure else {
        panic!("{failure}")
    };
    assert!(
        reason.contains("hour-") && reason.contains("1034"),
        "{reason}"
    );
    assert_eq!(log.stopped().await, *reason);

    let wait = Duration::ZERO;
    let refusals = [
        log.append(TOPIC, 0, record(10)).await.unwrap_err(),
        log.append(TOPIC, 1, record(10)).await.unwrap_err(),
        log.commit("group", TOPIC, 0, POSITION).await.unwrap_err(),
        log.committed("group", TOPIC, 0).await.unwrap_err(),
        log.read(TOPIC, 0, Offset(0), LIMIT, wait)
            .await
            .unwrap_err(),
        log.prepare(&[]).await.unwrap_err(),
        log.enforce_retention(0).await.unwrap_err(),
        log.close().await.unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal, failure);
    }
    drop(log);
    let (log, _) = open(&directory, SqliteOptions::default()).await;
    assert_eq!(
        offsets(&log).await,
        [0],
        "what was acknowledged before is there"
    );
    assert_eq!(
        log.append(TOPIC, 0, record(10)).await.unwrap().first,
        Offset(1)
    );
}

#[tokio::test]
async fn p9_a_failed_sync_refuses_its_whole_group_and_all_that_waits_behind() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        group_calls_max: 4,
        ..SqliteOptions::default()
    };
    let (log, faults) = open(&directory, options).await;
    let gate = faults.gate.close();
    faults.fails_next_sync.store(true, Relaxed);
    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let log = Arc::clone(&log);
        appends.spawn(async move { log.append(TOPIC, 0, record(10)).await });
    }
    tokio::task::yield_now().await;
    drop(gate);
    for outcome in appends.join_all().await {
        assert!(
            matches!(outcome, Err(LogError::Stopped { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(log.stats().records, 0);
}

#[tokio::test]
async fn p9_a_reader_that_waits_learns_that_the_log_has_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(&directory, SqliteOptions::default()).await;
    faults.fails_next_sync.store(true, Relaxed);
    let reader = log.read(TOPIC, 1, Offset(0), LIMIT, Duration::from_mins(5));
    let (read, append) = tokio::join!(reader, log.append(TOPIC, 0, record(10)));
    assert!(matches!(append, Err(LogError::Stopped { .. })));
    assert!(matches!(read, Err(LogError::Stopped { .. })));
}

#[tokio::test]
async fn p9_a_writer_that_panics_stops_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(&directory, SqliteOptions::default()).await;
    faults.panics.store(true, Relaxed);
    let lost = log.append(TOPIC, 0, record(10)).await.unwrap_err();
    assert!(matches!(lost, LogError::Stopped { .. }), "{lost}");
    assert!(log.stopped().await.contains("panicked"));
    let refusal = log.append(TOPIC, 0, record(10)).await.unwrap_err();
    assert!(matches!(refusal, LogError::Stopped { .. }), "{refusal}");
}

#[tokio::test]
async fn p6_a_full_disk_refuses_appends_and_takes_them_again_when_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(&directory, SqliteOptions::default()).await;
    log.append(TOPIC, 0, record(10)).await.unwrap();
    faults.pages_max.store(20, Relaxed);
    let refusal = log.append(TOPIC, 0, record(400_000)).await.unwrap_err();
    assert!(matches!(&refusal, LogError::Full { .. }), "{refusal}");
    assert!(refusal.is_transient());
    assert_eq!(log.stats().full_refusals, 1);
    assert_eq!(offsets(&log).await, [0], "reads go on");
    log.append(TOPIC, 0, record(10)).await.unwrap();

    faults.pages_max.store(0, Relaxed);
    let appended = log.append(TOPIC, 0, record(400_000)).await.unwrap();
    assert_eq!(
        appended.first,
        Offset(2),
        "a refused append uses up no offset"
    );
    log.close().await.unwrap();
    drop(log);
    let (log, _) = open(&directory, SqliteOptions::default()).await;
    assert_eq!(offsets(&log).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_appends_wait_while_the_queue_is_full_and_are_refused_after_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        queue_calls_max: 2,
        queue_wait_max: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let (log, faults) = open(&directory, options).await;
    let gate = faults.gate.close();
    let late = async {
        let refusal = log.append(TOPIC, 1, record(10)).await.unwrap_err();
        drop(gate);
        refusal
    };
    // The two that are polled first have their places by then.
    let (one, two) = (
        log.append(TOPIC, 0, record(10)),
        log.append(TOPIC, 0, record(10)),
    );
    let (one, two, refusal) = tokio::join!(biased; one, two, late);
    assert!(
        matches!(&refusal, LogError::Unavailable { .. }),
        "{refusal}"
    );
    assert_eq!(log.stats().queue_refusals, 1);
    assert_eq!(
        (one.unwrap().first, two.unwrap().first),
        (Offset(0), Offset(1))
    );
    log.append(TOPIC, 1, record(10)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_the_queue_is_bounded_in_bytes_too() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        queue_bytes_max: 10_000,
        queue_wait_max: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let (log, faults) = open(&directory, options).await;
    let gate = faults.gate.close();
    let second = async {
        let refusal = log.append(TOPIC, 0, record(9_000)).await.unwrap_err();
        drop(gate);
        refusal
    };
    let (first, refusal) = tokio::join!(biased; log.append(TOPIC, 0, record(9_000)), second);
    first.unwrap();
    assert!(
        matches!(&refusal, LogError::Unavailable { .. }),
        "{refusal}"
    );
    // Larger than the queue, but not than an append may be: it goes alone.
    log.append(TOPIC, 0, record(20_000)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_that_wait_for_the_same_sync_share_it() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(&directory, SqliteOptions::default()).await;
    let gate = faults.gate.close();
    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let log = Arc::clone(&log);
        appends.spawn(async move { log.append(TOPIC, 0, record(10)).await });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(gate);
    let mut answers: Vec<_> = appends
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.unwrap().first.0)
        .collect();
    answers.sort_unstable();
    assert_eq!(answers, (0..50).collect::<Vec<_>>());
    let stats = log.stats();
    assert_eq!((stats.calls, stats.records), (50, 50));
    assert!(
        stats.groups <= 3,
        "one that had begun, and the rest: {stats:?}"
    );
    assert!(stats.group_calls_max >= 25, "{stats:?}");
}
