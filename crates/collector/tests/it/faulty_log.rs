//! A log in memory whose appends can be held back and made to fail.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::part::{AgentReport, ObservationsRecord, Part};
use sextant_wire::topics::{OBSERVATIONS, RETENTION_MIN, topics};
use tokio::sync::watch;

use crate::harness::PARTITIONS;

/// What becomes of an append, by its number and partition.
pub(crate) type Plan = Box<dyn Fn(u64, u32) -> Fate + Send + Sync>;

/// What becomes of an append.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    Appended,
    /// Nothing is appended.
    Refused(LogError),
    /// It is appended, and the answer says that it may not be.
    AnswerLost,
}

pub(crate) struct FaultyLog {
    inner: MemoryLog,
    plan: Mutex<Plan>,
    appends: AtomicU64,
    is_open: watch::Sender<bool>,
}

pub(crate) fn unavailable() -> LogError {
    LogError::Unavailable {
        reason: "a fault was asked for".to_owned(),
    }
}

impl FaultyLog {
    pub(crate) async fn new() -> Arc<Self> {
        let inner = MemoryLog::new(Arc::new(|| 0));
        inner
            .prepare(&topics(PARTITIONS, RETENTION_MIN))
            .await
            .unwrap();
        Arc::new(Self {
            inner,
            plan: Mutex::new(Box::new(|_, _| Fate::Appended)),
            appends: AtomicU64::new(0),
            is_open: watch::Sender::new(true),
        })
    }

    /// Appends from now on go by the plan.
    pub(crate) fn plan(&self, plan: impl Fn(u64, u32) -> Fate + Send + Sync + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    /// Appends from now on wait until they are released.
    pub(crate) fn hold(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.is_open.send_replace(true);
    }

    /// Calls so far, those that wait included.
    pub(crate) fn appends(&self) -> u64 {
        self.appends.load(Ordering::SeqCst)
    }

    pub(crate) async fn parts(&self) -> Vec<(u32, Part)> {
        let records = self.records().await.into_iter();
        records
            .filter_map(|(partition, record)| match record {
                ObservationsRecord::Part(part) => Some((partition, *part)),
                ObservationsRecord::Agent(_) => None,
            })
            .collect()
    }

    pub(crate) async fn reports(&self) -> Vec<(u32, AgentReport)> {
        let records = self.records().await.into_iter();
        records
            .filter_map(|(partition, record)| match record {
                ObservationsRecord::Agent(report) => Some((partition, report)),
                ObservationsRecord::Part(_) => None,
            })
            .collect()
    }

    async fn records(&self) -> Vec<(u32, ObservationsRecord)> {
        let limit = ReadLimit {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let (from, wait) = (Offset(0), Duration::ZERO);
            let read = self.inner.read(OBSERVATIONS, partition, from, limit, wait);
            for stored in read.await.unwrap().records {
                let bytes = stored.record.value.unwrap();
                records.push((partition, ObservationsRecord::decode(&bytes).unwrap()));
            }
        }
        records
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.inner.prepare(topics).await
    }

    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        let fate = self.plan.lock().unwrap()(number, partition);
        let mut is_open = self.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
        match fate {
            Fate::Appended => self.inner.append(topic, partition, records).await,
            Fate::Refused(error) => Err(error),
            Fate::AnswerLost => {
                self.inner.append(topic, partition, records).await?;
                Err(unavailable())
            }
        }
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        self.inner.read(topic, partition, from, limit, wait).await
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        self.inner.bounds(topic, partition).await
    }

    async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time_us: i64,
    ) -> Result<Offset, LogError> {
        self.inner.offset_at(topic, partition, time_us).await
    }

    async fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        position: Position,
    ) -> Result<(), LogError> {
        self.inner.commit(group, topic, partition, position).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<Position>, LogError> {
        self.inner.committed(group, topic, partition).await
    }

    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Membership>, LogError> {
        self.inner.join(group, topic).await
    }
}
