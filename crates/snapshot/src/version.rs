//! The version of a snapshot: how far each of its sections is.
//!
//! In each log that is one past the last record that may have changed what is handed out. Whoever
//! has a version lacks nothing from before it; what has been read after it says nothing to them.
//!
//! Its text form is opaque to all but this module: the base64url (RFC 4648, no padding) of
//!
//! ```text
//! format               1 byte, 1
//! catalog revision     8 bytes, little-endian
//! gates: log id        8 bytes, little-endian
//!        next offset   varint
//! statistics: log id   8 bytes, little-endian
//!        partitions    varint
//!        next offsets  a varint for each partition
//! ```
//!
//! A varint is a little-endian base 128 number in its shortest form (unsigned LEB128). One version
//! has one text, so that texts may be compared in its stead.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::SnapshotError;

/// Most partitions that a log may have.
pub const PARTITIONS_MAX: usize = 1_024;

/// Longest text form, in bytes: of a version with the most partitions and the highest offsets.
pub const VERSION_TEXT_BYTES_MAX: usize = (BYTES_MAX * 8).div_ceil(6);

const BYTES_MAX: usize = 1 + 8 + 8 + VARINT_BYTES_MAX + 8 + 2 + PARTITIONS_MAX * VARINT_BYTES_MAX;
const VARINT_BYTES_MAX: usize = 10;
const FORMAT: u8 = 1;

/// How far each section of a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    pub(crate) catalog: u64,
    pub(crate) gates: GatesPosition,
    pub(crate) statistics: StatisticsPosition,
}

/// How far the gates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GatesPosition {
    /// The log's name; 0 before it has been opened.
    pub log_id: u64,
    /// One past the last record that changed them.
    pub next_offset: u64,
}

/// How far the statistics are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatisticsPosition {
    /// A hash of what all partitions call the log.
    pub log_id: u64,
    /// One past the last record that may have changed them, by partition.
    pub next_offsets: Vec<u64>,
}

impl StatisticsPosition {
    /// One past the last record that may have changed a partition's; 0 in one that doesn't exist.
    pub fn next_offset(&self, partition: u32) -> u64 {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        self.next_offsets.get(index).copied().unwrap_or_default()
    }

    pub(crate) fn same_log(&self, other: &Self) -> bool {
        self.log_id == other.log_id && self.next_offsets.len() == other.next_offsets.len()
    }
}

