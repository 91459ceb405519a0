//! Kafka and ClickHouse die under load, and come back.

use std::thread;
use std::time::Duration;

use sextant_testbed::clickhouse::ClickHouse;
use sextant_testbed::kafka::Kafka;
use sextant_tests::fleet::{Fleet, replaying};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, end_of, eventually};
use sextant_tests::stored::{assert_stored, minutes};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

/// A model that the recorded observations are not of.
pub(crate) const OTHER: &str = "example/other";
const OUTAGE: Duration = Duration::from_secs(4);

/// Fault matrix rows 6 and 7, in seconds.
#[test]
fn p1_p2_p4_p6_a_broker_and_a_clickhouse_that_die_and_come_back_change_no_number() {
    let mut kafka = Kafka::start().unwrap();
    let mut clickhouse = ClickHouse::start().unwrap();
    let fleet = Fleet::on(kafka.address().to_owned(), clickhouse.url(), 4);
    let collector = fleet.start("collector", "collector");
    let mut owners = ["one", "two"].map(|name| fleet.start("aggregator", name));
    let server = fleet.start("server", "server");
    let all = observations(41, 300, 1_200);
    let mut replay = replaying(&collector, &write(fleet.folder(), &all), 40);

    thread::sleep(OUTAGE);
    kafka.kill().unwrap();
    let late = fleet.starting_at_once("server", "late");
    says_what_it_waits_for(&late);
    thread::sleep(OUTAGE);
    assert!(
        shown(&server, MODEL) > Some(0),
        "the last good numbers, without Kafka"
    );
    kafka.start_again().unwrap();
    eventually("a server that was started without Kafka", || {
        let (status, _) = late.request("/readyz");
        (status == 200 && shown(&late, MODEL) > Some(0)).then_some(())
    });

    thread::sleep(OUTAGE);
    clickhouse.kill().unwrap();
    thread::sleep(OUTAGE);
    report(&collector, OTHER);
    eventually("windows that go on without ClickHouse", || {
        (shown(&server, OTHER) == Some(1)).then_some(())
    });
    // One that starts meanwhile does so without it.
    owners[0].kill();
    owners[0] = fleet.start("aggregator", "one");
    clickhouse.start_again().unwrap();

    assert!(end_of(&mut replay, "the replay").success());
    let truths = by_provider(&all);
    let shown = endpoints(&server, MODEL, all.len() as u64);
    for endpoint in &shown {
        assert_true(endpoint, &truths[provider(endpoint)]);
    }
    for owner in &mut owners {
        assert_eq!(owner.terminate().code(), Some(0));
    }
    fleet.own_once();
    assert_eq!(minutes(&fleet).values().sum::<u64>(), all.len() as u64 + 1);
    assert_stored(&fleet, MODEL, &shown);
}

/// A process that is started without Kafka is alive, is counted and says why it is not ready.
fn says_what_it_waits_for(process: &Process) {
    eventually("a process that waits for Kafka", || {
        let (status, body) = process.try_request("/readyz")?;
        assert_eq!(status, 503, "{body}");
        (body["missing"][0] == "Kafka has not answered yet").then_some(())
    });
    assert_eq!(process.request("/livez").0, 200);
    assert_eq!(process.request("/metrics").0, 200);
    assert_eq!(process.request("/api/v1/models").0, 503);
}

/// Reports one observation of a model, which completes now.
pub(crate) fn report(collector: &Process, model: &str) {
    let observation = serde_json::json!({
        "model": model, "provider": "swift", "outcome": "ok", "duration_ms": 5, "ttft_ms": 1,
        "completed_at": jiff::Timestamp::now().to_string(),
    });
    let identity = [
        ("Sextant-Agent", "test"),
        ("Sextant-Epoch", "1"),
        ("Sextant-Sequence", "1"),
    ];
    let (status, answer) =
        collector.post("/api/v1/observations", &identity, &observation.to_string());
    assert_eq!((status, &answer["accepted"]), (200, &1.into()), "{answer}");
}

/// Live observations of a model that the server shows; nothing if it shows no such model.
pub(crate) fn shown(server: &Process, model: &str) -> Option<u64> {
    let (status, body) = server.try_request(&format!("/api/v1/models/{model}/endpoints"))?;
    let endpoints = body["data"]["endpoints"]
        .as_array()
        .filter(|_| status == 200)?;
    let live = endpoints
        .iter()
        .map(|endpoint| &endpoint["sextant"]["counts"]["live"]["total"]);
    Some(live.filter_map(serde_json::Value::as_u64).sum())
}

/// What hangs is not away: nothing says so, and a process that is told to end has its own deadline.
#[test]
fn p4_a_process_ends_in_good_order_while_its_engines_hang() {
    let (kafka, clickhouse) = (Kafka::start().unwrap(), ClickHouse::start().unwrap());
    let fleet = Fleet::on(kafka.address().to_owned(), clickhouse.url(), 2);
    let collector = fleet.start("collector", "collector");
    let mut early = fleet.start("aggregator", "early");
    let server = fleet.start("server", "server");
    report(&collector, OTHER);
    eventually("a window", || {
        (shown(&server, OTHER) == Some(1)).then_some(())
    });
    clickhouse.signal("-STOP").unwrap();
    let mut late = fleet.starting_at_once("aggregator", "late");
    eventually("one that waits for ClickHouse", || {
        late.try_request("/livez").map(drop)
    });
    assert_eq!(late.terminate().code(), Some(0));
    kafka.signal("-STOP").unwrap();
    assert_eq!(early.terminate().code(), Some(0));
    for engine in [clickhouse.signal("-CONT"), kafka.signal("-CONT")] {
        engine.unwrap();
    }
    fleet.own_once();
    assert_eq!(minutes(&fleet).values().sum::<u64>(), 1);
}
