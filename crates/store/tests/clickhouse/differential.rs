//! The same rows written to SQLite and to ClickHouse give the same answers.

use std::num::NonZeroU32;

use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity, Subject};
use sextant_measure::id::{AgentId, EndpointId, Region, SeriesId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{
    AttemptQuery, HistoryQuery, IncidentQuery, Limits, MinuteQuery, MinuteRange, Revision, Rows,
    Store, WindowQuery, WindowScope,
};
use sextant_testkit::store_contract::SEEDS;
use sextant_testkit::store_contract::traffic::Traffic;

use crate::harness::ClickHouseHarness;
use crate::rows::endpoint;

/// 40 minutes before a day ends, so that the rows are of two days.
const START: u32 = 1_440 * 20_000 - 40;
const MINUTES: u32 = 90;

fn all_series() -> Vec<SeriesId> {
    let mut all = Vec::new();
    for provider in ["groq", "novita", "a-3"] {
        for quantization in [Quantization::Fp8, Quantization::Unknown] {
            for region in ["eu", "us-west-2"] {
                let endpoint = EndpointId {
                    quantization,
                    ..endpoint(provider)
                };
                let region = Region::new(region).unwrap();
                all.push(SeriesId { endpoint, region });
            }
        }
    }
    all
}

fn some_minute(traffic: &mut Traffic) -> Minute {
    Minute::from_index(START + traffic.below(MINUTES))
}

/// One of few, open or ended, once and again.
fn some_incident(traffic: &mut Traffic, series: &SeriesId, minute: Minute) -> Incident {
    let subject = match traffic.below(3) {
        0 => Subject::Provider(series.endpoint.provider.clone()),
        1 => Subject::Fleet,
        _ => Subject::Endpoint(series.endpoint.clone()),
    };
    let minutes = traffic.below(5);
    Incident {
        alert: AlertKey {
            rule: "r".parse().unwrap(),
            subject,
        },
        kind: Kind::Uptime,
        severity: Severity::Ticket,
        opened_at: minute.start(),
        closed_at: (minutes > 1).then(|| minute.plus(9).start()),
        worst: traffic.chance(50).then(|| Quantity::micros(u64::MAX >> 1)),
        reason: String::new(),
        closed_because: String::new(),
    }
}

/// Rows of all kinds for few keys, so that many are for the same.
fn some_rows(traffic: &mut Traffic, all: &[SeriesId]) -> Rows {
    let mut rows = Rows::default();
    for _ in 0..traffic.below(120) {
        let (series, minute) = (traffic.one_of(all), some_minute(traffic));
        let revision = Revision {
            epoch: traffic.below(2).into(),
            n: traffic.below(3).into(),
        };
        match traffic.below(5) {
            0 => rows
                .minutes
                .push(traffic.minute_row(&series, minute, revision)),
            1 => {
                let region = traffic.chance(60).then_some(&series.region);
                let row = traffic.window_row(&series.endpoint, region, minute);
                rows.windows.push(row);
            }
            2 => rows.attempts.push(traffic.attempt_row(&series, minute)),
            3 => rows.incidents.push(some_incident(traffic, &series, minute)),
            _ => {
                let agent = AgentId::new(series.endpoint.provider.as_str()).unwrap();
                rows.agents
                    .push(traffic.agent_row(&agent, minute, revision));
            }
        }
    }
    rows
}

fn some_minutes(traffic: &mut Traffic, all: &[SeriesId]) -> MinuteQuery {
    let series = traffic.one_of(all);
    let from = some_minute(traffic);
    MinuteQuery {
        model: series.endpoint.model,
        endpoint: traffic
            .chance(50)
            .then_some((series.endpoint.provider, series.endpoint.quantization)),
        region: traffic.chance(50).then_some(series.region),
        range: MinuteRange::new(from, from.plus(traffic.below(MINUTES))),
    }
}

async fn compare(a: &dyn Store, b: &dyn Store, traffic: &mut Traffic, all: &[SeriesId]) {
    let query = some_minutes(traffic, all);
    assert_eq!(
        a.minutes(&query).await,
        b.minutes(&query).await,
        "{query:?}"
    );
    let history = HistoryQuery {
        minutes: query.clone(),
        step_minutes: NonZeroU32::new(1 + traffic.below(20)).unwrap(),
    };
    assert_eq!(
        a.history(&history).await,
        b.history(&history).await,
        "{history:?}"
    );
    let attempts = AttemptQuery {
        endpoint: traffic.one_of(all).endpoint,
        region: query.region.clone(),
        range: query.range,
        failures_only: traffic.chance(50),
        newest_max: traffic.below(20),
    };
    assert_eq!(
        a.attempts(&attempts).await,
        b.attempts(&attempts).await,
        "{attempts:?}"
    );
    let incidents = IncidentQuery {
        range: query.range,
        model: traffic.chance(50).then(|| query.model.clone()),
        newest_max: traffic.below(20),
    };
    assert_eq!(
        a.incidents(&incidents).await,
        b.incidents(&incidents).await,
        "{incidents:?}"
    );
    let windows = WindowQuery {
        model: query.model,
        endpoint: query.endpoint,
        scope: match query.region {
            Some(region) => WindowScope::Region(region),
            None => traffic.one_of(&[WindowScope::All, WindowScope::Global]),
        },
        range: query.range,
    };
    assert_eq!(
        a.windows(&windows).await,
        b.windows(&windows).await,
        "{windows:?}"
    );
    let range = query.range;
    assert_eq!(a.agents(range).await, b.agents(range).await, "{range:?}");
    let asked: Vec<_> = (0..traffic.below(4))
        .map(|_| traffic.one_of(all).endpoint)
        .collect();
    let (found, other) = (a.uptime(&asked, range).await, b.uptime(&asked, range).await);
    assert_eq!(found, other, "{asked:?} in {range:?}");
}

#[tokio::test]
async fn both_back_ends_answer_alike() {
    for seed in SEEDS.into_iter().take(2).chain([rand::random()]) {
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
        let harness = ClickHouseHarness::new();
        let clickhouse = harness.open_with(Limits::default()).await;
        let mut traffic = Traffic::new(seed);
        let all = all_series();
        let mut written: Vec<Rows> = Vec::new();
        for _ in 0..8 {
            // Some of it again, as after a restart.
            let rows = if written.is_empty() || traffic.chance(70) {
                some_rows(&mut traffic, &all)
            } else {
                traffic.one_of(&written)
            };
            sqlite.write(rows.clone()).await.unwrap();
            clickhouse.write(rows.clone()).await.unwrap();
            written.push(rows);
            compare(&sqlite, &clickhouse, &mut traffic, &all).await;
        }
        harness.run("OPTIMIZE TABLE step_rows FINAL").await;
        harness.run("OPTIMIZE TABLE window_rows FINAL").await;
        harness.run("OPTIMIZE TABLE observation_rows FINAL").await;
        for _ in 0..12 {
            compare(&sqlite, &clickhouse, &mut traffic, &all).await;
        }
    }
}
