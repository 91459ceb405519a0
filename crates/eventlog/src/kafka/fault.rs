//! What Kafka's errors mean: what passes by itself, and what someone has to mend.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::LogError;

/// What stays wrong until someone mends it, with what to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// The brokers know who asks, or don't, and refuse.
    Denied(&'static str),
    /// What is asked for can't be had with these settings, here or at the brokers.
    Misconfigured(&'static str),
}

impl Lasting {
    /// The error for a caller. `reason` says what was being done, and what came of it.
    pub(super) fn error(self, reason: &str) -> LogError {
        match self {
            Self::Denied(look_at) => LogError::Denied {
                reason: format!("{reason}: {look_at}"),
            },
            Self::Misconfigured(look_at) => LogError::Misconfigured {
                reason: format!("{reason}: {look_at}"),
            },
        }
    }
}

const ACLS: &str = "the user lacks a right (ACL) at the brokers";
/// A topic's settings are not shown.
pub(super) const SETTINGS_UNSEEN: Lasting =
    Lasting::Denied("the user lacks the right (ACL) DescribeConfigs to the topic");
const PASSWORD: &str = "check `sasl_username` and what is in `sasl_password_file`";
const MECHANISM: &str =
    "check `security` and `sasl_mechanism` against the brokers' listener and its mechanisms";
const AUTHORITY: &str = "`ca_file` must hold who signed the brokers' certificates, which must be in force and name \
     the hosts as `brokers` and the brokers' advertised listeners do";
const CERTIFICATE: &str = "the brokers want a certificate that they trust and that is in force, by \
     `certificate_file` and `key_file`";

/// The code of an error, also of one by the admin client, whose code rdkafka keeps to itself.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// What an answer of the brokers means by its code alone. Nothing, if it may pass.
pub(super) fn of_code(code: Code) -> Option<Lasting> {
    use Lasting::{Denied, Misconfigured};
    Some(match code {
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Denied(ACLS),
        Code::SaslAuthenticationFailed => Denied(PASSWORD),
        Code::UnsupportedSASLMechanism | Code::IllegalSASLState => Misconfigured(MECHANISM),
        Code::SecurityDisabled => Misconfigured("the brokers have no authorizer"),
        Code::PolicyViolation => Misconfigured("the brokers' policy forbids it"),
        Code::InvalidTopic => Misconfigured("the brokers refuse the name: check `prefix`"),
        Code::InvalidGroupId => {
            Misconfigured("the brokers refuse the group's name: check `prefix`")
        }
        Code::InvalidConfig => Misconfigured("the brokers refuse the topic's settings"),
        Code::InvalidPartitions => Misconfigured("the brokers refuse the number of partitions"),
        Code::InvalidReplicationFactor | Code::InvalidReplicaAssignment => {
            Misconfigured("so many copies need as many brokers: check `replication`")
        }
        Code::InvalidSessionTimeout => Misconfigured(
            "check `session_timeout_ms` against the brokers' group.min.session.timeout.ms and \
             group.max.session.timeout.ms",
        ),
        Code::InconsistentGroupProtocol => {
            Misconfigured("another program has a group of this name: set another `prefix`")
        }
        Code::OffsetMetadataTooLarge => {
            Misconfigured("check the brokers' offset.metadata.max.bytes")
        }
        Code::MessageSizeTooLarge => Misconfigured("check the topic's max.message.bytes"),
        Code::InvalidRequiredAcks
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedVersion => Misconfigured("the brokers' version does not know it"),
        Code::UnsupportedCompressionType => {
            Misconfigured("the brokers do not know the compression: check `compression`")
        }
        _ => return None,
    })
}

/// What it means that a connection failed, by librdkafka's words about it: its codes are too few,
/// and the same for a broker that ends in the middle of a handshake.
pub(super) fn of_connection(code: Code, words: &str) -> Option<Lasting> {
    let has = |any: &[&str]| any.iter().any(|part| words.contains(part));
    match code {
        // The broker went away before it could judge.
        Code::Authentication if has(&["Local: ", "Disconnected"]) => None,
        Code::Authentication if has(&["mechanism handshake failed"]) => {
            Some(Lasting::Misconfigured(MECHANISM))
        }
        Code::Authentication => Some(Lasting::Denied(PASSWORD)),
        Code::SSL if has(&["certificate verify failed", "verify broker certificate"]) => {
            Some(Lasting::Misconfigured(AUTHORITY))
        }
        // The broker's word for what it was shown. With TLS 1.3 it comes after the handshake.
        Code::SSL | Code::BrokerTransportFailure
            if has(&["alert"]) && has(&REFUSED_CERTIFICATE) =>
        {
            Some(Lasting::Denied(CERTIFICATE))
        }
        _ => None,
    }
}

/// Alerts of RFC 8446, section 6.2, as OpenSSL words them.
const REFUSED_CERTIFICATE: [&str; 4] = [
    "certificate",
    "unknown ca",
    "access denied",
    "handshake failure",
];

/// Whether a connection stood and was then cut, in librdkafka's words. Which of them is said hangs on
/// whether the cut was met while reading, by a reset, or while writing.
pub(super) fn was_cut(words: &str) -> bool {
    ["Disconnected", "Receive failed", "Send failed"]
        .iter()
        .any(|part| words.contains(part))
}

/// Whether the code says no more than that a connection failed, or that nothing came.
pub(super) fn is_vague(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::MessageTimedOut
            | Code::Authentication
            | Code::SSL
    )
}

