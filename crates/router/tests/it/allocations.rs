//! A choice allocates nothing once its decision has been used.

use sextant_router::choose;
use sextant_router::decision::Decision;
use sextant_router::tier::Tier;
use std::time::Duration;

use crate::market::{Market, NOW, offer, request};

#[test]
fn a_decision_that_is_used_again_allocates_nothing() {
    let offers = (0..100).map(|n| offer(&format!("p{n}"), 100 + n * 7 % 90));
    let board = Market::new(offers).board();
    for tier in Tier::ALL {
        let mut asked = request(tier);
        asked.only = (0..80).map(|n| format!("p{n}").parse().unwrap()).collect();
        asked.region = Some("eu".parse().unwrap());
        asked.operation = Some("summarize".parse().unwrap());
        let mut decision = Decision::default();
        let mut choose_by = |seed| {
            let view = board.at(NOW, Duration::from_millis(300));
            choose(view, &asked, seed, &mut decision);
            assert_eq!(
                (decision.candidates.len(), decision.excluded.len()),
                (80, 20)
            );
        };
        choose_by(0);
        let counted = allocation_counter::measure(|| (1..1_000).for_each(&mut choose_by));
        assert_eq!(counted.count_total, 0, "{tier}");
    }
}
