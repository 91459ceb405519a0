//! The roles as processes apart from each other.

use sextant_tests::fleet::{Fleet, replay};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

#[test]
fn every_number_is_true_through_a_collector_two_aggregators_and_a_server() {
    let fleet = Fleet::new(8);
    let collector = fleet.start("collector", "collector");
    let _owners = ["one", "two"].map(|name| fleet.start("aggregator", name));
    let server = fleet.start("server", "server");
    let all = observations(11, 250, 1_500);
    replay(&collector, &write(fleet.folder(), &all));
    let truths = by_provider(&all);
    let shown = endpoints(&server, MODEL, all.len() as u64);
    assert_eq!(shown.len(), truths.len());
    for endpoint in &shown {
        assert_true(endpoint, &truths[provider(endpoint)]);
    }
}