#[cfg(test)]
mod tests {
    use Lasting::{Denied, Misconfigured};

    use super::*;

    #[test]
    fn what_only_a_person_can_mend_is_never_called_transient() {
        for code in [
            Code::PolicyViolation,
            Code::InvalidTopic,
            Code::InvalidConfig,
            Code::InvalidReplicationFactor,
            Code::InvalidPartitions,
            Code::UnsupportedSASLMechanism,
            Code::SaslAuthenticationFailed,
            Code::UnsupportedVersion,
            Code::InvalidGroupId,
            Code::InvalidSessionTimeout,
            Code::InconsistentGroupProtocol,
            Code::MessageSizeTooLarge,
            Code::TopicAuthorizationFailed,
            Code::GroupAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
        ] {
            let code = super::code(&KafkaError::AdminOp(code)).unwrap();
            let error = of_code(code).unwrap().error("creating topic x");
            assert!(!error.is_transient(), "{code:?}: {error}");
            assert!(error.to_string().contains("creating topic x"), "{error}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for code in [
            Code::NotEnoughReplicas,
            Code::NotLeaderForPartition,
            Code::LeaderNotAvailable,
            Code::CoordinatorNotAvailable,
            Code::RebalanceInProgress,
            Code::RequestTimedOut,
            Code::OperationTimedOut,
            Code::KafkaStorageError,
            Code::ThrottlingQuotaExceeded,
            Code::GroupMaxSizeReached,
            // A client believes so of a broker that went away while it was asked.
            Code::UnsupportedFeature,
        ] {
            assert_eq!(of_code(code), None, "{code:?}");
        }
    }

    #[test]
    fn words_tell_a_refusal_from_a_broker_that_goes_away_meanwhile() {
        for (code, words, meaning) in [
            (
                Code::Authentication,
                "SASL authentication error: Authentication failed during authentication due to \
                 invalid credentials with SASL mechanism SCRAM-SHA-512 (after 9ms in state AUTH_REQ)",
                Some(Denied(PASSWORD)),
            ),
            (
                Code::Authentication,
                "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: \
                 broker's supported mechanisms: PLAIN",
                Some(Misconfigured(MECHANISM)),
            ),
            (
                Code::Authentication,
                "SASL SCRAM-SHA-512 mechanism handshake failed: Local: Broker transport failure: \
                 broker's supported mechanisms: (n/a)",
                None,
            ),
            (
                Code::SSL,
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                 broker certificate could not be verified",
                Some(Misconfigured(AUTHORITY)),
            ),
            (
                Code::SSL,
                "SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading",
                None,
            ),
            (
                Code::BrokerTransportFailure,
                "Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required",
                Some(Denied(CERTIFICATE)),
            ),
            (
                Code::BrokerTransportFailure,
                "Connect to ipv4#127.0.0.1:9092 failed: Connection refused",
                None,
            ),
        ] {
            assert_eq!(of_connection(code, words), meaning, "{words}");
        }
    }

    #[test]
    fn a_connection_that_was_cut_is_told_from_one_that_never_stood() {
        for words in [
            "127.0.0.1:46153/bootstrap: Disconnected (after 1ms in state APIVERSION_QUERY)",
            "127.0.0.1:46153/bootstrap: Send failed: Broken pipe (after 1ms in state UP)",
            "127.0.0.1:46153/bootstrap: Receive failed: Connection reset by peer",
        ] {
            assert!(was_cut(words), "{words}");
        }
        assert!(!was_cut(
            "Connect to ipv4#127.0.0.1:9092 failed: Connection refused"
        ));
    }
}
