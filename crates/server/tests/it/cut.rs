//! A log that can be cut off, joined again, slowed down and shortened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::topics::{GATES, WINDOWS};

pub(crate) struct Cut {
    pub(crate) log: MemoryLog,
    is_away: AtomicBool,
    read_ms: AtomicU64,
    earliest: AtomicU64,
}

impl Cut {
    pub(crate) fn new(log: MemoryLog) -> Self {
        Self {
            log,
            is_away: AtomicBool::new(false),
            read_ms: AtomicU64::new(0),
            earliest: AtomicU64::new(0),
        }
    }

    /// Makes every read take that long.
    pub(crate) fn slow_down(&self, read_ms: u64) {
        self.read_ms.store(read_ms, Ordering::SeqCst);
    }

    /// Deletes what is below the offset in the windows log.
    pub(crate) fn shorten(&self, earliest: u64) {
        self.earliest.store(earliest, Ordering::SeqCst);
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_away.store(is_cut, Ordering::SeqCst);
    }
}

#[async_trait]
impl EventLog for Cut {
    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        let read_ms = self.read_ms.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(read_ms)).await;
        let is_cut = || self.is_away.load(Ordering::SeqCst);
        if is_cut() {
            return Err(away());
        }
        let earliest = Offset(self.earliest.load(Ordering::SeqCst));
        if topic == WINDOWS && from < earliest {
            let high_watermark = self.log.bounds(topic, partition).await?.high_watermark;
            return Err(LogError::OutOfRange {
                earliest,
                high_watermark,
            });
        }
        let fetched = self.log.read(topic, partition, from, limit, wait).await;
        // A read that was under way is cut off too.
        if is_cut() { Err(away()) } else { fetched }
    }

    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.prepare(topics).await
    }

    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError> {
        // Owners of windows are elsewhere, and not cut off.
        if topic == GATES && self.is_away.load(Ordering::SeqCst) {
            return Err(away());
        }
        self.log.append(topic, partition, records).await
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        self.log.bounds(topic, partition).await
    }

    async fn offset_at(&self, topic: &str, partition: u32, us: i64) -> Result<Offset, LogError> {
        self.log.offset_at(topic, partition, us).await
    }

    async fn commit(&self, _: &str, _: &str, _: u32, _: Position) -> Result<(), LogError> {
        panic!("a server commits nothing")
    }

    async fn committed(&self, _: &str, _: &str, _: u32) -> Result<Option<Position>, LogError> {
        panic!("a server commits nothing")
    }

    async fn join(&self, _: &str, _: &str) -> Result<Box<dyn Membership>, LogError> {
        panic!("a server joins no group: it reads everything")
    }
}

fn away() -> LogError {
    LogError::Unavailable {
        reason: "cut off".to_owned(),
    }
}
