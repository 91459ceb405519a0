//! The roles as processes apart from each other.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sextant_tests::fleet::{Fleet, replay};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, Starting};
use sextant_tests::stored::assert_stored;
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

use crate::openapi::assert_routes;
use crate::replay::traces;

/// A fleet through which a file was sent.
struct Replayed {
    fleet: Fleet,
    server: Process,
    owners: [Process; 2],
}

impl Replayed {
    fn new(file: impl FnOnce(&Path) -> PathBuf) -> Self {
        let fleet = Fleet::new(8);
        let collector = fleet.start("collector", "collector");
        let owners = ["one", "two"].map(|name| fleet.starting("aggregator", name));
        let owners = owners.map(Starting::ready);
        let server = fleet.start("server", "server");
        assert_routes(&collector, &["intake", "process"]);
        assert_routes(&owners[0], &["process"]);
        assert_routes(&server, &["server", "process"]);
        replay(&collector, &file(fleet.folder()));
        Self {
            fleet,
            server,
            owners,
        }
    }

    /// Once they have handed over what they hold, the store has what the server showed.
    fn assert_stored(mut self, model: &str, shown: &[Value]) {
        for owner in &mut self.owners {
            assert_eq!(owner.terminate().code(), Some(0));
        }
        self.fleet.own_once();
        assert_stored(&self.fleet, model, shown);
    }
}

#[test]
fn every_number_is_true_through_a_collector_two_aggregators_and_a_server() {
    let all = observations(11, 250, 1_500);
    let replayed = Replayed::new(|folder| write(folder, &all));
    let truths = by_provider(&all);
    let shown = endpoints(&replayed.server, MODEL, all.len() as u64);
    assert_eq!(shown.len(), truths.len());
    for endpoint in &shown {
        assert_true(endpoint, &truths[provider(endpoint)]);
    }
    replayed.assert_stored(MODEL, &shown);
}

#[test]
fn every_number_of_a_recorded_trace_is_as_published_through_the_fleet() {
    for trace in traces() {
        let replayed = Replayed::new(|_| trace.file.clone());
        let shown = trace.assert_served(&replayed.server);
        replayed.assert_stored(&trace.model(), &shown);
    }
}
