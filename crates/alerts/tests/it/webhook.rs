//! Webhooks that answer, and ones that do anything but that.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use sextant_alerts::delivery::Event;
use sextant_incident::Severity;
use sextant_measure::time::Clock as _;
use tokio::time::sleep;

use crate::desk::{Desk, RealClock, SECRET, closed, opened, until};
use crate::hook::{Act, Hook, Request};

/// Longer than anything takes that happens at once.
const A_WHILE: Duration = Duration::from_millis(300);

/// HMAC by its definition (RFC 2104), of what Standard Webhooks has signed.
fn signature(request: &Request) -> String {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap());
    let mut key = key.unwrap();
    key.resize(64, 0);
    let padded = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let (id, at) = (
        &request.headers["webhook-id"],
        &request.headers["webhook-timestamp"],
    );
    let inner = [
        &*padded(0x36),
        format!("{id}.{at}.").as_bytes(),
        &*request.body,
    ]
    .concat();
    let outer = [&*padded(0x5c), digest(&SHA256, &inner).as_ref()].concat();
    format!("v1,{}", STANDARD.encode(digest(&SHA256, &outer)))
}

fn events(hook: &Hook) -> Vec<String> {
    let line = |json: Value| format!("{} {}", json["event"], json["alert"]).replace('"', "");
    hook.requests().iter().map(|it| line(it.json())).collect()
}

