//! What all clients share: where their words go, and what their errors mean.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::LogError;

/// Takes a client's words and keeps the last error it spoke of, since its calls say only that they
/// took too long. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Context {
    last_error: Arc<Mutex<Option<String>>>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
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
        *self.last() = Some(reason.to_owned());
    }
}

impl ConsumerContext for Context {}

impl Context {
    /// What an error means for the caller. `doing` says what failed.
    pub(super) fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        let mut reason = format!("{doing}: {error}");
        let code = error.rdkafka_error_code();
        if let Some(last) = self.last().as_deref()
            && code.is_none_or(is_vague)
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

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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
