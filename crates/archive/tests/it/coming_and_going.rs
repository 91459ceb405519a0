//! Archives that end, are killed and begin again.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sextant_measure::id::AgentId;
use sextant_wire::part::Part;

use crate::rig::{Rig, batch, series};

const MINUTE_US: i64 = 60_000_000;

#[tokio::test(start_paused = true)]
async fn an_end_in_order_leaves_nothing_to_read_again() {
    let mut rig = Rig::new().await;
    rig.config.write_interval_ms = 60_000;
    rig.start();
    rig.append(batch(&rig, 0, 5)).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(rig.shelf.calls(), 0);
    rig.stop().await;
    assert_eq!(rig.shelf.rows().len(), 5);
    assert_eq!(rig.committed().await.unwrap().offset.0, 1);
    rig.start();
    rig.append(batch(&rig, 1, 5)).await;
    rig.settle().await;
    assert_eq!(
        rig.metric("sextant_archive_received_observations_total"),
        10
    );
}

/// What was appended before there was an archive is in the log's retention, so it is kept.
#[tokio::test(start_paused = true)]
async fn the_first_archive_begins_with_what_the_log_has() {
    let mut rig = Rig::new().await;
    rig.append(batch(&rig, 0, 5)).await;
    rig.skip_us(90 * MINUTE_US);
    rig.append(batch(&rig, 1, 5)).await;
    rig.start();
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_deleted_before_it_was_read_is_counted() {
    let mut rig = Rig::new().await;
    rig.start();
    rig.append(batch(&rig, 0, 5)).await;
    rig.settle().await;
    rig.stop().await;
    for n in 1..=3 {
        rig.append(batch(&rig, n, 5)).await;
    }
    rig.skip_us(150 * MINUTE_US);
    rig.append(batch(&rig, 4, 5)).await;
    rig.log.clean(rig.now().as_micros());
    rig.start();
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 10);
    assert_eq!(rig.metric("sextant_archive_overtaken_records_total"), 3);
}

/// P2: a repeat is told from what was read before the archive began, for 45 minutes.
#[tokio::test(start_paused = true)]
async fn p2_repeats_are_told_across_a_restart() {
    let mut rig = Rig::new().await;
    rig.start();
    let first = batch(&rig, 0, 5);
    rig.append(first.clone()).await;
    rig.settle().await;
    let once = rig.shelf.rows();
    rig.stop().await;
    rig.start();
    rig.skip_us(44 * MINUTE_US);
    rig.append(Part {
        series: vec![series("local"), series("us")],
        ..first
    })
    .await;
    rig.settle().await;
    assert_eq!(rig.shelf.rows(), once);
    assert_eq!(rig.dropped("repeated"), 5);
}

/// Batches of two agents, some repeated, several a second.
fn traffic(rig: &Rig, random: &mut StdRng, sent: &mut Vec<Part>) -> Part {
    if !sent.is_empty() && random.random_ratio(1, 4) {
        return sent[random.random_range(0..sent.len())].clone();
    }
    let mut part = batch(rig, sent.len() as u64, random.random_range(1..60));
    let agent = ["edge-1", "edge-2"][random.random_range(0..2)];
    part.identity.agent = AgentId::new(agent).unwrap();
    sent.push(part.clone());
    part
}

/// Kills at random moments, and stores that fail after they have written, change no row, above the
/// rate of sampling too: each decision follows from the log.
#[tokio::test(start_paused = true)]
async fn p2_archives_that_are_killed_leave_the_same_rows() {
    for seed in [1, 2, 3, rand::random()] {
        println!("seed {seed}");
        let mut rows = Vec::new();
        for kills in [false, true] {
            let mut rig = Rig::new().await;
            rig.config.observations_per_second_max = 10.try_into().unwrap();
            rig.config.write_interval_ms = 10;
            rig.config.read_bytes_max = 2_000;
            // The same traffic both times; what disturbs draws on its own.
            let mut random = StdRng::seed_from_u64(seed);
            let mut chaos = StdRng::seed_from_u64(seed ^ 1);
            let mut sent = Vec::new();
            rig.start();
            for _ in 0..150 {
                let part = traffic(&rig, &mut random, &mut sent);
                rig.append(part).await;
                rig.skip_us(random.random_range(0..200_000));
                if !kills {
                    continue;
                }
                let pause = std::time::Duration::from_millis(chaos.random_range(0..30));
                tokio::time::sleep(pause).await;
                for _ in 0..chaos.random_range(0..30) {
                    tokio::task::yield_now().await;
                }
                match chaos.random_range(0..10) {
                    0 | 1 => {
                        rig.kill().await;
                        rig.start();
                    }
                    2 => rig.shelf.leave(),
                    _ => rig.shelf.fail(None),
                }
            }
            rig.shelf.fail(None);
            rig.settle().await;
            rows.push(rig.shelf.rows());
        }
        assert!(rows[0].iter().any(|row| row.weight.get() > 1));
        assert_eq!(rows[0], rows[1], "seed {seed}");
    }
}
