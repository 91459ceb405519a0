//! Who may serve a request at all.

use std::time::Duration;

use sextant_measure::id::{ModelId, Operation};
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;
use sextant_router::decision::Empty;
use sextant_router::request::{Request, RequestError};
use sextant_router::tag::{Tag, TagError};
use sextant_router::tier::Tier;
use sextant_snapshot::gates::Verdict;

use crate::market::{Market, NOW, chosen, left_out, model, offer, providers, request};

fn for_operation(tier: Tier, operation: &str) -> Request {
    Request {
        operation: Some(Operation::new(operation).unwrap()),
        ..request(tier)
    }
}

fn variants() -> Market {
    let mut market = Market::new([
        offer("a-native", 100).priced("3", "3"),
        offer("b-fp8", 100)
            .at(Quantization::Fp8, false)
            .priced("2", "2"),
        offer("c-int4", 100)
            .at(Quantization::Int4, false)
            .priced("1", "1"),
        offer("d-undisclosed", 100)
            .at(Quantization::Unknown, false)
            .priced("0.5", "0.5"),
    ]);
    market.gates = vec![
        ("summarize", Quantization::Fp8, Verdict::Green),
        ("summarize", Quantization::Int4, Verdict::Red),
        ("translate", Quantization::Bf16, Verdict::Red),
    ];
    market
}

#[test]
fn realtime_takes_native_precision_alone() {
    let decision = chosen(
        &variants().board(),
        &for_operation(Tier::Realtime, "translate"),
        1,
    );
    assert_eq!(providers(&decision), ["a-native"]);
    let not_native = ["b-fp8/fp8", "c-int4/int4", "d-undisclosed/unknown"];
    assert_eq!(
        left_out(&decision),
        not_native.map(|tag| (tag.to_owned(), "not_native"))
    );
    assert!(!decision.no_operation);
}

#[test]
fn standard_and_batch_take_what_is_green_and_native_unless_red() {
    for tier in [Tier::Standard, Tier::Batch] {
        let board = variants().board();
        let decision = chosen(&board, &for_operation(tier, "summarize"), 3);
        assert_eq!(providers(&decision), ["b-fp8", "a-native"]);
        let expected = [
            ("c-int4/int4", "red"),
            ("d-undisclosed/unknown", "undisclosed"),
        ];
        assert_eq!(
            left_out(&decision),
            expected.map(|(tag, why)| (tag.to_owned(), why))
        );
        let decision = chosen(&board, &for_operation(tier, "translate"), 3);
        assert_eq!(decision.empty.map(Empty::name), Some("no_candidate"));
        let expected = [
            ("a-native/bf16", "red"),
            ("b-fp8/fp8", "not_green"),
            ("c-int4/int4", "not_green"),
            ("d-undisclosed/unknown", "undisclosed"),
        ];
        assert_eq!(
            left_out(&decision),
            expected.map(|(tag, why)| (tag.to_owned(), why))
        );
        // No verdict at all for the operation.
        let decision = chosen(&board, &for_operation(tier, "classify"), 3);
        assert_eq!(providers(&decision), ["a-native"]);
    }
}

#[test]
fn without_an_operation_no_gate_applies_and_the_answer_says_so() {
    let decision = chosen(&variants().board(), &request(Tier::Standard), 3);
    assert!(decision.no_operation);
    assert_eq!(providers(&decision), ["c-int4", "b-fp8", "a-native"]);
    assert_eq!(
        left_out(&decision),
        [("d-undisclosed/unknown".to_owned(), "undisclosed")]
    );
}

#[test]
fn lists_and_the_highest_price_are_filters() {
    let mut asked = request(Tier::Standard);
    asked.only = ["a-native", "b-fp8/fp8", "c-int4/fp8"]
        .map(|tag| tag.parse().unwrap())
        .to_vec();
    asked.ignore = vec!["a-native".parse().unwrap()];
    asked.max_price = Some("1.5".parse().unwrap());
    let decision = chosen(&variants().board(), &asked, 3);
    let expected = [
        ("a-native/bf16", "ignored"),
        ("b-fp8/fp8", "above_price"),
        ("c-int4/int4", "not_asked"),
        ("d-undisclosed/unknown", "not_asked"),
    ];
    assert_eq!(
        left_out(&decision),
        expected.map(|(tag, why)| (tag.to_owned(), why))
    );
    let mut unpriced = offer("x", 100);
    unpriced.price = None;
    let decision = chosen(&Market::new([unpriced]).board(), &asked_at_most("9"), 3);
    assert_eq!(left_out(&decision), [("x/bf16".to_owned(), "no_price")]);
}

fn asked_at_most(price: &str) -> Request {
    Request {
        max_price: Some(price.parse().unwrap()),
        ..request(Tier::Realtime)
    }
}

#[test]
fn an_endpoint_seen_only_in_traffic_is_native_if_its_precision_is() {
    let mut seen = offer("seen", 100);
    seen.listed = false;
    let mut other = offer("other", 100).at(Quantization::Fp8, false);
    other.listed = false;
    let board = Market::new([offer("listed", 200), seen, other]).board();
    let decision = chosen(&board, &request(Tier::Realtime), 3);
    assert_eq!(providers(&decision), ["seen", "listed"]);
    assert_eq!(
        left_out(&decision),
        [("other/fp8".to_owned(), "not_native")]
    );
}

#[test]
fn a_model_that_nobody_serves_is_said_to_be_unknown() {
    let asked = Request::new(ModelId::new("no/body").unwrap(), Tier::Standard);
    let decision = chosen(&variants().board(), &asked, 3);
    assert_eq!(decision.empty.map(Empty::name), Some("unknown_model"));
    assert!(decision.first().is_none());
}

#[test]
fn the_cheapest_green_variant_is_one_look_up() {
    let market = variants();
    let cheapest = |market: &Market, operation: &str| {
        let operation = Operation::new(operation).unwrap();
        let board = market.board();
        let view = board.at(NOW, Duration::ZERO);
        let found = view.cheapest_green(&model(), &operation);
        found.map(|one| one.id.tag())
    };
    assert_eq!(cheapest(&market, "summarize").as_deref(), Some("b-fp8/fp8"));
    // Where there are no gates, native precision is good enough.
    assert_eq!(
        cheapest(&market, "whatever").as_deref(),
        Some("a-native/bf16")
    );
    let mut market = market;
    market.offers[1].figures.as_mut().unwrap().status = Status::Down;
    assert_eq!(
        cheapest(&market, "summarize").as_deref(),
        Some("a-native/bf16")
    );
}

#[test]
fn what_contradicts_itself_is_refused_by_name() {
    let mut asked = request(Tier::Standard);
    asked.only = vec!["a/fp8".parse().unwrap(), "b".parse().unwrap()];
    asked.ignore = vec!["a".parse().unwrap(), "b/fp8".parse().unwrap()];
    assert_eq!(asked.check(), Ok(()));
    asked.ignore.push("b".parse().unwrap());
    let refused = asked.check();
    assert_eq!(
        refused,
        Err(RequestError::Contradiction("a/fp8, b".to_owned()))
    );
}

#[test]
fn tags_and_tiers_are_read_as_they_are_written() {
    for text in ["deepinfra", "deepinfra/fp8", "a/unknown"] {
        assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
    }
    for text in ["", "A", "a/", "a/fp9", "/fp8", "a/fp8/b"] {
        assert_eq!(text.parse::<Tag>(), Err(TagError), "{text:?}");
    }
    for tier in Tier::ALL {
        assert_eq!(tier.name().parse(), Ok(tier));
    }
    assert!("Realtime".parse::<Tier>().is_err());
}
