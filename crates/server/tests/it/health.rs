//! `/livez` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use sextant_measure::time::Timestamp;
use sextant_server::health::{Check, LoopAge};
use sextant_snapshot::record::OwnerState;
use tokio::time::advance;

use crate::rig::{Rig, progress, settle};

#[tokio::test(start_paused = true)]
async fn a_process_lives_while_every_loop_turns() {
    let (rig, running) = Rig::with([]).await;
    let alive = running.json("/livez").await;
    assert_eq!(alive["status"], "ok");
    assert_eq!(alive["loops"].as_array().unwrap().len(), 2);
    // A minute in which no loop had its turn, since nobody waited.
    assert_eq!(advance(Duration::from_mins(1)).now_or_never(), None);
    let stuck = running.get("/livez").await.problem(503);
    assert_eq!(stuck["stuck"].as_array().unwrap().len(), 2, "{stuck}");
    settle().await;
    assert_eq!(running.get("/livez").await.status, 200);
    // A clock that was set by an hour has held up none.
    rig.wind(Duration::from_hours(1));
    assert_eq!(running.get("/livez").await.status, 200);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_once_everything_is_read_and_every_partition_is_whole() {
    let mut rig = Rig::new(2).await;
    let running = rig.start();
    let missing = async || running.get("/readyz").await.problem(503)["missing"].clone();
    let of = |partition: u32, what: &str| format!("windows log, partition {partition}: {what}");
    let unread = "0 records left to read";
    let gates = "gates log: 0 records left to read";
    let all = json!([of(0, unread), of(1, unread), gates]);
    assert_eq!(missing().await, all);
    settle().await;
    let unowned = "nobody owns it";
    assert_eq!(missing().await, json!([of(0, unowned), of(1, unowned)]));
    for partition in [0, 1] {
        rig.claim(partition).await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.append(1, progress(OwnerState::Rebuilding)).await;
    settle().await;
    let rebuilding = "its owner has not published everything yet";
    assert_eq!(missing().await, json!([of(1, rebuilding)]));
    // All the while it lives.
    assert_eq!(running.get("/livez").await.status, 200);
    rig.append(1, progress(OwnerState::Whole)).await;
    settle().await;
    assert_eq!(running.json("/readyz").await, json!({"status": "ok"}));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn once_ready_it_serves_on_while_a_partition_changes_its_owner() {
    let (mut rig, running) = Rig::with([]).await;
    assert_eq!(running.get("/readyz").await.status, 200);
    rig.claim(0).await;
    settle().await;
    let coverage = running.json("/api/v1/snapshot").await["coverage"].clone();
    assert_eq!(coverage["partitions_whole"], 0);
    assert_eq!(running.get("/readyz").await.status, 200);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn before_it_stops_it_is_ready_no_more() {
    let (_rig, running) = Rig::with([]).await;
    assert_eq!(running.get("/readyz").await.status, 200);
    running.health.drain();
    let missing = running.get("/readyz").await.problem(503)["missing"].clone();
    assert_eq!(missing, json!(["the process is shutting down"]));
    assert_eq!(running.get("/api/v1/snapshot").await.status, 200);
    running.end().await;
}

#[derive(Default)]
struct Other {
    is_stuck: AtomicBool,
    is_ready: AtomicBool,
}

impl Check for Other {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let is_stuck = self.is_stuck.load(Ordering::SeqCst);
        vec![LoopAge {
            name: "other".to_owned(),
            age_us: if is_stuck { i64::MAX } else { 0 },
        }]
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        let is_ready = self.is_ready.load(Ordering::SeqCst);
        (!is_ready)
            .then(|| "other".to_owned())
            .into_iter()
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_parts_of_the_process_have_a_say() {
    let other = Arc::new(Other::default());
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.checks.push(Arc::clone(&other) as Arc<dyn Check>);
    let running = rig.serve().await;
    assert_eq!(
        running.get("/readyz").await.problem(503)["missing"],
        json!(["other"])
    );
    other.is_ready.store(true, Ordering::SeqCst);
    assert_eq!(running.get("/readyz").await.status, 200);
    assert_eq!(running.get("/livez").await.status, 200);
    other.is_stuck.store(true, Ordering::SeqCst);
    assert_eq!(
        running.get("/livez").await.problem(503)["stuck"][0]["name"],
        "other"
    );
    running.end().await;
}
