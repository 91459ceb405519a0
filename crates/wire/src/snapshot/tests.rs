use std::sync::Arc;

use proptest::prelude::*;
use prost::Message;
use sextant_catalog::{Price, Pricing};
use sextant_measure::counts::{Counts, count_code};
use sextant_measure::figures::{Figures, Percentiles};
use sextant_measure::id::{EndpointId, ModelId, Operation, ProviderId, Region};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Delta;
use sextant_snapshot::gates::{Gate, GateKey, Verdict};
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::stamp::{Stamp, Stamped};
use sextant_snapshot::version::{GatesPosition, StatisticsPosition, Version};

use super::decode::{Full, SnapshotRequest, Update};
use super::encode;
use crate::v1;
use sextant_catalog::EndpointFacts;
use sextant_snapshot::routing::RoutingRow;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn stamp(offset: u64) -> Stamp {
    Stamp {
        partition: 0,
        offset,
    }
}

fn stamped<T>(offset: u64, value: T) -> Stamped<T> {
    Stamped {
        stamp: stamp(offset),
        value: Arc::new(value),
    }
}

fn header() -> Header {
    let gates = GatesPosition {
        log_id: 5,
        next_offset: 6,
    };
    let statistics = StatisticsPosition {
        log_id: 7,
        next_offsets: vec![8, 9],
    };
    Header {
        version: Version::new(4, gates, statistics).unwrap(),
        generated_at: at(100),
        partitions_whole: 1,
        partitions: 2,
        observer_suspected: true,
    }
}

