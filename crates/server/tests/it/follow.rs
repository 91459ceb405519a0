//! From the log to what is served.

use std::time::Duration;

use serde_json::{Value, json};
use sextant_eventlog::{EventLog, Record};
use sextant_snapshot::record::{Entry, OwnerState};
use sextant_wire::topics::WINDOWS;
use sextant_wire::windows::{Writer, to_record};

use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{LOG_ID, Rig, Running, progress, settle};

async fn models(running: &Running) -> Vec<String> {
    let snapshot = running.json("/api/v1/snapshot").await;
    let seen = snapshot["endpoints"].as_array().unwrap().iter();
    let seen = seen.filter(|endpoint| endpoint["global"] != Value::Null);
    seen.map(|endpoint| endpoint["model"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn all_partitions_are_read_and_the_coverage_says_which_are_whole() {
    let mut rig = Rig::new(3).await;
    for partition in 0..2 {
        rig.claim(partition).await;
        let model = format!("m/{partition}");
        rig.append(partition, row(unlisted(&model), &figures(ok(1))))
            .await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.append(1, progress(OwnerState::Rebuilding)).await;
    let running = rig.serve().await;
    assert_eq!(models(&running).await, ["m/0", "m/1"]);
    let coverage = running.json("/api/v1/snapshot").await["coverage"].clone();
    assert_eq!(coverage, json!({"partitions_whole": 1, "partitions": 3}));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_before_all_that_stood_in_the_log_has_been_read() {
    let mut rig = Rig::new(2).await;
    for n in 0..20_u32 {
        rig.claim(n % 2).await;
        let model = format!("m/{n:02}");
        rig.append(n % 2, row(unlisted(&model), &figures(ok(1))))
            .await;
    }
    // One record at a time, each after a while.
    rig.config.read_bytes_max = 1.try_into().unwrap();
    rig.log.slow_down(100);
    let running = rig.start();
    let mut refused = 0;
    while running.get("/api/v1/snapshot").await.status == 503 {
        refused += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(refused >= 20, "{refused}");
    assert_eq!(models(&running).await.len(), 20);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_is_served_within_two_seconds() {
    let (rig, running) = Rig::with([]).await;
    rig.append(0, row(unlisted("a/a"), &figures(ok(1)))).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(models(&running).await, ["a/a"]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_decoded_is_skipped_and_counted() {
    let (rig, running) = Rig::with([]).await;
    let nonsense = [
        Record::new("endpoint/a/a/p/fp8", "nonsense"),
        Record::new("no such key", ""),
        Record::new("claim", vec![0xff; 1_000]),
    ];
    rig.log.append(WINDOWS, 0, nonsense.into()).await.unwrap();
    rig.append(0, row(unlisted("a/a"), &figures(ok(1)))).await;
    settle().await;
    assert_eq!(models(&running).await, ["a/a"]);
    let ignored = "sextant_server_ignored_records_total{reason=\"undecodable\"}";
    assert_eq!(running.metric(ignored), Some(3.0));
    assert_eq!(
        running.metric("sextant_server_received_records_total"),
        Some(6.0)
    );
    assert_eq!(running.metric("sextant_server_lag_records"), Some(0.0));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_owner_changes_nothing() {
    let (mut rig, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    rig.claim(0).await;
    let stale = Writer {
        epoch: Some(0),
        log_id: LOG_ID,
    };
    let record = to_record(&row(deepinfra(), &figures(ok(21))), stale);
    rig.log.append(WINDOWS, 0, vec![record]).await.unwrap();
    settle().await;
    let snapshot = running.json("/api/v1/snapshot").await;
    let found = snapshot["endpoints"].as_array().unwrap().iter();
    let found = found.filter(|endpoint| endpoint["provider"] == "deepinfra");
    let counts: Vec<_> = found
        .map(|endpoint| endpoint["global"]["uptime_30m"]["n"].clone())
        .collect();
    assert_eq!(counts, [20]);
    let ignored = "sextant_server_ignored_records_total{reason=\"stale\"}";
    assert_eq!(running.metric(ignored), Some(1.0));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_served_no_more() {
    let (rig, running) = Rig::with([row(unlisted("a/a"), &figures(ok(1)))]).await;
    rig.append(0, Entry::EndpointGone(unlisted("a/a"))).await;
    settle().await;
    assert_eq!(models(&running).await, Vec::<String>::new());
    running
        .get("/api/v1/models/a/a/endpoints")
        .await
        .problem(404);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_has_been_shortened_is_read_from_what_is_left() {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    for model in ["a/a", "b/b"] {
        rig.append(0, row(unlisted(model), &figures(ok(1)))).await;
    }
    rig.log.shorten(2);
    let running = rig.serve().await;
    assert_eq!(models(&running).await, ["b/b"]);
    running.end().await;
}
