use rand::prelude::*;
use sextant_eventlog::EventLog;
use sextant_measure::observation::Measurement;
use sextant_snapshot::record::Entry;
use sextant_wire::topics::WINDOWS;
use sextant_wire::windows::{Writer, from_record, to_record};

use crate::rig::Rig;
use crate::traffic::{answer, assert_same, endpoint, expected, part};

/// P1, P2, P3: whatever is killed and started again, and however often a batch comes, the numbers
/// are those of an undisturbed run.
async fn disturbed(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut rig = Rig::new().await;
    let (mut all, mut sent) = (Vec::<Measurement>::new(), Vec::new());
    rig.start("owner-0");
    for sequence in 1..=60 {
        let seconds_ago = random.random_range(0..1_500);
        let at = rig.now().plus_micros(-seconds_ago * 1_000_000);
        let first = sequence * 100;
        let batch: Vec<_> = (first..first + random.random_range(1..30))
            .map(|n| answer(n, at))
            .collect();
        rig.append(part("eu", sequence, &batch)).await;
        sent.push(part("eu", sequence, &batch));
        all.extend(batch);
        if random.random_bool(0.4) {
            rig.append(sent.choose(&mut random).unwrap().clone()).await;
        }
        match random.random_range(0..10) {
            0 => {
                rig.kill().await;
                rig.start(&format!("owner-{sequence}"));
            }
            1 => {
                rig.stop().await;
                rig.skip(random.random_range(0..20));
                rig.start(&format!("owner-{sequence}"));
            }
            _ => rig.pass(random.random_range(0..4)).await,
        }
    }
    rig.pass(12).await;
    let row = rig.row(&endpoint()).await;
    assert_same(row.global(), &expected(&all, row.published_at()));
    rig.stop().await;
    crate::storing::assert_stored(&rig, &all).await;
}

#[tokio::test(start_paused = true)]
async fn p1_p2_p3_kills_and_repeats_change_no_number() {
    for seed in 0..12 {
        eprintln!("seed {seed}");
        disturbed(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_superseded_claims_again_and_publishes_everything() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all: Vec<_> = (0..40).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(3).await;
    let log_id = rig
        .picture()
        .await
        .partitions()
        .next()
        .unwrap()
        .log_id
        .unwrap();
    let claim = to_record(
        &Entry::Claim { owner: "b".into() },
        Writer {
            epoch: None,
            log_id,
        },
    );
    let claimed = rig.log.append(WINDOWS, 0, vec![claim]).await.unwrap();
    rig.pass(3).await;
    assert_eq!(
        rig.metric("sextant_aggregator_rebuilds_total"),
        1,
        "the other may be the one that the group means"
    );
    rig.pass(5).await;
    let records = rig.read(WINDOWS).await.records;
    let records = records.iter().map(|stored| from_record(0, stored).unwrap());
    let newest = records
        .filter(|r| matches!(&r.entry, Entry::Endpoint(_)))
        .last()
        .unwrap();
    assert!(
        newest.epoch > claimed.first.0,
        "the row is of a claim after the other's"
    );
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 40);
    assert_eq!(rig.metric("sextant_aggregator_rebuilds_total"), 2);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_endpoint_is_published_by_its_next_owner() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.append(part("eu", 1, &[answer(1, rig.now())])).await;
    rig.pass(3).await;
    rig.stop().await;
    rig.skip(3 * 3_600);
    rig.start("b");
    rig.pass(3).await;
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().counts.all(), 0);
    assert!(rig.now().micros_since(row.published_at()) < 10_000_000);
    assert_eq!(rig.picture().await.header(0, rig.now()).partitions_whole, 1);
    rig.stop().await;
}
