//! What a store makes of the directory it is given.

use rusqlite::Connection;
use sextant_store::sqlite::{SCHEMA_VERSION, SqliteOptions, SqliteStore};
use sextant_store::{Store, StoreError};

use crate::harness::SqliteHarness;
use crate::rows::{NOON, all_minutes, one_of_each};

fn refusal(harness: &SqliteHarness) -> StoreError {
    SqliteStore::open(harness.directory(), SqliteOptions::default())
        .err()
        .unwrap()
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers_and_left_alone() {
    let harness = SqliteHarness::new();
    drop(harness.open_with(SqliteOptions::default()));
    let newer = SCHEMA_VERSION + 1;
    harness
        .connect()
        .pragma_update(None, "user_version", newer)
        .unwrap();
    let before = std::fs::read(harness.file()).unwrap();
    let refusal = refusal(&harness);
    assert!(
        matches!(
            refusal,
            StoreError::Incompatible { found, supported, .. }
                if found == newer && supported == SCHEMA_VERSION
        ),
        "{refusal}"
    );
    assert!(refusal.to_string().contains("store.db"), "{refusal}");
    assert_eq!(std::fs::read(harness.file()).unwrap(), before);
}

#[test]
fn a_database_of_something_else_is_refused_and_left_alone() {
    let harness = SqliteHarness::new();
    let other = Connection::open(harness.file()).unwrap();
    other.execute_batch("CREATE TABLE mine (a)").unwrap();
    drop(other);
    let before = std::fs::read(harness.file()).unwrap();
    let refusal = refusal(&harness);
    assert!(matches!(refusal, StoreError::Damaged { .. }), "{refusal}");
    assert_eq!(std::fs::read(harness.file()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let harness = SqliteHarness::new();
    std::fs::write(
        harness.file(),
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    let refusal = refusal(&harness);
    assert!(matches!(refusal, StoreError::Damaged { .. }), "{refusal}");
}

#[test]
fn a_second_handle_is_refused_until_the_first_is_gone() {
    let harness = SqliteHarness::new();
    let first = harness.open_with(SqliteOptions::default());
    let refusal = refusal(&harness);
    assert!(matches!(refusal, StoreError::Locked { .. }), "{refusal}");
    drop(first);
    drop(harness.open_with(SqliteOptions::default()));
}

#[test]
fn a_missing_directory_is_made() {
    let harness = SqliteHarness::new();
    let deep = harness.directory().join("a/b");
    drop(SqliteStore::open(&deep, SqliteOptions::default()).unwrap());
    assert!(deep.join("store.db").exists());
}

#[tokio::test]
async fn a_file_whose_first_opening_was_cut_short_is_opened_as_new() {
    let harness = SqliteHarness::new();
    // What a crash between the journal mode and the first script leaves.
    let begun = Connection::open(harness.file()).unwrap();
    begun.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(begun);
    let store = harness.open_with(SqliteOptions::default());
    store.write(one_of_each("groq", NOON)).await.unwrap();
    assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_write_ahead_log_stays_within_its_bound() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(SqliteOptions {
        checkpoint_bytes: 256 << 10,
        wal_bytes_max: 1 << 20,
        ..SqliteOptions::default()
    });
    for n in 0..400 {
        store
            .write(one_of_each("groq", NOON.plus(n)))
            .await
            .unwrap();
    }
    let wal = harness.file().with_extension("db-wal");
    let bytes = std::fs::metadata(wal).unwrap().len();
    assert!(bytes < 2 << 20, "{bytes}");
    assert!(store.stats().checkpoints > 2, "{:?}", store.stats());
}
