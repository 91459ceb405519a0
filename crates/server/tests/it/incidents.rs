//! `GET /api/v1/incidents`.

use serde_json::{Value, json};
use sextant_incident::{Incident, Kind, Quantity, Severity};
use sextant_store::{IncidentQuery, MinuteRange, StoreError};

use crate::rig::{NOW, Rig};

const PATH: &str = "/api/v1/incidents";

fn incident(alert: &str) -> Incident {
    Incident {
        alert: alert.parse().unwrap(),
        kind: Kind::Uptime,
        severity: Severity::Page,
        opened_at: NOW.plus_micros(-90_000_000),
        closed_at: None,
        worst: Some(Quantity::ratio(1, 8)),
        reason: "<b>bad</b>".to_owned(),
        closed_because: String::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn incidents_say_what_was_wrong_with_what() {
    let (rig, running) = Rig::with([]).await;
    let ended = Incident {
        closed_at: Some(NOW),
        worst: None,
        closed_because: "it has recovered".to_owned(),
        ..incident("silent/agent/edge/with/slashes")
    };
    rig.store.hold_incidents(vec![
        incident("uptime-page/endpoint/a/b/groq/fp8"),
        incident("uptime-page/provider/groq"),
        ended,
    ]);
    let answer = running.json(PATH).await;
    let listed = answer["incidents"].as_array().unwrap();
    let id = format!(
        "uptime-page/endpoint/a/b/groq/fp8@{}",
        NOW.plus_micros(-90_000_000).as_micros()
    );
    assert_eq!(
        listed[0],
        json!({
            "id": id,
            "rule": "uptime-page",
            "kind": "uptime",
            "severity": "page",
            "subject": "endpoint/a/b/groq/fp8",
            "model": "a/b",
            "provider": "groq",
            "quantization": "fp8",
            "agent": null,
            "opened_at": "2026-11-22T14:28:28Z",
            "closed_at": null,
            "worst": {"value": 0.125, "unit": "ratio"},
            "reason": "<b>bad</b>",
            "closed_because": null,
        })
    );
    assert_eq!(
        (&listed[1]["provider"], &listed[1]["model"]),
        (&json!("groq"), &Value::Null)
    );
    assert_eq!(listed[2]["agent"], "edge/with/slashes");
    assert_eq!(listed[2]["worst"], Value::Null);
    assert_eq!(listed[2]["closed_because"], "it has recovered");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_asked_of_the_store() {
    let (rig, running) = Rig::with([]).await;
    running.json(PATH).await;
    let to = NOW.minute().plus(1);
    let a_day = IncidentQuery {
        range: MinuteRange::new(to.minus(1_440), to),
        model: None,
        newest_max: 100,
    };
    assert_eq!(rig.store.last_incidents_query(), a_day);
    let uri = format!("{PATH}?model=a/b&limit=7&from=2026-11-22T10:00:59Z&to=2026-11-22T11:00:00Z");
    running.json(&uri).await;
    let asked = rig.store.last_incidents_query();
    assert_eq!(asked.model, Some("a/b".parse().unwrap()));
    assert_eq!((asked.range.len(), asked.newest_max), (60, 7));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn bad_questions_and_a_store_that_is_away_are_told_apart() {
    let (rig, running) = Rig::with([]).await;
    for (question, parameter) in [
        ("from=x", "from"),
        ("from=2026-11-22T11:00:00Z&to=2026-11-22T11:00:00Z", "from"),
        ("model=x", "model"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1&limit=2", "limit"),
    ] {
        let problem = running
            .get(&format!("{PATH}?{question}"))
            .await
            .problem(400);
        assert_eq!(problem["parameter"], parameter, "{question}");
    }
    running.get(&format!("{PATH}?modle=a/b")).await.problem(400);
    rig.store.fail(StoreError::Unavailable {
        reason: "a test".to_owned(),
    });
    running.get(PATH).await.problem(503);
    running.end().await;
}
