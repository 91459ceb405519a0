//! What an open page is told.

use std::num::NonZeroU32;
use std::time::Duration;

use http::StatusCode;
use sextant_catalog::Catalog;
use sextant_measure::quantization::Quantization;
use sextant_snapshot::record::{Entry, OwnerState, Progress};

use tokio::time::sleep;

use super::{SCOUT, page, text_of};
use crate::numbers::{deepinfra, endpoint, figures, ok, row};
use crate::rig::{NOW, Rig, Running, progress, settle};

#[tokio::test(start_paused = true)]
async fn an_open_page_is_told_what_changes_and_how_old_it_is() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(19)))]).await;
    let mut events = Events::open(&running).await;
    let (name, numbers) = events.next().await;
    assert_eq!(name, "numbers");
    assert_eq!(numbers["cells"]["deepinfra/fp8 latency_p50"][0], "—");
    assert_eq!(events.next().await.0, "state");

    // Nothing new, so only the age is told.
    rig.wind(Duration::from_secs(2));
    let (name, state) = events.next().await;
    assert_eq!((name.as_str(), &state["age_ms"]), ("state", &2_000.into()));

    rig.append(0, row(deepinfra(), &figures(ok(20)))).await;
    let told = events.numbers().await;
    assert_eq!(told["cells"]["deepinfra/fp8 latency_p50"][0], "10");
    assert_eq!(told["shape"], numbers["shape"]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_are_old_once_their_owner_says_nothing_and_young_when_it_does_again() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    let banner = async || {
        let html = page(&running, SCOUT).await;
        let (_, rest) = html.split_once("id=\"stale\"").unwrap();
        let is_shown = !rest.split('>').next().unwrap().contains("hidden");
        is_shown.then(|| text_of(&html, "id=\"stale-age\"").to_owned())
    };
    assert_eq!(banner().await, None);
    rig.pass(Duration::from_secs(14)).await;
    assert_eq!(banner().await, None);
    rig.pass(Duration::from_secs(26)).await;
    assert_eq!(banner().await.as_deref(), Some("40 s"));
    let now = NOW.plus_micros(40_000_000);
    let whole = Progress {
        state: OwnerState::Whole,
        position_at: now,
        at: now,
    };
    rig.append(0, Entry::Progress(whole)).await;
    // A page is made once a second.
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(banner().await, None);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_is_as_old_as_the_oldest_of_what_stands_on_it() {
    let mut rig = Rig::new(2).await;
    for (partition, id) in [
        (0, deepinfra()),
        (1, endpoint("a/b", "somebody", Quantization::Fp8)),
    ] {
        rig.claim(partition).await;
        rig.append(partition, row(id, &figures(ok(20)))).await;
        rig.append(partition, progress(OwnerState::Whole)).await;
    }
    let running = rig.serve().await;
    rig.wind(Duration::from_secs(20));
    let now = NOW.plus_micros(20_000_000);
    let goes_on = Progress {
        state: OwnerState::Whole,
        position_at: now,
        at: now,
    };
    rig.append(0, Entry::Progress(goes_on)).await;
    settle().await;
    for (uri, is_old) in [(SCOUT, false), ("/models/a/b", true), ("/", true)] {
        let html = page(&running, uri).await;
        let (_, banner) = html.split_once("id=\"stale\"").unwrap();
        let is_shown = !banner.split('>').next().unwrap().contains("hidden");
        assert_eq!(is_shown, is_old, "{uri}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_age_is_that_of_what_is_served_not_of_what_was_read() {
    let mut rig = Rig::new(1).await;
    rig.config.publish_interval_ms = NonZeroU32::new(5_000).unwrap();
    rig.claim(0).await;
    rig.append(0, row(deepinfra(), &figures(ok(20)))).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.serve().await;
    let as_of = async || {
        let html = page(&running, SCOUT).await;
        text_of(&html, "id=\"as-of\"").to_owned()
    };
    assert_eq!(as_of().await, "2026-11-22 14:29:58 UTC");
    rig.wind(Duration::from_secs(20));
    let now = NOW.plus_micros(20_000_000);
    let goes_on = Progress {
        state: OwnerState::Whole,
        position_at: now,
        at: now,
    };
    rig.append(0, Entry::Progress(goes_on)).await;
    // Three seconds of five are over; the record is read at once.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(as_of().await, "2026-11-22 14:29:58 UTC");
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(as_of().await, "2026-11-22 14:30:18 UTC");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_open_page_is_told_of_another_catalog() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    let mut events = Events::open(&running).await;
    let (_, numbers) = events.next().await;
    assert_eq!(numbers["cheapest"]["figure"], "$0.08 / 1M");
    let text = Catalog::shipped_text().replace("\"0.08\"", "\"0.07\"");
    rig.catalog
        .replace(Catalog::parse("other.toml", &text).unwrap());
    let told = events.numbers().await;
    assert_eq!(told["cheapest"]["figure"], "$0.07 / 1M");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn open_pages_take_the_room_of_watches_and_give_it_back() {
    let mut rig = Rig::new(1).await;
    rig.config.watchers_max = std::num::NonZeroU32::new(2).unwrap();
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.serve().await;
    let open = Events::open(&running).await;
    let refused = running.get(&format!("{SCOUT}/events")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(running.metric("sextant_server_watchers"), Some(1.0));
    drop(open);
    drop(Events::open(&running).await);
    running.end().await;
}

/// What an open page is told.
struct Events {
    body: http_body_util::BodyDataStream<axum::body::Body>,
    text: String,
}

impl Events {
    async fn open(running: &Running) -> Self {
        let request = http::Request::get(format!("{SCOUT}/events"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(running.router.clone(), request);
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let body = http_body_util::BodyExt::into_data_stream(answer.into_body());
        let text = String::new();
        Self { body, text }
    }

    /// The next numbers, which come within a few seconds.
    async fn numbers(&mut self) -> serde_json::Value {
        for _ in 0..10 {
            let (name, told) = self.next().await;
            if name == "numbers" {
                return told;
            }
        }
        panic!("ten events, and no numbers")
    }

    async fn next(&mut self) -> (String, serde_json::Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (name, data) = event.split_once('\n').unwrap();
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                let data = data.strip_prefix("data: ").unwrap();
                let data = serde_json::from_str(data).unwrap();
                let rest = rest.to_owned();
                self.text = rest;
                return (name, data);
            }
            let chunk = futures::StreamExt::next(&mut self.body).await;
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
    }
}
