//! What happens when the disk refuses, with a disk that refuses when told to; and that the code's
//! columns are the schema's.

use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use rusqlite::{Connection, ffi};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::{Minute, Timestamp};
use tempfile::TempDir;

use super::disk::{Disk, Progress, RealDisk};
use super::table::Table;
use super::{SqliteOptions, SqliteStore, agents, steps, windows};
use crate::{MinuteQuery, MinuteRange, MinuteRow, Revision, Rows, Store, StoreError, no_sums};

/// The extended codes with which each moment fails once; 0 for none.
#[derive(Default)]
struct Faults {
    begin: AtomicI32,
    commit: AtomicI32,
    checkpoint: AtomicI32,
}

struct FaultyDisk(Arc<Faults>);

fn fail_once(code: &AtomicI32) -> rusqlite::Result<()> {
    match code.swap(0, Relaxed) {
        0 => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

impl Disk for FaultyDisk {
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        fail_once(&self.0.begin)?;
        RealDisk.begin(connection)
    }

    fn commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        fail_once(&self.0.commit)?;
        RealDisk.commit(connection)
    }

    fn checkpoint(&mut self, connection: &Connection, mode: &str) -> rusqlite::Result<Progress> {
        fail_once(&self.0.checkpoint)?;
        RealDisk.checkpoint(connection, mode)
    }
}

fn open(directory: &TempDir) -> (SqliteStore, Arc<Faults>) {
    let faults = Arc::<Faults>::default();
    let disk = Box::new(FaultyDisk(Arc::clone(&faults)));
    let store = SqliteStore::open_on(directory.path(), SqliteOptions::default(), disk).unwrap();
    (store, faults)
}

fn model() -> ModelId {
    ModelId::new("a/b").unwrap()
}

fn rows(minute: u32) -> Rows {
    let series = SeriesId {
        endpoint: EndpointId {
            model: model(),
            provider: ProviderId::new("groq").unwrap(),
            quantization: Quantization::Fp8,
        },
        region: Region::default(),
    };
    let mut sums = no_sums();
    sums.bins[0].record(1);
    Rows {
        minutes: vec![MinuteRow {
            series,
            minute: Minute::from_index(minute),
            revision: Revision::default(),
            sums,
        }],
        ..Rows::default()
    }
}

async fn minutes(store: &SqliteStore) -> Result<Vec<u32>, StoreError> {
    let query = MinuteQuery {
        model: model(),
        endpoint: None,
        region: None,
        range: MinuteRange::new(Minute::from_index(0), Minute::from_index(u32::MAX)),
    };
    let rows = store.minutes(&query).await?;
    Ok(rows.iter().map(|row| row.minute.index()).collect())
}

#[tokio::test]
async fn after_a_failed_fsync_nothing_is_written_or_read() {
    let directory = tempfile::tempdir().unwrap();
    let (store, faults) = open(&directory);
    store.write(rows(1)).await.unwrap();
    faults.commit.store(ffi::SQLITE_IOERR_FSYNC, Relaxed);
    let stopped = store.write(rows(2)).await.unwrap_err();
    assert!(matches!(stopped, StoreError::Stopped { .. }), "{stopped}");
    assert_eq!(store.write(rows(3)).await, Err(stopped.clone()));
    assert_eq!(minutes(&store).await, Err(stopped.clone()));
    let retained = store.enforce_retention(Timestamp::default()).await;
    assert_eq!(retained, Err(stopped));
    drop(store);
    assert_eq!(minutes(&open(&directory).0).await, Ok(vec![1]));
}

#[tokio::test]
async fn p9_who_waits_for_the_end_learns_of_a_failed_disk_and_of_nothing_that_passes() {
    let directory = tempfile::tempdir().unwrap();
    let (store, faults) = open(&directory);
    let mut stopped = std::pin::pin!(store.stopped());
    for passing in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
        faults.commit.store(passing, Relaxed);
        store.write(rows(1)).await.unwrap_err();
    }
    tokio::select! {
        biased;
        reason = &mut stopped => panic!("a full disk and a busy file pass: {reason}"),
        () = tokio::task::yield_now() => {}
    }
    faults.commit.store(ffi::SQLITE_IOERR_FSYNC, Relaxed);
    let StoreError::Stopped { reason } = store.write(rows(1)).await.unwrap_err() else {
        panic!("it goes on")
    };
    assert_eq!(stopped.await, reason);
    assert_eq!(store.stopped().await, reason, "and who asks later");
}

#[tokio::test]
async fn a_checkpoint_that_fails_stops_the_store_though_its_write_stands() {
    let directory = tempfile::tempdir().unwrap();
    let (store, faults) = open(&directory);
    faults.checkpoint.store(ffi::SQLITE_IOERR_WRITE, Relaxed);
    let stopped = store.write(rows(1)).await.unwrap_err();
    assert!(matches!(stopped, StoreError::Stopped { .. }), "{stopped}");
    assert_eq!(store.write(rows(2)).await, Err(stopped));
    drop(store);
    assert_eq!(minutes(&open(&directory).0).await, Ok(vec![1]));
}

#[tokio::test]
async fn a_checkpoint_without_space_is_put_off() {
    let directory = tempfile::tempdir().unwrap();
    let (store, faults) = open(&directory);
    faults.checkpoint.store(ffi::SQLITE_FULL, Relaxed);
    store.write(rows(1)).await.unwrap();
    store.write(rows(2)).await.unwrap();
    assert_eq!(minutes(&store).await, Ok(vec![1, 2]));
}

#[tokio::test]
async fn a_busy_file_and_a_full_disk_pass() {
    let directory = tempfile::tempdir().unwrap();
    let (store, faults) = open(&directory);
    faults.begin.store(ffi::SQLITE_BUSY, Relaxed);
    let busy = store.write(rows(1)).await.unwrap_err();
    assert!(matches!(busy, StoreError::Unavailable { .. }) && busy.is_transient());
    faults.commit.store(ffi::SQLITE_FULL, Relaxed);
    let full = store.write(rows(1)).await.unwrap_err();
    assert!(matches!(full, StoreError::Full { .. }) && full.is_transient());
    assert_eq!(minutes(&store).await, Ok(vec![]));
    // The number that the series got was rolled back with its row.
    store.write(rows(1)).await.unwrap();
    assert_eq!(minutes(&store).await, Ok(vec![1]));
}

#[test]
fn the_columns_are_those_of_the_schema() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    let connection = Connection::open(directory.path().join(super::FILE_NAME)).unwrap();
    let tables: [(&str, &LazyLock<Table>); 3] = [
        ("step_rows", &steps::TABLE),
        ("window_rows", &windows::TABLE),
        ("agent_rows", &agents::TABLE),
    ];
    for (name, table) in tables {
        let mut statement = connection
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .unwrap();
        let names = statement.query_map([name], |row| row.get(0)).unwrap();
        let names: Vec<String> = names.map(Result::unwrap).collect();
        assert_eq!(table.columns(), names.join(", "));
    }
}
