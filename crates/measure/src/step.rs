//! What one step of 10 seconds saw, kept small.
//!
//! An open step is a list of cells that is sorted and summed whenever it has doubled; a closed
//! one is a byte string of (gap to the last key, count) pairs in variable-length integers.
//! Counts come before bins, so that reading the counts alone stops early.

use crate::counts::{COUNT_CODES, Counts};
use crate::observation::Measurement;
use crate::scale::{Bin, Metric};
use crate::time::Step;

/// The count code of an observation that came too late for its window.
#[expect(clippy::cast_possible_truncation, reason = "a list of 26")]
pub(crate) const LATE: u8 = COUNT_CODES as u8;

/// Cells that an open step may hold before they are first summed.
const CELLS_UNSUMMED: usize = 32;
/// Keys of one kind; a bin is below 2^14.
const KIND_SHIFT: u32 = 14;

/// One kind of thing counted in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A pair of source and outcome, or [`LATE`].
    Count(u8, u32),
    /// A bin of a metric.
    Bin(Metric, Bin, u32),
}

/// The bins and the code that an observation adds to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    pub(crate) code: u8,
    pub(crate) values: [Option<u64>; Metric::COUNT],
}

impl Footprint {
    pub(crate) fn of(measurement: &Measurement) -> Self {
        let clamp = |metric: Metric, value: Option<u64>| value.map(|v| metric.clamp(v));
        Self {
            code: crate::counts::count_code(measurement.source, measurement.outcome),
            values: [
                clamp(Metric::Ttft, measurement.latency_us()),
                clamp(Metric::Duration, measurement.counted_duration_us()),
                clamp(Metric::Throughput, measurement.throughput_mtps()),
            ],
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (Metric, u64)> {
        Metric::ALL
            .into_iter()
            .zip(self.values)
            .filter_map(|(m, value)| Some((m, value?)))
    }
}

/// Least and greatest value, small: values are clamped below 2^32.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extremes {
    min: u32,
    max: u32,
}

impl Extremes {
    /// Of no values.
    pub(crate) const NONE: Self = Self {
        min: u32::MAX,
        max: 0,
    };

    pub(crate) fn widen(&mut self, value: u64) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.merge(Self {
            min: value,
            max: value,
        });
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Whether it may become narrower without these values, which are among its own.
    pub(crate) fn rests_on(self, part: Self) -> bool {
        part.min <= self.min || part.max >= self.max
    }

    pub(crate) fn get(self) -> Option<(u64, u64)> {
        (self.min <= self.max).then(|| (u64::from(self.min), u64::from(self.max)))
    }
}

#[derive(Debug, Clone)]
enum Cells {
    Open(Vec<(u16, u16)>),
    Closed(Box<[u8]>),
}

/// One step of one series.
#[derive(Debug, Clone)]
pub(crate) struct StepRecord {
    step: Step,
    cells: Cells,
    extremes: [Extremes; Metric::COUNT],
}

impl StepRecord {
    pub(crate) fn new(step: Step) -> Self {
        Self {
            step,
            cells: Cells::Open(Vec::new()),
            extremes: [Extremes::NONE; Metric::COUNT],
        }
    }

    pub(crate) fn step(&self) -> Step {
        self.step
    }

    pub(crate) fn record(&mut self, footprint: &Footprint) {
        self.count(footprint.code);
        for (metric, value) in footprint.values() {
            self.push(key(metric, metric.bin(value)));
            if let Some(extremes) = self.extremes.get_mut(usize::from(metric.code())) {
                extremes.widen(value);
            }
        }
    }

    pub(crate) fn count(&mut self, code: u8) {
        self.push(u16::from(code));
    }

    /// Makes the step small; it opens again if something more arrives for it.
    pub(crate) fn close(&mut self) {
        if let Cells::Open(cells) = &mut self.cells {
            sum(cells);
            self.cells = Cells::Closed(encode(cells));
        }
    }

    /// The least and greatest value of a metric.
    pub(crate) fn extremes(&self, metric: Metric) -> Extremes {
        let [ttft, duration, throughput] = self.extremes;
        match metric {
            Metric::Ttft => ttft,
            Metric::Duration => duration,
            Metric::Throughput => throughput,
        }
    }

