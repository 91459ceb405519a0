//! What all clients share: where their words go, and what their errors mean.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use tokio::time::Instant;

use super::fault::{self, Lasting};
use crate::LogError;

const CONNECTION_FAILED: &str = "FAIL";
/// How long what a client last spoke of explains why its calls took too long.
const HEARD_AGE_MAX: Duration = Duration::from_mins(1);
/// Events taken from a client at a time, so that one that babbles keeps no other from being served.
const EVENTS_MAX: usize = 1_000;

/// Takes a client's words and keeps the error that says most, since its calls say only that they
/// took too long. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Context {
    heard: Arc<Mutex<Option<Heard>>>,
}

/// What a client spoke of.
#[derive(Clone)]
struct Heard {
    at: Instant,
    words: String,
    /// That every connection failed says less than why one did.
    is_sum: bool,
    lasting: Option<Lasting>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            // A connection that failed, one of many: who waits for it says so.
            _ if facility == CONNECTION_FAILED => {
                tracing::debug!(facility, "librdkafka: {text}");
                // It begins with the name of a thread.
                let words = text.split_once("]: ").map_or(text, |(_, words)| words);
                self.hear(words, None);
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
        self.hear(reason, error.rdkafka_error_code());
    }
}

impl Heard {
    fn weight(&self) -> u8 {
        match (self.is_sum, self.lasting) {
            (_, Some(_)) => 2,
            (false, None) => 1,
            (true, None) => 0,
        }
    }

    fn is_recent(&self) -> bool {
        self.at.elapsed() < HEARD_AGE_MAX
    }
}

impl ConsumerContext for Context {}

impl Context {
    /// What an error means for the caller. `doing` says what failed.
    pub(super) fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        let code = fault::code(error);
        let heard = self.explanation(error);
        let reason = match &heard {
            Some(heard) => format!("{doing}: {error} ({})", heard.words),
            None => format!("{doing}: {error}"),
        };
        let lasting = match code {
            Some(Code::Fatal | Code::Fenced | Code::FencedInstanceId) => {
                return LogError::Stopped { reason };
            }
            // Said of one broker that a client fails to connect to; others may let it in, and one that
            // was let in before waits until someone has mended it.
            Some(Code::Authentication) => None,
            code => code.and_then(fault::of_code),
        };
        match lasting {
            Some(lasting) => lasting.error(&reason),
            None => LogError::Unavailable { reason },
        }
    }

    /// What an error means for who asks the brokers for the first time: they will not let in later
    /// whom they refused. One who was let in before waits until someone has mended it.
    pub(super) fn first_fault(&self, doing: &str, error: &KafkaError) -> LogError {
        let fault = self.fault(doing, error);
        let (LogError::Unavailable { mut reason }, Some(heard)) =
            (fault.clone(), self.explanation(error))
        else {
            return fault;
        };
        if let Some(lasting) = heard.lasting {
            return lasting.error(&reason);
        }
        // All that is seen of a listener of another kind; or the broker ends.
        if fault::was_cut(&heard.words) {
            reason.push_str(": does `security` fit the brokers' listener?");
        }
        LogError::Unavailable { reason }
    }

    /// Keeps what a client spoke of, unless something that says more was heard lately.
    fn hear(&self, words: &str, code: Option<Code>) {
        let news = Heard {
            at: Instant::now(),
            words: words.to_owned(),
            is_sum: code == Some(Code::AllBrokersDown),
            lasting: code.and_then(|code| fault::of_connection(code, words)),
        };
        let mut heard = self.heard();
        let before = heard.as_ref().filter(|before| before.is_recent());
        if before.is_none_or(|before| news.weight() >= before.weight()) {
            *heard = Some(news);
        }
    }

    /// What was heard lately, if the error itself says nothing.
    fn explanation(&self, error: &KafkaError) -> Option<Heard> {
        let is_vague = fault::code(error).is_none_or(fault::is_vague);
        let heard = self.heard().clone();
        heard.filter(|heard| is_vague && heard.is_recent())
    }

    fn heard(&self) -> MutexGuard<'_, Option<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str =
        "sasl_ssl://kafka-1:9093: SASL authentication error: Authentication failed";
    const DOWN: KafkaError = KafkaError::MetadataFetch(Code::AllBrokersDown);

    fn refused() -> Context {
        let context = Context::default();
        context.error(KafkaError::Global(Code::Authentication), REFUSED);
        context
    }

    #[test]
    fn who_is_refused_from_the_first_is_refused_for_good_and_later_waits() {
        let context = refused();
        let first = context.first_fault("looking for a topic", &DOWN);
        assert!(matches!(first, LogError::Denied { .. }), "{first}");
        let later = context.fault("reading", &DOWN);
        assert!(later.is_transient(), "{later}");
        for error in [first, later] {
            assert!(error.to_string().contains(REFUSED), "{error}");
        }
    }

    #[test]
    fn why_a_connection_failed_is_kept_over_that_others_did() {
        let context = refused();
        context.error(
            KafkaError::Global(Code::BrokerTransportFailure),
            "refused by a firewall",
        );
        context.error(KafkaError::Global(Code::AllBrokersDown), "3/3 are down");
        let error = context.fault("reading", &DOWN).to_string();
        assert!(error.contains(REFUSED), "{error}");
    }

    #[test]
    fn what_brokers_answer_needs_no_explanation() {
        let answer = KafkaError::AdminOp(Code::PolicyViolation);
        let error = refused().first_fault("creating a topic", &answer);
        assert!(matches!(error, LogError::Misconfigured { .. }), "{error}");
        assert!(!error.to_string().contains(REFUSED), "{error}");
    }
}
