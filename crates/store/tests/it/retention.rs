//! Retention on SQLite: set by the options, and nothing left behind.

use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{Expired, Retention, Rows, Store};

use crate::harness::SqliteHarness;
use crate::rows::{NOON, all_attempts, all_minutes, attempt, minute, one_of_each};

const MINUTES_PER_DAY: u32 = 1_440;

fn rows_in(harness: &SqliteHarness, table: &str) -> i64 {
    let query = format!("SELECT count(*) FROM {table}");
    harness
        .connect()
        .query_row(&query, (), |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn retention_follows_the_options() {
    let harness = SqliteHarness::new();
    let retention = Retention {
        minutes_days: 1,
        windows_days: 3,
        agents_days: 2,
        attempts_hours: 36,
    };
    let store = harness.open_with(SqliteOptions {
        retention,
        ..SqliteOptions::default()
    });
    for day in 0..5 {
        let at = NOON.plus(day * MINUTES_PER_DAY);
        store.write(one_of_each("groq", at)).await.unwrap();
    }
    let now = NOON.plus(4 * MINUTES_PER_DAY + 60).start();
    let expired = store.enforce_retention(now).await.unwrap();
    assert_eq!(
        expired,
        Expired {
            minutes: 4,
            windows: 2,
            agents: 3,
            attempts: 3,
        }
    );
    assert_eq!(store.stats().expired_rows, 12);
}

#[tokio::test]
async fn nothing_is_left_of_what_is_gone() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(SqliteOptions::default());
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let later = NOON.plus(29 * MINUTES_PER_DAY);
    store.enforce_retention(later.start()).await.unwrap();
    let tables = [
        "step_rows",
        "uptime_rows",
        "window_rows",
        "agent_rows",
        "attempt_rows",
        "series",
    ];
    let left = |harness| tables.map(|table| rows_in(harness, table));
    assert_eq!(
        left(&harness),
        [0, 0, 1, 1, 0, 2],
        "windows and their series stay for longer"
    );
    let later = NOON.plus(32 * MINUTES_PER_DAY);
    store.enforce_retention(later.start()).await.unwrap();
    assert_eq!(left(&harness), [0; 6]);
}

#[tokio::test]
async fn more_rows_than_go_at_once_go_all_the_same() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(SqliteOptions::default());
    let series: Vec<_> = (0..110).map(|n| format!("provider-{n}")).collect();
    for at in (0..100).map(|n| NOON.plus(n)) {
        let minutes = series.iter().map(|provider| minute(provider, at)).collect();
        store
            .write(Rows {
                minutes,
                ..Rows::default()
            })
            .await
            .unwrap();
    }
    let later = NOON.plus(95 + 7 * MINUTES_PER_DAY);
    let expired = store.enforce_retention(later.start()).await.unwrap();
    assert_eq!(expired.minutes, 95 * 110);
    assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 5 * 110);
}

#[tokio::test]
async fn minutes_go_by_whole_buckets_of_uptime() {
    let harness = SqliteHarness::new();
    let store = harness.open_with(SqliteOptions::default());
    for n in 0..6 {
        store
            .write(one_of_each("groq", NOON.plus(n)))
            .await
            .unwrap();
    }
    for (minutes_past, expired) in [(4, 0), (5, 5)] {
        let now = NOON.plus(minutes_past + 7 * MINUTES_PER_DAY);
        let found = store.enforce_retention(now.start()).await.unwrap();
        assert_eq!(found.minutes, expired);
        let left = i64::from(6 - u32::try_from(expired).unwrap());
        assert_eq!(rows_in(&harness, "step_rows"), left);
        assert_eq!(rows_in(&harness, "uptime_rows"), left.min(2));
    }
}

/// Whatever comes first by its time of completion goes, not what was written first.
#[tokio::test]
async fn of_too_many_attempts_the_oldest_give_way_and_are_counted() {
    let harness = SqliteHarness::new();
    let options = SqliteOptions {
        attempts_rows_max: 10,
        ..SqliteOptions::default()
    };
    let at = |n| attempt("groq", NOON.plus(n));
    let write = async |store: &SqliteStore, minutes: &[u32]| {
        let attempts = minutes.iter().map(|n| at(*n)).collect();
        let rows = Rows {
            attempts,
            ..Rows::default()
        };
        store.write(rows).await.unwrap();
    };
    let left = async |store: &SqliteStore| {
        let found = store.attempts(&all_attempts("groq")).await.unwrap();
        let minutes = found
            .iter()
            .map(|row| row.measurement.completed_at.minute());
        minutes
            .map(|it| it.index() - NOON.index())
            .collect::<Vec<_>>()
    };
    let store = harness.open_with(options);
    write(&store, &[19, 18, 17, 16, 15, 14, 13, 12, 11, 10]).await;
    assert_eq!(store.stats().evicted_rows, 0);
    write(&store, &[20, 21, 20, 21, 22, 5]).await;
    let newest: Vec<u32> = (13..=22).rev().collect();
    assert_eq!(left(&store).await, newest);
    assert_eq!(store.stats().evicted_rows, 4);
    drop(store);

    let store = harness.open_with(options);
    write(&store, &[23]).await;
    let newest: Vec<u32> = (14..=23).rev().collect();
    assert_eq!(
        left(&store).await,
        newest,
        "those found at the start count too"
    );
    let day_later = NOON.plus(20 + MINUTES_PER_DAY).start();
    store.enforce_retention(day_later).await.unwrap();
    write(&store, &[24, 25]).await;
    let newest: Vec<u32> = (20..=25).rev().collect();
    assert_eq!(
        left(&store).await,
        newest,
        "those that were too old have made room"
    );
    assert_eq!(store.stats().evicted_rows, 1);
}
