//! A log that takes everything and keeps nothing.

use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};

pub(crate) struct Nowhere;

#[async_trait]
impl EventLog for Nowhere {
    async fn prepare(&self, _: &[TopicSpec]) -> Result<(), LogError> {
        Ok(())
    }

    async fn append(&self, _: &str, _: u32, _: Vec<Record>) -> Result<Appended, LogError> {
        Ok(Appended {
            first: Offset(0),
            last: Offset(0),
            appended_at_us: 0,
        })
    }

    async fn read(
        &self,
        _: &str,
        _: u32,
        _: Offset,
        _: ReadLimit,
        _: Duration,
    ) -> Result<Fetched, LogError> {
        Err(LogError::Closed)
    }

    async fn bounds(&self, _: &str, _: u32) -> Result<Bounds, LogError> {
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