fn id(provider: &str) -> EndpointId {
    EndpointId {
        model: ModelId::new("a/b").unwrap(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Nvfp4,
    }
}

/// Every figure differs from every other.
fn figures(n: u32) -> Figures {
    let mut counts = Counts::default();
    counts.add_code(count_code(Source::Live, Outcome::Ok), n);
    counts.add_code(count_code(Source::Live, Outcome::RateLimited), 3);
    counts.add_code(count_code(Source::Probe, Outcome::Timeout), 5);
    let percentiles = |base: u64| Percentiles {
        n: base,
        values: [1, 2, 3, 4, 5].map(|nth| Some(base * 10 + nth)),
        ..Percentiles::default()
    };
    let mut figures = Figures {
        status: Status::Degraded,
        counts,
        latency_us: percentiles(11),
        throughput_mtps: percentiles(13),
        ..Figures::default()
    };
    figures.recent.uptime_1m.whole = 21;
    figures.recent.success_1m.whole = 22;
    figures.recent.rate_limited_1m.whole = 23;
    figures
}

fn row(provider: &str, regions: &[&str]) -> EndpointRow {
    let agents = AgentsSeen {
        five_minutes: 2,
        one_hour: 16,
    };
    let seen = regions.iter().zip(100..).map(|(region, n)| RegionFigures {
        region: Region::new(region).unwrap(),
        figures: figures(n),
    });
    let global = (regions.len() > 1).then(|| figures(999));
    EndpointRow::new(id(provider), at(99), agents, seen.collect(), global).unwrap()
}

fn gate_key(operation: &str) -> GateKey {
    GateKey {
        operation: Operation::new(operation).unwrap(),
        model: ModelId::new("a/b").unwrap(),
        quantization: Quantization::Int4,
    }
}

fn gate(operation: &str, verdict: Verdict) -> Gate {
    Gate::new(gate_key(operation), verdict, "someone".to_owned(), at(50)).unwrap()
}

fn snapshot() -> Snapshot {
    let rows = vec![
        stamped(7, row("one", &["eu"])),
        stamped(8, row("two", &["eu", "us"])),
    ];
    let gates = vec![
        stamped(1, gate("sum", Verdict::Green)),
        stamped(2, gate("tally", Verdict::Red)),
    ];
    Snapshot::new(header(), rows, gates)
}

fn facts() -> Vec<EndpointFacts> {
    let price = |nano_usd| Price::from_nano_usd(nano_usd).unwrap();
    let pricing = |nano_usd| Pricing {
        input: price(nano_usd),
        output: price(nano_usd + 1),
    };
    let fact = |provider, price, batch_price| EndpointFacts {
        id: id(provider),
        native: provider == "one",
        price,
        batch_price,
    };
    vec![
        fact("one", Some(pricing(80_000_000)), Some(pricing(0))),
        fact("two", None, None),
    ]
}

fn routing(rows: &[Stamped<EndpointRow>]) -> Vec<Stamped<RoutingRow>> {
    let routing = rows.iter().map(|row| Stamped {
        stamp: row.stamp,
        value: Arc::new(RoutingRow::from(&*row.value)),
    });
    routing.collect()
}

fn update(bytes: &[u8]) -> Update {
    let message = v1::WatchSnapshotResponse::decode(bytes).unwrap();
    Update::try_from(message).unwrap()
}

#[test]
fn everything_arrives_as_it_was() {
    let (snapshot, facts) = (snapshot(), facts());
    let (header, rows, gates) = snapshot.clone().into_parts();
    let wanted = Full {
        snapshot: Snapshot::new(header, routing(&rows), gates),
        facts: facts.clone(),
    };
    let bytes = encode::full(&snapshot, &facts);
    assert_eq!(update(&bytes), Update::Full(wanted.clone()));
    // The same bytes answer a unary read.
    let answer = v1::GetSnapshotResponse::decode(bytes).unwrap();
    assert_eq!(Full::try_from(answer.snapshot.unwrap()).unwrap(), wanted);
}

#[test]
fn the_only_region_keeps_its_name_and_is_sent_once() {
    let one = RoutingRow::from(&row("one", &["eu"]));
    assert_eq!(one.regions[0].figures, one.global);
    let message = v1::EndpointStatistics::from(&stamped(1, row("one", &["eu"])));
    assert_eq!(message.regions[0].region, "eu");
    assert!(message.regions[0].figures.is_none());
}

#[test]
fn a_change_arrives_as_it_was() {
    for catalog_changed in [false, true] {
        let rows = vec![stamped(7, row("one", &["eu", "us"]))];
        let delta = Delta {
            header: header(),
            catalog_changed,
            rows: rows.clone(),
            removed: vec![(id("two"), stamp(3))],
            gates: vec![stamped(1, gate("sum", Verdict::Red))],
            gates_removed: vec![(gate_key("tally"), stamp(4))],
        };
        let wanted = Delta {
            header: delta.header.clone(),
            catalog_changed,
            rows: routing(&rows),
            removed: delta.removed.clone(),
            gates: delta.gates.clone(),
            gates_removed: delta.gates_removed.clone(),
        };
        let wanted = Update::Delta {
            delta: wanted,
            facts: catalog_changed.then(facts),
        };
        assert_eq!(update(&encode::delta(&delta, &facts())), wanted);
    }
}

#[test]
fn a_heartbeat_arrives_as_it_was() {
    let wanted = Update::Heartbeat {
        version: "v".to_owned(),
        at: at(3),
    };
    assert_eq!(update(&encode::heartbeat("v", at(3))), wanted);
}

#[test]
fn the_lower_bound_is_sent_from_the_minimum_on() {
    let sent = |n| {
        let mut seen = Figures::default();
        seen.counts
            .add_code(count_code(Source::Live, Outcome::Ok), n);
        v1::RoutingFigures::from(&sextant_snapshot::routing::RoutingFigures::from(&seen))
            .uptime_30m_lower
    };
    assert_eq!(sent(19), None);
    assert!(sent(20).is_some_and(|lower| 0.8 < lower && lower < 0.9));
}

type Spoil = fn(&mut v1::Snapshot);

#[test]
fn what_nobody_would_send_is_refused() {
    let answer = v1::GetSnapshotResponse::decode(encode::full(&snapshot(), &facts()));
    let good = answer.unwrap().snapshot.unwrap();
    let spoilt: [(&str, Spoil); 8] = [
        ("header", |s| s.header = None),
        ("version", |s| {
            s.header.as_mut().unwrap().version = "x".to_owned();
        }),
        ("endpoint", |s| s.statistics[0].endpoint = None),
        ("offset", |s| s.statistics[0].offset = None),
        ("region", |s| {
            s.statistics[0].regions[0].region = "global".to_owned();
        }),
        ("price", |s| {
            s.facts[0].output_usd_per_mtok = "cheap".to_owned();
        }),
        ("verdict", |s| s.gates[0].verdict = 9),
        ("author", |s| s.gates[0].author = "a\nb".to_owned()),
    ];
    for (field, spoil) in spoilt {
        let mut message = good.clone();
        spoil(&mut message);
        let refused = Full::try_from(message).unwrap_err().to_string();
        assert!(refused.contains(field), "{field}: {refused}");
    }
}

#[test]
fn requests_arrive_as_they_were() {
    let models = vec!["a/b".to_owned()];
    let get = v1::GetSnapshotRequest {
        models: models.clone(),
    };
    let get = SnapshotRequest::of_get(get.encode_to_vec().into()).unwrap();
    assert_eq!((get.version.as_str(), &get.models), ("", &models));
    let watch = v1::WatchSnapshotRequest {
        version: "v".to_owned(),
        models: models.clone(),
    };
    let watch = SnapshotRequest::of_watch(watch.encode_to_vec().into()).unwrap();
    assert_eq!((watch.version.as_str(), &watch.models), ("v", &models));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = v1::WatchSnapshotResponse::decode(&bytes[..]) {
            drop(Update::try_from(message));
        }
        drop(SnapshotRequest::of_watch(bytes.into()));
    }

    #[test]
    fn no_flipped_bit_makes_it_panic(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode::full(&snapshot(), &facts()).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(message) = v1::WatchSnapshotResponse::decode(&bytes[..]) {
            drop(Update::try_from(message));
        }
    }
}
