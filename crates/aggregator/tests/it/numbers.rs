use sextant_measure::id::Region;
use sextant_measure::observation::Measurement;
use sextant_measure::ratio::Ratio;

use crate::rig::Rig;
use crate::traffic::{answer, assert_same, endpoint, expected, part};

fn answers(rig: &Rig, range: std::ops::Range<u64>, seconds_ago: i64) -> Vec<Measurement> {
    let at = rig.now().plus_micros(-seconds_ago * 1_000_000);
    range.map(|n| answer(n, at)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_appended_comes_out_with_its_numbers() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all = answers(&rig, 0..200, 40);
    rig.append(part("eu", 1, &all)).await;
    rig.pass(3).await;
    let row = rig.row(&endpoint()).await;
    assert_same(row.global(), &expected(&all, rig.now()));
    assert_eq!(row.global().latency_us.n, 180);
    assert_eq!((row.agents().five_minutes, row.agents().one_hour), (1, 1));
    assert_eq!(row.global().uptime_6h, Some(Ratio::new(180, 190)));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn regions_stand_apart_and_merge() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let (eu, us) = (answers(&rig, 0..120, 30), answers(&rig, 500..680, 300));
    rig.append(part("eu", 1, &eu)).await;
    rig.pass(2).await;
    rig.append(part("us", 2, &us)).await;
    rig.pass(2).await;
    let row = rig.row(&endpoint()).await;
    let region = |name: &str| *row.region(&Region::new(name).unwrap()).unwrap();
    assert_same(&region("eu"), &expected(&eu, rig.now()));
    assert_same(&region("us"), &expected(&us, rig.now()));
    assert_same(row.global(), &expected(&[eu, us].concat(), rig.now()));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn p2_repeats_count_once_and_clashes_count_and_show() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let first = answers(&rig, 0..50, 20);
    let clashing = answers(&rig, 100..150, 20);
    for _ in 0..3 {
        rig.append(part("eu", 1, &first)).await;
        let mut clash = part("eu", 1, &clashing);
        clash.content_hash = 99;
        rig.append(clash).await;
    }
    rig.pass(3).await;
    let row = rig.row(&endpoint()).await;
    assert_same(
        row.global(),
        &expected(&[first, clashing].concat(), rig.now()),
    );
    assert_eq!(rig.metric("sextant_aggregator_clashing_batches_total"), 1);
    let repeated = "sextant_aggregator_dropped_observations_total{reason=\"repeated\"}";
    assert_eq!(rig.metric(repeated), 200);
    assert_eq!(
        rig.metric("sextant_aggregator_received_observations_total"),
        300
    );
    assert_eq!(
        rig.metric("sextant_aggregator_filed_observations_total"),
        100
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn late_observations_are_counted_and_change_no_number() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let on_time = answers(&rig, 0..30, 1_700);
    rig.append(part("eu", 1, &on_time)).await;
    rig.append(part("eu", 2, &answers(&rig, 30..37, 1_900)))
        .await;
    rig.pass(2).await;
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().late, 7);
    assert_eq!(row.global().counts, expected(&on_time, rig.now()).counts);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_collector_ahead_of_the_log_moves_nothing_into_the_future() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let ahead = answers(&rig, 0..30, -3_600);
    rig.append(part("eu", 1, &ahead)).await;
    rig.pass(2).await;
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().counts.all(), 30);
    assert!(row.global().window_end <= rig.now());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_traffic_a_window_empties_and_its_row_stays() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.append(part("eu", 1, &answers(&rig, 0..30, 1_780)))
        .await;
    rig.pass(2).await;
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 30);
    rig.pass(40).await;
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().counts.all(), 0);
    assert!(
        rig.now().micros_since(row.published_at()) <= 11_000_000,
        "a row is never old"
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_decoded_goes_to_the_dead_letters() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.append_bytes(bytes::Bytes::from_static(b"\xff\xff rubbish"))
        .await;
    let all = answers(&rig, 0..30, 5);
    rig.append(part("eu", 1, &all)).await;
    rig.pass(3).await;
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 30);
    let letters = rig.dead_letters().await.records;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].record.value.as_deref(),
        Some(&b"\xff\xff rubbish"[..])
    );
    let header = |name: &str| {
        let found = letters[0]
            .record
            .headers
            .iter()
            .find(|(held, _)| held == name);
        String::from_utf8(found.unwrap().1.to_vec()).unwrap()
    };
    assert_eq!(header("sextant-from"), "sextant.observations.v1/0/0");
    assert!(
        header("sextant-reason").contains("decoded"),
        "{}",
        header("sextant-reason")
    );
    rig.stop().await;
}
