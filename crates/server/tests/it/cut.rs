//! A log that can be cut off, and joined again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};
use sextant_testkit::memory_log::MemoryLog;

pub(crate) struct Cut {
    pub(crate) log: MemoryLog,
    is_cut: AtomicBool,
}

impl Cut {
    pub(crate) fn new(log: MemoryLog) -> Self {
        Self {
            log,
            is_cut: AtomicBool::new(false),
        }
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
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
        let away = || LogError::Unavailable {
            reason: "cut off".to_owned(),
        };
        let is_cut = || self.is_cut.load(Ordering::SeqCst);
        if is_cut() {
            return Err(away());
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
