//! Alertmanager: what it is sent, and what real ones make of that.

use std::time::Duration;

use serde_json::{Value, json};
use sextant_incident::Incident;
use sextant_measure::time::Clock as _;
use sextant_testbed::alertmanager::Alertmanager;
use tokio::time::sleep;

use crate::desk::{Desk, RealClock, closed, opened, until};
use crate::hook::{Act, Hook};

fn config(urls: &[&str]) -> String {
    let one = |url: &&str| format!("[[alertmanagers]]\nurl = \"{url}\"\n");
    let all: String = urls.iter().map(one).collect();
    format!("log = false\nresend_s = 1\n{all}")
}

/// Names of the alerts that fire.
fn firing(alertmanager: &Alertmanager) -> Vec<String> {
    let url = format!("{}/api/v2/alerts", alertmanager.url());
    let Ok(mut answer) = ureq::get(url).call() else {
        return Vec::new();
    };
    let alerts: Value = answer.body_mut().read_json().unwrap();
    let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned();
    alerts.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn an_alert_says_what_fires_since_when_and_where_to_look() {
    let hook = Hook::start([Act::Status(200)]).await;
    let port = hook.port;
    let desk = Desk::start(&format!(
        "log = false\nresend_s = 10\npage_url = \"https://s.example.com/\"\n\
         runbook_url = \"https://s.example.com/alerts\"\nlabels = {{ team = \"ml\" }}\n\
         [[alertmanagers]]\nurl = \"http://127.0.0.1:{port}/prefix/\"\ntoken = {{ env = \"TOKEN\" }}\n"
    ));
    let incident = opened("limits");
    desk.post(std::slice::from_ref(&incident));
    until(|| hook.requests().len() == 1).await;
    // That somebody has heard is nothing new, and that it is over is.
    desk.post_as_heard(
        std::slice::from_ref(&incident),
        &[("h", sextant_alerts::delivery::Event::Opened)],
    );
    sleep(Duration::from_millis(300)).await;
    assert_eq!(hook.requests().len(), 1);
    let over = closed(&incident);
    desk.post(std::slice::from_ref(&over));
    until(|| hook.requests().len() == 2).await;

    let rfc3339 = |at: i64| jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let opened_at = rfc3339(incident.opened_at.as_micros());
    let requests = hook.requests();
    assert_eq!(requests[0].line, "POST /prefix/api/v2/alerts");
    assert_eq!(
        requests[0].headers["authorization"],
        "Bearer secret-of-TOKEN"
    );
    let mut firing = requests[0].json();
    let ends_at = firing[0]["endsAt"].take();
    let ends_at: jiff::Timestamp = ends_at.as_str().unwrap().parse().unwrap();
    let lasts = ends_at.as_microsecond() - RealClock.now().as_micros();
    assert!((30_000_000..=40_000_000).contains(&lasts), "{lasts}");
    let wanted = json!([{
        "labels": {
            "alertname": "limits", "kind": "rate_limited", "severity": "page",
            "subject": "endpoint/meta-llama/llama-3.1/groq/fp8", "model": "meta-llama/llama-3.1",
            "provider": "groq", "quantization": "fp8", "team": "ml",
        },
        "annotations": {
            "summary": "limits: meta-llama/llama-3.1 at groq (fp8)",
            "description": "25.00 % were rate-limited (worst: 25.00 %)",
            "runbook_url": "https://s.example.com/alerts#rate-limited",
        },
        "startsAt": opened_at, "endsAt": null,
        "generatorURL": "https://s.example.com/models/meta-llama/llama-3.1",
    }]);
    assert_eq!(firing, wanted);
    let resolved = requests[1].json();
    assert_eq!(
        resolved[0]["endsAt"],
        rfc3339(over.closed_at.unwrap().as_micros())
    );
    assert_eq!(resolved[0]["labels"], firing[0]["labels"]);
}

#[tokio::test]
async fn of_an_alert_that_fires_again_only_the_latest_incident_is_told() {
    let hook = Hook::start([Act::Status(200)]).await;
    let desk = Desk::start(&config(&[&format!("http://127.0.0.1:{}", hook.port)]));
    let mut again = opened("limits");
    again.opened_at = RealClock.now();
    let before = closed(&opened("limits"));
    let mut long_before = before.clone();
    long_before.opened_at = before.opened_at.plus_micros(-1);
    desk.post(&[before, again.clone(), long_before, opened("other")]);
    until(|| !hook.requests().is_empty()).await;
    let alerts = hook.requests()[0].json();
    let at = jiff::Timestamp::from_microsecond(again.opened_at.as_micros()).unwrap();
    let starts: Vec<_> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["startsAt"])
        .collect();
    assert!(
        starts.len() == 2 && starts[0] == &json!(at.to_string()),
        "{alerts}"
    );
}

