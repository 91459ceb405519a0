//! A record as a row of a file, guarded by its checksum.
//!
//! The row's id holds the slot (a partition within the file) above and the offset below, so that
//! one B-tree keeps each partition's records together and in order. The checksum is the CRC-32
//! (IEEE) over id, append time, key, headers and value, each length first, so that no bit can
//! move from one to the next.

use std::borrow::Cow;

use bytes::{Buf, BufMut, Bytes};
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};

use crate::{Headers, Offset, Record, StoredRecord};

const OFFSET_BITS: u32 = 47;

/// One past the highest offset that a row's id can hold.
pub(super) const OFFSETS_END: u64 = 1 << OFFSET_BITS;

/// One past the highest slot that a row's id can hold.
pub(super) const SLOTS_END: usize = 1 << (63 - OFFSET_BITS);

/// Stores a record; [`insert`] runs it.
pub(super) const INSERT: &str = "INSERT INTO records (id, appended_at_us, crc, key, headers, value)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Finds at most ?3 records between two ids; [`load`] reads its rows.
pub(super) const SELECT: &str = "SELECT id, appended_at_us, crc, key, headers, value FROM records
     WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3";

/// The id of the record at an offset; both are below their ends.
pub(super) fn id(slot: usize, offset: u64) -> i64 {
    let slot = i64::try_from(slot.min(SLOTS_END - 1)).unwrap_or(i64::MAX);
    let offset = i64::try_from(offset.min(OFFSETS_END - 1)).unwrap_or(i64::MAX);
    slot << OFFSET_BITS | offset
}

/// The offset within a row's id.
pub(super) fn offset_of(id: i64) -> u64 {
    id.cast_unsigned() & (OFFSETS_END - 1)
}

/// Stores a record with its checksum, by [`INSERT`].
pub(super) fn insert(
    statement: &mut Statement<'_>,
    id: i64,
    appended_at_us: i64,
    record: &Record,
) -> rusqlite::Result<()> {
    let headers = encode_headers(&record.headers);
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    let crc = checksum(id, appended_at_us, [key, headers.as_deref(), value]);
    statement.execute((id, appended_at_us, crc, key, headers, value))?;
    Ok(())
}

/// How many bytes a row's record counts for in a limit, before anything of it is copied.
pub(super) fn bytes(row: &Row<'_>) -> rusqlite::Result<usize> {
    let mut bytes = 0;
    for column in 3..6 {
        bytes += blob(row.get_ref(column)?).flatten().map_or(0, <[u8]>::len);
    }
    Ok(bytes)
}

/// The record in a row, or none if it isn't what was stored.
pub(super) fn load(row: &Row<'_>) -> rusqlite::Result<Option<StoredRecord>> {
    let integers = (row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?);
    let (ValueRef::Integer(id), ValueRef::Integer(appended_at_us), ValueRef::Integer(crc)) =
        integers
    else {
        return Ok(None);
    };
    let blobs = (
        blob(row.get_ref(3)?),
        blob(row.get_ref(4)?),
        blob(row.get_ref(5)?),
    );
    let (Some(key), Some(headers), Some(value)) = blobs else {
        return Ok(None);
    };
    if i64::from(checksum(id, appended_at_us, [key, headers, value])) != crc {
        return Ok(None);
    }
    let Some(headers) = decode_headers(headers) else {
        return Ok(None);
    };
    let record = Record {
        key: key.map(Bytes::copy_from_slice),
        value: value.map(Bytes::copy_from_slice),
        headers,
    };
    Ok(Some(StoredRecord {
        offset: Offset(offset_of(id)),
        appended_at_us,
        record,
    }))
}

/// A column's blob, `Some(None)` for NULL, or none if it is neither.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the column is sound"
)]
fn blob(value: ValueRef<'_>) -> Option<Option<&[u8]>> {
    match value {
        ValueRef::Null => Some(None),
        ValueRef::Blob(bytes) => Some(Some(bytes)),
        ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => None,
    }
}

fn checksum(id: i64, appended_at_us: i64, parts: [Option<&[u8]>; 3]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.to_le_bytes());
    hasher.update(&appended_at_us.to_le_bytes());
    for part in parts {
        // A missing part has a length that none can have.
        let length = part.map_or(u64::MAX, |bytes| bytes.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize()
}

/// Each header as name and value, each behind its length in four bytes; none for no headers.
fn encode_headers(headers: &Headers) -> Option<Vec<u8>> {
    if headers.is_empty() {
        return None;
    }
    let mut encoded = Vec::new();
    for (name, value) in headers {
        for part in [name.as_bytes(), value] {
            // A record's size is bounded far below this.
            encoded.put_u32_le(u32::try_from(part.len()).unwrap_or(u32::MAX));
            encoded.put_slice(part);
        }
    }
    Some(encoded)
}

fn decode_headers(encoded: Option<&[u8]>) -> Option<Headers> {
    let mut rest = encoded.unwrap_or_default();
    let mut headers = Headers::new();
    while !rest.is_empty() {
        let name = String::from_utf8(take(&mut rest)?.to_vec()).ok()?;
        headers.push((Cow::Owned(name), Bytes::copy_from_slice(take(&mut rest)?)));
    }
    Some(headers)
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(rest.try_get_u32_le().ok()?).ok()?;
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(part)
}
