//! How writes share inserts, rows that the store did not write, and what can be asked of attempts.

use std::sync::Arc;

use sextant_measure::time::Minute;
use sextant_store::clickhouse::ClickHouseStore;
use sextant_store::{Limits, MinuteRow, Revision, Rows, Store, StoreError};
use tokio::task::JoinSet;

use crate::harness::ClickHouseHarness;
use crate::rows::{
    NOON, all_attempts, all_incidents, all_minutes, always, by_day, endpoint, minute, one_of_each,
};

fn rows(minutes: impl IntoIterator<Item = MinuteRow>) -> Rows {
    Rows {
        minutes: minutes.into_iter().collect(),
        ..Rows::default()
    }
}

async fn write_at_once(store: &Arc<ClickHouseStore>, writes: impl Iterator<Item = Rows>) {
    let mut writing: JoinSet<_> = writes
        .map(|rows| {
            let store = Arc::clone(store);
            async move { store.write(rows).await }
        })
        .collect();
    while let Some(written) = writing.join_next().await {
        written.unwrap().unwrap();
    }
}

#[tokio::test]
async fn writes_made_at_once_share_inserts_up_to_a_bound() {
    for (batch_rows_max, batches) in [(100, 1), (10, 3), (4, 5), (1, 5)] {
        let mut harness = ClickHouseHarness::new();
        harness.config.batch_wait_ms = 300;
        harness.config.batch_rows_max = batch_rows_max;
        let store = Arc::new(harness.open_with(Limits::default()).await);
        let write = |n: u32| rows((0..4).map(move |m| minute("groq", NOON.plus(4 * n + m))));
        write_at_once(&store, (0..5).map(write)).await;
        let stats = store.stats();
        assert_eq!((stats.writes, stats.rows), (5, 20));
        assert_eq!(stats.batches, batches, "at most {batch_rows_max} rows");
        assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 20);
    }
}

#[tokio::test]
async fn of_writes_that_share_an_insert_the_best_rows_stand() {
    let mut harness = ClickHouseHarness::new();
    harness.config.batch_wait_ms = 300;
    let store = Arc::new(harness.open_with(Limits::default()).await);
    let row = |n| MinuteRow {
        revision: Revision { epoch: 1, n },
        ..minute("groq", NOON)
    };
    write_at_once(&store, [2, 9, 9, 3].into_iter().map(|n| rows([row(n)]))).await;
    assert_eq!(store.minutes(&all_minutes()).await.unwrap(), [row(9)]);
    let stats = store.stats();
    assert_eq!((stats.batches, stats.rows, stats.outdone_rows), (1, 1, 3));
}

#[tokio::test]
async fn of_two_processes_that_write_one_minute_the_higher_revision_stands() {
    let harness = ClickHouseHarness::new();
    let owner = harness.open_with(Limits::default()).await;
    let stale = harness.try_open(Limits::default()).await.unwrap();
    let row = |epoch| MinuteRow {
        revision: Revision { epoch, n: 1 },
        ..minute("groq", NOON)
    };
    owner.write(rows([row(8)])).await.unwrap();
    stale.write(rows([row(7)])).await.unwrap();
    for store in [&owner, &stale] {
        assert_eq!(store.minutes(&all_minutes()).await.unwrap(), [row(8)]);
    }
    harness.run("OPTIMIZE TABLE step_rows FINAL").await;
    assert_eq!(stale.minutes(&all_minutes()).await.unwrap(), [row(8)]);
}

#[tokio::test]
async fn rows_that_the_store_did_not_write_are_skipped_and_counted() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let written = one_of_each("groq", NOON);
    store.write(written.clone()).await.unwrap();
    for columns in [
        "'q9' AS quantization",
        "'GROQ' AS provider",
        "'global' AS region",
        "minute + 1 AS minute",
        "[1] AS ttft_bins, minute + 60 AS minute",
        "ttft_n + 1 AS ttft_n, minute + 120 AS minute",
        "NULL AS ttft_min_us, minute + 180 AS minute",
    ] {
        let sound = "provider = 'groq' AND quantization = 'fp8' AND region = 'us-west-2' \
                     AND minute = '2026-11-22 14:30:00'";
        let statement = format!(
            "INSERT INTO step_rows SELECT * REPLACE ({columns}) FROM \
             (SELECT * FROM step_rows FINAL WHERE {sound})"
        );
        harness.run(&statement).await;
    }
    assert_eq!(
        store.minutes(&all_minutes()).await.unwrap(),
        written.minutes
    );
    assert_eq!(store.stats().corrupt_rows, 7);
    let points = store.history(&by_day()).await.unwrap();
    let sums: Vec<_> = points.into_iter().map(|point| point.sums).collect();
    assert_eq!(sums, [written.minutes[0].sums.clone()]);
    assert_eq!(store.stats().corrupt_rows, 14);
    let uptime = store.uptime(&[endpoint("groq")], always()).await.unwrap();
    let regions: Vec<_> = uptime
        .iter()
        .map(|found| found.series.region.as_str())
        .collect();
    assert_eq!(regions, ["us-west-2"]);
    assert_eq!(store.stats().corrupt_rows, 15);
}

