//! Which series and senders an owner holds, and for how long.

use sextant_aggregator::UnknownEndpoints;
use sextant_catalog::Catalog;
use sextant_eventlog::LogError;
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId};
use sextant_measure::observation::Measurement;
use sextant_measure::ratio::Ratio;
use sextant_wire::part::Part;

use crate::rig::Rig;
use crate::traffic::{answer, endpoint, expected, part};

const CAPPED: &str = "sextant_aggregator_dropped_observations_total{reason=\"series_cap\"}";
const HOUR: i64 = 60 * 60;

fn answers(rig: &Rig, range: std::ops::Range<u64>) -> Vec<Measurement> {
    let at = rig.now().plus_micros(-5_000_000);
    range.map(|n| answer(n, at)).collect()
}

fn unlisted(n: u64) -> EndpointId {
    EndpointId {
        model: ModelId::new(&format!("x/unknown-{n}")).unwrap(),
        ..endpoint()
    }
}

/// Ten observations of an endpoint that no catalog has.
fn of_unlisted(rig: &Rig, n: u64, sequence: u64) -> Part {
    let mut part = part("eu", sequence, &answers(rig, 0..10));
    part.series[0].endpoint = unlisted(n);
    part
}

#[tokio::test(start_paused = true)]
async fn endpoints_outside_the_catalog_are_kept_up_to_the_cap_and_catalog_ones_always() {
    let mut rig = Rig::new().await;
    rig.config.unknown_series_max = 2;
    rig.start("a");
    for n in 0..5 {
        let mut part = of_unlisted(&rig, n, n + 1);
        part.identity.agent = AgentId::new(&format!("edge-{n}")).unwrap();
        rig.append(part).await;
    }
    rig.append(part("eu", 6, &answers(&rig, 0..10))).await;
    rig.pass(2).await;
    let picture = rig.picture().await;
    assert_eq!(picture.snapshot(0, rig.now()).rows().len(), 3);
    assert!(picture.row(&endpoint()).is_some());
    assert_eq!(rig.metric(CAPPED), 30);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn p7_a_storm_of_names_from_one_sender_leaves_room_for_another() {
    let mut rig = Rig::new().await;
    rig.config.unknown_series_max = 8;
    rig.start("a");
    for n in 0..20 {
        rig.append(of_unlisted(&rig, n, n + 1)).await;
    }
    let mut other = of_unlisted(&rig, 99, 1);
    other.identity.agent = AgentId::new("another").unwrap();
    rig.append(other).await;
    rig.pass(2).await;
    assert_eq!(rig.metric(CAPPED), 160);
    assert_eq!(rig.row(&unlisted(99)).await.global().counts.all(), 10);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_catalog_that_is_replaced_decides_what_counts_as_unknown() {
    let mut rig = Rig::new().await;
    rig.config.unknown_series_max = 2;
    rig.catalog.replace(Catalog::parse("none", "").unwrap());
    rig.start("a");
    let all = answers(&rig, 0..10);
    rig.append(part("eu", 1, &all)).await;
    rig.append(part("us", 2, &all)).await;
    rig.pass(2).await;
    assert_eq!(rig.metric(CAPPED), 10);
    // Listed, its series no longer take the room of those that are not.
    rig.catalog.replace(Catalog::shipped().unwrap());
    rig.pass(2).await;
    rig.append(part("us", 3, &all)).await;
    let mut unknown = part("eu", 4, &all);
    unknown.series[0].endpoint.provider = ProviderId::new("nobody").unwrap();
    rig.append(unknown).await;
    rig.pass(2).await;
    assert_eq!(rig.metric(CAPPED), 10);
    assert_eq!(
        rig.metric("sextant_aggregator_filed_observations_total"),
        30
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_region_goes_after_a_day_without_observation_and_makes_room() {
    let mut rig = Rig::new().await;
    rig.config.regions_max = 2;
    rig.start("a");
    rig.append(part("eu", 1, &answers(&rig, 0..10))).await;
    rig.append(part("us", 2, &answers(&rig, 0..10))).await;
    rig.pass(2).await;
    rig.skip(23 * HOUR);
    rig.append(part("us", 3, &answers(&rig, 10..30))).await;
    rig.pass(2).await;
    let regions = async |rig: &Rig| {
        let row = rig.row(&endpoint()).await;
        let names = row.regions().iter().map(|held| held.region.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(regions(&rig).await, ["eu", "us"]);
    rig.skip(HOUR);
    rig.pass(2).await;
    assert_eq!(regions(&rig).await, ["us"]);
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global(), &row.regions()[0].figures);
    let newer = answers(&rig, 0..10);
    rig.append(part("ap", 4, &newer)).await;
    rig.pass(2).await;
    assert_eq!(regions(&rig).await, ["ap", "us"]);
    let row = rig.row(&endpoint()).await;
    assert_eq!(row.global().counts, expected(&newer, rig.now()).counts);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_has_its_long_windows_from_the_store() {
    for seconds_away in [46 * 60, 3 * HOUR] {
        let mut rig = Rig::new().await;
        rig.start("a");
        let of = |sequence, all: &[Measurement]| {
            let mut part = part("eu", sequence, all);
            part.series[0].endpoint = unlisted(1);
            part
        };
        let before: Vec<_> = (0..100).map(|n| answer(n, rig.now())).collect();
        rig.append(of(1, &before)).await;
        rig.pass(80).await;
        rig.skip(46 * 60);
        rig.pass(2).await;
        assert!(rig.picture().await.row(&unlisted(1)).is_none());
        rig.skip(seconds_away);
        // Some of them completed in the minutes before it was back.
        let late = rig.now().plus_micros(-20 * 60 * 1_000_000);
        let after: Vec<_> = (200..230).map(|n| answer(n, late)).collect();
        rig.append(of(2, &after)).await;
        rig.pass(5).await;
        let uptime = |all: &[Measurement]| expected(all, all[0].completed_at).counts.uptime();
        let row = rig.row(&unlisted(1)).await;
        let all: Ratio = uptime(&before) + uptime(&after);
        assert_eq!(row.global().uptime_1d, Some(all), "{seconds_away}");
        assert_eq!(row.global().uptime_6h, Some(all), "{seconds_away}");
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_new_owner_cannot_keep_is_gone() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.append(of_unlisted(&rig, 1, 1)).await;
    rig.append(part("eu", 2, &answers(&rig, 0..10))).await;
    rig.pass(2).await;
    assert!(rig.picture().await.row(&unlisted(1)).is_some());
    rig.stop().await;
    rig.config.unknown_endpoints = UnknownEndpoints::Drop;
    rig.start("b");
    rig.pass(3).await;
    assert_eq!(rig.metric("sextant_aggregator_whole{"), 1);
    assert!(rig.picture().await.row(&unlisted(1)).is_none());
    assert!(rig.picture().await.row(&endpoint()).is_some());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_shows_in_batches_is_counted_per_sender_once_and_outlives_an_owner() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all = answers(&rig, 0..10);
    for sequence in [1, 1, 2] {
        let mut part = part("eu", sequence, &all);
        part.early = 4;
        rig.append(part).await;
    }
    let mut clash = part("eu", 2, &answers(&rig, 20..30));
    clash.content_hash = 99;
    rig.append(clash).await;
    rig.pass(3).await;
    let counted = async |rig: &Rig| {
        let picture = rig.picture().await;
        let row = picture.agents().next().unwrap().value;
        (row.early, row.clashes, row.heard_at)
    };
    let before = counted(&rig).await;
    assert_eq!((before.0, before.1), (8, 1));
    rig.kill().await;
    rig.start("b");
    rig.pass(3).await;
    assert_eq!(counted(&rig).await, before, "read again, not counted again");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_that_the_log_refused_is_written_later() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.append(of_unlisted(&rig, 1, 1)).await;
    rig.pass(2).await;
    rig.log.fail_next_append(LogError::Full {
        reason: "the disk".into(),
    });
    rig.skip(46 * 60);
    rig.pass(1).await;
    rig.pass(3).await;
    assert!(rig.picture().await.row(&unlisted(1)).is_none());
    rig.stop().await;
}
