//! Who is let in by password, and what those are told who are not.

use sextant_eventlog::kafka::{KafkaLog, SaslMechanism};

use super::broker::{OWNER, password, shared};
use super::{assert_denied, assert_misconfigured, refusals, use_everything};

#[tokio::test]
async fn a_password_lets_in_by_scram_with_sha_256() {
    use_everything(shared().sasl(SaslMechanism::ScramSha256)).await;
}

#[tokio::test]
async fn a_password_lets_in_by_scram_with_sha_512() {
    use_everything(shared().sasl(SaslMechanism::ScramSha512)).await;
}

#[tokio::test]
async fn a_password_lets_in_by_scram_over_tls() {
    use_everything(shared().sasl_tls(SaslMechanism::ScramSha512)).await;
}

#[tokio::test]
async fn a_password_lets_in_as_it_is_over_tls() {
    use_everything(shared().sasl_tls(SaslMechanism::Plain)).await;
}

#[tokio::test]
async fn p9_a_wrong_password_is_denied_and_says_what_to_mend() {
    let broker = shared();
    for mut config in [
        broker.sasl(SaslMechanism::ScramSha256),
        broker.sasl_tls(SaslMechanism::ScramSha512),
        broker.sasl_tls(SaslMechanism::Plain),
    ] {
        broker.log_in(&mut config, OWNER, "another's");
        for refusal in refusals(&config).await {
            let listener = &*config.brokers;
            let says = ["uthentication failed", "`sasl_password_file`", listener];
            assert_denied(&refusal, &says);
            assert!(!refusal.to_string().contains("another's"), "{refusal}");
        }
    }
}

#[tokio::test]
async fn p9_an_unknown_user_is_denied() {
    let broker = shared();
    let mut config = broker.sasl(SaslMechanism::ScramSha512);
    broker.log_in(&mut config, "stranger", &password(OWNER));
    for refusal in refusals(&config).await {
        assert_denied(&refusal, &["uthentication failed", "`sasl_username`"]);
    }
}

#[tokio::test]
async fn a_mechanism_that_brokers_do_not_offer_is_refused_by_name() {
    let config = shared().sasl_tls(SaslMechanism::ScramSha256);
    for refusal in refusals(&config).await {
        let says = ["`sasl_mechanism`", "SCRAM-SHA-256", "PLAIN,SCRAM-SHA-512"];
        assert_misconfigured(&refusal, &says);
    }
}

#[tokio::test]
async fn p9_a_plain_password_is_never_sent_where_anyone_can_read_it() {
    let config = shared().sasl(SaslMechanism::Plain);
    let Err(refusal) = KafkaLog::open(&config, "test") else {
        panic!("it was opened")
    };
    assert_misconfigured(&refusal, &["plain", "TLS"]);
}
