//! A log in a directory that goes with the test, and a clock in the test's hands.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::sqlite::{SqliteLog, SqliteOptions};
use sextant_eventlog::{
    Cleanup, Clock, EventLog, Fetched, LogError, Offset, ReadLimit, Record, TopicSpec,
};
use sextant_testkit::eventlog_contract::Harness;
use tempfile::TempDir;

pub(crate) const HOUR_US: i64 = 3_600_000_000;

/// Some whole hour.
pub(crate) const START_US: i64 = 497_000 * HOUR_US;

pub(crate) const ALL: ReadLimit = ReadLimit {
    records: 10_000,
    bytes: 64 << 20,
};

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn now_us(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, now_us: i64) {
        self.0.store(now_us, Relaxed);
    }

    pub(crate) fn advance(&self, by_us: i64) {
        self.0.fetch_add(by_us, Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now_us = Arc::clone(&self.0);
        Arc::new(move || now_us.load(Relaxed))
    }
}

/// A directory with a log in it.
pub(crate) struct Bench {
    directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) options: SqliteOptions,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock(Arc::new(AtomicI64::new(START_US))),
            options: SqliteOptions::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn try_open(&self) -> Result<SqliteLog, LogError> {
        SqliteLog::open(self.path(), self.options.clone(), self.clock.clock())
    }

    pub(crate) fn open(&self) -> SqliteLog {
        self.try_open().unwrap()
    }

    /// A log with a topic by age, kept two hours, and a compacted one, tombstones kept an hour.
    pub(crate) async fn open_with_topics(&self, partitions: u32) -> SqliteLog {
        let log = self.open();
        log.prepare(&topics(partitions)).await.unwrap();
        log
    }

    /// The files of the topic by age, oldest first.
    pub(crate) fn hours(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join("topics").join(BY_AGE)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "db"))
            .collect();
        paths.sort();
        paths
    }

    pub(crate) fn main_file(&self) -> PathBuf {
        self.path().join("log.db")
    }
}

pub(crate) const BY_AGE: &str = "by-age";
pub(crate) const BY_KEY: &str = "by-key";

pub(crate) fn topics(partitions: u32) -> [TopicSpec; 2] {
    [
        TopicSpec {
            name: BY_AGE.to_owned(),
            partitions,
            cleanup: Cleanup::Delete {
                retention: Duration::from_hours(2),
            },
        },
        TopicSpec {
            name: BY_KEY.to_owned(),
            partitions,
            cleanup: Cleanup::Compact {
                tombstone_retention: Duration::from_hours(1),
            },
        },
    ]
}

pub(crate) fn numbered(number: usize) -> Record {
    Record::new(format!("key {number}"), format!("value {number}"))
}

/// What stands in partition 0 from an offset on, in one read without waiting.
pub(crate) async fn fetch(log: &SqliteLog, topic: &str, from: u64) -> Result<Fetched, LogError> {
    log.read(topic, 0, Offset(from), ALL, Duration::ZERO).await
}

/// Everything in partition 0: offsets of sound records, and of damaged ones.
pub(crate) async fn fetch_all(log: &SqliteLog, topic: &str) -> (Vec<u64>, Vec<u64>) {
    let mut from = log.bounds(topic, 0).await.unwrap().earliest.0;
    let (mut sound, mut corrupt) = (Vec::new(), Vec::new());
    loop {
        let fetched = fetch(log, topic, from).await.unwrap();
        sound.extend(fetched.records.iter().map(|record| record.offset.0));
        corrupt.extend(fetched.corrupt.iter().map(|offset| offset.0));
        from = fetched.next.0;
        if fetched.next >= fetched.high_watermark {
            return (sound, corrupt);
        }
    }
}

/// The log for the contract suite, with a clock that ticks and now and then steps back.
pub(crate) struct SqliteHarness {
    bench: Bench,
    log: Mutex<Option<Arc<SqliteLog>>>,
}

impl SqliteHarness {
    pub(crate) fn new() -> Self {
        Self {
            bench: Bench::new(),
            log: Mutex::default(),
        }
    }

    fn open_log(&self) -> Arc<SqliteLog> {
        let ticks = AtomicI64::new(self.bench.clock.now_us());
        let clock: Clock = Arc::new(move || {
            let tick_us = ticks.fetch_add(700, Relaxed);
            if tick_us % 3 == 0 {
                tick_us - 1_500
            } else {
                tick_us
            }
        });
        let log = SqliteLog::open(self.bench.path(), self.bench.options.clone(), clock).unwrap();
        Arc::new(log)
    }
}

#[async_trait]
impl Harness for SqliteHarness {
    async fn open(&self) -> Arc<dyn EventLog> {
        let mut log = self.log.lock().unwrap();
        let log = log.get_or_insert_with(|| self.open_log());
        Arc::<SqliteLog>::clone(log)
    }

    async fn reopen(&self) -> Arc<dyn EventLog> {
        let open = self.log.lock().unwrap().take();
        if let Some(log) = open {
            log.close().await.unwrap();
        }
        self.open().await
    }

    fn record_bytes_max(&self) -> usize {
        self.bench.options.record_bytes_max
    }
}
