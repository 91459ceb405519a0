//! Statements over a table's columns, and how its rows are fetched.

use rusqlite::{Connection, Params};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Minute;

use super::seal::Opened;
use crate::MinuteRange;

/// A table whose last column is the checksum over all others.
pub(super) struct Table {
    name: &'static str,
    /// The primary key: a minute first, then what the row is about.
    time: &'static str,
    subject: Vec<&'static str>,
    /// All columns but the checksum, in the table's order.
    columns: Vec<String>,
}

/// Reads rows and counts those that are not what was written.
#[derive(Default)]
pub(super) struct Fetcher {
    scratch: Vec<u8>,
    pub(super) corrupt: u64,
}

impl Table {
    pub(super) fn new(
        name: &'static str,
        time: &'static str,
        subject: &[&'static str],
        columns: impl IntoIterator<Item = String>,
    ) -> Self {
        let key = std::iter::once(&time).chain(subject);
        Self {
            name,
            time,
            subject: subject.to_vec(),
            columns: key.map(|it| (*it).to_owned()).chain(columns).collect(),
        }
    }

    /// Inserts a row, or replaces one that is lower in these columns.
    pub(super) fn insert_newer(&self, version: &[&str]) -> String {
        let (time, subject, name) = (self.time, self.subject(), self.name);
        let replaced = self.columns.iter().skip(1 + self.subject.len());
        let replaced: Vec<String> = replaced
            .map(String::as_str)
            .chain(["crc"])
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let of = |row: &str| {
            let columns = version.iter().map(|column| format!("{row}.{column}"));
            columns.collect::<Vec<_>>().join(", ")
        };
        format!(
            "{} ON CONFLICT ({time}, {subject}) DO UPDATE SET {}
             WHERE ({}) > ({})",
            self.insert(),
            replaced.join(", "),
            of("excluded"),
            of(name)
        )
    }

    /// Inserts a row, unless there is one.
    pub(super) fn insert_first(&self) -> String {
        let (time, subject) = (self.time, self.subject());
        format!(
            "{} ON CONFLICT ({time}, {subject}) DO NOTHING",
            self.insert()
        )
    }

    /// The columns and the checksum, as [`Fetcher`] takes them.
    pub(super) fn columns(&self) -> String {
        format!("{}, crc", self.columns.join(", "))
    }

    /// The same, of the rows of some series (?3, a JSON array of their numbers) from minute ?1 up
    /// to but not including ?2, in the key's order.
    ///
    /// The cross joins fix the order of the loops: each row is one look-up by its whole key.
    pub(super) fn of_series(&self) -> String {
        let (time, subject, name) = (self.time, self.subject(), self.name);
        format!(
            "WITH RECURSIVE span (at) AS (
                 SELECT ?1 UNION ALL SELECT at + 1 FROM span WHERE at + 1 < ?2
             )
             SELECT {} FROM span CROSS JOIN json_each(?3) AS wanted CROSS JOIN {name}
             WHERE {name}.{time} = span.at AND {name}.{subject} = wanted.value",
            self.columns()
        )
    }

    fn subject(&self) -> String {
        self.subject.join(", ")
    }

    /// The part of a range in which the table may have rows.
    pub(super) fn extent(
        &self,
        connection: &Connection,
        range: MinuteRange,
    ) -> rusqlite::Result<MinuteRange> {
        let (time, name) = (self.time, self.name);
        let mut statement = connection.prepare_cached(&format!(
            "SELECT (SELECT min({time}) FROM {name}), (SELECT max({time}) FROM {name})"
        ))?;
        let ends: (Option<i64>, Option<i64>) =
            statement.query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let minute = |at: Option<i64>| {
            let index = at.map_or(0, |at| u32::try_from(at.max(0)).unwrap_or(u32::MAX));
            Minute::from_index(index)
        };
        let held = MinuteRange::new(minute(ends.0), minute(ends.1).plus(1));
        Ok(range.intersect(held))
    }

    /// How many columns stand before the checksum.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    fn insert(&self) -> String {
        let places: Vec<String> = (1..=self.width() + 1).map(|n| format!("?{n}")).collect();
        format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.name,
            self.columns(),
            places.join(", ")
        )
    }
}

impl Fetcher {
    /// Runs a statement that selects [`Table::columns`] and takes up each row that is sound.
    pub(super) fn fetch<T>(
        &mut self,
        connection: &Connection,
        table: &Table,
        statement: &str,
        params: impl Params,
        mut decode: impl FnMut(&mut Opened<'_>) -> Option<T>,
        mut take: impl FnMut(T),
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let opened = Opened::check(row, table.width(), &mut self.scratch)?;
            match opened.and_then(|mut opened| decode(&mut opened)) {
                Some(value) => take(value),
                None => self.corrupt += 1,
            }
        }
        Ok(())
    }
}

/// The columns of counts, in the order of their codes.
pub(super) fn count_columns() -> impl Iterator<Item = String> {
    Source::ALL
        .into_iter()
        .flat_map(|source| Outcome::all().map(move |outcome| format!("{source}_{outcome}")))
}
