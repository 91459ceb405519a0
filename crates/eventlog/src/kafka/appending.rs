//! Appending: one idempotent producer, whose queue is bounded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders, Timestamp};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::client::{Context, apart};
use super::config::KafkaConfig;
use super::fault;
use super::known::Topic;
use super::setup::fit;
use crate::{Appended, LogError, Offset, Record};

/// How long a full queue is left alone before it is tried again.
const FULL_POLL: Duration = Duration::from_millis(5);

type Message<'r> = FutureRecord<'r, [u8], [u8]>;

/// Appends records, each exactly once and in their order.
pub(super) struct Appender {
    client: ClientConfig,
    producing: RwLock<Arc<Producing>>,
    context: Context,
    timeout: Duration,
    /// Why nothing is appended any more.
    failed: watch::Sender<Option<String>>,
}

/// A producer. One that the brokers refuse fails for good.
struct Producing {
    producer: FutureProducer<Context>,
    /// Whether the brokers have taken a record of it.
    has_appended: AtomicBool,
}

impl Appender {
    pub(super) fn new(config: &KafkaConfig, client: &ClientConfig) -> Result<Self, LogError> {
        let context = Context::default();
        let mut client = client.clone();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", config.append_timeout_ms.to_string())
            .set("linger.ms", config.linger_ms.to_string())
            .set("compression.type", config.compression.name())
            .set("queue.buffering.max.messages", "1000000")
            .set(
                "queue.buffering.max.kbytes",
                (config.append_bytes_max / 1024).to_string(),
            );
        Ok(Self {
            producing: RwLock::new(Producing::start(&client, &context)?),
            client,
            context,
            timeout: config.append_timeout(),
            failed: watch::Sender::new(None),
        })
    }

    pub(super) async fn append(
        &self,
        topic: &Topic,
        partition: i32,
        records: &[Record],
    ) -> Result<Appended, LogError> {
        check(topic, records)?;
        let producing = self.producing();
        let mut travelling = Vec::with_capacity(records.len());
        let deadline = Instant::now() + self.timeout;
        let mut refused = None;
        for record in records {
            let message = message(topic, partition, record);
            match producing.send(message, deadline).await {
                Ok(delivery) => travelling.push(delivery),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let mut appended: Option<Appended> = None;
        for delivery in travelling {
            match delivery.await {
                Ok(Ok(delivered)) => {
                    let last = place(&topic.name, delivered.offset)?;
                    appended = Some(Appended {
                        first: appended.map_or(last, |appended| appended.first),
                        last,
                        appended_at_us: micros(delivered.timestamp),
                    });
                }
                Ok(Err((error, _))) => refused = refused.or(Some(error)),
                // The producer was dropped.
                Err(_) => return Err(LogError::Closed),
            }
        }
        if appended.is_some() {
            producing.has_appended.store(true, Ordering::Relaxed);
        }
        match (refused, appended) {
            (None, Some(appended)) => Ok(appended),
            (refused, appended) => Err(self.fault(&producing, topic, refused, appended.is_some())),
        }
    }

    fn producing(&self) -> Arc<Producing> {
        let producing = self.producing.read();
        Arc::clone(&producing.unwrap_or_else(PoisonError::into_inner))
    }

    /// What it means that a record was not appended, though `some` others may have been.
    fn fault(
        &self,
        producing: &Arc<Producing>,
        topic: &Topic,
        error: Option<KafkaError>,
        some: bool,
    ) -> LogError {
        let doing = format!("appending to {}", topic.name);
        if let Some((code, reason)) = producing.producer.client().fatal_error() {
            let lasting = fault::of_code(code).map(|it| it.error(&format!("{doing}: {reason}")));
            // Who may append nothing gets no producer's number. That ends the producer, but nothing
            // is lost with it, and someone may mend the rights.
            let is_unused = !producing.has_appended.load(Ordering::Relaxed);
            if let (Some(denied @ LogError::Denied { .. }), true) = (&lasting, is_unused)
                && self.renew(producing).is_ok()
            {
                return denied.clone();
            }
            let reason = lasting.map_or(reason, |lasting| lasting.to_string());
            self.failed.send_replace(Some(reason.clone()));
            return LogError::Stopped { reason };
        }
        let error = error.unwrap_or(KafkaError::Canceled);
        match error.rdkafka_error_code() {
            Some(Code::InvalidRecord) if !some => LogError::Invalid {
                topic: topic.name.to_string(),
                reason: "the brokers refuse the record",
            },
            _ => match self.context.fault(&doing, &error) {
                // Such an error says that the rest was not appended.
                lasting @ (LogError::Denied { .. } | LogError::Misconfigured { .. }) if some => {
                    LogError::Unavailable {
                        reason: lasting.to_string(),
                    }
                }
                fault => fault,
            },
        }
    }

    /// Takes another producer in the place of one that has failed.
    fn renew(&self, failed: &Arc<Producing>) -> Result<(), LogError> {
        let mut present = self
            .producing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&present, failed) {
            *present = Producing::start(&self.client, &self.context)?;
        }
        Ok(())
    }

    /// Waits until nothing can be appended any more, and says why.
    pub(super) async fn failed(&self) -> String {
        let mut failed = self.failed.subscribe();
        let reason = failed.wait_for(Option::is_some).await;
        reason
            .ok()
            .and_then(|reason| reason.clone())
            .unwrap_or_default()
    }

    /// Waits until everything handed over has been answered, no longer than that.
    pub(super) async fn flush(&self, wait: Duration) -> Result<(), LogError> {
        let producer = self.producing().producer.clone();
        let timeout = self.timeout.min(wait);
        let context = self.context.clone();
        apart(move || {
            let flushed = producer.flush(timeout);
            flushed.map_err(|error| context.fault("flushing", &error))
        })
        .await
    }
}

impl Producing {
    fn start(client: &ClientConfig, context: &Context) -> Result<Arc<Self>, LogError> {
        let made = client.create_with_context(context.clone());
        let producer = made.map_err(|error| LogError::Misconfigured {
            reason: error.to_string(),
        })?;
        Ok(Arc::new(Self {
            producer,
            has_appended: AtomicBool::new(false),
        }))
    }

