//! Records of the windows log.
//!
//! The key says what a record is about; the headers [`EPOCH`] and [`LOG_ID`] (8 bytes each, big
//! endian) say whose it is. A claim's epoch is its own offset, so it has no such header. A record
//! without a value is a tombstone of its key.

use prost::Message;
use sextant_eventlog::{Record, StoredRecord};
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region};
use sextant_measure::time::Timestamp;
use sextant_snapshot::key::Key;
use sextant_snapshot::record::{Entry, LogRecord, OwnerState, Progress};
use sextant_snapshot::row::{AgentRow, AgentsSeen, EndpointRow, RegionFigures};

use crate::batch::Totals;
use crate::v1::windows_record::Record as Kind;
use crate::{DecodeError, header, v1};

/// Header with the writer's epoch.
pub const EPOCH: &str = "sextant-epoch";
/// Header with the log's id.
pub const LOG_ID: &str = "sextant-log-id";

/// Who writes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// The offset of its claim; `None` for a claim itself.
    pub epoch: Option<u64>,
    /// The log's id.
    pub log_id: u64,
}

/// A record to append.
pub fn to_record(entry: &Entry, writer: Writer) -> Record {
    let key = entry.key().to_string();
    let mut record = match value(entry) {
        Some(record) => Record::new(
            key,
            v1::WindowsRecord {
                record: Some(record),
            }
            .encode_to_vec(),
        ),
        None => Record::tombstone(key),
    };
    let epoch = writer.epoch.map(header::number);
    record
        .headers
        .extend(epoch.map(|epoch| (EPOCH.into(), epoch)));
    let log_id = header::number(writer.log_id);
    record.headers.push((LOG_ID.into(), log_id));
    record
}

/// A record that was read.
pub fn from_record(partition: u32, stored: &StoredRecord) -> Result<LogRecord, DecodeError> {
    let record = &stored.record;
    let key = record
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok());
    let key = key.ok_or_else(|| DecodeError::field("key", "absent or not UTF-8"))?;
    let key = Key::parse(key).map_err(|error| DecodeError::field("key", error))?;
    let entry = match &record.value {
        None => tombstone(&key)?,
        Some(value) => entry(v1::WindowsRecord::decode(value.clone())?)?,
    };
    if entry.key() != key {
        return Err(DecodeError::field(
            "key",
            "of another record than its value",
        ));
    }
    let own = matches!(entry, Entry::Claim { .. }).then_some(stored.offset.0);
    let epoch = own.or_else(|| header::of(record, EPOCH));
    Ok(LogRecord {
        partition,
        offset: stored.offset.0,
        appended_at: Timestamp::from_micros(stored.appended_at_us),
        epoch: epoch.ok_or_else(|| DecodeError::field(EPOCH, "no header of 8 bytes"))?,
        log_id: header::of(record, LOG_ID)
            .ok_or_else(|| DecodeError::field(LOG_ID, "no header of 8 bytes"))?,
        entry,
    })
}

fn tombstone(key: &Key) -> Result<Entry, DecodeError> {
    match key {
        Key::Endpoint(id) => Ok(Entry::EndpointGone(id.clone())),
        Key::Agent(id) => Ok(Entry::AgentGone(id.clone())),
        Key::Claim | Key::Progress => Err(DecodeError::field("value", "absent")),
    }
}

fn value(entry: &Entry) -> Option<Kind> {
    match entry {
        Entry::Claim { owner } => Some(Kind::Claim(v1::Claim {
            owner: owner.clone(),
        })),
        Entry::Progress(progress) => Some(Kind::Progress(v1::Progress {
            whole: progress.state == OwnerState::Whole,
            position_at_us: progress.position_at.as_micros(),
            at_us: progress.at.as_micros(),
        })),
        Entry::Endpoint(row) => Some(Kind::Endpoint(row.into())),
        Entry::Agent(row) => Some(Kind::Agent(row.into())),
        Entry::EndpointGone(_) | Entry::AgentGone(_) => None,
    }
}

