//! A disk, or a share of it, that is full.

use sextant_measure::time::Minute;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{Rows, Store, StoreError};

use crate::harness::SqliteHarness;
use crate::rows::{NOON, all_minutes, minute};

const MINUTES_PER_DAY: u32 = 1_440;
/// As many as a week of them can be read at once.
const PROVIDERS: usize = 9;

/// Room for some minutes, and little else.
fn small() -> SqliteOptions {
    SqliteOptions {
        disk_bytes_max: 512 << 10,
        ..SqliteOptions::default()
    }
}

fn of(at: Minute) -> Rows {
    let providers = (0..PROVIDERS).map(|n| format!("provider-{n}"));
    Rows {
        minutes: providers.map(|provider| minute(&provider, at)).collect(),
        ..Rows::default()
    }
}

/// Writes minutes until the store is full; answers the first that it didn't take.
async fn fill(store: &SqliteStore, mut at: Minute) -> Minute {
    for _ in 0..10_000 {
        match store.write(of(at)).await {
            Ok(()) => at = at.plus(1),
            Err(StoreError::Full { .. }) => return at,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the store was never full");
}

async fn count(store: &SqliteStore) -> usize {
    store.minutes(&all_minutes()).await.unwrap().len()
}

#[tokio::test]
async fn a_full_store_refuses_writes_whole_and_keeps_serving() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(small());
    let end = fill(&store, NOON).await;
    let minutes = (end.index() - NOON.index()) as usize;
    assert!(minutes > 10);
    assert_eq!(count(&store).await, minutes * PROVIDERS);
    let again = store.write(of(end)).await;
    assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
    assert_eq!(store.stats().full_refusals, 2);
    assert_eq!(
        count(&store).await,
        minutes * PROVIDERS,
        "nothing of a refused write stands"
    );
}

#[tokio::test]
async fn a_full_store_recovers_once_retention_has_made_room() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(small());
    let end = fill(&store, NOON).await;
    let later = end.plus(7 * MINUTES_PER_DAY);
    let expired = store.enforce_retention(later.start()).await.unwrap();
    assert!(expired.minutes > 100, "{expired:?}");
    store.write(of(later)).await.unwrap();
    assert_eq!(
        count(&store).await,
        PROVIDERS * (1 + (end.index() % 5) as usize)
    );
}

#[tokio::test]
async fn a_full_store_recovers_once_it_is_given_more_room() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(small());
    let end = fill(&store, NOON).await;
    let before = count(&store).await;
    drop(store);
    let store = harness.open_with(SqliteOptions::default());
    store.write(of(end)).await.unwrap();
    assert_eq!(count(&store).await, before + PROVIDERS);
}
