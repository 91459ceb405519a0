//! What `sextant alerts test` sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sextant_alerts::delivery::config::Config;
use sextant_measure::time::Clock as _;

use crate::desk::{RealClock, secret};
use crate::hook::{Act, Hook};

#[tokio::test]
async fn every_receiver_is_told_of_a_test_and_each_says_how_it_went() {
    let well = Hook::start([Act::Status(200)]).await;
    let broken = Hook::start([Act::Status(500)]).await;
    let manager = Hook::start([Act::Status(200)]).await;
    let only_pages = "severities = [\"page\"]\n";
    let toml = format!(
        "[[alertmanagers]]\nurl = \"http://127.0.0.1:{}\"\nuser = \"u\"\n\
         password = {{ env = \"PASSWORD\" }}\n{}{}{}",
        manager.port,
        well.toml("well"),
        only_pages,
        broken.toml("broken"),
    );
    let receivers = toml::from_str::<Config>(&toml)
        .unwrap()
        .resolve(&secret)
        .unwrap();
    let now = RealClock.now();
    let tested = sextant_alerts::delivery::test(&receivers, now)
        .await
        .unwrap();
    let names: Vec<_> = tested.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, receivers.names().collect::<Vec<_>>());
    let errors = tested
        .iter()
        .map(|(_, how)| how.as_ref().err().map(ToString::to_string));
    let wrong = format!(
        "http://127.0.0.1:{} answers 500 Internal Server Error",
        broken.port
    );
    assert_eq!(errors.collect::<Vec<_>>(), [None, None, Some(wrong), None]);

    let said = well.requests();
    assert_eq!(said[0].json()["event"], "opened");
    assert_eq!(said[1].json()["event"], "closed");
    assert_eq!((said.len(), broken.requests().len()), (2, 1));
    let request = &manager.requests()[0];
    let pair = STANDARD.encode("u:secret-of-PASSWORD");
    assert_eq!(request.headers["authorization"], format!("Basic {pair}"));
    let alerts = request.json();
    let at = |name: &str| {
        alerts[0][name]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let lasts = at("endsAt").as_second() - at("startsAt").as_second();
    assert_eq!(
        (alerts[0]["labels"]["alertname"].as_str(), lasts),
        (Some("test"), 60)
    );
}
