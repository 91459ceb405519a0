//! A place in a partition at which one reader reads on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::client::{Context, apart};
use super::known::{TIMEOUT, Topic};
use super::lane::{Lane, Polled, poll};
use crate::{Bounds, Fetched, LogError, Offset, ReadLimit, StoredRecord};

/// How old what is known of the high watermark may be when a reader is told that it is at the end.
const WATERMARK_AGE_MAX: Duration = Duration::from_millis(250);
/// How long what is known to be in the log may take to come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A place in a partition, and what was read ahead of it.
pub(super) struct Cursor {
    topic: Topic,
    partition: i32,
    lane: Arc<Lane>,
    queue: PartitionQueue<Context>,
    arrived: Arc<Notify>,
    /// Where the reader stands. It moves only with an answer, so that a call may be dropped.
    pub(super) next: Offset,
    /// Taken from the queue, and not yet given to the reader.
    held: VecDeque<StoredRecord>,
    held_bytes: usize,
    /// Where a batch was found damaged, behind all that is held. Librdkafka has lost its place then:
    /// another cursor has to read on.
    corrupt: Option<Offset>,
    /// Nothing more comes. What is held may still be given.
    is_left: bool,
    /// Nobody can read on with it.
    is_lost: bool,
    high_watermark: Offset,
    asked_at: Instant,
    pub(super) used_at: Instant,
}

impl Cursor {
    /// Begins to read. Waits for brokers.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] if the place is not in the log.
    pub(super) fn open(
        lane: Arc<Lane>,
        topic: Topic,
        partition: i32,
        from: Offset,
    ) -> Result<Self, LogError> {
        let asked_at = Instant::now();
        let bounds = ask_bounds(&lane.consumer, &topic, partition)?;
        bounds.check(from)?;
        let arrived = Arc::default();
        let queue = lane.follow(&topic.name, partition, from, &arrived);
        let queue = queue.map_err(|error| {
            let doing = format!("beginning to read {} [{partition}]", topic.name);
            lane.consumer.context().fault(&doing, &error)
        })?;
        Ok(Self {
            topic,
            partition,
            lane,
            queue,
            arrived,
            next: from,
            held: VecDeque::new(),
            held_bytes: 0,
            corrupt: None,
            is_left: false,
            is_lost: false,
            high_watermark: bounds.high_watermark,
            asked_at,
            used_at: asked_at,
        })
    }

    /// Whether a reader who wants to read on at `from` may use it.
    pub(super) fn stands_at(&self, from: Offset) -> bool {
        self.next == from && !self.is_lost
    }

    /// Whether nobody can read on with it.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Reads on, as [`EventLog::read`](crate::EventLog::read) says. A call that is dropped before
    /// its answer loses nothing.
    pub(super) async fn read(
        &mut self,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        let deadline = Instant::now() + wait;
        let patience = deadline.max(Instant::now() + PATIENCE);
        loop {
            self.used_at = Instant::now();
            self.fill(limit).await?;
            if self.has_news() || (self.is_at_end() && Instant::now() >= deadline) {
                self.learn_watermark().await?;
            }
            if self.has_news() || (self.is_at_end() && Instant::now() >= deadline) {
                return Ok(self.answer(limit));
            }
            let until = if self.is_at_end() { deadline } else { patience };
            let woken = timeout_at(until, self.arrived.notified()).await;
            if woken.is_err() && !self.is_at_end() {
                self.lose();
                return Err(self.silent());
            }
        }
    }

    /// Reads no longer.
    pub(super) fn close(mut self) {
        self.leave();
    }

    fn has_news(&self) -> bool {
        !self.held.is_empty() || self.corrupt.is_some()
    }

    /// One past everything that has been taken from the queue.
    fn taken(&self) -> Offset {
        let held = self.held.back().map(|record| record.offset.following());
        let taken = self.corrupt.map(Offset::following).or(held);
        taken.unwrap_or(self.next)
    }

    fn is_at_end(&self) -> bool {
        self.taken() >= self.high_watermark
    }

