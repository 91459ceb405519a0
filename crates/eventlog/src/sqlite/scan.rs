//! How records are found in a file, and how damage is stepped over.

use rusqlite::{Connection, OptionalExtension};

use super::topic::Extent;
use super::{fault, file, row};
use crate::{Offset, ReadLimit, StoredRecord};

/// Part of an extent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) records: Vec<StoredRecord>,
    /// Offsets of records that should be there and can't be read.
    pub(super) corrupt: Vec<Offset>,
    /// Where the extent goes on.
    pub(super) next: u64,
}

/// Reads an extent from its start, up to the limit. Something is always read.
pub(super) fn page(
    connection: &Connection,
    extent: &Extent,
    limit: ReadLimit,
) -> rusqlite::Result<Page> {
    let mut gathering = Gathering {
        page: Page {
            next: extent.from,
            ..Page::default()
        },
        is_dense: extent.is_dense,
        records_left: limit.records.max(1),
        bytes_left: limit.bytes,
    };
    match gather(connection, extent, &mut gathering) {
        Ok(Order::Kept) => return Ok(gathering.page),
        Ok(Order::Broken) => {}
        Err(error) if fault::is_damage(&error) => {}
        Err(error) => return Err(error),
    }
    // The file's own structure is broken from here on: look for each record by itself.
    let mut lookup = connection.prepare_cached(row::SELECT)?;
    while gathering.page.next < extent.end && gathering.records_left > 0 {
        let offset = gathering.page.next;
        let id = row::id(extent.slot, offset);
        match lookup.query_row((id, id, 1), row::load).optional() {
            Ok(Some(Some(record))) if record.offset.0 == offset => {
                if !gathering.keep(record) {
                    break;
                }
            }
            Ok(None) if !extent.is_dense => gathering.pass(offset),
            Err(error) if !fault::is_damage(&error) => return Err(error),
            Ok(_) | Err(_) => gathering.skip(offset),
        }
    }
    Ok(gathering.page)
}

/// The first record of the extent that was appended at or after the time.
///
/// Append times never go back within a partition, so halving finds it.
pub(super) fn first_since(
    connection: &Connection,
    extent: &Extent,
    time_us: i64,
) -> rusqlite::Result<Option<Offset>> {
    let (mut low, mut high) = (extent.from, extent.end);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        match first_sound(connection, extent, middle, high)? {
            Some(record) if record.appended_at_us < time_us => low = record.offset.0 + 1,
            Some(record) => {
                found = Some(record.offset);
                high = middle;
            }
            None => high = middle,
        }
    }
    Ok(found)
}

fn first_sound(
    connection: &Connection,
    extent: &Extent,
    from: u64,
    end: u64,
) -> rusqlite::Result<Option<StoredRecord>> {
    let limit = ReadLimit {
        records: 64,
        bytes: 0,
    };
    let mut extent = Extent {
        from,
        end,
        ..extent.clone()
    };
    while extent.from < extent.end {
        let page = page(connection, &extent, limit)?;
        if let Some(record) = page.records.into_iter().next() {
            return Ok(Some(record));
        }
        extent.from = page.next;
    }
    Ok(None)
}

/// Whether a file's rows came in the order of their ids, which SQLite takes from its pages unseen.
enum Order {
    Kept,
    Broken,
}

fn gather(
    connection: &Connection,
    extent: &Extent,
    gathering: &mut Gathering,
) -> rusqlite::Result<Order> {
    let mut statement = connection.prepare_cached(row::SELECT)?;
    let last = extent.end.saturating_sub(1);
    let mut rows = statement.query((
        row::id(extent.slot, extent.from),
        row::id(extent.slot, last),
        file::integer(gathering.records_left as u64),
    ))?;
    while let Some(row) = rows.next()? {
        let offset = row::offset_of(row.get(0)?);
        if offset < gathering.page.next {
            return Ok(Order::Broken);
        }
        gathering.reach(offset);
        if gathering.records_left == 0 || !gathering.has_room(row::bytes(row)?) {
            return Ok(Order::Kept);
        }
        match row::load(row)? {
            Some(record) => {
                gathering.keep(record);
            }
            None => gathering.skip(offset),
        }
    }
    if gathering.records_left > 0 {
        gathering.reach(extent.end);
    }
    Ok(Order::Kept)
}

/// A page that fills up.
struct Gathering {
    page: Page,
    is_dense: bool,
    records_left: usize,
    bytes_left: usize,
}

impl Gathering {
    /// Goes on to an offset: in a dense extent what lies before it is missing.
    fn reach(&mut self, offset: u64) {
        while self.is_dense && self.page.next < offset && self.records_left > 0 {
            self.skip(self.page.next);
        }
        if !self.is_dense {
            self.page.next = offset;
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.page.records.is_empty() || bytes <= self.bytes_left
    }

    /// Takes the record if there is room for it.
    fn keep(&mut self, record: StoredRecord) -> bool {
        let bytes = record.record.bytes();
        if !self.has_room(bytes) {
            return false;
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.page.next = record.offset.0 + 1;
        self.records_left -= 1;
        self.page.records.push(record);
        true
    }

    fn skip(&mut self, offset: u64) {
        self.page.corrupt.push(Offset(offset));
        self.pass(offset);
    }

    fn pass(&mut self, offset: u64) {
        self.page.next = offset + 1;
        self.records_left = self.records_left.saturating_sub(1);
    }
}