    /// Everything in the step; the same cell may come more than once.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        let (open, closed) = match &self.cells {
            Cells::Open(cells) => (cells.as_slice(), &[][..]),
            Cells::Closed(bytes) => (&[][..], &**bytes),
        };
        let open = open.iter().map(|(key, n)| (*key, u32::from(*n)));
        open.chain(Decoder::new(closed))
            .filter_map(|(key, n)| cell(key, n))
    }

    /// The counts alone, and how many came late in this step.
    pub(crate) fn counts(&self) -> (Counts, u32) {
        let (mut counts, mut late) = (Counts::default(), 0);
        let closed = matches!(self.cells, Cells::Closed(_));
        for cell in self.cells() {
            match cell {
                Cell::Count(LATE, n) => late += n,
                Cell::Count(code, n) => counts.add_code(code, n),
                Cell::Bin(..) if closed => break,
                Cell::Bin(..) => {}
            }
        }
        (counts, late)
    }

    /// The bins of one metric.
    pub(crate) fn bins(&self, wanted: Metric) -> impl Iterator<Item = (Bin, u32)> {
        self.cells().filter_map(move |cell| match cell {
            Cell::Bin(metric, bin, n) if metric == wanted => Some((bin, n)),
            _ => None,
        })
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.cells {
            Cells::Open(cells) => cells.capacity() * size_of::<(u16, u16)>(),
            Cells::Closed(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, key: u16) {
        if let Cells::Closed(bytes) = &self.cells {
            self.cells = Cells::Open(split(Decoder::new(bytes)));
        }
        if let Cells::Open(cells) = &mut self.cells {
            if cells.len() == cells.capacity() && cells.len() >= CELLS_UNSUMMED {
                sum(cells);
                if cells.len() > cells.capacity() / 2 {
                    cells.reserve(cells.capacity());
                }
            }
            cells.push((key, 1));
        }
    }
}

fn key(metric: Metric, bin: Bin) -> u16 {
    ((u16::from(metric.code()) + 1) << KIND_SHIFT) | bin
}

fn cell(key: u16, n: u32) -> Option<Cell> {
    let index = key & ((1 << KIND_SHIFT) - 1);
    match key >> KIND_SHIFT {
        0 => Some(Cell::Count(u8::try_from(index).ok()?, n)),
        kind => Metric::ALL
            .get(usize::from(kind) - 1)
            .map(|metric| Cell::Bin(*metric, index, n)),
    }
}

/// Sorts by key and adds up, as far as a count fits its cell.
fn sum(cells: &mut Vec<(u16, u16)>) {
    cells.sort_unstable_by_key(|(key, _)| *key);
    cells.dedup_by(|next, kept| {
        let total = kept.1.checked_add(next.1).filter(|_| kept.0 == next.0);
        kept.1 = total.unwrap_or(kept.1);
        total.is_some()
    });
}

fn encode(summed: &[(u16, u16)]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(summed.len() * 3);
    let mut last = 0;
    for (key, n) in summed {
        put_varint(&mut bytes, key - last);
        put_varint(&mut bytes, *n);
        last = *key;
    }
    bytes.into_boxed_slice()
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u16) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

fn split(cells: Decoder<'_>) -> Vec<(u16, u16)> {
    cells
        .filter_map(|(key, n)| Some((key, u16::try_from(n).ok()?)))
        .collect()
}

struct Decoder<'a> {
    bytes: std::slice::Iter<'a, u8>,
    key: u16,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
            key: 0,
        }
    }

    fn varint(&mut self) -> Option<u16> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = *self.bytes.next()?;
            value |= u16::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
            shift = (shift + 7).min(14);
        }
    }
}

impl Iterator for Decoder<'_> {
    type Item = (u16, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let gap = self.varint()?;
        self.key = self.key.wrapping_add(gap);
        Some((self.key, u32::from(self.varint()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn totals(record: &StepRecord) -> BTreeMap<(u8, u16), u64> {
        let mut totals = BTreeMap::new();
        for cell in record.cells() {
            let (at, n) = match cell {
                Cell::Count(code, n) => ((0, u16::from(code)), n),
                Cell::Bin(metric, bin, n) => ((metric.code() + 1, bin), n),
            };
            *totals.entry(at).or_insert(0) += u64::from(n);
        }
        totals
    }

    proptest! {
        #[test]
        fn closing_and_opening_again_change_nothing(
            events in prop::collection::vec((0_u8..27, 0_u64..4_000_000_000, 1_u32..200), 0..60),
            close_every in 1_usize..20,
        ) {
            let mut closing = StepRecord::new(Step::from_index(1));
            let mut expected = BTreeMap::new();
            for (index, (code, value, n)) in events.into_iter().enumerate() {
                let values = [Some(value), None, Some(value / 2)].map(|v| v.map(|v| v.min(100_000_000)));
                let footprint = Footprint { code, values };
                for _ in 0..n {
                    closing.record(&footprint);
                }
                *expected.entry((0, u16::from(code))).or_insert(0) += u64::from(n);
                for (metric, value) in footprint.values() {
                    *expected.entry((metric.code() + 1, metric.bin(value))).or_insert(0) += u64::from(n);
                }
                if index % close_every == 0 {
                    closing.close();
                }
            }
            prop_assert_eq!(totals(&closing), expected.clone());
            closing.close();
            prop_assert_eq!(totals(&closing), expected);
        }
    }

    #[test]
    fn counts_past_a_cell_are_carried_by_further_cells() {
        let mut record = StepRecord::new(Step::from_index(1));
        (0..200_000).for_each(|_| record.count(3));
        record.close();
        assert_eq!(record.counts().0.all(), 200_000);
        assert!(record.heap_bytes() < 32);
    }
}