impl Version {
    /// A version of these sections. The catalog's revision is a hash of its contents: it is equal
    /// or it isn't.
    ///
    /// # Errors
    /// [`SnapshotError::Partitions`] if there is none, or more than [`PARTITIONS_MAX`].
    pub fn new(
        catalog: u64,
        gates: GatesPosition,
        statistics: StatisticsPosition,
    ) -> Result<Self, SnapshotError> {
        let partitions = statistics.next_offsets.len();
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(SnapshotError::Partitions(partitions));
        }
        Ok(Self {
            catalog,
            gates,
            statistics,
        })
    }

    /// The catalog's revision.
    pub fn catalog(&self) -> u64 {
        self.catalog
    }

    /// How far the gates are.
    pub fn gates(&self) -> GatesPosition {
        self.gates
    }

    /// How far the statistics are.
    pub fn statistics(&self) -> &StatisticsPosition {
        &self.statistics
    }

    /// Takes over the other's positions where they are further on in the same log.
    pub(crate) fn catch_up(&mut self, other: &Self) {
        if self.gates.log_id == other.gates.log_id {
            self.gates.next_offset = self.gates.next_offset.max(other.gates.next_offset);
        }
        if self.statistics.same_log(&other.statistics) {
            let others = &other.statistics.next_offsets;
            for (mine, other) in self.statistics.next_offsets.iter_mut().zip(others) {
                *mine = (*mine).max(*other);
            }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = &self.statistics.next_offsets;
        let mut bytes = Vec::with_capacity(64 + 5 * partitions.len());
        bytes.push(FORMAT);
        bytes.extend(self.catalog.to_le_bytes());
        bytes.extend(self.gates.log_id.to_le_bytes());
        put_varint(&mut bytes, self.gates.next_offset);
        bytes.extend(self.statistics.log_id.to_le_bytes());
        put_varint(
            &mut bytes,
            u64::try_from(partitions.len()).unwrap_or(u64::MAX),
        );
        for offset in partitions {
            put_varint(&mut bytes, *offset);
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Version {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        if text.len() > VERSION_TEXT_BYTES_MAX {
            return Err(SnapshotError::Version("it is too long"));
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| SnapshotError::Version("it isn't base64url"))?;
        let mut rest = Reader(&bytes);
        if rest.bytes::<1>()? != [FORMAT] {
            return Err(SnapshotError::Version("its format is unknown"));
        }
        let catalog = u64::from_le_bytes(rest.bytes()?);
        let gates = GatesPosition {
            log_id: u64::from_le_bytes(rest.bytes()?),
            next_offset: rest.varint()?,
        };
        let log_id = u64::from_le_bytes(rest.bytes()?);
        let partitions = usize::try_from(rest.varint()?).unwrap_or(usize::MAX);
        if partitions > PARTITIONS_MAX {
            return Err(SnapshotError::Partitions(partitions));
        }
        let next_offsets = (0..partitions).map(|_| rest.varint());
        let next_offsets = next_offsets.collect::<Result<Vec<_>, _>>()?;
        if !rest.0.is_empty() {
            return Err(SnapshotError::Version("something stands after its end"));
        }
        let statistics = StatisticsPosition {
            log_id,
            next_offsets,
        };
        Self::new(catalog, gates, statistics)
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(0x80 | low_bits(value));
        value >>= 7;
    }
    bytes.push(low_bits(value));
}

fn low_bits(value: u64) -> u8 {
    (value.to_le_bytes()[0]) & 0x7f
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u64, SnapshotError> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.bytes()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(SnapshotError::Version(
            "a number isn't in its shortest form",
        ))
    }
}

const CUT: SnapshotError = SnapshotError::Version("it is cut short");

#[cfg(test)]
mod tests {
    use super::*;

    fn version(next_offsets: Vec<u64>) -> Version {
        let gates = GatesPosition {
            log_id: 7,
            next_offset: 300,
        };
        let statistics = StatisticsPosition {
            log_id: 9,
            next_offsets,
        };
        Version::new(5, gates, statistics).unwrap()
    }

    fn text_of(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn bytes_of(version: &Version) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(version.to_string()).unwrap()
    }

    #[test]
    fn the_text_form_is_fixed() {
        let text = "AQUAAAAAAAAABwAAAAAAAACsAgkAAAAAAAAAAgGAAQ";
        assert_eq!(version(vec![1, 128]).to_string(), text);
        assert_eq!(text.parse(), Ok(version(vec![1, 128])));
    }

    #[test]
    fn the_longest_version_just_fits() {
        let mut longest = version(vec![u64::MAX; PARTITIONS_MAX]);
        longest.gates.next_offset = u64::MAX;
        let text = longest.to_string();
        assert_eq!(text.len(), VERSION_TEXT_BYTES_MAX);
        assert_eq!(text.parse(), Ok(longest));
        let refused = format!("{text}A").parse::<Version>();
        assert_eq!(refused, Err(SnapshotError::Version("it is too long")));
    }

    #[test]
    fn a_version_has_as_many_partitions_as_a_log_may_have() {
        let with = |partitions| {
            let statistics = StatisticsPosition {
                log_id: 0,
                next_offsets: vec![0; partitions],
            };
            Version::new(0, GatesPosition::default(), statistics).map(|_| ())
        };
        assert_eq!(with(0), Err(SnapshotError::Partitions(0)));
        assert_eq!(with(PARTITIONS_MAX), Ok(()));
        let many = PARTITIONS_MAX + 1;
        assert_eq!(with(many), Err(SnapshotError::Partitions(many)));
        // The same in the text, before anything is made of it.
        let mut bytes = bytes_of(&version(vec![1]));
        bytes.truncate(bytes.len() - 2);
        put_varint(&mut bytes, u64::MAX);
        let refused = text_of(&bytes).parse::<Version>().unwrap_err();
        assert!(matches!(refused, SnapshotError::Partitions(_)), "{refused}");
    }

    #[test]
    fn what_nobody_gave_out_is_refused() {
        let good = bytes_of(&version(vec![1, 2]));
        for cut in 0..good.len() {
            let refused = text_of(&good[..cut]).parse::<Version>();
            assert_eq!(refused, Err(CUT), "{cut}");
        }
        let longer = [&good[..], &[0]].concat();
        let mut other_format = good.clone();
        other_format[0] = 2;
        let mut overlong = good.clone();
        overlong.pop();
        overlong.extend([0x82, 0x00]);
        let mut too_high = good.clone();
        too_high.pop();
        too_high.extend([0xff; 9]);
        too_high.push(0x02);
        for bytes in [longer, other_format, overlong, too_high] {
            let refused = text_of(&bytes).parse::<Version>().unwrap_err();
            assert!(matches!(refused, SnapshotError::Version(_)), "{bytes:?}");
        }
        for text in ["", "A", "=", "AQ==", "ü", "\0", "AQUAAAAA AAA"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
