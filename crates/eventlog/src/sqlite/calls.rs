//! The log's calls, as its users make them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::group::{self, Work};
use super::scan::{self, Page};
use super::state::Life;
use super::topic::Topic;
use super::writer::Command;
use super::{SqliteLog, SqliteOptions, catalog, hours, stats};
use crate::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};

/// The longest that a read waits, whatever it is asked: far enough, and no time overflows.
const WAIT_MAX: Duration = Duration::from_hours(365 * 24);

#[async_trait]
impl EventLog for SqliteLog {
    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let specs = topics.to_vec();
        self.ask(|answer| Command::Prepare { specs, answer }).await
    }

    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError> {
        let topic = self.topic(topic, partition)?;
        let bytes = check_records(&self.shared.options, &topic, &records)?;
        let (answer, answered) = oneshot::channel();
        self.call(topic, partition, bytes, Work::Append { records, answer })
            .await?;
        answered.await.map_err(|_| self.ended())?
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        let topic = self.topic(topic, partition)?;
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        let mut high_watermark = topic.follow(partition)?;
        let mut life = self.shared.follow();
        let mut next = from;
        loop {
            self.shared.check()?;
            let (bounds, page) = self.page(&topic, partition, next, limit).await?;
            next = Offset(page.next);
            let is_empty = page.records.is_empty() && page.corrupt.is_empty();
            let is_at_tail = next >= bounds.high_watermark;
            if !is_empty || (is_at_tail && Instant::now() >= deadline) {
                let Page {
                    records, corrupt, ..
                } = page;
                let high_watermark = bounds.high_watermark.max(next);
                return Ok(Fetched {
                    records,
                    next,
                    high_watermark,
                    corrupt,
                });
            }
            if !is_at_tail {
                continue;
            }
            let more = async {
                tokio::select! {
                    more = high_watermark.wait_for(|end| *end > next.0) => drop(more),
                    ended = life.wait_for(|life| *life != Life::Running) => drop(ended),
                }
            };
            // Whether something came or time ran out shows when the bounds are looked at again.
            drop(timeout_at(deadline, more).await);
        }
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        self.topic(topic, partition)?.bounds(partition)
    }

    async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time_us: i64,
    ) -> Result<Offset, LogError> {
        let topic = self.topic(topic, partition)?;
        let end = topic.bounds(partition)?.high_watermark;
        for extent in topic.extents_since(hours::number(time_us), partition, end) {
            let (path, extent_end) = (Arc::clone(&extent.path), extent.end);
            let find = move |file: &_| scan::first_since(file, &extent, time_us);
            match self.shared.readers.run(path, find).await {
                Ok(Some(offset)) => return Ok(offset),
                Ok(None) => {}
                // Retention may have dropped the file meanwhile.
                Err(_) if extent_end <= topic.bounds(partition)?.earliest.0 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(end)
    }

    async fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        position: Position,
    ) -> Result<(), LogError> {
        catalog::check_group(group, topic)?;
        let topic = self.topic(topic, partition)?;
        let (answer, answered) = oneshot::channel();
        let bytes = group.len();
        let work = Work::Commit {
            group: group.to_owned(),
            position,
            answer,
        };
        self.call(topic, partition, bytes, work).await?;
        answered.await.map_err(|_| self.ended())?
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<Position>, LogError> {
        self.topic(topic, partition)?;
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let path = Arc::clone(&self.shared.main);
        let find = move |file: &_| group::position(file, &group, &topic, partition);
        self.shared.readers.run(path, find).await
    }

    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Membership>, LogError> {
        catalog::check_group(group, topic)?;
        let partitions = self.topic(topic, 0)?.spec.partitions;
        Ok(Box::new(self.groups.join(
            Arc::clone(&self.shared),
            group,
            topic,
            partitions,
        )))
    }
}

impl SqliteLog {
    /// Reads what stands from the offset on, without waiting.
    async fn page(
        &self,
        topic: &Topic,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
    ) -> Result<(Bounds, Page), LogError> {
        let (bounds, extent) = topic.locate(partition, from)?;
        let Some(extent) = extent else {
            return Ok((
                bounds,
                Page {
                    next: from.0,
                    ..Page::default()
                },
            ));
        };
        let path = Arc::clone(&extent.path);
        let reading = self
            .shared
            .readers
            .run(path, move |file| scan::page(file, &extent, limit));
        match reading.await {
            Ok(page) => {
                // What a file held that was dropped in mid-read isn't damaged: it is gone.
                if !page.corrupt.is_empty() {
                    topic.bounds(partition)?.check(from)?;
                }
                stats::add(
                    &self.shared.counters.corrupt_records,
                    page.corrupt.len() as u64,
                );
                Ok((bounds, page))
            }
            Err(error) => {
                // Retention may have dropped the file meanwhile.
                topic.bounds(partition)?.check(from)?;
                Err(error)
            }
        }
    }
}

/// Refuses what the log doesn't take; how many bytes the records count for.
fn check_records(
    options: &SqliteOptions,
    topic: &Topic,
    records: &[Record],
) -> Result<usize, LogError> {
    let invalid = |reason| {
        Err(LogError::Invalid {
            topic: topic.spec.name.clone(),
            reason,
        })
    };
    if records.is_empty() {
        return invalid("an append holds at least one record");
    }
    if topic.is_compacted() && records.iter().any(|record| record.key.is_none()) {
        return invalid("a record of a compacted topic has a key");
    }
    let largest = records.iter().map(Record::bytes).max().unwrap_or_default();
    let all = records
        .iter()
        .map(Record::bytes)
        .fold(0, usize::saturating_add);
    for (bytes, max) in [
        (largest, options.record_bytes_max),
        (all, options.append_bytes_max),
    ] {
        if bytes > max {
            return Err(LogError::TooLarge { bytes, max });
        }
    }
    Ok(all)
}
