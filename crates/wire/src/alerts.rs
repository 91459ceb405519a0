//! Records of the alerts log.
//!
//! The log has one partition. A record's key is an alert ([`AlertKey`]) and its value all incidents
//! of it that someone may still have to hear of; a tombstone says that there are none. Who writes
//! stands in the header [`EPOCH`]: the offset of the writer's claim, whose key is `leader`. A record
//! after one of a higher epoch is stale, and counts for nothing.

use std::collections::BTreeSet;

use prost::Message;
use sextant_eventlog::{Record, StoredRecord};
use sextant_incident::{
    AlertKey, Delivery, Event, Incident, Kind, Quantity, REASON_BYTES_MAX, Severity, Unit,
};
use sextant_measure::time::Timestamp;

use crate::v1::alerts_record::Record as Value;
use crate::windows::EPOCH;
use crate::{DecodeError, header, v1};

const LEADER_KEY: &str = "leader";
/// More incidents of one alert than anyone keeps.
const INCIDENTS_MAX: usize = 1_000;
/// More receivers than anyone has, twice.
const DELIVERED_MAX: usize = 1_000;

/// A record of the alerts log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place in the log.
    pub offset: u64,
    /// Of who wrote it.
    pub epoch: u64,
    /// What it says.
    pub entry: Entry,
}

/// What a record of the alerts log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Who evaluates from here on.
    Claim {
        /// What it is called.
        owner: String,
    },
    /// What an alert stands at.
    Alert {
        /// Which alert.
        alert: AlertKey,
        /// Its incidents, the oldest first; none if everyone has heard everything.
        incidents: Vec<Held>,
    },
}

/// An incident that someone may still have to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The incident.
    pub incident: Incident,
    /// Since when its condition is over.
    pub clear_since: Option<Timestamp>,
    /// Who has heard what of it.
    pub delivered: BTreeSet<Delivery>,
}

/// A record to append. A claim's epoch is its own offset.
pub fn to_record(entry: &Entry, epoch: Option<u64>) -> Record {
    let mut record = match entry {
        Entry::Claim { owner } => {
            let owner = owner.clone();
            Record::new(LEADER_KEY, encoded(Value::Claim(v1::Claim { owner })))
        }
        Entry::Alert { alert, incidents } if incidents.is_empty() => {
            Record::tombstone(alert.to_string())
        }
        Entry::Alert { alert, incidents } => {
            let incidents = incidents.iter().map(Into::into).collect();
            let state = v1::AlertState { incidents };
            Record::new(alert.to_string(), encoded(Value::Alert(state)))
        }
    };
    let epoch = epoch.map(header::number);
    record
        .headers
        .extend(epoch.map(|epoch| (EPOCH.into(), epoch)));
    record
}

/// A record that was read.
pub fn from_record(stored: &StoredRecord) -> Result<LogRecord, DecodeError> {
    let record = &stored.record;
    let key = record
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok());
    let key = key.ok_or_else(|| DecodeError::field("key", "absent or not UTF-8"))?;
    let value = record.value.clone().map(v1::AlertsRecord::decode);
    let value = value
        .transpose()?
        .map(|it| it.record.ok_or(DecodeError::UnknownKind));
    let offset = stored.offset.0;
    let entry = match (key, value.transpose()?) {
        (LEADER_KEY, Some(Value::Claim(claim))) => {
            return Ok(LogRecord {
                offset,
                epoch: offset,
                entry: Entry::Claim { owner: claim.owner },
            });
        }
        (LEADER_KEY, _) | (_, Some(Value::Claim(_))) => {
            return Err(DecodeError::field(
                "key",
                "of another record than its value",
            ));
        }
        (key, state) => {
            let alert = key.parse();
            let alert = alert.map_err(|error| DecodeError::field("key", error))?;
            let incidents = match state {
                Some(Value::Alert(state)) => incidents(&alert, state)?,
                _ => Vec::new(),
            };
            Entry::Alert { alert, incidents }
        }
    };
    let epoch = header::of(record, EPOCH);
    Ok(LogRecord {
        offset,
        epoch: epoch.ok_or_else(|| DecodeError::field(EPOCH, "no header of 8 bytes"))?,
        entry,
    })
}

fn encoded(record: Value) -> Vec<u8> {
    let record = Some(record);
    v1::AlertsRecord { record }.encode_to_vec()
}

fn incidents(alert: &AlertKey, state: v1::AlertState) -> Result<Vec<Held>, DecodeError> {
    if state.incidents.len() > INCIDENTS_MAX {
        return Err(DecodeError::field("incidents", "too many"));
    }
    let each = state.incidents.into_iter();
    let held: Vec<_> = each
        .map(|message| held(alert, message))
        .collect::<Result<_, _>>()?;
    if !held.is_sorted_by(|a, b| a.incident.opened_at < b.incident.opened_at) {
        return Err(DecodeError::field("incidents", "not in their order"));
    }
    Ok(held)
}

fn held(alert: &AlertKey, message: v1::IncidentState) -> Result<Held, DecodeError> {
    let named = |field, name: &str| DecodeError::field(field, format!("{name:?} is no such name"));
    let kind = Kind::parse(&message.kind);
    let severity = Severity::parse(&message.severity);
    let worst = if message.worst_unit.is_empty() {
        None
    } else {
        let unit = Unit::parse(&message.worst_unit);
        Some(Quantity {
            millionths: message.worst_millionths,
            unit: unit.ok_or_else(|| named("worst_unit", &message.worst_unit))?,
        })
    };
    for (field, text) in [
        ("reason", &message.reason),
        ("closed_because", &message.closed_because),
    ] {
        if text.len() > REASON_BYTES_MAX {
            return Err(DecodeError::field(field, "too long"));
        }
    }
    if message.delivered.len() > DELIVERED_MAX {
        return Err(DecodeError::field("delivered", "too many"));
    }
    let delivered = message.delivered.into_iter().map(|it| {
        let event = Event::parse(&it.event).ok_or_else(|| named("event", &it.event))?;
        let receiver = it.receiver;
        Ok(Delivery { receiver, event })
    });
    Ok(Held {
        incident: Incident {
            alert: alert.clone(),
            kind: kind.ok_or_else(|| named("kind", &message.kind))?,
            severity: severity.ok_or_else(|| named("severity", &message.severity))?,
            opened_at: Timestamp::from_micros(message.opened_at_us),
            closed_at: message.closed_at_us.map(Timestamp::from_micros),
            worst,
            reason: message.reason,
            closed_because: message.closed_because,
        },
        clear_since: message.clear_since_us.map(Timestamp::from_micros),
        delivered: delivered.collect::<Result<_, DecodeError>>()?,
    })
}

impl From<&Held> for v1::IncidentState {
    fn from(held: &Held) -> Self {
        let Held {
            incident,
            clear_since,
            delivered,
        } = held;
        let delivered = delivered.iter().map(|it| v1::Delivered {
            receiver: it.receiver.clone(),
            event: it.event.name().to_owned(),
        });
        let worst = incident.worst;
        Self {
            kind: incident.kind.name().to_owned(),
            severity: incident.severity.name().to_owned(),
            opened_at_us: incident.opened_at.as_micros(),
            closed_at_us: incident.closed_at.map(Timestamp::as_micros),
            worst_millionths: worst.map_or(0, |it| it.millionths),
            worst_unit: worst.map_or("", |it| it.unit.name()).to_owned(),
            reason: incident.reason.clone(),
            closed_because: incident.closed_because.clone(),
            clear_since_us: clear_since.map(Timestamp::as_micros),
            delivered: delivered.collect(),
        }
    }
}
