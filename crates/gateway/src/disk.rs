//! What outlives the process.
//!
//! ```text
//! name                 8 bytes, "sextant\0"
//! format               1 byte, 1
//! written at           8 bytes, microseconds since the Unix epoch by this machine's clock
//! server's time        8 bytes, microseconds, when the server was heard of last
//! length               8 bytes
//! checksum             4 bytes, CRC-32 of what follows
//! snapshot             sextant.v1.Snapshot
//! ```
//!
//! All numbers are little-endian. The file is replaced as a whole, so that it is never half of one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use sextant_catalog::EndpointFacts;
use sextant_measure::time::Timestamp;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_wire::snapshot::decode::Full;
use sextant_wire::snapshot::encode;

use crate::error::FileError;

const NAME: &[u8; 8] = b"sextant\0";
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 8 + 1 + 8 + 8 + 8 + 4;

/// What was kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) full: Full,
    /// By this machine's clock.
    pub(crate) written_at: Timestamp,
    /// By the server's.
    pub(crate) as_of: Timestamp,
}

/// What is to be kept. Copies share it.
#[derive(Debug, Clone)]
pub(crate) struct Keep {
    pub(crate) snapshot: Arc<Snapshot<RoutingRow>>,
    pub(crate) facts: Arc<[EndpointFacts]>,
}

/// Reads what was kept; nothing if nothing was.
pub(crate) fn read(path: &Path) -> Result<Option<Kept>, FileError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => Bytes::from(bytes?),
    };
    kept(&bytes).map(Some)
}

fn kept(bytes: &Bytes) -> Result<Kept, FileError> {
    let found = length(bytes.len());
    if bytes.get(..NAME.len()) != Some(NAME) {
        return Err(FileError::NotOne);
    }
    let format = bytes.get(NAME.len()).copied().unwrap_or_default();
    if format != FORMAT {
        let reads = FORMAT;
        return Err(FileError::Format {
            found: format,
            reads,
        });
    }
    let mut rest = bytes.slice(NAME.len() + 1..);
    if bytes.len() < HEAD_BYTES {
        let whole = length(HEAD_BYTES);
        return Err(FileError::CutShort { found, whole });
    }
    let [written_at, as_of] = [rest.get_i64_le(), rest.get_i64_le()].map(Timestamp::from_micros);
    let (expected, checksum) = (rest.get_u64_le(), rest.get_u32_le());
    if length(rest.len()) < expected {
        let whole = length(HEAD_BYTES).saturating_add(expected);
        return Err(FileError::CutShort { found, whole });
    }
    if length(rest.len()) > expected || crc32fast::hash(&rest) != checksum {
        return Err(FileError::Damaged);
    }
    Ok(Kept {
        full: Full::read(rest)?,
        written_at,
        as_of,
    })
}

/// Replaces what was kept.
pub(crate) fn write(path: &Path, keep: &Keep, now: Timestamp) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let snapshot = encode::held(&keep.snapshot, &*keep.facts);
    let as_of = keep.snapshot.header().generated_at;
    let mut file = File::create(&beside)?;
    file.write_all(&head(&snapshot, as_of, now))?;
    file.write_all(&snapshot)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn head(snapshot: &[u8], as_of: Timestamp, now: Timestamp) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend(NAME);
    head.push(FORMAT);
    head.extend(now.as_micros().to_le_bytes());
    head.extend(as_of.as_micros().to_le_bytes());
    head.extend(length(snapshot.len()).to_le_bytes());
    head.extend(crc32fast::hash(snapshot).to_le_bytes());
    head
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