fn entry(record: v1::WindowsRecord) -> Result<Entry, DecodeError> {
    match record.record.ok_or(DecodeError::UnknownKind)? {
        Kind::Claim(claim) => Ok(Entry::Claim { owner: claim.owner }),
        Kind::Progress(progress) => Ok(Entry::Progress(Progress {
            state: if progress.whole {
                OwnerState::Whole
            } else {
                OwnerState::Rebuilding
            },
            position_at: Timestamp::from_micros(progress.position_at_us),
            at: Timestamp::from_micros(progress.at_us),
        })),
        Kind::Endpoint(row) => Ok(Entry::Endpoint(row.try_into()?)),
        Kind::Agent(row) => Ok(Entry::Agent(row.try_into()?)),
    }
}

impl From<&EndpointRow> for v1::EndpointRecord {
    fn from(row: &EndpointRow) -> Self {
        let regions = row.regions();
        Self {
            model: row.id().model.to_string(),
            provider: row.id().provider.to_string(),
            quantization: v1::Quantization::from(row.id().quantization).into(),
            published_at_us: row.published_at().as_micros(),
            agents_5m: row.agents().five_minutes.into(),
            agents_1h: row.agents().one_hour.into(),
            global: (regions.len() > 1).then(|| row.global().into()),
            regions: regions.iter().map(region_message).collect(),
        }
    }
}

impl TryFrom<v1::EndpointRecord> for EndpointRow {
    type Error = DecodeError;

    fn try_from(row: v1::EndpointRecord) -> Result<Self, DecodeError> {
        let id = EndpointId {
            model: ModelId::new(&row.model).map_err(|e| DecodeError::field("model", e))?,
            provider: ProviderId::new(&row.provider)
                .map_err(|e| DecodeError::field("provider", e))?,
            quantization: crate::definition::disclosed(row.quantization)?,
        };
        let agents = AgentsSeen {
            five_minutes: u8::try_from(row.agents_5m).unwrap_or(u8::MAX),
            one_hour: u8::try_from(row.agents_1h).unwrap_or(u8::MAX),
        };
        let regions = row
            .regions
            .into_iter()
            .map(region)
            .collect::<Result<Vec<_>, _>>()?;
        let global = row.global.map(TryInto::try_into).transpose()?;
        let published_at = Timestamp::from_micros(row.published_at_us);
        Self::new(id, published_at, agents, regions, global)
            .map_err(|error| DecodeError::field("regions", error))
    }
}

fn region_message(held: &RegionFigures) -> v1::RegionFigures {
    v1::RegionFigures {
        region: held.region.to_string(),
        figures: Some((&held.figures).into()),
    }
}

fn region(held: v1::RegionFigures) -> Result<RegionFigures, DecodeError> {
    Ok(RegionFigures {
        region: Region::new(&held.region).map_err(|e| DecodeError::field("region", e))?,
        figures: held.figures.unwrap_or_default().try_into()?,
    })
}

impl From<&AgentRow> for v1::AgentRecord {
    fn from(row: &AgentRow) -> Self {
        Self {
            agent_id: row.agent.to_string(),
            published_at_us: row.published_at.as_micros(),
            totals: Some(v1::Totals {
                recorded: row.recorded,
                acknowledged: row.acknowledged,
                refused: row.refused,
                dropped: row.dropped.iter().cloned().collect(),
            }),
            clock_offset_us: row.clock_offset_us,
            early: row.early,
            clashes: row.clashes,
            heard_at_us: Some(row.heard_at.as_micros()),
        }
    }
}

impl TryFrom<v1::AgentRecord> for AgentRow {
    type Error = DecodeError;

    fn try_from(row: v1::AgentRecord) -> Result<Self, DecodeError> {
        let totals = Totals::try_from(row.totals.unwrap_or_default())?;
        Ok(Self {
            agent: AgentId::new(&row.agent_id).map_err(|e| DecodeError::field("agent_id", e))?,
            published_at: Timestamp::from_micros(row.published_at_us),
            heard_at: Timestamp::from_micros(row.heard_at_us.unwrap_or(row.published_at_us)),
            recorded: totals.recorded,
            acknowledged: totals.acknowledged,
            refused: totals.refused,
            dropped: totals.dropped.into_iter().collect(),
            clock_offset_us: row.clock_offset_us,
            early: row.early,
            clashes: row.clashes,
        })
    }
}
