//! Files that older versions left.
//!
//! Each fixture is the dump of a file of one schema version with [`one_of_each`] in it, made with
//! `.dump` of the sqlite3 shell. It never changes; whoever raises the schema adds the next one.

use rusqlite::Connection;
use sextant_store::Store;
use sextant_store::sqlite::{SCHEMA_VERSION, SqliteOptions};

use crate::harness::SqliteHarness;
use crate::rows::{
    NOON, all_attempts, all_incidents, all_minutes, all_windows, always, endpoint, model,
    one_of_each,
};

/// The dumps, by the version that made them. A dump leaves the two pragmas out.
const FIXTURES: [(i64, &str); 4] = [
    (1, include_str!("../fixtures/schema-1.sql")),
    (2, include_str!("../fixtures/schema-2.sql")),
    (3, include_str!("../fixtures/schema-3.sql")),
    (4, include_str!("../fixtures/schema-4.sql")),
];

const APPLICATION_ID: i64 = 0x5358_5354;

#[tokio::test]
async fn files_of_every_schema_are_read() {
    for (version, dump) in FIXTURES {
        let harness = SqliteHarness::new();
        let old = Connection::open(harness.file()).unwrap();
        old.execute_batch(dump).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        old.pragma_update(None, "user_version", version).unwrap();
        drop(old);

        let store = harness.open_with(SqliteOptions::default());
        let rows = one_of_each("groq", NOON);
        assert_eq!(store.minutes(&all_minutes()).await.unwrap(), rows.minutes);
        assert_eq!(store.windows(&all_windows()).await.unwrap(), rows.windows);
        assert_eq!(store.agents(always()).await.unwrap(), rows.agents);
        // Files of the first version have no place for them.
        let rulings = if version > 1 {
            rows.rulings
        } else {
            Vec::new()
        };
        assert_eq!(store.rulings(&model(), always()).await.unwrap(), rulings);
        let attempts = if version > 2 {
            rows.attempts
        } else {
            Vec::new()
        };
        let found = store.attempts(&all_attempts("groq")).await.unwrap();
        assert_eq!(found, attempts);
        let incidents = if version > 3 {
            rows.incidents
        } else {
            Vec::new()
        };
        let found = store.incidents(&all_incidents()).await.unwrap();
        assert_eq!(found, incidents);
        let uptime = store.uptime(&[endpoint("groq")], always()).await.unwrap();
        assert_eq!(
            uptime[0].buckets,
            [(NOON, rows.minutes[0].sums.counts.uptime())]
        );
        assert_eq!(store.stats().corrupt_rows, 0);
        store
            .write(one_of_each("groq", NOON.plus(1)))
            .await
            .unwrap();
        assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 2);
    }
}

#[test]
fn every_schema_has_a_fixture() {
    let versions = FIXTURES.map(|(version, _)| version);
    assert_eq!(
        Vec::from(versions),
        (1..=SCHEMA_VERSION).collect::<Vec<_>>()
    );
}

/// A new file is what the scripts make of the oldest one.
#[test]
fn a_new_file_has_the_schema_of_one_brought_up() {
    let schema = |connection: &Connection| {
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(Result::unwrap).collect::<Vec<(String, String)>>()
    };
    let (fresh, old) = (SqliteHarness::new(), SqliteHarness::new());
    drop(fresh.open_with(SqliteOptions::default()));
    let connection = old.connect();
    connection.execute_batch(FIXTURES[0].1).unwrap();
    connection
        .pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    connection
        .pragma_update(None, "user_version", FIXTURES[0].0)
        .unwrap();
    drop(connection);
    drop(old.open_with(SqliteOptions::default()));
    assert_eq!(schema(&old.connect()), schema(&fresh.connect()));
}
