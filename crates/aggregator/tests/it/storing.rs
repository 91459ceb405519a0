//! What reaches the store, and what comes back from it.

use sextant_eventlog::EventLog;
use sextant_measure::observation::Measurement;
use sextant_measure::ratio::Ratio;
use sextant_measure::window::{MinuteSums, SlidingWindow};
use sextant_store::{MinuteQuery, MinuteRange, WindowQuery, WindowScope};
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

use crate::rig::Rig;
use crate::traffic::{answer, assert_same, endpoint, expected, part};

/// The store has each minute of these observations, whole, and nothing else.
pub(crate) async fn assert_stored(rig: &Rig, all: &[Measurement]) {
    let last = rig.now().minute().plus(1);
    let range = MinuteRange::new(last.minus(40), last);
    let query = MinuteQuery {
        model: endpoint().model,
        endpoint: None,
        region: None,
        range,
    };
    let rows = rig.store.minutes(&query).await.unwrap();
    let mut window = SlidingWindow::new(rig.now().step());
    for measurement in all {
        window.file(measurement);
    }
    let mut stored = 0;
    for row in &rows {
        stored += row.sums.counts.all();
        let expected: Option<MinuteSums> = window.minute(row.minute);
        if let Some(expected) = expected {
            assert_eq!(row.sums, expected, "{:?}", row.minute.start());
        }
    }
    assert_eq!(stored, all.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn minutes_reach_the_store_and_the_log_is_committed_behind_them() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all: Vec<_> = (0..90).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(30).await;
    assert_eq!(
        rig.log
            .committed(AGGREGATORS, OBSERVATIONS, 0)
            .await
            .unwrap(),
        None
    );
    rig.pass(60).await;
    assert_stored(&rig, &all).await;
    let committed = rig
        .log
        .committed(AGGREGATORS, OBSERVATIONS, 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(committed.offset.0, 1);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_observation_writes_its_minute_again_whole() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let mut all: Vec<_> = (0..20).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(90).await;
    let late = answer(77, all[0].completed_at.plus_micros(1_000_000));
    rig.append(part("eu", 2, &[late])).await;
    all.push(late);
    rig.pass(70).await;
    assert_stored(&rig, &all).await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn windows_that_end_at_a_minute_are_stored_as_they_were_published() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all: Vec<_> = (0..120).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(80).await;
    let after: Vec<_> = (200..210).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 2, &after)).await;
    rig.pass(3).await;
    let minute = all[0].completed_at.minute().plus(1);
    let query = WindowQuery {
        model: endpoint().model,
        endpoint: None,
        scope: WindowScope::Global,
        range: MinuteRange::new(minute, minute.plus(1)),
    };
    let rows = rig.store.windows(&query).await.unwrap();
    assert_eq!(rows.len(), 1);
    let last = minute.start().plus_micros(-1);
    let mut shown = expected(&all, last);
    // Only one shape shows p99 below 500 observations; the store does not keep it.
    for percentiles in [
        &mut shown.latency_us,
        &mut shown.duration_us,
        &mut shown.throughput_mtps,
    ] {
        percentiles.p99_from_100 = None;
    }
    assert_same(&rows[0].figures, &shown);
    assert_eq!(rows[0].figures.window_start, minute.minus(30).start());
    let pricing = rows[0].terms.pricing.unwrap();
    assert_eq!(pricing.input.to_string(), "$0.08");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_long_windows_come_back_from_the_store() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all: Vec<_> = (0..100).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(80).await;
    rig.stop().await;
    // Long enough for the log's records to lie before what is replayed.
    rig.skip(2 * 3_600);
    rig.start("b");
    let newer: Vec<_> = (0..20).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 2, &newer)).await;
    rig.pass(20).await;
    rig.stop().await;
    rig.skip(3 * 3_600);
    rig.start("c");
    rig.pass(8).await;
    let row = rig.row(&endpoint()).await;
    let uptime = |all: &[Measurement]| expected(all, all[0].completed_at).counts.uptime();
    assert_eq!(row.global().uptime_6h, Some(uptime(&all) + uptime(&newer)));
    assert_eq!(row.global().uptime_30m(), Ratio::default());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_committed_position_never_goes_back() {
    let mut rig = Rig::new().await;
    rig.start("a");
    for sequence in 1..20 {
        rig.append(part("eu", sequence, &[answer(sequence, rig.now())]))
            .await;
    }
    rig.pass(90).await;
    rig.stop().await;
    let committed = async |rig: &Rig| {
        let position = rig.log.committed(AGGREGATORS, OBSERVATIONS, 0).await;
        position.unwrap().unwrap().offset.0
    };
    assert_eq!(committed(&rig).await, 19);
    // One record a read, so that it ticks while it has read but a few.
    rig.config.read_bytes_max = 1;
    rig.start("b");
    for _ in 0..50 {
        tokio::task::yield_now().await;
        assert_eq!(committed(&rig).await, 19);
    }
    rig.pass(3).await;
    assert_eq!(committed(&rig).await, 19);
    rig.stop().await;
}
