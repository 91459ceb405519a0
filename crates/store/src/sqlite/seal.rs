//! Rows as lists of values, guarded by a checksum in their last column.
//!
//! SQLite checks its structures, not their content: a bit that flips in a count would be served
//! as one more outage. The checksum is the CRC-32 (IEEE) over all other columns in the table's
//! order, each as a tag and its content: 0 for NULL; 1 and eight bytes, little-endian, for an
//! integer; 2 (text) or 3 (blob) and the length in eight bytes before the content. Tags and
//! lengths keep bits from moving from one column to the next.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Row, Statement, params_from_iter};

/// Collects a row's values in the table's order.
#[derive(Default)]
pub(super) struct Sealer {
    values: Vec<Value>,
    scratch: Vec<u8>,
}

/// Reads a sound row's values in the table's order.
pub(super) struct Opened<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl Sealer {
    /// Adds an integer.
    pub(super) fn integer(&mut self, integer: i64) {
        self.values.push(Value::Integer(integer));
    }

    /// Adds a number; above 2^63 - 1, the most that SQLite holds, that.
    pub(super) fn number(&mut self, number: u64) {
        self.integer(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// Adds a number or NULL.
    pub(super) fn optional(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.number(number),
            None => self.values.push(Value::Null),
        }
    }

    /// Adds a text.
    pub(super) fn text(&mut self, text: impl Into<String>) {
        self.values.push(Value::Text(text.into()));
    }

    /// Adds all 64 bits of a number, of which SQLite's integers hold 63, as hexadecimal digits that
    /// sort as the numbers do.
    pub(super) fn word(&mut self, word: u64) {
        self.text(format!("{word:016x}"));
    }

    /// Adds a text or NULL.
    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.values.push(Value::Null),
        }
    }

    /// Adds a blob, NULL if it is empty.
    pub(super) fn blob(&mut self, blob: Vec<u8>) {
        self.values.push(if blob.is_empty() {
            Value::Null
        } else {
            Value::Blob(blob)
        });
    }

    /// Runs the statement on the values collected and their checksum, and begins the next row.
    /// Answers how many rows changed.
    pub(super) fn execute(&mut self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        self.scratch.clear();
        for value in &self.values {
            extend(&mut self.scratch, value.into());
        }
        self.integer(checksum(&self.scratch));
        let changed = statement.execute(params_from_iter(&self.values));
        self.values.clear();
        changed
    }
}

impl<'a> Opened<'a> {
    /// The row if its checksum, which stands behind `width` other columns, is right.
    pub(super) fn check(
        row: &'a Row<'a>,
        width: usize,
        scratch: &mut Vec<u8>,
    ) -> rusqlite::Result<Option<Self>> {
        scratch.clear();
        for column in 0..width {
            extend(scratch, row.get_ref(column)?);
        }
        let stored = row.get_ref(width)?;
        let sound = stored == ValueRef::Integer(checksum(scratch));
        Ok(sound.then_some(Self { row, next: 0 }))
    }

    /// The next column as an integer.
    pub(super) fn integer(&mut self) -> Option<i64> {
        match self.value()? {
            ValueRef::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// The next column as a number of some width.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Option<T> {
        T::try_from(self.integer()?).ok()
    }

    /// The next column as a number, or `Some(None)` if it is NULL.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether the column is sound"
    )]
    pub(super) fn optional(&mut self) -> Option<Option<u64>> {
        match self.value()? {
            ValueRef::Null => Some(None),
            ValueRef::Integer(integer) => u64::try_from(integer).ok().map(Some),
            _ => None,
        }
    }

    /// The next column as a text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        match self.value()? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The next column as a number that was added with all its bits.
    pub(super) fn word(&mut self) -> Option<u64> {
        u64::from_str_radix(self.text()?, 16).ok()
    }

    /// The next column as a text, or `Some(None)` if it is NULL.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether the column is sound"
    )]
    pub(super) fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.value()? {
            ValueRef::Null => Some(None),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().map(Some),
            _ => None,
        }
    }

    /// The next column as a blob; NULL is an empty one.
    pub(super) fn blob(&mut self) -> Option<&'a [u8]> {
        match self.value()? {
            ValueRef::Null => Some(&[]),
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn value(&mut self) -> Option<ValueRef<'a>> {
        let value = self.row.get_ref(self.next).ok();
        self.next += 1;
        value
    }
}

fn extend(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    let long = |bytes: &mut Vec<u8>, tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(integer) => {
            bytes.push(1);
            bytes.extend_from_slice(&integer.to_le_bytes());
        }
        ValueRef::Text(text) => long(bytes, 2, text),
        ValueRef::Blob(blob) => long(bytes, 3, blob),
        // No column of ours is real, so one that is can only have a wrong checksum.
        ValueRef::Real(_) => bytes.push(4),
    }
}

fn checksum(bytes: &[u8]) -> i64 {
    i64::from(crc32fast::hash(bytes))
}
