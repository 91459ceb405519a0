//! `GetSnapshot` and `WatchSnapshot`.

use std::time::Duration;

use sextant_catalog::Catalog;
use sextant_measure::id::EndpointId;
use sextant_snapshot::record::{Entry, OwnerState};
use sextant_wire::v1::watch_snapshot_response::Message;
use sextant_wire::v1::{GetSnapshotRequest, WatchSnapshotRequest};
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt;

use crate::holder::{Got, Holder};
use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{NOW, Rig, progress};

fn change(id: EndpointId, n: u64) -> Entry {
    row(id, &figures(ok(n)))
}

#[tokio::test(start_paused = true)]
async fn the_first_message_is_all_there_is() {
    let (_rig, running) = Rig::with([change(deepinfra(), 150), change(unlisted("a/a"), 1)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    assert_eq!(holder.take(&mut watch).await, Got::Full { rows: 2 });
    holder.assert_current(&mut client).await;
    let snapshot = holder.snapshot();
    let held = &snapshot.row(&deepinfra()).unwrap().value;
    assert_eq!(held.global.latency_us.n, 150);
    assert_eq!(held.regions[0].region.as_str(), "us-west-2");
    assert_eq!(held.regions[0].figures, held.global);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn changes_follow_and_lead_to_what_a_unary_read_gives() {
    let (rig, running) = Rig::with([change(deepinfra(), 1), change(unlisted("a/a"), 1)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    rig.append(0, change(unlisted("b/b"), 2)).await;
    rig.append(0, change(unlisted("b/b"), 3)).await;
    rig.append(0, Entry::EndpointGone(unlisted("a/a"))).await;
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 1,
            removed: 1
        }
    );
    holder.assert_current(&mut client).await;
    assert_eq!(holder.snapshot().rows().len(), 2);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_told_what_changed_meanwhile_by_any_server() {
    let (rig, first) = Rig::with([change(deepinfra(), 1), change(unlisted("a/a"), 1)]).await;
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut first.client()).await.unwrap();
    holder.take(&mut watch).await;
    first.end().await;
    rig.append(0, change(deepinfra(), 2)).await;
    rig.append(0, Entry::EndpointGone(unlisted("a/a"))).await;
    let second = rig.serve().await;
    let mut client = second.client();
    let mut watch = holder.watch(&mut client).await.unwrap();
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 1,
            removed: 1
        }
    );
    holder.assert_current(&mut client).await;
    // And who has missed nothing is told that.
    let mut watch = holder.watch(&mut client).await.unwrap();
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 0,
            removed: 0
        }
    );
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_catalog_that_is_replaced_reaches_watchers_and_readers() {
    let (rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    let before = holder.version();
    rig.catalog.replace(Catalog::parse("none", "").unwrap());
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 0,
            removed: 0
        }
    );
    assert_ne!(holder.version(), before);
    holder.assert_current(&mut client).await;
    let models = running.json("/api/v1/models").await;
    let scout = &models["data"][0];
    assert_eq!(
        scout["id"], "meta-llama/llama-4-scout",
        "it is still measured"
    );
    assert_eq!(scout["name"], scout["id"], "{models}");
    running.end().await;
}