#[tokio::test]
async fn attempts_that_the_store_did_not_write_are_skipped_and_counted() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let written = one_of_each("groq", NOON);
    store.write(written.clone()).await.unwrap();
    for columns in [
        "'global' AS region",
        "'slow' AS outcome",
        "'user' AS source",
        "'best' AS tier",
        "0 AS weight",
    ] {
        let statement = format!(
            "INSERT INTO observation_rows SELECT * REPLACE ({columns}, part_index + 1 AS part_index) \
             FROM (SELECT * FROM observation_rows FINAL)"
        );
        harness.run(&statement).await;
        let found = store.attempts(&all_attempts("groq")).await.unwrap();
        assert_eq!(found, written.attempts, "{columns}");
        harness
            .run(
                "ALTER TABLE observation_rows DELETE WHERE part_index = 4 \
                     SETTINGS mutations_sync = 1",
            )
            .await;
    }
    assert_eq!(store.stats().corrupt_rows, 5);
}

#[tokio::test]
async fn incidents_that_the_store_did_not_write_are_skipped_and_counted() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let written = one_of_each("groq", NOON);
    store.write(written.clone()).await.unwrap();
    for column in [
        "'No such' AS rule",
        "'house/x' AS subject",
        "'mood' AS kind",
        "'soon' AS severity",
        "'miles' AS worst_unit",
        "1 AS revision",
    ] {
        let statement = format!(
            "INSERT INTO incident_rows SELECT * REPLACE ({column}, opened_at + 1 AS opened_at) \
             FROM (SELECT * FROM incident_rows FINAL)"
        );
        harness.run(&statement).await;
        let found = store.incidents(&all_incidents()).await.unwrap();
        assert_eq!(found, written.incidents, "{column}");
        harness
            .run(
                "ALTER TABLE incident_rows DELETE WHERE toSecond(opened_at) = 3 \
                     SETTINGS mutations_sync = 1",
            )
            .await;
    }
    assert_eq!(store.stats().corrupt_rows, 6);
}

#[tokio::test]
async fn a_minute_that_no_column_holds_is_refused() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let last = Minute::from_index(71_582_787);
    let refused = store.write(one_of_each("groq", last.plus(1))).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    let found = store.minutes(&all_minutes()).await.unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn uptime_of_more_endpoints_than_one_question_takes_is_asked_in_parts() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let model = |n: u32| format!("author/{}-{n}", "m".repeat(100)).parse().unwrap();
    let row = |n| {
        let mut row = minute("groq", NOON);
        row.series.endpoint.model = model(n);
        row
    };
    store.write(rows([0, 2_999, 3_000].map(row))).await.unwrap();
    let asked: Vec<_> = (0..3_000).map(|n| row(n).series.endpoint).collect();
    let found = store.uptime(&asked, always()).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|it| it.series.endpoint).collect();
    assert_eq!(found, [0, 2_999].map(|n| asked[n].clone()));
}

#[tokio::test]
async fn the_questions_that_the_documentation_has_for_attempts_are_answered() {
    let harness = ClickHouseHarness::new();
    drop(harness.open_with(Limits::default()).await);
    let document = include_str!("../../../../docs/archive.md");
    let blocks = document.split("```sql\n").skip(1);
    let questions: Vec<_> = blocks.map(|it| it.split("```").next().unwrap()).collect();
    assert_eq!(questions.len(), 3);
    for question in questions {
        assert_eq!(harness.text(question).await, "", "{question}");
    }
}
