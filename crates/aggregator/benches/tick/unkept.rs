//! A log that takes everything and keeps of it only the first record, the claim.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    StoredRecord, TopicSpec,
};

use crate::START;

#[derive(Default)]
pub(crate) struct Unkept {
    claim: Mutex<Option<StoredRecord>>,
    next: AtomicU64,
}

#[async_trait]
impl EventLog for Unkept {
    async fn append(&self, _: &str, _: u32, records: Vec<Record>) -> Result<Appended, LogError> {
        let first = self.next.fetch_add(records.len() as u64, Relaxed);
        let appended_at_us = START.as_micros();
        let appended = Appended {
            first: Offset(first),
            last: Offset((first + records.len() as u64).saturating_sub(1)),
            appended_at_us,
        };
        if let (0, [claim]) = (first, records.as_slice()) {
            *self.claim.lock().unwrap() = Some(StoredRecord {
                offset: Offset(0),
                appended_at_us,
                record: claim.clone(),
            });
        }
        Ok(appended)
    }

    async fn read(
        &self,
        _: &str,
        _: u32,
        _: Offset,
        _: ReadLimit,
        _: Duration,
    ) -> Result<Fetched, LogError> {
        let next = Offset(self.next.load(Relaxed));
        Ok(Fetched {
            records: self.claim.lock().unwrap().iter().cloned().collect(),
            next,
            high_watermark: next,
            corrupt: Vec::new(),
        })
    }

    async fn bounds(&self, _: &str, _: u32) -> Result<Bounds, LogError> {
        Ok(Bounds {
            earliest: Offset(0),
            high_watermark: Offset(self.next.load(Relaxed)),
        })
    }

    async fn prepare(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Err(LogError::Closed)
    }

    async fn offset_at(&self, _: &str, _: u32, _: i64) -> Result<Offset, LogError> {
        Err(LogError::Closed)
    }

    async fn commit(&self, _: &str, _: &str, _: u32, _: Position) -> Result<(), LogError> {
        Err(LogError::Closed)
    }

    async fn committed(&self, _: &str, _: &str, _: u32) -> Result<Option<Position>, LogError> {
        Err(LogError::Closed)
    }

    async fn join(&self, _: &str, _: &str) -> Result<Box<dyn Membership>, LogError> {
        Err(LogError::Closed)
    }
}
