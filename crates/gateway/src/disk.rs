//! What outlives the process.
//!
//! ```text
//! name                 8 bytes, "sextant\0"
//! format               1 byte, 1
//! heard at             8 bytes, microseconds since the Unix epoch by this machine's clock, when a
//!                      server was heard of last
//! server's time        8 bytes, microseconds, of that moment
//! length of models     4 bytes
//! length of snapshot   8 bytes
//! checksum             4 bytes, CRC-32 of what follows
//! models               those asked for, separated by commas; none stands for all
//! snapshot             sextant.v1.Snapshot
//! ```
//!
//! All numbers are little-endian. The file is replaced as a whole, so that it is never half of one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use sextant_catalog::EndpointFacts;
use sextant_measure::id::ModelId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_wire::snapshot::decode::Full;
use sextant_wire::snapshot::encode;

use crate::error::FileError;

const NAME: &[u8; 8] = b"sextant\0";
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 8 + 1 + 8 + 8 + 4 + 8 + 4;

/// What was kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) full: Full,
    pub(crate) heard: Heard,
}

/// When a server was heard of last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// By this machine's clock.
    pub(crate) at: Timestamp,
    /// By the server's.
    pub(crate) as_of: Timestamp,
}

/// What is to be kept. Copies share it.
#[derive(Debug, Clone)]
pub(crate) struct Keep {
    pub(crate) snapshot: Arc<Snapshot<RoutingRow>>,
    pub(crate) facts: Arc<[EndpointFacts]>,
    pub(crate) heard: Heard,
}

/// Reads what was kept of these models, all if there are none; nothing if nothing was.
pub(crate) fn read(path: &Path, models: &[ModelId]) -> Result<Option<Kept>, FileError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => Bytes::from(bytes?),
    };
    kept(&bytes, models).map(Some)
}

fn kept(bytes: &Bytes, models: &[ModelId]) -> Result<Kept, FileError> {
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
    let [at, as_of] = [rest.get_i64_le(), rest.get_i64_le()].map(Timestamp::from_micros);
    let models_bytes = length(usize::try_from(rest.get_u32_le()).unwrap_or(usize::MAX));
    let expected = models_bytes.saturating_add(rest.get_u64_le());
    let checksum = rest.get_u32_le();
    if length(rest.len()) < expected {
        let whole = length(HEAD_BYTES).saturating_add(expected);
        return Err(FileError::CutShort { found, whole });
    }
    if length(rest.len()) > expected || crc32fast::hash(&rest) != checksum {
        return Err(FileError::Damaged);
    }
    let models_bytes = usize::try_from(models_bytes).unwrap_or(usize::MAX);
    let of = rest.split_to(models_bytes.min(rest.len()));
    // What was kept of other models can't be continued by these.
    if of != names(models) {
        return Err(FileError::OtherModels);
    }
    Ok(Kept {
        full: Full::read(rest)?,
        heard: Heard { at, as_of },
    })
}

/// In an order of their own, whatever the one they are given in.
fn names(models: &[ModelId]) -> String {
    let names: BTreeSet<_> = models.iter().map(ModelId::as_str).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// Replaces what was kept.
pub(crate) fn write(path: &Path, keep: &Keep, models: &[ModelId]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let snapshot = encode::held(&keep.snapshot, &*keep.facts);
    let models = names(models);
    let mut file = File::create(&beside)?;
    file.write_all(&head(&snapshot, &models, keep.heard))?;
    file.write_all(models.as_bytes())?;
    file.write_all(&snapshot)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn head(snapshot: &[u8], models: &str, heard: Heard) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend(NAME);
    head.push(FORMAT);
    head.extend(heard.at.as_micros().to_le_bytes());
    head.extend(heard.as_of.as_micros().to_le_bytes());
    let models_bytes = u32::try_from(models.len()).unwrap_or(u32::MAX);
    head.extend(models_bytes.to_le_bytes());
    head.extend(length(snapshot.len()).to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(models.as_bytes());
    checksum.update(snapshot);
    head.extend(checksum.finalize().to_le_bytes());
    head
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
