//! What all clients share: where their words go, and what their errors mean.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use tokio::time::Instant;

use crate::LogError;

const CONNECTION_FAILED: &str = "FAIL";
/// How long what a client last spoke of explains why its calls took too long.
const LAST_ERROR_AGE_MAX: Duration = Duration::from_mins(1);
/// Events taken from a client at a time, so that one that babbles keeps no other from being served.
const EVENTS_MAX: usize = 1_000;

/// Takes a client's words and keeps the last error it spoke of, since its calls say only that they
/// took too long. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Context {
    last_error: Arc<Mutex<Option<(Instant, String)>>>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            // A connection that failed, one of many: who waits for it says so.
            _ if facility == CONNECTION_FAILED => {
                tracing::debug!(facility, "librdkafka: {text}");
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "librdkafka: {text}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(facility, "librdkafka: {text}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(facility, "librdkafka: {text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a Kafka client has trouble");
        let mut last = self.last();
        let is_sum = error.rdkafka_error_code() == Some(Code::AllBrokersDown);
        let is_explained = last.as_ref().is_some_and(|(at, _)| is_recent(*at));
        // What was said of each of them says more.
        if !(is_sum && is_explained) {
            *last = Some((Instant::now(), reason.to_owned()));
        }
    }
}

impl ConsumerContext for Context {}

impl Context {
    /// What an error means for the caller. `doing` says what failed.
    pub(super) fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        let mut reason = format!("{doing}: {error}");
        let code = error.rdkafka_error_code();
        if let Some((at, last)) = &*self.last()
            && code.is_none_or(is_vague)
            && is_recent(*at)
        {
            reason = format!("{reason} ({last})");
        }
        match code {
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication,
            ) => LogError::Denied { reason },
            Some(Code::Fatal | Code::Fenced | Code::FencedInstanceId) => {
                LogError::Stopped { reason }
            }
            _ => LogError::Unavailable { reason },
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(at: Instant) -> bool {
    at.elapsed() < LAST_ERROR_AGE_MAX
}

/// Whether the code says no more than that nothing came.
fn is_vague(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::MessageTimedOut
    )
}

/// Takes all that a client has to say beside what was asked of it: what nobody takes piles up.
pub(super) fn serve(consumer: &BaseConsumer<Context>) {
    // Without any wait it would stop at the first line for the process's own log.
    let wait = Duration::from_millis(1);
    for _ in 0..EVENTS_MAX {
        if consumer.poll(wait).is_none() {
            break;
        }
    }
}

/// Runs a call that waits for brokers, where it keeps nothing else from running.
pub(super) async fn apart<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(call).await;
    done.unwrap_or_else(|error| {
        Err(LogError::Unavailable {
            reason: format!("a call to Kafka ended early: {error}"),
        })
    })
}
