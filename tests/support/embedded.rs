//! What the embedded store of an ended process holds.

use std::collections::BTreeMap;
use std::path::Path;

use sextant_measure::observation::Observation;
use sextant_measure::time::Minute;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{AgentRow, AttemptQuery, AttemptRow, MinuteQuery, MinuteRange, Store};

use crate::traffic::{MODEL, all_endpoints};

/// Observations by provider and minute.
pub type Counts = BTreeMap<(String, Minute), u64>;

/// What it has of the traffic's model in the last hour.
pub fn counts(data: &Path) -> Counts {
    let query = MinuteQuery {
        model: MODEL.parse().unwrap(),
        endpoint: None,
        region: None,
        range: last_hour(),
    };
    let rows = runtime().block_on(open(data).minutes(&query)).unwrap();
    let mut counts = Counts::new();
    for row in rows {
        let key = (row.series.endpoint.provider.to_string(), row.minute);
        *counts.entry(key).or_default() += row.sums.counts.all();
    }
    counts
}

/// What these observations give.
pub fn expected(observations: &[Observation]) -> Counts {
    let mut counts = Counts::new();
    for observation in observations {
        let minute = observation.measurement.completed_at.minute();
        let key = (observation.definition.provider.to_string(), minute);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// What agents of this name said of themselves in the last hour.
pub fn agents(data: &Path, name: &str) -> Vec<AgentRow> {
    let mut rows = runtime().block_on(open(data).agents(last_hour())).unwrap();
    rows.retain(|row| row.agent.as_str() == name);
    rows
}

/// Single attempts at all endpoints of the traffic's model in the last hour.
pub fn attempts(data: &Path) -> Vec<AttemptRow> {
    let (runtime, store) = (runtime(), open(data));
    let queries = all_endpoints().map(|endpoint| AttemptQuery {
        endpoint,
        region: None,
        range: last_hour(),
        failures_only: false,
        newest_max: 10_000,
    });
    let found = queries.map(|query| runtime.block_on(store.attempts(&query)).unwrap());
    found.flatten().collect()
}

fn open(data: &Path) -> SqliteStore {
    SqliteStore::open(data.join("store"), SqliteOptions::default()).unwrap()
}

fn last_hour() -> MinuteRange {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let minute = Minute::from_index(u32::try_from(now.as_secs() / 60).unwrap());
    MinuteRange::new(minute.minus(60), minute.plus(2))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}
