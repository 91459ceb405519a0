//! Rows that are not what was written are skipped and counted, never served.

use rusqlite::Connection;
use sextant_store::Store;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};

use crate::harness::SqliteHarness;
use crate::rows::{
    NOON, all_attempts, all_incidents, all_minutes, all_windows, always, by_day, endpoint,
    one_of_each,
};

/// The numbers of groq's series: in its region, and merged.
const SERIES: &str = "(SELECT id FROM series WHERE provider = 'groq' AND region = 'us-west-2')";
const MERGED: &str = "(SELECT id FROM series WHERE provider = 'groq' AND region = 'global')";

/// A store with a row of each kind for two providers at one minute.
async fn two(harness: &SqliteHarness) -> SqliteStore {
    let store = harness.open_with(SqliteOptions::default());
    for provider in ["groq", "novita"] {
        store.write(one_of_each(provider, NOON)).await.unwrap();
    }
    store
}

/// The same, with one row changed by something else.
async fn changed(harness: &SqliteHarness, change: &str) -> SqliteStore {
    let store = two(harness).await;
    assert_eq!(harness.connect().execute(change, ()), Ok(1), "{change}");
    store
}

fn delete(connection: &Connection, table: &str, series: &str) {
    let delete = format!("DELETE FROM {table} WHERE series = {series}");
    assert_eq!(connection.execute(&delete, ()), Ok(1));
}

/// A change for every column of a table but its key: of a number the lowest bit, of a text or blob
/// the last byte, of NULL all.
fn flips(connection: &Connection, table: &str, series: &str) -> Vec<String> {
    let mut statement = connection
        .prepare("SELECT name, type FROM pragma_table_info(?1) WHERE pk = 0")
        .unwrap();
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)));
    let columns: Vec<(String, String)> = columns.unwrap().map(Result::unwrap).collect();
    let flip = |(name, kind): (String, String)| {
        let (absent, value) = match kind.as_str() {
            "INTEGER" => ("0", format!("({name} | 1) - ({name} & 1)")),
            "BLOB" => {
                let head = format!("substr({name}, 1, length({name}) - 1)");
                ("x'01'", format!("unhex(hex({head}) || '7F')"))
            }
            _ => (
                "''",
                format!("substr({name}, 1, length({name}) - 1) || '!'"),
            ),
        };
        format!(
            "UPDATE {table} SET {name} = iif({name} IS NULL, {absent}, {value})
             WHERE series = {series}"
        )
    };
    columns.into_iter().map(flip).collect()
}

#[tokio::test]
async fn a_minute_with_any_bit_flipped_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let (store, connection) = (two(&harness).await, harness.connect());
    let flips = flips(&connection, "step_rows", SERIES);
    assert!(flips.len() > 40);
    let whole = store.minutes(&all_minutes()).await.unwrap();
    for flip in &flips {
        assert_eq!(connection.execute(flip, ()), Ok(1), "{flip}");
        let before = store.stats().corrupt_rows;
        assert_eq!(
            store.minutes(&all_minutes()).await.unwrap(),
            whole[1..],
            "{flip}"
        );
        assert_eq!(store.history(&by_day()).await.unwrap().len(), 1, "{flip}");
        assert_eq!(store.stats().corrupt_rows, before + 2, "{flip}");

        delete(&connection, "step_rows", SERIES);
        store.write(one_of_each("groq", NOON)).await.unwrap();
        assert_eq!(store.minutes(&all_minutes()).await.unwrap(), whole);
    }
}

#[tokio::test]
async fn a_window_with_any_bit_flipped_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let (store, connection) = (two(&harness).await, harness.connect());
    let flips = flips(&connection, "window_rows", MERGED);
    assert!(flips.len() > 60);
    let whole = store.windows(&all_windows()).await.unwrap();
    for flip in &flips {
        assert_eq!(connection.execute(flip, ()), Ok(1), "{flip}");
        let before = store.stats().corrupt_rows;
        assert_eq!(
            store.windows(&all_windows()).await.unwrap(),
            whole[1..],
            "{flip}"
        );
        assert_eq!(store.stats().corrupt_rows, before + 1, "{flip}");

        delete(&connection, "window_rows", MERGED);
        store.write(one_of_each("groq", NOON)).await.unwrap();
        assert_eq!(store.windows(&all_windows()).await.unwrap(), whole);
    }
}

