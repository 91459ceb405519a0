//! Sharing and exploring, by the frequencies that come out.

use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_router::board::Board;
use sextant_router::request::Request;
use sextant_router::tier::Tier;

use crate::market::{Market, Offer, chosen, offer, order, request};

const DRAWS: u64 = 40_000;

/// How often each provider comes first, in percent, and by which reasons.
fn firsts(board: &Board, request: &Request) -> Vec<(String, &'static str, f64)> {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..DRAWS {
        let decision = chosen(board, request, seed);
        let first = order(&decision).remove(0);
        *counts.entry(first).or_insert(0_u32) += 1;
    }
    let percent = |n| f64::from(n) * 100.0 / 40_000.0;
    let counts = counts.into_iter();
    counts
        .map(|((tag, why), n)| (tag, why, percent(n)))
        .collect()
}

fn assert_firsts(board: &Board, request: &Request, expected: &[(&str, &str, f64)]) {
    let found = firsts(board, request);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((tag, why, percent), expected) in found.iter().zip(expected) {
        let near = (percent - expected.2).abs() < 1.0;
        assert!(tag == expected.0 && *why == expected.1 && near, "{found:?}");
    }
}

fn success(offer: Offer, part: u64) -> Offer {
    offer.with(|figures| figures.success_1m = Ratio::new(part, 100))
}

#[test]
fn those_within_a_tenth_of_the_best_share_by_weight() {
    // By 1/TTFT: 1, 1/1.1, and the third is too slow.
    let board = Market::new([offer("a", 100), offer("b", 110), offer("c", 111)]).board();
    let expected = [("a/bf16", "shared", 52.4), ("b/bf16", "shared", 47.6)];
    assert_firsts(&board, &request(Tier::Realtime), &expected);
    // By 1/price^2: 1, 1/1.21.
    let board = Market::new([
        offer("a", 9).priced("1", "1"),
        offer("b", 5).priced("1.1", "1.1"),
        offer("c", 1).priced("1.2", "1.2"),
    ])
    .board();
    let expected = [("a/bf16", "shared", 54.8), ("b/bf16", "shared", 45.2)];
    assert_firsts(&board, &request(Tier::Standard), &expected);
}

#[test]
fn what_is_given_up_goes_to_the_next_in_order() {
    let board = Market::new([
        success(offer("a", 100), 85),
        success(offer("b", 105), 100),
        offer("c", 300),
        offer("d", 400),
    ])
    .board();
    // 1/1 and 1/1.05 of 1.952: 51.2 % and 48.8 %, of which a gives up 15 %.
    let expected = [
        ("a/bf16", "shared", 43.5),
        ("b/bf16", "shared", 48.8),
        ("c/bf16", "spilled", 7.7),
    ];
    assert_firsts(&board, &request(Tier::Realtime), &expected);
}

#[test]
fn one_that_stands_alone_gives_up_what_it_cannot_serve_too() {
    let board = Market::new([success(offer("a", 100), 90), offer("b", 300)]).board();
    let expected = [("a/bf16", "best", 90.0), ("b/bf16", "spilled", 10.0)];
    assert_firsts(&board, &request(Tier::Realtime), &expected);
    // Nobody is down for whom nobody is asked.
    let down = offer("b", 300).with(|figures| figures.status = Status::Down);
    let board = Market::new([success(offer("a", 100), 90), down]).board();
    assert_firsts(
        &board,
        &request(Tier::Realtime),
        &[("a/bf16", "best", 100.0)],
    );
}

#[test]
fn free_endpoints_share_alike() {
    let free = |name| offer(name, 100).priced("0", "0");
    let board = Market::new([free("a"), free("b"), offer("c", 1)]).board();
    let expected = [("a/bf16", "shared", 50.0), ("b/bf16", "shared", 50.0)];
    assert_firsts(&board, &request(Tier::Standard), &expected);
}

#[test]
fn one_in_a_hundred_explores_what_too_little_is_known_of() {
    let new = |name| {
        offer(name, 1).with(|figures| {
            figures.status = Status::Unknown;
            figures.latency_us.p95 = None;
        })
    };
    let down = offer("x", 1).with(|figures| {
        figures.status = Status::Down;
        figures.latency_us.p95 = None;
    });
    let board = Market::new([offer("a", 100), new("b"), new("c"), down]).board();
    let found = firsts(&board, &request(Tier::Realtime));
    let explored: Vec<_> = found
        .iter()
        .filter(|(_, why, _)| *why == "explored")
        .collect();
    assert_eq!(explored.len(), 2, "{found:?}");
    assert!(
        explored
            .iter()
            .all(|(_, _, percent)| (0.35..0.65).contains(percent)),
        "{found:?}"
    );
    // While nothing is known of anybody, the order alone decides.
    let board = Market::new([new("b"), new("c")]).board();
    let expected = [("b/bf16", "best", 100.0)];
    assert_firsts(&board, &request(Tier::Realtime), &expected);
}

#[test]
fn the_same_seed_draws_the_same_and_who_was_passed_over_says_so() {
    let board = Market::new([offer("a", 100), offer("b", 105), offer("c", 300)]).board();
    let asked = request(Tier::Realtime);
    let seed = (0..100).find(|seed| order(&chosen(&board, &asked, *seed))[0].0 == "b/bf16");
    let drawn = order(&chosen(&board, &asked, seed.unwrap()));
    let expected = [
        ("b/bf16", "shared"),
        ("a/bf16", "passed_over"),
        ("c/bf16", "latency"),
    ];
    assert_eq!(drawn, expected.map(|(tag, why)| (tag.to_owned(), why)));
    assert_eq!(order(&chosen(&board, &asked, seed.unwrap())), drawn);
}

#[test]
fn where_all_are_down_the_order_stays_and_is_said() {
    let down = |name, ms| offer(name, ms).with(|figures| figures.status = Status::Down);
    let board = Market::new([down("a", 105), down("b", 100)]).board();
    let decision = chosen(&board, &request(Tier::Realtime), 3);
    assert!(decision.all_down());
    assert_firsts(
        &board,
        &request(Tier::Realtime),
        &[("b/bf16", "best", 100.0)],
    );
}

#[test]
fn a_suspected_observer_has_no_say_on_status() {
    let down = |name, ms| {
        offer(name, ms).with(|figures| {
            figures.status = Status::Down;
            figures.success_1m = Ratio::new(0, 100);
        })
    };
    let mut market = Market::new([down("a", 100), offer("b", 300)]);
    assert_firsts(
        &market.board(),
        &request(Tier::Realtime),
        &[("b/bf16", "best", 100.0)],
    );
    market.observer_suspected = true;
    let board = market.board();
    assert!(chosen(&board, &request(Tier::Realtime), 3).observer_suspected);
    assert_firsts(
        &board,
        &request(Tier::Realtime),
        &[("a/bf16", "best", 100.0)],
    );
}

#[test]
fn what_is_given_up_goes_to_the_next_also_where_all_miss_a_limit() {
    let board = Market::new([success(offer("a", 300), 85), offer("b", 400)]).board();
    let mut asked = request(Tier::Realtime);
    asked.max_latency_p95_us = Some(100_000);
    let expected = [("a/bf16", "best", 85.0), ("b/bf16", "spilled", 15.0)];
    assert_firsts(&board, &asked, &expected);
    // Who keeps it gives nothing up to who doesn't.
    asked.max_latency_p95_us = Some(350_000);
    assert_firsts(&board, &asked, &[("a/bf16", "best", 100.0)]);
}
