//! The order against its definition, over random markets.

use proptest::prelude::*;
use proptest::sample::select;
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_router::decision::Reason;
use sextant_router::request::Request;
use sextant_router::tier::Tier;
use sextant_snapshot::routing::{MedianAndTail, RoutingFigures};

use crate::market::{Market, Offer, chosen, figures, offer, request};
use crate::oracle;

const PRICES: [&str; 4] = ["0", "0.5", "0.55", "2"];

prop_compose! {
    fn any_price()(input in select(&PRICES[..]), output in select(&PRICES[..])) -> (&'static str, &'static str) {
        (input, output)
    }
}

prop_compose! {
    fn any_figures()(
        status in select(&Status::ALL[..]),
        latency in prop::option::of(select(&[100_u64, 105, 110, 500][..])),
        throughput in prop::option::of(select(&[20_000_u64, 80_000][..])),
        (uptime, success) in (0_u64..=40, 0_u64..=40),
        whole in select(&[19_u64, 40][..]),
    ) -> RoutingFigures {
        let p95 = |p95: Option<u64>| MedianAndTail { n: 100, p50: p95, p95 };
        RoutingFigures {
            status,
            uptime_1m: Ratio::new(uptime.min(whole), whole),
            success_1m: Ratio::new(success.min(whole), whole),
            latency_us: p95(latency.map(|ms| ms * 1_000)),
            throughput_mtps: p95(throughput),
            ..figures(1)
        }
    }
}

prop_compose! {
    fn any_offer()(
        quantization in select(&[Quantization::Bf16, Quantization::Fp8, Quantization::Unknown][..]),
        price in prop::option::of(any_price()),
        batch_price in prop::option::of(any_price()),
        figures in prop::option::of(any_figures()),
    ) -> Offer {
        Offer {
            price,
            batch_price,
            figures,
            ..offer("p", 1).at(quantization, quantization == Quantization::Bf16)
        }
    }
}

prop_compose! {
    fn any_offers()(offers in prop::collection::vec(any_offer(), 1..12)) -> Vec<Offer> {
        let named = offers.into_iter().enumerate().map(|(n, mut offer)| {
            offer.provider = format!("p{n}");
            offer
        });
        named.collect()
    }
}

prop_compose! {
    fn any_request()(
        tier in select(&Tier::ALL[..]),
        max_price in prop::option::of(select(&PRICES[..])),
        max_latency in prop::option::of(select(&[100_000_u64, 200_000][..])),
        min_throughput in prop::option::of(Just(50_000_u64)),
    ) -> Request {
        Request {
            max_price: max_price.map(|price| price.parse().unwrap()),
            max_latency_p95_us: max_latency,
            min_throughput_p95_mtps: min_throughput,
            ..request(tier)
        }
    }
}

proptest! {
    #[test]
    fn the_order_is_that_of_the_definition_but_for_who_was_drawn(
        offers in any_offers(),
        asked in any_request(),
        seed in any::<u64>(),
    ) {
        let board = Market::new(offers.clone()).board();
        let decision = chosen(&board, &asked, seed);
        let found = decision.candidates.iter().map(|place| decision.candidate(place).unwrap());
        let mut found: Vec<_> = found.map(|one| one.id.clone()).collect();
        let expected: Vec<_> = oracle::order(&offers, &asked).iter().map(|one| one.id()).collect();
        prop_assert_eq!(found.len() + decision.excluded.len(), offers.len());
        if let Some(first) = decision.candidates.first() {
            // Whoever was drawn goes back to where the order had them.
            let drawn = found.remove(0);
            let place = expected.iter().position(|id| *id == drawn).unwrap();
            found.insert(place, drawn);
            let kept = matches!(first.reason, Reason::Best | Reason::Shared);
            prop_assert!(place == 0 || !matches!(first.reason, Reason::Best));
            prop_assert!(kept || place > 0);
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_place_says_what_puts_it_behind_the_one_before(
        offers in any_offers(),
        asked in any_request(),
    ) {
        let board = Market::new(offers).board();
        // Of many seeds one leaves the order as it is, unless nobody was drawn at all.
        let kept = (0..50).map(|seed| chosen(&board, &asked, seed)).find(|decision| {
            let first = decision.candidates.first();
            first.is_some_and(|first| matches!(first.reason, Reason::Best | Reason::Shared))
                && decision.candidates.iter().skip(1).all(|one| one.reason != Reason::PassedOver)
        });
        let Some(decision) = kept else { return Ok(()) };
        for pair in decision.candidates.windows(2) {
            let (before, one) = (&pair[0], &pair[1]);
            match one.reason {
                Reason::Status => prop_assert!(before.status < one.status),
                Reason::Latency => prop_assert!(
                    one.latency_p95_us.is_none() || before.latency_p95_us < one.latency_p95_us
                ),
                Reason::Throughput => prop_assert!(
                    one.throughput_p95_mtps < before.throughput_p95_mtps
                ),
                Reason::Price => prop_assert!(
                    one.price.is_none() || before.price <= one.price
                ),
                Reason::Limit | Reason::Name => {}
                other => prop_assert!(false, "{other:?} behind the first place"),
            }
        }
    }
}