/// Or else each who comes back would be led on apart from all others, for good.
#[tokio::test(start_paused = true)]
async fn who_comes_back_is_led_to_an_edition() {
    let (rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    for n in 2..=4 {
        rig.append(0, change(deepinfra(), n)).await;
        crate::rig::settle().await;
    }
    // Read between two editions, and not published yet.
    tokio::time::sleep(Duration::from_millis(500)).await;
    rig.append(0, change(deepinfra(), 5)).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    let answer = running.get("/api/v1/snapshot").await;
    assert_eq!(answer.json()["version"], holder.version());
    holder.assert_current(&mut client).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_cannot_be_resumed_gets_everything() {
    let (rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut other_log = Rig::new(1).await;
    other_log.claim(0).await;
    let old_version = {
        let mut holder = Holder::default();
        let mut watch = holder.watch(&mut running.client()).await.unwrap();
        holder.take(&mut watch).await;
        holder.version()
    };
    rig.append(0, change(deepinfra(), 2)).await;
    rig.pass(Duration::from_mins(31)).await;
    rig.append(0, change(deepinfra(), 3)).await;
    rig.pass(Duration::from_mins(31)).await;
    rig.append(0, change(deepinfra(), 4)).await;
    crate::rig::settle().await;
    for version in [
        old_version.as_str(),
        "",
        "nonsense",
        "<script>",
        &"A".repeat(20_000),
    ] {
        let request = WatchSnapshotRequest {
            version: version.to_owned(),
            models: Vec::new(),
        };
        let mut watch = running
            .client()
            .watch_snapshot(request)
            .await
            .unwrap()
            .into_inner();
        let message = watch.message().await.unwrap().unwrap().message.unwrap();
        assert!(matches!(message, Message::Full(_)), "{version}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_only_the_models_asked_for() {
    let rows = ["a/a", "b/b"].map(|model| change(unlisted(model), 1));
    let (rig, running) = Rig::with(rows).await;
    let mut client = running.client();
    let mut holder = Holder::of(&["b/b", "meta-llama/llama-4-scout"]);
    let mut watch = holder.watch(&mut client).await.unwrap();
    assert_eq!(holder.take(&mut watch).await, Got::Full { rows: 1 });
    rig.append(0, change(unlisted("a/a"), 2)).await;
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 0,
            removed: 0
        }
    );
    rig.append(0, change(unlisted("b/b"), 2)).await;
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 1,
            removed: 0
        }
    );
    holder.assert_current(&mut client).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_has_a_heartbeat_at_least_every_five_seconds() {
    let (_rig, running) = Rig::with([]).await;
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut running.client()).await.unwrap();
    holder.take(&mut watch).await;
    for _ in 0..3 {
        let asked = Instant::now();
        let message = watch.message().await.unwrap().unwrap().message.unwrap();
        let Message::Heartbeat(heartbeat) = message else {
            panic!("{message:?}")
        };
        assert_eq!(heartbeat.version, holder.version());
        assert_eq!(heartbeat.time_us, NOW.as_micros());
        assert!(
            asked.elapsed() <= Duration::from_secs(5),
            "{:?}",
            asked.elapsed()
        );
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_only_says_how_far_it_is_wakes_nobody() {
    let (rig, running) = Rig::with([change(deepinfra(), 1)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    let tag = running.get("/api/v1/snapshot").await;
    let tag = tag.header("etag").unwrap().to_owned();
    let saying = async {
        // Longer than a version may be old, and than removals are remembered.
        for _ in 0..4_000 {
            rig.append(0, progress(OwnerState::Whole)).await;
            rig.wind(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let waiting = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_mins(65) {
            assert_eq!(holder.take(&mut watch).await, Got::Heartbeat);
        }
    };
    tokio::join!(saying, waiting);
    let held = [("if-none-match", tag.as_str())];
    let answer = running.get_with("/api/v1/snapshot", &held).await;
    assert_eq!(answer.status, 304);
    let age = running
        .metric("sextant_server_snapshot_age_seconds")
        .unwrap();
    assert!(age < 10.0, "{age}: it was known to be up to date");
    // Who comes with that version has missed nothing, and is told what comes next.
    rig.append(0, Entry::EndpointGone(deepinfra())).await;
    crate::rig::settle().await;
    let mut watch = holder.watch(&mut client).await.unwrap();
    let removal = Got::Delta {
        rows: 0,
        removed: 1,
    };
    assert_eq!(holder.take(&mut watch).await, removal);
    holder.assert_current(&mut client).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_at_most_once_a_second() {
    let (rig, running) = Rig::with([]).await;
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut running.client()).await.unwrap();
    holder.take(&mut watch).await;
    let began = Instant::now();
    let told = async {
        let mut deltas = 0;
        while began.elapsed() < Duration::from_secs(10) {
            deltas += u32::from(matches!(holder.take(&mut watch).await, Got::Delta { .. }));
        }
        deltas
    };
    let writing = async {
        for n in 0..200 {
            rig.append(0, change(deepinfra(), n % 30)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (deltas, ()) = tokio::join!(told, writing);
    assert!((9..=11).contains(&deltas), "{deltas}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn watches_are_bounded_and_a_closed_one_makes_room() {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    // One caller has half of them.
    rig.config.watchers_max = 4.try_into().unwrap();
    let running = rig.serve().await;
    let holder = Holder::default();
    let mut client = running.client();
    let first = holder.watch(&mut client).await.unwrap();
    let second = holder.watch(&mut client).await.unwrap();
    assert_eq!(running.metric("sextant_server_watchers"), Some(2.0));
    let refused = holder.watch(&mut client).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let details = refused.get_error_details();
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert_eq!(details.error_info().unwrap().reason, "TOO_MANY_WATCHERS");
    drop(first);
    let third = holder.watch(&mut client).await;
    assert!(third.is_ok());
    drop((second, third));
    assert_eq!(running.metric("sextant_server_watchers"), Some(0.0));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_cannot_be_is_refused_with_its_place() {
    let (_rig, running) = Rig::with([]).await;
    let mut client = running.client();
    let models = vec!["a/a".to_owned(), "<script>".to_owned()];
    let version = String::new();
    let of_get = client
        .get_snapshot(GetSnapshotRequest {
            models: models.clone(),
        })
        .await;
    let of_watch = client
        .watch_snapshot(WatchSnapshotRequest { version, models })
        .await;
    for refused in [of_get.err().unwrap(), of_watch.err().unwrap()] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "models[1]");
        assert!(!refused.message().contains("script"), "{refused}");
    }
    let models = vec!["a/a".to_owned(); 1_001];
    let refused = client
        .get_snapshot(GetSnapshotRequest { models })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_log_is_read_a_client_is_told_to_come_back() {
    let rig = Rig::new(1).await;
    let running = rig.start();
    let refused = Holder::default()
        .watch(&mut running.client())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let details = refused.get_error_details();
    assert!(details.retry_info().is_some());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_says_so_to_its_watchers() {
    let (_rig, running) = Rig::with([]).await;
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut running.client()).await.unwrap();
    holder.take(&mut watch).await;
    running.end().await;
    let told = watch.message().await.unwrap_err();
    assert_eq!(told.code(), Code::Unavailable);
    assert_eq!(
        told.get_error_details().error_info().unwrap().reason,
        "STOPPING"
    );
}
