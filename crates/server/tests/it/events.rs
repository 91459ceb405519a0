//! `GET /api/v1/snapshot/events`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sextant_catalog::Catalog;
use sextant_measure::id::{EndpointId, ProviderId};
use sextant_server::Caller;
use sextant_snapshot::record::{Entry, OwnerState};
use sextant_wire::json::rfc3339;
use tokio::time::Instant;

use crate::listener::{Heard, Listener};
use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{NOW, Rig, Running, progress, settle};

const EVENTS: &str = "/api/v1/snapshot/events";

fn change(id: EndpointId, n: u64) -> Entry {
    row(id, &figures(ok(n)))
}

/// A row of what a listener holds.
fn held(listener: &Listener, id: &str) -> Value {
    let snapshot = listener.snapshot();
    let rows = snapshot["endpoints"].as_array().unwrap();
    let found = rows.iter().find(|row| row["id"] == id);
    found.cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn first_all_there_is_and_then_what_changes() {
    let (rig, running) = Rig::with([change(deepinfra(), 1), change(unlisted("a/a"), 1)]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    assert_eq!(listener.take(&mut events).await, Heard::Full { rows: 2 });
    listener.assert_current(&running).await;
    let tag = running.get("/api/v1/snapshot").await;
    let tag = tag.header("etag").map(str::to_owned);
    assert_eq!(tag, Some(format!("\"{}\"", listener.last_id)));
    rig.append(0, change(unlisted("b/b"), 2)).await;
    rig.append(0, change(unlisted("b/b"), 3)).await;
    rig.append(0, Entry::EndpointGone(unlisted("a/a"))).await;
    let (rows, removed) = (1, 1);
    assert_eq!(
        listener.take(&mut events).await,
        Heard::Delta { rows, removed }
    );
    listener.assert_current(&running).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_listed_endpoint_stays_without_its_numbers_and_another_goes() {
    let ids = [
        "meta-llama/llama-4-scout/deepinfra/fp8",
        "a/a/somebody/int4",
    ];
    let (rig, running) = Rig::with([change(deepinfra(), 1), change(unlisted("a/a"), 1)]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    listener.take(&mut events).await;
    let listed = ids.map(|id| held(&listener, id)["listed"].clone());
    assert_eq!(listed, [json!(true), json!(false)]);
    for id in [deepinfra(), unlisted("a/a")] {
        rig.append(0, Entry::EndpointGone(id)).await;
    }
    listener.take(&mut events).await;
    assert_eq!(held(&listener, ids[0])["global"], Value::Null);
    assert_eq!(held(&listener, ids[1]), Value::Null);
    listener.assert_current(&running).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_catalog_that_is_replaced_reaches_listeners() {
    const CATALOG: &str = "[providers.somebody]\nname = \"Somebody\"\n\
        [[models]]\nid = \"a/a\"\nname = \"A\"\ncontext_length = 8192\nnative = [\"int4\"]\n\
        [[models.endpoints]]\nprovider = \"somebody\"\nquantization = \"int4\"\n\
        price = { input = \"0.1\", output = \"0.2\" }\n\
        [[models.endpoints]]\nprovider = \"somebody\"\nquantization = \"fp8\"\n";
    let mut elsewhere = unlisted("a/a");
    elsewhere.provider = ProviderId::new("another").unwrap();
    let rows = [deepinfra(), unlisted("a/a"), elsewhere].map(|id| change(id, 1));
    let (rig, running) = Rig::with(rows).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    listener.take(&mut events).await;
    for catalog in [Catalog::parse("a", CATALOG), Catalog::parse("none", "")] {
        rig.catalog.replace(catalog.unwrap());
        let (rows, removed) = (0, 0);
        assert_eq!(
            listener.take(&mut events).await,
            Heard::Delta { rows, removed }
        );
        listener.assert_current(&running).await;
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_with_the_last_id_is_told_what_changed_by_any_server() {
    let (rig, first) = Rig::with([change(deepinfra(), 1), change(unlisted("a/a"), 1)]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&first).await.unwrap();
    listener.take(&mut events).await;
    first.end().await;
    rig.append(0, change(deepinfra(), 2)).await;
    rig.append(0, Entry::EndpointGone(unlisted("a/a"))).await;
    let second = rig.serve().await;
    for (rows, removed) in [(1, 1), (0, 0)] {
        let mut events = listener.listen(&second).await.unwrap();
        assert_eq!(
            listener.take(&mut events).await,
            Heard::Delta { rows, removed }
        );
        listener.assert_current(&second).await;
    }
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_resumed_gets_what_replaces_everything() {
    let (rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut old = Listener::default();
    let mut events = old.listen(&running).await.unwrap();
    old.take(&mut events).await;
    let mut of_another_log = Listener::default();
    {
        let mut other = Rig::new(2).await;
        for partition in [0, 1] {
            other.claim(partition).await;
            other.append(partition, progress(OwnerState::Whole)).await;
        }
        let other = other.serve().await;
        let mut events = of_another_log.listen(&other).await.unwrap();
        of_another_log.take(&mut events).await;
        other.end().await;
    }
    for n in 2..=4 {
        rig.append(0, change(deepinfra(), n)).await;
        rig.pass(Duration::from_mins(31)).await;
    }
    let unknown = ["nonsense", "<script>", &"A".repeat(20_000)].map(|id| {
        let mut listener = Listener::default();
        id.clone_into(&mut listener.last_id);
        listener
    });
    for mut listener in unknown.into_iter().chain([old, of_another_log]) {
        let mut events = listener.listen(&running).await.unwrap();
        assert_eq!(listener.take(&mut events).await, Heard::Full { rows: 1 });
        listener.assert_current(&running).await;
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_only_the_models_asked_for() {
    let rows = ["a/a", "b/b"].map(|model| change(unlisted(model), 1));
    let (rig, running) = Rig::with(rows).await;
    let mut listener = Listener::of("b/b,meta-llama/llama-4-scout");
    let mut events = listener.listen(&running).await.unwrap();
    assert_eq!(listener.take(&mut events).await, Heard::Full { rows: 1 });
    for (model, rows) in [("a/a", 0), ("b/b", 1)] {
        rig.append(0, change(unlisted(model), 2)).await;
        let removed = 0;
        assert_eq!(
            listener.take(&mut events).await,
            Heard::Delta { rows, removed }
        );
        listener.assert_current(&running).await;
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_has_a_heartbeat_at_least_every_five_seconds() {
    let (_rig, running) = Rig::with([]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    listener.take(&mut events).await;
    for _ in 0..3 {
        let asked = Instant::now();
        let event = events.next().await.unwrap();
        assert_eq!(event.data["time"], rfc3339(NOW));
        assert_eq!(listener.hear(event), Heard::Heartbeat);
        let waited = asked.elapsed();
        assert!(waited <= Duration::from_secs(5), "{waited:?}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_gets_the_latest_and_no_queue() {
    let (rig, running) = Rig::with([change(unlisted("a/a"), 0)]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    listener.take(&mut events).await;
    for n in 1..=20 {
        for model in ["a/a", "b/b"] {
            rig.append(0, change(unlisted(model), n)).await;
        }
        settle().await;
    }
    // Twenty editions later one event tells it all.
    let (rows, removed) = (2, 0);
    assert_eq!(
        listener.take(&mut events).await,
        Heard::Delta { rows, removed }
    );
    listener.assert_current(&running).await;
    assert_eq!(listener.take(&mut events).await, Heard::Heartbeat);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_many_listeners_get_is_encoded_once() {
    let (rig, running) = Rig::with([change(unlisted("a/a"), 1)]).await;
    let mut all = Vec::new();
    for _ in 0..1_000 {
        let listener = Listener::default();
        let events = listener.listen(&running).await.unwrap();
        all.push((listener, events));
    }
    let (rows, removed) = (1, 0);
    for wanted in [Heard::Full { rows }, Heard::Delta { rows, removed }] {
        for (listener, events) in &mut all {
            assert_eq!(listener.take(events).await, wanted);
        }
        rig.append(0, change(unlisted("a/a"), 2)).await;
        settle().await;
    }
    let metric = |name| running.metric(name).unwrap();
    let encoded = metric("sextant_server_encoded_bytes_total{form=\"full_event\"}")
        + metric("sextant_server_encoded_bytes_total{form=\"delta_event\"}");
    let pushed = metric("sextant_server_pushed_bytes_total");
    assert!(
        (pushed - encoded * 1_000.0).abs() < 0.5,
        "{pushed} {encoded}"
    );
    running.end().await;
}

async fn bounded(watchers_max: u32, per_second_max: u32) -> Running {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.config.watchers_max = watchers_max.try_into().unwrap();
    rig.config.watches_per_second_max = per_second_max.try_into().unwrap();
    rig.serve().await
}

/// P6, P7.
#[tokio::test(start_paused = true)]
async fn listeners_take_the_room_of_watches_and_one_caller_half_of_it() {
    let running = bounded(4, 100).await;
    let listener = Listener::default();
    let token = |name: &str| Caller::Token(Arc::from(name));
    let mut open = Vec::new();
    for caller in ["greedy", "greedy", "modest", "other"] {
        let events = listener.listen_as(&running, token(caller)).await;
        open.push(events.unwrap());
    }
    assert_eq!(running.metric("sextant_server_watchers"), Some(4.0));
    for (caller, status) in [("greedy", 429), ("latecomer", 503)] {
        let refused = listener.listen_as(&running, token(caller)).await;
        let refused = refused.err().unwrap();
        refused.problem(status);
        assert_eq!(refused.header("retry-after"), Some("10"));
    }
    drop(open);
    assert_eq!(running.metric("sextant_server_watchers"), Some(0.0));
    assert!(listener.listen_as(&running, token("greedy")).await.is_ok());
    let refused = "sextant_server_requests_total{route=\"/api/v1/snapshot/events\",status=\"429\"}";
    assert_eq!(running.metric(refused), Some(1.0));
    running.end().await;
}

/// P6.
#[tokio::test(start_paused = true)]
async fn so_many_begin_in_a_second_and_others_are_told_when_to_come_back() {
    let running = bounded(100, 2).await;
    let listener = Listener::default();
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(listener.listen(&running).await.unwrap());
    }
    let refused = listener.listen(&running).await.err().unwrap();
    refused.problem(503);
    let after = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&after), "{after}");
    tokio::time::sleep(Duration::from_secs(after)).await;
    assert!(listener.listen(&running).await.is_ok());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_before_a_stream_is_promised() {
    let rig = Rig::new(1).await;
    let starting = rig.start();
    let answer = starting.get(EVENTS).await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    starting.end().await;
    let running = bounded(100, 100).await;
    for query in ["models=%3Cscript%3E", "model=a/a", "models=%ff"] {
        let answer = running.get(&format!("{EVENTS}?{query}")).await;
        answer.problem(400);
        assert!(!answer.text().contains("script"));
    }
    assert_eq!(running.metric("sextant_server_watchers"), Some(0.0));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn when_the_server_stops_streams_end_in_order() {
    let (_rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut listener = Listener::default();
    let mut events = listener.listen(&running).await.unwrap();
    listener.take(&mut events).await;
    running.stop.cancel();
    assert!(events.next().await.is_none());
    let answer = running.get(EVENTS).await;
    answer.problem(503);
    assert!(answer.header("retry-after").is_some());
    running.end().await;
}
