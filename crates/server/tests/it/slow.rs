//! Readers that are slow, many, or come and go.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sextant_snapshot::record::{Entry, OwnerState};
use sextant_snapshot::snapshot::Snapshot;

use crate::holder::{Got, Holder};
use crate::numbers::{figures, ok, row, unlisted};
use crate::rig::{Rig, Running, progress, settle};

fn change(model: &str, n: u64) -> Entry {
    row(unlisted(model), &figures(ok(n)))
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_latest_and_no_queue() {
    let (rig, running) = Rig::with([change("a/a", 0)]).await;
    let mut client = running.client();
    let mut holder = Holder::default();
    let mut watch = holder.watch(&mut client).await.unwrap();
    holder.take(&mut watch).await;
    for n in 1..=20 {
        rig.append(0, change("a/a", n)).await;
        rig.append(0, change("b/b", n)).await;
        settle().await;
    }
    // Twenty editions later one message tells it all.
    assert_eq!(
        holder.take(&mut watch).await,
        Got::Delta {
            rows: 2,
            removed: 0
        }
    );
    holder.assert_current(&mut client).await;
    assert_eq!(holder.take(&mut watch).await, Got::Heartbeat);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_watchers_share_what_is_encoded_once() {
    let (rig, running) = Rig::with([change("a/a", 1)]).await;
    let mut client = running.client();
    let mut watches = Vec::new();
    for _ in 0..1_000 {
        let holder = Holder::default();
        let watch = holder.watch(&mut client).await.unwrap();
        watches.push((holder, watch));
    }
    for (holder, watch) in &mut watches {
        assert_eq!(holder.take(watch).await, Got::Full { rows: 1 });
    }
    let full = "sextant_server_encoded_bytes_total{form=\"full\"}";
    let bytes = running.metric(full).unwrap();
    assert_eq!(
        running.metric("sextant_server_pushed_bytes_total"),
        Some(bytes * 1_000.0)
    );
    rig.append(0, change("a/a", 2)).await;
    settle().await;
    for (holder, watch) in &mut watches {
        assert_eq!(
            holder.take(watch).await,
            Got::Delta {
                rows: 1,
                removed: 0
            }
        );
    }
    let delta = running
        .metric("sextant_server_encoded_bytes_total{form=\"delta\"}")
        .unwrap();
    let pushed = running.metric("sextant_server_pushed_bytes_total").unwrap();
    assert!(
        (pushed - (bytes + delta) * 1_000.0).abs() < 0.5,
        "{pushed} {bytes} {delta}"
    );
    running.end().await;
}

/// Two servers read the log at their own pace; clients go from one to the other, are slow, and
/// filter. No row that a client holds ever goes back, and in the end each has what a unary read
/// gives.
#[tokio::test(start_paused = true)]
async fn no_row_goes_back_and_all_end_with_what_a_unary_read_gives() {
    for seed in 0..8 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut rig = Rig::new(2).await;
        for partition in [0, 1] {
            rig.claim(partition).await;
            rig.append(partition, progress(OwnerState::Whole)).await;
        }
        let mut servers = [rig.serve().await, rig.serve().await];
        let mut holders = [
            Holder::of(&[]),
            Holder::of(&[]),
            Holder::of(&["m/1", "m/2"]),
        ];
        for _ in 0..60 {
            for _ in 0..random.random_range(0..5) {
                disturb(&mut rig, &mut random).await;
            }
            if random.random_range(0..10) == 0 {
                let [kept, replaced] = servers;
                replaced.end().await;
                servers = [rig.start(), kept];
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(0..2_500))).await;
            let holder = &mut holders[random.random_range(0..3)];
            let server = &servers[random.random_range(0..2)];
            follow(holder, server, random.random_range(1..4)).await;
        }
        settle().await;
        for holder in &mut holders {
            let mut client = servers[0].client();
            let mut watch = holder.watch(&mut client).await.unwrap();
            holder.catch_up(&mut watch).await;
            holder.assert_current(&mut client).await;
        }
        for server in servers {
            server.end().await;
        }
    }
}

/// A model belongs to one partition.
async fn disturb(rig: &mut Rig, random: &mut StdRng) {
    let number = random.random_range(0..6_u32);
    let (model, partition) = (format!("m/{number}"), number % 2);
    match random.random_range(0..20) {
        0 => rig.claim(partition).await,
        1..5 => {
            rig.append(partition, Entry::EndpointGone(unlisted(&model)))
                .await;
        }
        _ => {
            let n = random.random_range(0..30);
            rig.append(partition, change(&model, n)).await;
        }
    }
}

/// Takes a few messages of a watch, if the server is ready for one.
async fn follow(holder: &mut Holder, server: &Running, messages: u32) {
    let Ok(mut watch) = holder.watch(&mut server.client()).await else {
        return;
    };
    for _ in 0..messages {
        let before = (!holder.version().is_empty()).then(|| holder.snapshot());
        holder.take(&mut watch).await;
        let after = holder.snapshot();
        for row in before.iter().flat_map(Snapshot::rows) {
            if let Some(newer) = after.row(&row.value.id) {
                assert!(
                    newer.stamp.offset >= row.stamp.offset,
                    "{row:?} became {newer:?}"
                );
            }
        }
    }
}
