//! Histograms as blobs.
//!
//! ```text
//! blob  = version cell*
//! version = 1 (one byte)
//! cell  = gap count
//! gap   = varint: this bin's number less that of the last cell (less 0 for the first)
//! count = varint: how many values the bin holds, at least 1
//! ```
//!
//! Cells ascend by bin, so every gap but the first is at least 1. A varint is LEB128: seven bits
//! a byte, the lowest first, the eighth bit set in all bytes but the last, at most ten bytes, and
//! never longer than needed. The bins are those of [`sextant_measure::scale`]. An empty histogram
//! is NULL. The number of values, the least and the greatest stand beside the blob in columns of
//! their own, and must agree with it.

use sextant_measure::bins::Bins;
use sextant_measure::scale::{Bin, Metric};

const VERSION: u8 = 1;

/// A histogram as a blob; no bytes if it is empty.
pub(super) fn encode(bins: &Bins) -> Vec<u8> {
    let cells = bins.cells();
    if cells.is_empty() {
        return Vec::new();
    }
    // Two bytes are enough for a usual cell.
    let mut bytes = Vec::with_capacity(1 + 2 * cells.len());
    bytes.push(VERSION);
    let mut last = 0;
    for (bin, count) in cells {
        put_varint(&mut bytes, u64::from(bin - last));
        put_varint(&mut bytes, *count);
        last = *bin;
    }
    bytes
}

/// The histogram in a blob, with what stands beside it; none if they are not what was encoded.
pub(super) fn decode(
    metric: Metric,
    n: u64,
    extremes: Option<(u64, u64)>,
    blob: &[u8],
) -> Option<Bins> {
    let cells = match blob.split_first() {
        None => Vec::new(),
        Some((&VERSION, cells)) => decode_cells(cells)?,
        Some(_) => return None,
    };
    let mut counts = cells.iter().map(|(_, count)| *count);
    let total = counts.try_fold(0_u64, u64::checked_add);
    let bins = Bins::from_parts(metric, cells, extremes).ok()?;
    (total == Some(n)).then_some(bins)
}

fn decode_cells(mut bytes: &[u8]) -> Option<Vec<(Bin, u64)>> {
    let mut cells = Vec::with_capacity(bytes.len() / 2);
    let mut bin: Bin = 0;
    while !bytes.is_empty() {
        let gap = Bin::try_from(take_varint(&mut bytes)?).ok()?;
        bin = bin.checked_add(gap)?;
        cells.push((bin, take_varint(&mut bytes)?));
    }
    Some(cells)
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let [lowest, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(lowest);
            return;
        }
        bytes.push(lowest | 0x80);
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        value |= bits << shift;
        let is_last = *byte < 0x80;
        let is_padded = bits == 0 && shift > 0;
        let is_cut = bits << shift >> shift != bits;
        if is_cut || (is_last && is_padded) {
            return None;
        }
        if is_last {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Format version 1, byte by byte. It never changes; a new version gets a fixture beside it.
    #[test]
    fn version_1_reads_and_writes_as_it_always_did() {
        let cells = vec![(0, 1), (2, 3), (200, 300), (2_518, 70_000)];
        let extremes = Some((5, 3_600_000_000));
        let bins = Bins::from_parts(Metric::Ttft, cells, extremes).unwrap();
        let blob = [
            0x01, // version
            0x00, 0x01, // bin 0: 1
            0x02, 0x03, // bin 2: 3
            0xc6, 0x01, 0xac, 0x02, // bin 200: 300
            0x8e, 0x12, 0xf0, 0xa2, 0x04, // bin 2518: 70000
        ];
        assert_eq!(encode(&bins), blob);
        assert_eq!(decode(Metric::Ttft, 70_304, extremes, &blob), Some(bins));
    }

    #[test]
    fn what_was_never_encoded_is_not_decoded() {
        let extremes = Some((5, 130));
        let decoded = |n, blob: &[u8]| decode(Metric::Ttft, n, extremes, blob);
        assert!(decoded(4, &[1, 0, 1, 2, 3]).is_some());
        assert_eq!(decoded(5, &[1, 0, 1, 2, 3]), None, "another number");
        assert_eq!(decoded(4, &[2, 0, 1, 2, 3]), None, "unknown version");
        assert_eq!(decoded(4, &[1, 0, 1, 2]), None, "torn");
        assert_eq!(decoded(4, &[1, 0, 1, 2, 0x83]), None, "torn varint");
        assert_eq!(decoded(4, &[1, 0, 1, 2, 0x83, 0]), None, "padded varint");
        assert_eq!(decoded(1, &[1, 0, 1, 2, 0]), None, "an empty bin");
        assert_eq!(decoded(4, &[1, 0, 1, 0, 3]), None, "a bin twice");
        assert_eq!(decoded(4, &[1, 2, 4]), None, "other extremes");
        assert_eq!(decoded(0, &[]), None, "extremes of nothing");
        let too_long = [&[1, 0][..], &[0xff; 9], &[0x02]].concat();
        assert_eq!(decoded(4, &too_long), None, "a count past 64 bits");
        let past_the_scale = [1, 0, 1, 0xff, 0xff, 0x03, 3];
        assert_eq!(decoded(4, &past_the_scale), None);
        let full = [
            1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ];
        let twice = [&full[..], &[2], &full[2..]].concat();
        assert_eq!(decoded(u64::MAX, &twice), None, "a sum past 64 bits");
    }

    proptest! {
        #[test]
        fn every_histogram_survives(
            values in prop::collection::vec(0_u64..4_000_000_000, 0..300),
            metric in prop::sample::select(&Metric::ALL[..]),
        ) {
            let mut bins = Bins::empty(metric);
            values.iter().for_each(|value| bins.record(*value));
            let decoded = decode(metric, bins.n(), bins.extremes(), &encode(&bins));
            prop_assert_eq!(decoded, Some(bins));
        }

        #[test]
        fn no_bytes_can_do_harm(
            n in 0_u64..10,
            extremes in prop::option::of((0_u64..200, 0_u64..200)),
            blob in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Some(bins) = decode(Metric::Ttft, n, extremes, &blob) {
                prop_assert_eq!((bins.n(), bins.extremes()), (n, extremes));
                prop_assert_eq!(encode(&bins), blob);
            }
        }
    }
}