    /// Hands a record over, waiting for room in the queue.
    async fn send(
        &self,
        mut message: Message<'_>,
        deadline: Instant,
    ) -> Result<DeliveryFuture, KafkaError> {
        loop {
            match self.producer.send_result(message) {
                Ok(delivery) => return Ok(delivery),
                Err((KafkaError::MessageProduction(Code::QueueFull), again))
                    if Instant::now() < deadline =>
                {
                    message = again;
                    sleep(FULL_POLL).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

fn message<'r>(topic: &'r Topic, partition: i32, record: &'r Record) -> Message<'r> {
    let mut message = Message::to(&topic.name).partition(partition);
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    message.headers = headers(record);
    message
}

fn check(topic: &Topic, records: &[Record]) -> Result<(), LogError> {
    let invalid = |reason| {
        let topic = topic.name.to_string();
        Err(LogError::Invalid { topic, reason })
    };
    if records.is_empty() {
        return invalid("an append holds at least one record");
    }
    if topic.is_compacted && records.iter().any(|record| record.key.is_none()) {
        return invalid("a record of a compacted topic has a key");
    }
    fit(records)
}

/// Where a record stands. A negative offset is that of a repeat which the brokers took for done,
/// without knowing where. The record stands; but who builds on its place must do it again.
fn place(topic: &str, offset: i64) -> Result<Offset, LogError> {
    let place = u64::try_from(offset).map(Offset);
    place.map_err(|_| LogError::Unavailable {
        reason: format!("appending to {topic}: done, and nobody knows where"),
    })
}

fn headers(record: &Record) -> Option<OwnedHeaders> {
    let mut headers = record.headers.iter().peekable();
    headers.peek()?;
    let kept = OwnedHeaders::new_with_capacity(record.headers.len());
    Some(headers.fold(kept, |kept, (key, value): &(_, Bytes)| {
        kept.insert(Header {
            key,
            value: Some(&**value),
        })
    }))
}

/// A broker's time in microseconds since 1970.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.to_millis().unwrap_or_default().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_an_append_that_was_done_nobody_knows_where_is_not_taken_for_a_place() {
        // -1 is what librdkafka tells of a repeat that the broker has in its log already.
        let error = place("observed", -1).unwrap_err();
        assert!(error.is_transient(), "who needs the place tries again");
        assert!(error.to_string().contains("observed"), "{error}");
        assert_eq!(place("observed", 0), Ok(Offset(0)));
    }
}
