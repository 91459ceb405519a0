//! Values to test with.

use sextant_measure::figures::{Figures, Percentile};
use sextant_measure::id::{AgentId, EndpointId, ModelId, Operation, ProviderId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::{Change, Delta, FullReason};
use sextant_snapshot::gates::{GateKey, GateRecord, Ruling, Verdict};
use sextant_snapshot::picture::{Applied, Ignored, Limits, Picture};
use sextant_snapshot::record::{Entry, LogRecord, OwnerState, Progress};
use sextant_snapshot::row::{AgentRow, AgentsSeen, EndpointRow, RegionFigures};
use sextant_snapshot::snapshot::ModelFilter;
use sextant_snapshot::version::Version;

pub(crate) const LOG: u64 = 0xfeed;
pub(crate) const CATALOG: u64 = 0xca7a;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(crate) fn model(name: &str) -> ModelId {
    ModelId::new(&format!("author/{name}")).unwrap()
}

pub(crate) fn endpoint(name: &str, provider: &str) -> EndpointId {
    EndpointId {
        model: model(name),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Fp8,
    }
}

pub(crate) fn row_with(id: EndpointId, published_at: Timestamp, figures: &Figures) -> EndpointRow {
    let seen = RegionFigures {
        region: Region::default(),
        figures: *figures,
    };
    EndpointRow::new(id, published_at, AgentsSeen::default(), vec![seen], None).unwrap()
}

pub(crate) fn figures(status: Status, throughput_p95_mtps: Option<u64>) -> Figures {
    let mut figures = Figures {
        status,
        ..Figures::default()
    };
    figures.throughput_mtps.values[Percentile::P95 as usize] = throughput_p95_mtps;
    figures
}

/// A row that is told from others by its `mark`.
pub(crate) fn row(name: &str, mark: u32) -> Entry {
    let figures = Figures {
        late: mark,
        ..Figures::default()
    };
    Entry::Endpoint(row_with(endpoint(name, "p"), at(0), &figures))
}

pub(crate) fn gone(name: &str) -> Entry {
    Entry::EndpointGone(endpoint(name, "p"))
}

pub(crate) fn agent_id(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) fn agent(name: &str, recorded: u64) -> Entry {
    Entry::Agent(AgentRow {
        agent: agent_id(name),
        published_at: at(0),
        heard_at: at(0),
        recorded,
        acknowledged: 0,
        refused: 0,
        dropped: Vec::new(),
        clock_offset_us: 0,
        early: 0,
        clashes: 0,
    })
}

pub(crate) fn claim() -> Entry {
    Entry::Claim {
        owner: "owner".to_owned(),
    }
}

pub(crate) fn progress(state: OwnerState) -> Entry {
    Entry::Progress(Progress {
        state,
        position_at: at(0),
        at: at(0),
    })
}

/// In partition 0, appended as many seconds after the epoch as its offset says.
pub(crate) fn record(offset: u64, epoch: u64, entry: Entry) -> LogRecord {
    LogRecord {
        partition: 0,
        offset,
        appended_at: at(i64::try_from(offset).unwrap()),
        epoch,
        log_id: LOG,
        entry,
    }
}

pub(crate) fn picture(partitions: u32) -> Picture {
    Picture::new(partitions, Limits::default()).unwrap()
}

/// Applies records (offset, epoch, entry) that all count.
pub(crate) fn apply_all(
    picture: &mut Picture,
    records: impl IntoIterator<Item = (u64, u64, Entry)>,
) {
    for (offset, epoch, entry) in records {
        let applied = picture.apply(record(offset, epoch, entry));
        assert_eq!(applied, Applied::Changed, "offset {offset}");
    }
}

pub(crate) const fn ignored(reason: Ignored) -> Applied {
    Applied::Ignored(reason)
}

/// Each endpoint's name with its row's mark and offset.
pub(crate) fn rows(picture: &Picture) -> Vec<(String, u32, u64)> {
    let snapshot = picture.snapshot(CATALOG, at(0));
    let shown = snapshot.rows().iter().map(|row| {
        let name = row.value.id().model.slug().to_owned();
        (name, row.value.global().late, row.stamp.offset)
    });
    shown.collect()
}

pub(crate) fn row_shown(name: &str, mark: u32, offset: u64) -> (String, u32, u64) {
    (name.to_owned(), mark, offset)
}

pub(crate) fn since(picture: &Picture, version: &Version, now: Timestamp) -> Change {
    picture.since(Some(version), &ModelFilter::default(), CATALOG, now)
}

pub(crate) fn delta(change: Change) -> Delta {
    match change {
        Change::Delta(delta) => delta,
        Change::Full(reason) => panic!("everything instead of a delta: {reason:?}"),
    }
}

pub(crate) fn full(change: &Change) -> FullReason {
    match change {
        Change::Full(reason) => *reason,
        Change::Delta(delta) => panic!("a delta instead of everything: {delta:?}"),
    }
}

pub(crate) fn gate_key(operation: &str, name: &str) -> GateKey {
    GateKey {
        operation: Operation::new(operation).unwrap(),
        model: model(name),
        quantization: Quantization::Int4,
    }
}

pub(crate) fn gate(key: &GateKey, verdict: impl Into<Option<Verdict>>) -> Ruling {
    Ruling::new(key.clone(), verdict.into(), "someone".to_owned(), at(0)).unwrap()
}

pub(crate) fn gate_record(offset: u64, ruling: Ruling) -> GateRecord {
    GateRecord {
        offset,
        appended_at: at(i64::try_from(offset).unwrap()),
        ruling,
    }
}
