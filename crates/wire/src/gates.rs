//! Rulings on gates: records of the gates log, and what is said of them over gRPC and as JSON.
//!
//! The log has one partition. A record's key says which gate it is about ([`GateKey`]), its value
//! what was ruled; when a verdict is taken back the record is a tombstone, and who did that, and
//! when, stands in the headers [`AUTHOR`] and [`SINCE`].
//!
//! What the log is called stands in records of their own, with the key `log/<id>` (16 hexadecimal
//! digits). Whoever first writes to a log without a name draws one. Two may do so at once: the one
//! with the lower offset counts, and since their keys differ, compaction keeps both. Every record
//! repeats the name in the header [`LOG_ID`].

mod given;
mod reading;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use prost::Message;
use sextant_eventlog::{Record, StoredRecord};
use sextant_measure::id::{ModelId, Operation};
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::{GateKey, Ruling, Verdict};

use crate::windows::LOG_ID;
use crate::{DecodeError, header, v1};

pub use self::given::{Given, RulingJson, list_request, list_response, put_request, put_response};
pub use self::reading::{Reading, Taken};

/// Header of a tombstone with its author.
pub const AUTHOR: &str = "sextant-author";
/// Header of a tombstone with its time, in microseconds since the Unix epoch.
pub const SINCE: &str = "sextant-since";

const LOG_KEY: &str = "log/";

/// A record of the gates log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place in the log.
    pub offset: u64,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// What its writer calls the log.
    pub log_id: u64,
    /// What it says.
    pub entry: Entry,
}

/// What a record of the gates log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// What the log is called, unless a record before it has said so.
    Name,
    /// What was ruled.
    Ruling(Ruling),
}

/// The record that names a log.
pub fn name_record(log_id: u64) -> Record {
    let mut record = Record::new(format!("{LOG_KEY}{log_id:016x}"), Bytes::new());
    record.headers.push((LOG_ID.into(), header::number(log_id)));
    record
}

/// The record of a ruling.
pub fn to_record(ruling: &Ruling, log_id: u64) -> Record {
    let key = ruling.key().to_string();
    let author = ruling.author().to_owned();
    let since_us = ruling.since().as_micros();
    let mut record = if let Some(verdict) = ruling.verdict() {
        let value = v1::GateRecord {
            verdict: v1::Verdict::from(verdict).into(),
            author,
            since_us,
        };
        Record::new(key, value.encode_to_vec())
    } else {
        let mut record = Record::tombstone(key);
        record.headers.push((AUTHOR.into(), author.into()));
        let since = header::number(since_us.cast_unsigned());
        record.headers.push((SINCE.into(), since));
        record
    };
    record.headers.push((LOG_ID.into(), header::number(log_id)));
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
    let log_id = header::of(record, LOG_ID)
        .ok_or_else(|| DecodeError::field(LOG_ID, "no header of 8 bytes"))?;
    let entry = match key.strip_prefix(LOG_KEY) {
        Some(name) if name == format!("{log_id:016x}") => Entry::Name,
        Some(_) => {
            return Err(DecodeError::field(
                "key",
                "names another log than the header",
            ));
        }
        None => {
            let key: GateKey = key
                .parse()
                .map_err(|error| DecodeError::field("key", error))?;
            Entry::Ruling(ruling(record, key)?)
        }
    };
    Ok(LogRecord {
        offset: stored.offset.0,
        appended_at: Timestamp::from_micros(stored.appended_at_us),
        log_id,
        entry,
    })
}

fn ruling(record: &Record, key: GateKey) -> Result<Ruling, DecodeError> {
    let (verdict, author, since_us) = if let Some(value) = &record.value {
        let value = v1::GateRecord::decode(value.clone())?;
        let verdict = verdict_of(value.verdict)?;
        (Some(verdict), value.author, value.since_us)
    } else {
        let author = header::bytes_of(record, AUTHOR).cloned();
        let author = String::from_utf8(author.unwrap_or_default().into());
        let since = header::of(record, SINCE);
        let since = since.ok_or_else(|| DecodeError::field(SINCE, "no header of 8 bytes"))?;
        let author = author.map_err(|error| DecodeError::field(AUTHOR, error))?;
        (None, author, since.cast_signed())
    };
    let since = Timestamp::from_micros(since_us);
    Ruling::new(key, verdict, author, since).map_err(|error| DecodeError::field("author", error))
}

/// The verdict that a number stands for.
pub(crate) fn verdict_of(number: i32) -> Result<Verdict, DecodeError> {
    match v1::Verdict::try_from(number) {
        Ok(v1::Verdict::Green) => Ok(Verdict::Green),
        Ok(v1::Verdict::Red) => Ok(Verdict::Red),
        Ok(v1::Verdict::Unspecified | v1::Verdict::None) | Err(_) => {
            Err(DecodeError::field("verdict", "neither green nor red"))
        }
    }
}

/// What a gate is about.
pub(crate) fn key(operation: &str, model: &str, quantization: i32) -> Result<GateKey, DecodeError> {
    Ok(GateKey {
        operation: Operation::new(operation).map_err(|e| DecodeError::field("operation", e))?,
        model: ModelId::new(model).map_err(|e| DecodeError::field("model", e))?,
        quantization: crate::definition::disclosed(quantization)?,
    })
}

impl From<Verdict> for v1::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Green => Self::Green,
            Verdict::Red => Self::Red,
        }
    }
}
