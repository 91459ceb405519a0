//! Which certificates are believed, and by whom.

use sextant_eventlog::LogError;
use sextant_eventlog::kafka::Security;

use super::broker::{OWNER, shared};
use super::certificates::Authority;
use super::{assert_denied, assert_misconfigured, assert_says, refusals, use_everything};

#[tokio::test]
async fn a_broker_is_believed_whose_authority_is_named() {
    use_everything(shared().tls("TLS")).await;
}

#[tokio::test]
async fn p9_a_broker_of_another_authority_is_refused() {
    let broker = shared();
    let mut config = broker.tls("TLS");
    config.ca_file = Some(broker.file(&Authority::new("another").pem()));
    for refusal in refusals(&config).await {
        let says = ["certificate verify failed", "`ca_file`", &config.brokers];
        assert_misconfigured(&refusal, &says);
    }
}

#[tokio::test]
async fn p9_without_a_file_only_the_systems_authorities_are_believed() {
    let mut config = shared().tls("TLS");
    config.ca_file = None;
    for refusal in refusals(&config).await {
        assert_misconfigured(&refusal, &["certificate verify failed", "`ca_file`"]);
    }
}

#[tokio::test]
async fn p9_a_broker_with_the_certificate_of_another_host_is_refused() {
    let config = shared().tls("ELSEWHERE");
    for refusal in refusals(&config).await {
        let says = ["certificate verify failed", "`brokers`"];
        assert_misconfigured(&refusal, &says);
    }
}

#[tokio::test]
async fn p9_a_broker_whose_certificate_has_expired_is_refused() {
    let config = shared().tls("EXPIRED");
    for refusal in refusals(&config).await {
        assert_misconfigured(&refusal, &["certificate verify failed", "in force"]);
    }
}

#[tokio::test]
async fn a_certificate_and_its_key_let_in() {
    use_everything(shared().mutual_tls()).await;
}

#[tokio::test]
async fn p9_who_shows_no_certificate_where_one_is_wanted_is_denied() {
    let config = shared().tls("MUTUAL");
    for refusal in refusals(&config).await {
        assert_denied(&refusal, &["`certificate_file`", &config.brokers]);
    }
}

#[tokio::test]
async fn p9_a_certificate_that_brokers_do_not_trust_is_denied() {
    let broker = shared();
    for identity in [
        Authority::new("another").vouch_for(OWNER, &[]),
        broker.authority.expired(OWNER, &[]),
    ] {
        let mut config = broker.tls("MUTUAL");
        broker.show(&mut config, &identity);
        for refusal in refusals(&config).await {
            assert_denied(&refusal, &["`certificate_file`", "`key_file`"]);
        }
    }
}

#[tokio::test]
async fn a_listener_of_another_kind_is_named_as_the_likely_cause() {
    let broker = shared();
    for (listener, security) in [
        ("TLS", Security::Plaintext),
        ("SASL", Security::Plaintext),
        ("SASL", Security::Tls),
    ] {
        for refusal in refusals(&broker.at(listener, security)).await {
            assert!(matches!(refusal, LogError::Unavailable { .. }), "{refusal}");
            assert_says(&refusal, &["`security`"]);
        }
    }
}
