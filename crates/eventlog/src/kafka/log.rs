//! The log itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::admin::AdminClient;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset as At, TopicPartitionList};

use super::appending::Appender;
use super::client::{self, Context, apart};
use super::config::KafkaConfig;
use super::cursor;
use super::groups::Groups;
use super::known::{Known, TIMEOUT};
use super::readers::Readers;
use super::stats::{Counters, Stats};
use super::topics::Topics;
use crate::{
    Appended, Bounds, EventLog, Fetched, LogError, Membership, Offset, Position, ReadLimit, Record,
    TopicSpec,
};

/// How often clients are asked what they have to say beside what was asked of them.
const SERVE: Duration = Duration::from_millis(500);
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A log on Kafka.
pub struct KafkaLog {
    kept: Arc<Kept>,
}

struct Kept {
    replication: u16,
    admin: AdminClient<Context>,
    asked: Arc<BaseConsumer<Context>>,
    known: Known,
    appender: Appender,
    readers: Readers,
    groups: Groups,
    counters: Counters,
    is_closed: AtomicBool,
    is_dropped: AtomicBool,
}

impl KafkaLog {
    /// Makes the clients. Brokers are looked for in the background, and need not be there yet.
    ///
    /// `instance` names this process among those of its role, and stays the same when it is started
    /// again: partitions then stay with it.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] for settings that can't be used.
    pub fn open(config: &KafkaConfig, instance: &str) -> Result<Self, LogError> {
        let client = config.client(instance)?;
        let unusable = |error| config.unusable(&error);
        let heard = Context::default();
        // Why a connection ended, which is all that one to a listener of another kind shows, is to
        // librdkafka no error.
        let mut asking = client.clone();
        asking.set_log_level(RDKafkaLogLevel::Info);
        let asked = asking.create_with_context(heard.clone());
        let asked = Arc::new(asked.map_err(unusable)?);
        // Nobody takes what this client has to say, so it says nothing. What the one beside it
        // hears explains its errors too.
        let mut silent = client.clone();
        silent.set_log_level(RDKafkaLogLevel::Emerg);
        let admin = silent.create_with_context(heard);
        let kept = Arc::new(Kept {
            replication: config.replication,
            admin: admin.map_err(unusable)?,
            known: Known::new(config.prefix.clone(), Arc::clone(&asked)),
            asked,
            appender: Appender::new(config, &client)?,
            readers: Readers::new(config.clone(), client.clone()),
            groups: Groups::new(config.clone(), client, instance.to_owned()),
            counters: Counters::default(),
            is_closed: AtomicBool::new(false),
            is_dropped: AtomicBool::new(false),
        });
        let served = Arc::clone(&kept);
        let thread = thread::Builder::new().name("kafka-events".to_owned());
        let spawned = thread.spawn(move || serve(&served));
        spawned.map_err(|error| LogError::Unavailable {
            reason: format!("starting a thread: {error}"),
        })?;
        Ok(Self { kept })
    }

    /// What the log has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.kept.counters.snapshot()
    }

    /// Waits until the log can't be used any more, and says why.
    pub async fn stopped(&self) -> String {
        self.kept.appender.failed().await
    }

    /// Refuses every later call, and waits a moment for what is being appended. What brokers have
    /// not taken by then nobody has been told of.
    pub async fn close(&self) -> Result<(), LogError> {
        self.kept.is_closed.store(true, Ordering::Release);
        match self.kept.appender.flush(CLOSE_WAIT).await {
            Err(error @ LogError::Unavailable { .. }) => {
                tracing::warn!(%error, "closed without waiting any longer");
                Ok(())
            }
            flushed => flushed,
        }
    }

    /// Closes the cursors that nobody has read from for a minute. To be called now and then.
    pub async fn tidy(&self) {
        let kept = Arc::clone(&self.kept);
        let tidied = apart(move || {
            kept.readers.rest();
            Ok(())
        });
        if let Err(error) = tidied.await {
            tracing::debug!(%error, "idle cursors were not closed");
        }
    }

    fn open_kept(&self) -> Result<&Kept, LogError> {
        if self.kept.is_closed.load(Ordering::Acquire) {
            Err(LogError::Closed)
        } else {
            Ok(&self.kept)
        }
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let kept = self.open_kept()?;
        let topics_of = Topics {
            admin: &kept.admin,
            known: &kept.known,
            replication: kept.replication,
        };
        topics_of.prepare(topics).await
    }

    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        let bytes = records.iter().map(Record::bytes).sum();
        let appended = kept.appender.append(&topic, partition, &records).await;
        kept.counters.appended((records.len(), bytes), &appended);
        appended
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        let read = kept.readers.read(topic, partition, from, limit, wait).await;
        kept.counters.read(&read);
        read
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        cursor::bounds(&kept.asked, &topic, partition).await
    }

    async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time_us: i64,
    ) -> Result<Offset, LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        let (asked, name) = (Arc::clone(&kept.asked), Arc::clone(&topic.name));
        let found = apart(move || {
            let doing = format!("looking for a time in {name} [{partition}]");
            let fault = |error: KafkaError| asked.context().fault(&doing, &error);
            // Kafka counts whole milliseconds; negative ones have a meaning of their own.
            let time_ms = time_us.max(0).saturating_add(999) / 1_000;
            let mut times = TopicPartitionList::with_capacity(1);
            let place = times.add_partition_offset(&name, partition, At::Offset(time_ms));
            place.map_err(fault)?;
            let found = asked.offsets_for_times(times, TIMEOUT).map_err(fault)?;
            let found = found.find_partition(&name, partition);
            let found = found.ok_or(KafkaError::Canceled).map_err(fault)?;
            found.error().map_err(fault)?;
            match found.offset() {
                At::Offset(offset) => Ok(u64::try_from(offset).ok().map(Offset)),
                _ => Ok(None),
            }
        });
        match found.await? {
            Some(offset) => Ok(offset),
            None => Ok(cursor::bounds(&kept.asked, &topic, partition)
                .await?
                .high_watermark),
        }
    }

    async fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        position: Position,
    ) -> Result<(), LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        let committed = kept.groups.commit(group, &topic, partition, position).await;
        kept.counters.committed(&committed);
        committed
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<Position>, LogError> {
        let kept = self.open_kept()?;
        let (topic, partition) = kept.known.partition(topic, partition).await?;
        kept.groups.committed(group, &topic, partition).await
    }

    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Membership>, LogError> {
        let kept = self.open_kept()?;
        let (topic, _) = kept.known.partition(topic, 0).await?;
        Ok(Box::new(kept.groups.join(group, &topic).await?))
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.kept.is_dropped.store(true, Ordering::Release);
    }
}

/// Serves the clients' events until the log is dropped. The clients then end on this thread, for
/// that takes a while.
fn serve(kept: &Arc<Kept>) {
    while !kept.is_dropped.load(Ordering::Acquire) {
        client::serve(&kept.asked);
        kept.readers.serve();
        kept.groups.serve();
        thread::sleep(SERVE);
    }
}