    /// Takes what has arrived from the queue, up to the limit.
    async fn fill(&mut self, limit: ReadLimit) -> Result<(), LogError> {
        while self.corrupt.is_none()
            && (self.held.is_empty()
                || (self.held.len() < limit.records && self.held_bytes < limit.bytes))
        {
            let place = (&*self.topic.name, self.partition);
            match poll(&self.queue, self.lane.consumer.context(), place) {
                Ok(Polled::Nothing) => break,
                // Of a place that was left.
                Ok(Polled::Record(record)) if record.offset < self.taken() => {}
                Ok(Polled::Record(record)) => {
                    self.held_bytes += record.record.bytes();
                    self.held.push_back(record);
                }
                Ok(Polled::Corrupt) => {
                    self.corrupt = Some(self.taken());
                    self.leave();
                }
                Ok(Polled::OutOfRange) => {
                    self.lose();
                    let bounds = bounds(&self.lane.consumer, &self.topic, self.partition).await?;
                    return Err(bounds.exceeded());
                }
                Err(error) => {
                    self.lose();
                    return Err(error);
                }
            }
        }
        self.high_watermark = self.high_watermark.max(self.taken());
        Ok(())
    }

    /// Gives what is held, up to the limit, and moves on behind it.
    fn answer(&mut self, limit: ReadLimit) -> Fetched {
        let mut bytes = 0;
        let within = self.held.iter().take(limit.records).take_while(|record| {
            bytes += record.record.bytes();
            bytes <= limit.bytes
        });
        let count = within.count().max(1).min(self.held.len());
        let records: Vec<_> = self.held.drain(..count).collect();
        let given = records.iter().map(|record| record.record.bytes());
        self.held_bytes -= given.sum::<usize>();
        if let Some(last) = records.last() {
            self.next = last.offset.following();
        }
        let mut corrupt = Vec::new();
        if self.held.is_empty()
            && let Some(damaged) = self.corrupt.take()
        {
            corrupt.push(damaged);
            self.next = damaged.following();
            self.is_lost = true;
        }
        Fetched {
            records,
            next: self.next,
            high_watermark: self.high_watermark,
            corrupt,
        }
    }

    /// Asks for the high watermark if the reader would be told that it is at the end by what is
    /// known, and that is old.
    async fn learn_watermark(&mut self) -> Result<(), LogError> {
        if self.is_at_end() && self.asked_at.elapsed() > WATERMARK_AGE_MAX {
            let asked_at = Instant::now();
            let found = bounds(&self.lane.consumer, &self.topic, self.partition).await?;
            if found.high_watermark < self.next {
                // The log was made anew, or has lost its end.
                self.lose();
                return Err(found.exceeded());
            }
            self.high_watermark = found.high_watermark.max(self.taken());
            self.asked_at = asked_at;
        }
        Ok(())
    }

    fn lose(&mut self) {
        self.is_lost = true;
        self.leave();
    }

    /// Has nothing more fetched. It asks a thread of this process, so it waits for no broker.
    fn leave(&mut self) {
        if !self.is_left {
            self.is_left = true;
            let left = self.lane.leave(&self.topic.name, self.partition);
            if let Err(error) = left {
                tracing::debug!(%error, "a partition was not left; who reads it next leaves it");
            }
        }
    }

    fn silent(&self) -> LogError {
        let reason = format!(
            "reading {} [{}] at {}: nothing came for {PATIENCE:?}, though there is something",
            self.topic.name, self.partition, self.next
        );
        LogError::Unavailable { reason }
    }
}

/// The offsets between which a partition can be read, asked of its leader.
pub(super) async fn bounds(
    consumer: &Arc<BaseConsumer<Context>>,
    topic: &Topic,
    partition: i32,
) -> Result<Bounds, LogError> {
    let (consumer, topic) = (Arc::clone(consumer), topic.clone());
    apart(move || ask_bounds(&consumer, &topic, partition)).await
}

fn ask_bounds(
    consumer: &BaseConsumer<Context>,
    topic: &Topic,
    partition: i32,
) -> Result<Bounds, LogError> {
    let found = consumer.fetch_watermarks(&topic.name, partition, TIMEOUT);
    let (low, high) = found.map_err(|error| {
        let doing = format!("asking for the bounds of {} [{partition}]", topic.name);
        consumer.context().fault(&doing, &error)
    })?;
    let offset = |raw| Offset(u64::try_from(raw).unwrap_or_default());
    Ok(Bounds {
        earliest: offset(low),
        high_watermark: offset(high),
    })
}
