//! A consumer that reads partitions from wherever it is told to, each into a queue of its own.
//!
//! It belongs to no group and commits nothing. A consumer can read a partition from one place only,
//! so readers of the same partition at different places have lanes of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};
use tokio::sync::Notify;

use super::appending::micros;
use super::client::Context;
use super::config::KafkaConfig;
use super::setup::MESSAGE_BYTES_MAX;
use crate::{Headers, LogError, Offset, Record, StoredRecord};

/// Reads partitions.
pub(super) struct Lane {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
}

/// What a partition's queue had.
pub(super) enum Polled {
    Record(StoredRecord),
    /// A batch failed its checksum. Librdkafka offers it again and again, and loses its place.
    Corrupt,
    /// The place to read from is not in the log.
    OutOfRange,
    Nothing,
}

impl Lane {
    pub(super) fn new(config: &KafkaConfig, client: &ClientConfig) -> Result<Self, LogError> {
        static LANES: AtomicU64 = AtomicU64::new(0);
        let number = LANES.fetch_add(1, Ordering::Relaxed);
        let ahead = config.fetch_bytes_max;
        let consumer = client
            .clone()
            // Required of a consumer; no group of this name is ever joined or written to.
            .set(
                "group.id",
                format!("{}sextant-reader-{number}", config.prefix),
            )
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("allow.auto.create.topics", "false")
            .set("fetch.wait.max.ms", "100")
            // How long a partition rests whose queue was full: by default a second, in which a
            // reader has long emptied it.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("queued.max.messages.kbytes", (ahead / 1024).to_string())
            .create_with_context(Context::default())
            .map_err(|error| LogError::Misconfigured {
                reason: error.to_string(),
            })?;
        Ok(Self {
            consumer: Arc::new(consumer),
        })
    }

    /// Reads a partition from an offset on. `arrived` is told when its queue is no longer empty.
    pub(super) fn follow(
        &self,
        topic: &str,
        partition: i32,
        from: Offset,
        arrived: &Arc<Notify>,
    ) -> KafkaResult<PartitionQueue<Context>> {
        // The queue is split off first, so that nothing arrives outside it.
        let queue = self.consumer.split_partition_queue(topic, partition);
        let mut queue = queue.ok_or(KafkaError::Canceled)?;
        let arrived = Arc::clone(arrived);
        queue.set_nonempty_callback(move || arrived.notify_one());
        let mut place = TopicPartitionList::with_capacity(1);
        let offset = At::Offset(i64::try_from(from.0).unwrap_or(i64::MAX));
        place.add_partition_offset(topic, partition, offset)?;
        if self.is_following(topic, partition)? {
            // A reader that ended midway left it so.
            self.leave(topic, partition)?;
        }
        self.consumer.incremental_assign(&place)?;
        Ok(queue)
    }

    fn is_following(&self, topic: &str, partition: i32) -> KafkaResult<bool> {
        let followed = self.consumer.assignment()?;
        Ok(followed.find_partition(topic, partition).is_some())
    }

    /// Reads a partition no longer, and forgets what was read ahead of it.
    pub(super) fn leave(&self, topic: &str, partition: i32) -> KafkaResult<()> {
        let mut place = TopicPartitionList::with_capacity(1);
        place.add_partition(topic, partition);
        self.consumer.incremental_unassign(&place)
    }
}

/// Takes the next thing from a partition's queue, without waiting.
pub(super) fn poll(
    queue: &PartitionQueue<Context>,
    context: &Context,
    (topic, partition): (&str, i32),
) -> Result<Polled, LogError> {
    match queue.poll(Duration::ZERO) {
        None => Ok(Polled::Nothing),
        Some(Ok(message)) => Ok(Polled::Record(stored(&message))),
        Some(Err(error)) => match error.rdkafka_error_code() {
            Some(
                Code::BadMessage
                | Code::BadCompression
                | Code::InvalidMessage
                | Code::InvalidRecord
                | Code::NotImplemented,
            ) => Ok(Polled::Corrupt),
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Ok(Polled::OutOfRange),
            _ => Err(context.fault(&format!("reading {topic} [{partition}]"), &error)),
        },
    }
}

fn stored(message: &BorrowedMessage<'_>) -> StoredRecord {
    let headers = message.headers().map_or_else(Headers::new, |headers| {
        let all = headers.iter().map(|header| {
            let value = Bytes::copy_from_slice(header.value.unwrap_or_default());
            (header.key.to_owned().into(), value)
        });
        all.collect()
    });
    StoredRecord {
        offset: Offset(u64::try_from(message.offset()).unwrap_or_default()),
        appended_at_us: micros(message.timestamp()),
        record: Record {
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers,
        },
    }
}