#[tokio::test]
async fn what_is_over_for_five_minutes_is_told_no_more() {
    let hook = Hook::start([Act::Status(200)]).await;
    let desk = Desk::start(&config(&[&format!("http://127.0.0.1:{}", hook.port)]));
    let ago = |seconds: i64| {
        let mut incident = opened("limits");
        incident.opened_at = incident.opened_at.plus_micros(-3_600_000_000);
        let at = RealClock.now().plus_micros(-seconds * 1_000_000);
        Incident {
            closed_at: Some(at),
            ..incident
        }
    };
    desk.post(&[ago(301)]);
    sleep(Duration::from_millis(300)).await;
    assert_eq!(hook.requests().len(), 0);
    // As long as it is less, it is told again and again.
    desk.post(&[ago(297)]);
    until(|| hook.requests().len() >= 2).await;
    sleep(Duration::from_secs(4)).await;
    let told = hook.requests().len();
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(hook.requests().len(), told);
}

#[tokio::test]
async fn an_instance_that_fails_is_tried_again_no_more_than_a_resend_apart() {
    let hook = Hook::start([
        Act::Status(500),
        Act::Reset,
        Act::Status(400),
        Act::Status(200),
    ])
    .await;
    let desk = Desk::start(&config(&[&format!("http://127.0.0.1:{}", hook.port)]));
    let began = tokio::time::Instant::now();
    desk.post(&[opened("limits")]);
    until(|| hook.requests().len() == 4).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let receiver = format!("alertmanager@127.0.0.1:{}", hook.port);
    let sent = format!("sextant_alerts_notices_sent_total{{receiver=\"{receiver}\"}}");
    desk.until_count(&sent, 1).await;
}

#[tokio::test]
async fn a_real_alertmanager_shows_an_incident_once_and_until_it_is_over() {
    let real = Alertmanager::start().unwrap();
    let desk = Desk::start(&config(&[&real.url()]));
    let (incident, other) = (opened("limits"), opened("other"));
    desk.post(&[incident.clone(), other.clone()]);
    let receiver = real.url().replace("http://", "alertmanager@");
    let sent = format!("sextant_alerts_notices_sent_total{{receiver=\"{receiver}\"}}");
    // Twice each, and more.
    desk.until_count(&sent, 6).await;
    let mut shown = firing(&real);
    shown.sort();
    assert_eq!(shown, ["limits", "other"]);
    desk.post(&[closed(&incident), other]);
    until(|| firing(&real) == ["other"]).await;
}

#[tokio::test]
async fn an_incident_ends_by_itself_when_nobody_tells_of_it_any_more() {
    let real = Alertmanager::start().unwrap();
    let desk = Desk::start(&config(&[&real.url()]));
    desk.post(&[opened("limits")]);
    until(|| firing(&real) == ["limits"]).await;
    desk.stop().await;
    until(|| firing(&real).is_empty()).await;
}

#[tokio::test]
async fn all_instances_are_told_and_one_that_was_away_is_told_again() {
    let (first, mut second) = (
        Alertmanager::start().unwrap(),
        Alertmanager::start().unwrap(),
    );
    let desk = Desk::start(&config(&[&first.url(), &second.url()]));
    desk.post(&[opened("limits")]);
    until(|| [&first, &second].iter().all(|it| firing(it) == ["limits"])).await;
    second.kill().unwrap();
    let receiver = second.url().replace("http://", "alertmanager@");
    let labels = format!("{{receiver=\"{receiver}\",reason=\"unreachable\"}}");
    desk.until_count(&format!("sextant_alerts_notices_failed_total{labels}"), 1)
        .await;
    second.start_again().unwrap();
    until(|| firing(&second) == ["limits"]).await;
    assert_eq!(firing(&first), ["limits"]);
}