#[tokio::test]
async fn an_attempt_with_any_bit_flipped_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let (store, connection) = (two(&harness).await, harness.connect());
    let flips = flips(&connection, "attempt_rows", SERIES);
    assert!(flips.len() > 15);
    let whole = one_of_each("groq", NOON).attempts;
    for flip in &flips {
        assert_eq!(connection.execute(flip, ()), Ok(1), "{flip}");
        let before = store.stats().corrupt_rows;
        let found = store.attempts(&all_attempts("groq")).await;
        assert_eq!(found.unwrap(), [], "{flip}");
        assert_eq!(store.stats().corrupt_rows, before + 1, "{flip}");

        delete(&connection, "attempt_rows", SERIES);
        store.write(one_of_each("groq", NOON)).await.unwrap();
        let found = store.attempts(&all_attempts("groq")).await;
        assert_eq!(found.unwrap(), whole);
    }
}

#[tokio::test]
async fn an_incident_with_any_bit_flipped_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let (store, connection) = (two(&harness).await, harness.connect());
    let of_groq = "provider = 'groq'";
    let whole = one_of_each("groq", NOON).incidents;
    let other = one_of_each("novita", NOON).incidents;
    let columns = [
        "kind = 'latency'",
        "severity = 'ticket'",
        "closed_at_us = closed_at_us + 1",
        "worst_millionths = worst_millionths + 1",
        "worst_unit = NULL",
        "reason = reason || '.'",
        "closed_because = ''",
        "revision = 1",
        "model = ''",
        "agent = 'x'",
        "crc = crc + 1",
    ];
    for (n, column) in (1..).zip(columns) {
        let damage = format!("UPDATE incident_rows SET {column} WHERE {of_groq}");
        assert_eq!(connection.execute(&damage, ()), Ok(1), "{column}");
        let found = store.incidents(&all_incidents()).await.unwrap();
        assert_eq!(found, other, "{column}");
        assert_eq!(store.stats().corrupt_rows, n, "{column}");
        let delete = format!("DELETE FROM incident_rows WHERE {of_groq}");
        connection.execute(&delete, ()).unwrap();
        store.write(one_of_each("groq", NOON)).await.unwrap();
        let mut found = store.incidents(&all_incidents()).await.unwrap();
        found.retain(|row| *row != other[0]);
        assert_eq!(found, whole);
    }
}

#[tokio::test]
async fn an_agents_row_that_was_changed_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let store = changed(
        &harness,
        "UPDATE agent_rows SET acknowledged = acknowledged + 1",
    )
    .await;
    assert_eq!(store.agents(always()).await.unwrap(), []);
    assert_eq!(store.stats().corrupt_rows, 1);
}

#[tokio::test]
async fn a_row_of_another_series_is_not_taken_for_its_own() {
    let harness = SqliteHarness::new();
    let change = format!("UPDATE step_rows SET minute = minute + 1 WHERE series = {SERIES}");
    let store = changed(&harness, &change).await;
    assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 1);
    assert_eq!(store.stats().corrupt_rows, 1);
}

#[tokio::test]
async fn a_series_whose_name_can_not_be_one_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let change = format!("UPDATE series SET region = 'a b' WHERE id = {SERIES}");
    let store = changed(&harness, &change).await;
    assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 1);
    assert_eq!(store.stats().corrupt_rows, 1);
}

#[tokio::test]
async fn uptime_that_can_not_be_is_skipped_and_counted() {
    let harness = SqliteHarness::new();
    let change = format!("UPDATE uptime_rows SET good = whole + 1 WHERE series = {SERIES}");
    let store = changed(&harness, &change).await;
    // The bucket must be whole to be read as such.
    let later = one_of_each("novita", NOON.plus(5));
    store.write(later).await.unwrap();
    let asked = [endpoint("groq"), endpoint("novita")];
    let found = store.uptime(&asked, always()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].series.endpoint, endpoint("novita"));
    assert_eq!(store.stats().corrupt_rows, 1);
}
