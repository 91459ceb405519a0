//! While the log is away.

use std::time::Duration;

use sextant_eventlog::{EventLog as _, Offset};
use sextant_measure::id::Operation;
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Clock as _;
use sextant_snapshot::gates::{GateKey, Ruling, Verdict};
use sextant_snapshot::record::Entry;
use sextant_wire::gates;
use sextant_wire::topics::{GATES, WINDOWS};

use crate::holder::{Got, Holder};
use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{Rig, settle};

const SCOUT: &str = "/api/v1/models/meta-llama/llama-4-scout/endpoints";

#[tokio::test(start_paused = true)]
async fn the_last_good_is_served_with_its_age() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(150)))]).await;
    let before = running.get("/api/v1/snapshot").await;
    rig.log.cut(true);
    rig.pass(Duration::from_mins(10)).await;
    let shown = running.json(SCOUT).await["data"]["endpoints"][0]["sextant"].clone();
    assert_eq!(shown["age_ms"], 600_000);
    assert_eq!(shown["uptime_30m"]["ratio"], 1.0);
    assert_eq!(shown["window"]["end"], "2026-11-22T14:29:58Z");
    let after = running.get("/api/v1/snapshot").await;
    assert_eq!(after.text(), before.text());
    let age = running
        .metric("sextant_server_snapshot_age_seconds")
        .unwrap();
    assert!((age - 600.0).abs() < 1.0, "{age}");
    assert!(
        running
            .metric("sextant_server_errors_total{kind=\"unavailable\"}")
            .unwrap()
            > 0.0
    );
    // Nothing is stuck, and what is served is as whole as before.
    assert_eq!(running.get("/livez").await.status, 200);
    assert_eq!(running.get("/readyz").await.status, 200);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_lives_on_and_is_told_what_came_afterwards() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(1)))]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    rig.log.cut(true);
    rig.append(0, row(deepinfra(), &figures(ok(2)))).await;
    settle().await;
    assert_eq!(holder.take(&mut watch).await, Got::Heartbeat);
    rig.log.cut(false);
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

/// The log drops tombstones after an hour, so whoever was away for longer never reads them.
#[tokio::test(start_paused = true)]
async fn what_was_removed_while_a_server_was_away_for_over_an_hour_is_served_no_more() {
    let rows = [row(deepinfra(), &figures(ok(1))), kept()];
    let (rig, running) = Rig::with(rows).await;
    rule(&rig, Some(Verdict::Red)).await;
    settle().await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    assert_eq!(holder.snapshot().gates().len(), 1);
    rig.log.cut(true);
    rig.append(0, Entry::EndpointGone(deepinfra())).await;
    rule(&rig, None).await;
    for _ in 0..7 {
        rig.pass(Duration::from_mins(10)).await;
    }
    rig.append(0, kept()).await;
    rig.log.log.clean(rig.clock.now().as_micros());
    rig.log.cut(false);
    settle().await;
    settle().await;
    while holder.take(&mut watch).await == Got::Heartbeat {}
    let held = holder.snapshot();
    assert_eq!((held.rows().len(), held.gates().len()), (1, 0));
    holder.assert_current(&mut client).await;
    running.end().await;
}

/// Nothing is read after the tombstone, so that only the end of the log tells of it.
#[tokio::test(start_paused = true)]
async fn who_comes_back_after_the_last_tombstone_is_gone_keeps_nothing_that_it_removed() {
    let (rig, first) = Rig::with([kept()]).await;
    rule(&rig, Some(Verdict::Red)).await;
    settle().await;
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut first.client()).await.unwrap();
    holder.take(&mut watch).await;
    assert_eq!(holder.snapshot().gates().len(), 1);
    first.end().await;
    rule(&rig, None).await;
    rig.wind(Duration::from_mins(70));
    rig.log.log.clean(rig.clock.now().as_micros());
    let second = rig.serve().await;
    let mut watch = holder.watch(&mut second.client()).await.unwrap();
    holder.take(&mut watch).await;
    assert_eq!(holder.snapshot().gates(), []);
    second.end().await;
}

fn kept() -> Entry {
    row(unlisted("a/a"), &figures(ok(1)))
}

async fn rule(rig: &Rig, verdict: Option<Verdict>) {
    const GATES_LOG: u64 = 7;
    let key = GateKey {
        operation: Operation::new("sum").unwrap(),
        model: deepinfra().model,
        quantization: Quantization::Fp8,
    };
    let ruling = Ruling::new(key, verdict, "evals".to_owned(), rig.clock.now()).unwrap();
    let records = vec![
        gates::name_record(GATES_LOG),
        gates::to_record(&ruling, GATES_LOG),
    ];
    let appended = rig.log.log.append(GATES, 0, records).await;
    appended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_without_the_log_says_what_it_waits_for() {
    let rig = Rig::new(1).await;
    rig.log.cut(true);
    let running = rig.serve().await;
    running.get("/api/v1/snapshot").await.problem(503);
    let missing = running.get("/readyz").await.problem(503)["missing"].clone();
    assert_eq!(missing[0], "windows log, partition 0: cannot be read");
    assert_eq!(running.get("/livez").await.status, 200);
    rig.log.cut(false);
    settle().await;
    settle().await;
    running.json("/api/v1/snapshot").await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_is_skipped_and_counted() {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, row(deepinfra(), &figures(ok(1)))).await;
    rig.append(0, row(deepinfra(), &figures(ok(20)))).await;
    assert!(rig.log.log.damage(WINDOWS, 0, Offset(1)));
    let running = rig.serve().await;
    let shown = running.json(SCOUT).await["data"]["endpoints"][0]["sextant"].clone();
    assert_eq!(shown["uptime_30m"]["n"], 20);
    let damaged = "sextant_server_ignored_records_total{reason=\"damaged\"}";
    assert_eq!(running.metric(damaged), Some(1.0));
    assert_eq!(
        running.metric("sextant_server_received_records_total"),
        Some(3.0)
    );
    assert_eq!(
        running.metric("sextant_server_applied_records_total"),
        Some(2.0)
    );
    running.end().await;
}
