//! What an age makes of numbers.

use std::time::Duration;

use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_router::tier::Tier;

use crate::market::{Market, chosen, chosen_after, offer, order, providers, request};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn two() -> Market {
    Market::new([
        offer("quick", 100).priced("2", "2"),
        offer("slow", 500).priced("1", "1"),
        offer("new", 50).with(|figures| figures.status = Status::Unknown),
    ])
}

#[test]
fn numbers_count_less_from_a_minute_on_and_not_at_all_from_five() {
    let board = two().board();
    let asked = request(Tier::Realtime);
    let at = |age| chosen_after(&board, seconds(age), &asked, 3);
    for fresh in [0, 59] {
        assert_eq!(providers(&at(fresh)), ["quick", "slow", "new"], "{fresh}");
    }
    // Healthy counts as unknown, so that what is unknown is as good.
    for aged in [60, 299] {
        let decision = at(aged);
        assert_eq!(providers(&decision), ["new", "quick", "slow"], "{aged}");
        assert!(
            decision
                .candidates
                .iter()
                .all(|one| one.status == Status::Unknown)
        );
        assert!(!decision.is_stale());
    }
    let decision = at(300);
    assert!(decision.is_stale());
    let expected = [
        ("new/bf16", "best"),
        ("slow/bf16", "name"),
        ("quick/bf16", "price"),
    ];
    assert_eq!(
        order(&decision),
        expected.map(|(tag, why)| (tag.to_owned(), why))
    );
    assert!(
        decision
            .candidates
            .iter()
            .all(|one| one.latency_p95_us.is_none())
    );
}

#[test]
fn what_is_down_stays_down_while_it_ages() {
    let down = offer("a", 10).with(|figures| figures.status = Status::Down);
    let board = Market::new([down, offer("b", 500)]).board();
    let asked = request(Tier::Realtime);
    assert_eq!(
        providers(&chosen_after(&board, seconds(120), &asked, 3)),
        ["b", "a"]
    );
}

#[test]
fn a_row_that_nobody_publishes_ages_beside_fresh_ones() {
    let mut orphan = offer("orphan", 10);
    orphan.age = seconds(50);
    let board = Market::new([orphan, offer("other", 500)]).board();
    let asked = request(Tier::Realtime);
    let after = |age| providers(&chosen_after(&board, seconds(age), &asked, 3));
    assert_eq!(after(9), ["orphan", "other"]);
    assert_eq!(after(10), ["other", "orphan"]);
}

#[test]
fn aged_numbers_are_neither_shared_nor_explored_by() {
    let shared = Market::new([offer("a", 100), offer("b", 105)]).board();
    let asked = request(Tier::Realtime);
    let first = |age: u64| {
        let firsts = (0..500)
            .map(|seed| providers(&chosen_after(&shared, seconds(age), &asked, seed)).remove(0));
        firsts.filter(|first| first == "b").count()
    };
    assert!(first(59) > 150);
    assert_eq!(first(60), 0);
}

#[test]
fn the_last_minute_acts_faster_than_half_an_hour() {
    let failing = |figures: &mut sextant_snapshot::routing::RoutingFigures| {
        figures.uptime_1m = Ratio::new(15, 20);
        figures.success_1m = Ratio::new(15, 20);
    };
    let limited = |figures: &mut sextant_snapshot::routing::RoutingFigures| {
        figures.success_1m = Ratio::new(79, 100);
    };
    let few = |figures: &mut sextant_snapshot::routing::RoutingFigures| {
        figures.uptime_1m = Ratio::new(1, 19);
        figures.success_1m = Ratio::new(1, 19);
    };
    let board = Market::new([
        offer("down", 10).with(failing),
        offer("limited", 20).with(limited),
        offer("few", 200).with(few),
    ])
    .board();
    let decision = chosen(&board, &request(Tier::Realtime), 3);
    assert_eq!(providers(&decision), ["few", "limited", "down"]);
    let status: Vec<_> = decision.candidates.iter().map(|one| one.status).collect();
    assert_eq!(status, [Status::Healthy, Status::Degraded, Status::Down]);
}

#[test]
fn regions_come_first_number_by_number_where_they_have_enough() {
    let mut near = offer("near", 500);
    let mut there = crate::market::figures(50);
    there.status = Status::Unknown;
    there.throughput_mtps.p95 = None;
    near.regions = vec![("eu", there)];
    let board = Market::new([near, offer("far", 100)]).board();
    let mut asked = request(Tier::Realtime);
    assert_eq!(providers(&chosen(&board, &asked, 3)), ["far", "near"]);
    asked.region = Some("eu".parse().unwrap());
    let decision = chosen(&board, &asked, 3);
    assert_eq!(providers(&decision), ["near", "far"]);
    // Its status and throughput there are unknown, so they are those of all regions.
    let first = decision.candidates[0];
    assert_eq!(
        (first.status, first.latency_p95_us),
        (Status::Healthy, Some(50_000))
    );
    assert_eq!(first.throughput_p95_mtps, Some(80_000));
}