#[tokio::test]
async fn an_event_is_told_once_with_all_that_is_known_and_a_signature_that_holds() {
    let hook = Hook::start([Act::Status(204)]).await;
    let desk = Desk::start(&hook.toml("oncall"));
    let incident = opened("limits");
    desk.post(std::slice::from_ref(&incident));
    desk.until_heard(2).await;
    let over = closed(&incident);
    desk.post(std::slice::from_ref(&over));
    let mut heard = desk.until_heard(4).await;
    heard.sort();
    let told = |receiver| ["closed", "opened"].map(|event| format!("{receiver} {event} limits"));
    assert_eq!(heard, [told("log"), told("oncall")].concat());
    // It is not told again, though the board doesn't say yet that it was.
    desk.post(std::slice::from_ref(&over));
    sleep(A_WHILE).await;
    let requests = hook.requests();
    assert_eq!(requests.len(), 2);

    for request in &requests {
        assert_eq!(request.line, "POST /hook");
        assert_eq!(request.headers["webhook-signature"], signature(request));
        assert_eq!(request.headers["content-type"], "application/json");
        let at: i64 = request.headers["webhook-timestamp"].parse().unwrap();
        let now = RealClock.now().as_micros() / 1_000_000;
        assert!((now - 60..=now).contains(&at), "{at}");
    }
    let ids = requests.iter().map(|it| &it.headers["webhook-id"]);
    let ids: Vec<_> = ids.collect();
    assert_ne!(ids[0], ids[1]);

    let mut body = requests[1].json();
    let sent_at = body["sent_at"].take();
    assert!(sent_at.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let rfc3339 = |at: i64| jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let wanted = json!({
        "id": incident.id(), "event": "closed", "alert": "limits", "kind": "rate_limited",
        "severity": "page", "subject": "endpoint/meta-llama/llama-3.1/groq/fp8",
        "model": "meta-llama/llama-3.1", "provider": "groq", "quantization": "fp8", "agent": null,
        "opened_at": rfc3339(incident.opened_at.as_micros()),
        "closed_at": rfc3339(over.closed_at.unwrap().as_micros()),
        "worst": {"value": 0.25, "unit": "ratio"}, "reason": "25.00 % were rate-limited",
        "closed_because": "0.00 % were rate-limited", "sent_at": null,
    });
    assert_eq!(body, wanted);
    let body = requests[0].json();
    assert_eq!(
        (&body["event"], &body["closed_at"]),
        (&json!("opened"), &Value::Null)
    );
    assert!(desk.count("sextant_alerts_notices_sent_total{receiver=\"oncall\"}") >= 2);
    let last = "sextant_alerts_last_success_timestamp_seconds{receiver=\"oncall\"}";
    assert!(desk.metric(last).parse::<f64>().unwrap() > 1e9);
}

#[tokio::test]
async fn a_failed_try_is_tried_again_under_the_same_name_and_before_what_came_after() {
    let script = [Act::Status(500), Act::Reset, Act::Status(200)];
    let hook = Hook::start(script).await;
    let desk = Desk::start(&format!("log = false\n{}", hook.toml("h")));
    desk.post(&[closed(&opened("limits"))]);
    desk.until_heard(2).await;
    let told = ["opened limits"; 3].into_iter().chain(["closed limits"]);
    assert_eq!(events(&hook), told.collect::<Vec<_>>());
    let requests = hook.requests();
    let id = |n: usize| &requests[n].headers["webhook-id"];
    assert!(id(0) == id(1) && id(1) == id(2) && id(2) != id(3));
    for (reason, count) in [("unavailable", 1), ("unreachable", 1), ("rejected", 0)] {
        let labels = format!("{{receiver=\"h\",reason=\"{reason}\"}}");
        assert_eq!(
            desk.count(&format!("sextant_alerts_notices_failed_total{labels}")),
            count
        );
    }
}

#[tokio::test]
async fn a_receiver_that_asks_to_be_left_alone_is() {
    let later = Act::With(429, "retry-after: 4".to_owned());
    let hook = Hook::start([later, Act::Status(200)]).await;
    let desk = Desk::start(&hook.toml("h"));
    let began = tokio::time::Instant::now();
    desk.post(&[opened("limits")]);
    until(|| hook.requests().len() == 2).await;
    assert!(began.elapsed() >= Duration::from_secs(4));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Hook::start([Act::Status(200)]).await;
    let location = format!("location: http://127.0.0.1:{}/hook", elsewhere.port);
    let script = [301, 302, 307, 308].map(|status| Act::With(status, location.clone()));
    let hook = Hook::start(script).await;
    let desk = Desk::start(&hook.toml("h"));
    desk.post(&[opened("limits")]);
    let counted = "sextant_alerts_notices_failed_total{receiver=\"h\",reason=\"redirect\"}";
    desk.until_count(counted, 2).await;
    assert_eq!(elsewhere.connections(), 0);
    assert_eq!(desk.heard(), ["log opened limits"]);
    assert!(desk.count("sextant_alerts_notices_pending{receiver=\"h\"}") >= 1);
}

#[tokio::test]
async fn what_a_receiver_will_not_take_is_given_up_and_holds_up_nothing() {
    let hook = Hook::start([Act::Status(422), Act::Status(200)]).await;
    let desk = Desk::start(&format!("log = false\n{}", hook.toml("h")));
    let first = opened("first");
    let mut second = opened("second");
    second.opened_at = first.opened_at.plus_micros(1);
    desk.post(&[first, second]);
    assert_eq!(desk.until_heard(1).await, ["h opened second"]);
    sleep(A_WHILE).await;
    assert_eq!(events(&hook), ["opened first", "opened second"]);
    assert_eq!(
        desk.count("sextant_alerts_notices_given_up_total{receiver=\"h\"}"),
        1
    );
    assert_eq!(
        desk.count("sextant_alerts_notices_pending{receiver=\"h\"}"),
        0
    );
}

#[tokio::test]
async fn an_answer_without_an_end_is_left_after_its_beginning() {
    let hook = Hook::start([Act::Endless(503), Act::Endless(200)]).await;
    let desk = Desk::start(&format!("log = false\n{}", hook.toml("h")));
    desk.post(&[opened("limits")]);
    assert_eq!(desk.until_heard(1).await, ["h opened limits"]);
    assert_eq!(hook.requests().len(), 2);
}

#[tokio::test]
async fn receivers_that_are_away_or_slow_delay_no_other() {
    let silent = Hook::start([Act::Silence]).await;
    let slow = Hook::start([Act::After(3_000, 200)]).await;
    let well = Hook::start([Act::Status(200)]).await;
    let config = [silent.toml("silent"), slow.toml("slow"), well.toml("well")].concat();
    // Nothing listens on the discard port.
    let away = "[[alertmanagers]]\nurl = \"http://127.0.0.1:9\"\n";
    let desk = Desk::start(&format!("timeout_ms = 500\n{away}{config}"));
    let began = tokio::time::Instant::now();
    desk.post(&[closed(&opened("limits"))]);
    until(|| {
        desk.heard()
            .iter()
            .filter(|it| it.starts_with("well"))
            .count()
            == 2
    })
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    for (receiver, reason) in [
        ("silent", "timeout"),
        ("slow", "timeout"),
        ("alertmanager@127.0.0.1:9", "unreachable"),
    ] {
        let labels = format!("{{receiver=\"{receiver}\",reason=\"{reason}\"}}");
        desk.until_count(&format!("sextant_alerts_notices_failed_total{labels}"), 1)
            .await;
    }
    assert!(!desk.heard().iter().any(|it| it.starts_with('s')));
}

#[tokio::test]
async fn a_name_that_leads_to_this_host_is_refused_before_a_connection_is_made() {
    let hook = Hook::start([Act::Status(200)]).await;
    // To the configuration a name as any other, and HTTPS as it must be.
    let toml = hook
        .toml("h")
        .replace("http://127.0.0.1", "https://LOCALHOST");
    let desk = Desk::start(&toml.replace("allow_private = true", ""));
    desk.post(&[opened("limits")]);
    let counted = "sextant_alerts_notices_failed_total{receiver=\"h\",reason=\"not_public\"}";
    desk.until_count(counted, 1).await;
    assert_eq!(hook.connections(), 0);
}

#[tokio::test]
async fn what_was_delivered_before_a_restart_is_not_told_again() {
    let hook = Hook::start([Act::Status(200)]).await;
    let incident = opened("limits");
    let desk = Desk::start(&format!("log = false\n{}", hook.toml("h")));
    desk.post(std::slice::from_ref(&incident));
    desk.until_heard(1).await;
    desk.stop().await;

    let desk = Desk::start(&format!("log = false\n{}", hook.toml("h")));
    desk.post_as_heard(&[closed(&incident)], &[("h", Event::Opened)]);
    assert_eq!(desk.until_heard(1).await, ["h closed limits"]);
    assert_eq!(events(&hook), ["opened limits", "closed limits"]);
}

#[tokio::test]
async fn an_empty_board_stops_what_is_being_told() {
    let hook = Hook::start([Act::Silence]).await;
    let desk = Desk::start(&format!(
        "log = false\ntimeout_ms = 60000\n{}",
        hook.toml("h")
    ));
    desk.post(&[opened("limits")]);
    until(|| hook.requests().len() == 1).await;
    desk.post(&[]);
    let emptied = tokio::time::Instant::now();
    until(|| hook.left() == 1).await;
    assert!(emptied.elapsed() < Duration::from_secs(20));
    assert!(desk.heard().is_empty());
    assert_eq!(
        desk.count("sextant_alerts_notices_pending{receiver=\"h\"}"),
        0
    );
}

#[tokio::test]
async fn a_receiver_hears_only_of_what_it_asks_for() {
    let hook = Hook::start([Act::Status(200)]).await;
    let filter = "severities = [\"page\"]\nkinds = [\"rate_limited\", \"uptime\"]\n";
    let desk = Desk::start(&format!("{}{filter}", hook.toml("h")));
    let mut ticket = opened("ticket");
    ticket.severity = Severity::Ticket;
    let mut latency = opened("latency");
    latency.kind = sextant_incident::Kind::Latency;
    desk.post(&[ticket, latency, opened("limits")]);
    desk.until_heard(4).await;
    sleep(A_WHILE).await;
    assert_eq!(events(&hook), ["opened limits"]);
}

#[tokio::test]
async fn what_happened_too_long_ago_is_given_up() {
    let hook = Hook::start([Act::Status(200)]).await;
    let desk = Desk::start(&format!("give_up_after_s = 30\n{}", hook.toml("h")));
    desk.post(&[closed(&opened("limits"))]);
    until(|| events(&hook) == ["closed limits"]).await;
    assert_eq!(
        desk.count("sextant_alerts_notices_given_up_total{receiver=\"h\"}"),
        1
    );
}
