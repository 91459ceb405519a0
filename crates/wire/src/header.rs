//! Numbers in the headers of records: 8 bytes, big endian.

use bytes::Bytes;
use sextant_eventlog::Record;

/// A number as it stands in a header.
pub(crate) fn number(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// The number in a record's header; nothing if there is none.
pub(crate) fn of(record: &Record, name: &str) -> Option<u64> {
    let value = bytes_of(record, name)?;
    Some(u64::from_be_bytes(value.as_ref().try_into().ok()?))
}

/// What stands in a record's header.
pub(crate) fn bytes_of<'r>(record: &'r Record, name: &str) -> Option<&'r Bytes> {
    let (_, value) = record.headers.iter().find(|(held, _)| held == name)?;
    Some(value)
}
