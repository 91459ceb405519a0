//! P4: what an owner does while the store is away, and once it is back.

use std::sync::Arc;

use sextant_eventlog::EventLog as _;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Minute;
use sextant_store::{MinuteQuery, MinuteRange, StoreError};
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

use crate::flaky::Flaky;
use crate::rig::Rig;
use crate::storing::assert_stored;
use crate::traffic::{answer, endpoint, expected, part};

async fn rig() -> (Rig, Arc<Flaky>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Flaky::open(folder.path());
    let rig = Rig::with_store(Arc::clone(&store) as Arc<_>, folder).await;
    (rig, store)
}

async fn committed(rig: &Rig) -> Option<u64> {
    let position = rig.log.committed(AGGREGATORS, OBSERVATIONS, 0).await;
    position.unwrap().map(|position| position.offset.0)
}

/// Observations that the store has of each of so many minutes.
async fn stored_in(rig: &Rig, first: Minute, minutes: u32) -> Vec<u64> {
    let query = MinuteQuery {
        model: endpoint().model,
        endpoint: None,
        region: None,
        range: MinuteRange::new(first, first.plus(minutes)),
    };
    let rows = rig.store.minutes(&query).await.unwrap();
    rows.iter().map(|row| row.sums.counts.all()).collect()
}

#[tokio::test(start_paused = true)]
async fn windows_go_on_and_the_store_gets_everything_afterwards() {
    let (mut rig, store) = rig().await;
    store.leave();
    rig.start("a");
    let mut all = Vec::new();
    for sequence in 1..=5 {
        let batch: Vec<_> = (0..20)
            .map(|n| answer(sequence * 100 + n, rig.now()))
            .collect();
        rig.append(part("eu", sequence, &batch)).await;
        all.extend(batch);
        rig.pass(60).await;
        let row = rig.row(&endpoint()).await;
        assert_eq!(row.global().counts.all(), all.len() as u64);
    }
    assert_eq!(committed(&rig).await, None);
    store.come_back();
    rig.pass(90).await;
    assert_stored(&rig, &all).await;
    assert!(committed(&rig).await.is_some());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn away_for_longer_than_memory_holds_it_stops_no_window_and_gets_everything_from_the_log() {
    let (mut rig, store) = rig().await;
    store.leave();
    rig.start("a");
    let early: Vec<_> = (0..30).map(|n| answer(n, rig.now())).collect();
    let minute = early[0].completed_at.minute();
    rig.append(part("eu", 1, &early)).await;
    rig.pass(100).await;
    let row_is_fresh = async |rig: &Rig| {
        let row = rig.row(&endpoint()).await;
        let age_us = rig.now().micros_since(row.published_at());
        assert!(age_us <= 12_000_000, "{age_us}");
    };
    for sequence in 2..30 {
        rig.append(part("eu", sequence, &[answer(sequence, rig.now())]))
            .await;
        rig.pass(95).await;
        row_is_fresh(&rig).await;
    }
    // One that begins meanwhile becomes whole without it.
    rig.kill().await;
    rig.start("b");
    rig.pass(20).await;
    row_is_fresh(&rig).await;
    assert_eq!(rig.metric("sextant_aggregator_whole{"), 1);
    let before = committed(&rig).await;
    assert_eq!(before, None);
    store.come_back();
    rig.pass(100).await;
    assert_eq!(stored_in(&rig, minute, 1).await, [30]);
    assert_eq!(stored_in(&rig, minute, 60).await.iter().sum::<u64>(), 58);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn senders_that_report_all_the_time_keep_nothing_from_the_store() {
    let (mut rig, store) = rig().await;
    store.leave();
    rig.start("a");
    let early: Vec<_> = (0..30).map(|n| answer(n, rig.now())).collect();
    let minute = early[0].completed_at.minute();
    rig.append(part("eu", 1, &early)).await;
    for sequence in 2..30 {
        rig.append(part("eu", sequence, &[answer(sequence, rig.now())]))
            .await;
        rig.append_report(sequence).await;
        rig.pass(95).await;
    }
    store.come_back();
    for n in 0..150 {
        rig.append_report(n).await;
        rig.pass(1).await;
    }
    assert_eq!(stored_in(&rig, minute, 60).await.iter().sum::<u64>(), 58);
    rig.stop().await;
}

/// A password that was changed is somebody's to mend; windows need no store.
#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_stops_no_window_and_gets_everything_once_it_is_mended() {
    let (mut rig, store) = rig().await;
    store.fail(StoreError::Refused {
        store: "the store".into(),
        reason: "check the password".into(),
    });
    rig.start("a");
    let all: Vec<_> = (0..30).map(|n| answer(n, rig.now())).collect();
    let minute = all[0].completed_at.minute();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(100).await;
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 30);
    assert_eq!(committed(&rig).await, None);
    store.come_back();
    rig.pass(30).await;
    assert_eq!(stored_in(&rig, minute, 1).await, [30]);
    rig.stop().await;
    assert_eq!(
        rig.metric("sextant_aggregator_whole{"),
        0,
        "of a partition that is owned no longer nothing is said"
    );
}

/// What was read before the last owner ended and never stored is still the log's to tell.
#[tokio::test(start_paused = true)]
async fn a_new_owner_has_in_its_long_windows_what_the_store_had_not_got() {
    let (mut rig, store) = rig().await;
    rig.start("a");
    let mut uptime = Ratio::default();
    for (sequence, away) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
        if away {
            store.leave();
        }
        let batch: Vec<_> = (0..40)
            .map(|n| answer(sequence * 100 + n, rig.now()))
            .collect();
        rig.append(part("eu", sequence, &batch)).await;
        uptime = uptime + expected(&batch, rig.now()).counts.uptime();
        rig.pass(90).await;
        rig.skip(38 * 60);
        rig.pass(3).await;
    }
    assert!(committed(&rig).await.is_some());
    rig.kill().await;
    store.come_back();
    // One record a read, so that the store is asked before all has been read.
    rig.config.read_bytes_max = 1;
    rig.start("b");
    rig.pass(20).await;
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().uptime_6h, Some(uptime));
    rig.stop().await;
}

/// With so little traffic the clock moves the windows on, and no record does.
#[tokio::test(start_paused = true)]
async fn a_minute_that_left_memory_is_not_taken_for_stored() {
    for seconds_until_the_end in [1, 3, 5, 12] {
        let (mut rig, store) = rig().await;
        store.leave();
        rig.start("a");
        let early: Vec<_> = (0..30).map(|n| answer(n, rig.now())).collect();
        let minute = early[0].completed_at.minute();
        rig.append(part("eu", 1, &early)).await;
        rig.pass(80).await;
        rig.append(part("eu", 2, &[answer(50, rig.now())])).await;
        rig.pass(5).await;
        rig.skip(33 * 60);
        rig.pass(2).await;
        store.come_back();
        rig.pass(seconds_until_the_end).await;
        rig.stop().await;
        rig.start("b");
        rig.pass(20).await;
        assert_eq!(
            stored_in(&rig, minute, 1).await,
            [30],
            "{seconds_until_the_end}"
        );
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p9_a_store_that_has_failed_for_good_ends_the_aggregator() {
    let (mut rig, store) = rig().await;
    rig.start("a");
    rig.append(part("eu", 1, &[answer(1, rig.now())])).await;
    store.fail(StoreError::Stopped {
        reason: "EIO".into(),
    });
    rig.pass(90).await;
    let error = rig.ended().await.unwrap_err().to_string();
    assert!(error.contains("writing to the store"), "{error}");
}
