//! What a write and a read make of a server that fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Minute;
use sextant_store::{Limits, MinuteRow, Rows, Store, StoreError};
use sextant_testbed::clickhouse::ClickHouse;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::ClickHouseHarness;
use crate::proxy::Proxy;
use crate::rows::{
    NOON, all_attempts, all_incidents, all_minutes, all_windows, always, minute, one_of_each,
};

fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Unavailable { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn minutes_at(at: Minute) -> Vec<MinuteRow> {
    let providers = (0..40).map(|n| format!("provider-{n}"));
    providers.map(|provider| minute(&provider, at)).collect()
}

fn rows_at(at: Minute) -> Rows {
    Rows {
        minutes: minutes_at(at),
        ..Rows::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill_and_the_rest_can_be_written_again() {
    let mut server = ClickHouse::start().unwrap();
    let harness = ClickHouseHarness::at(&server.url());
    let store = Arc::new(harness.open_with(Limits::default()).await);
    let mut writers = JoinSet::new();
    for owner in 0..4 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut answered = Vec::new();
            for n in (0..100_000).map(|n| n * 4 + owner) {
                if store.write(rows_at(NOON.plus(n))).await.is_err() {
                    return (answered, n);
                }
                answered.push(n);
            }
            panic!("the server was not killed");
        });
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.kill().unwrap();
    let (mut answered, mut failed) = (Vec::new(), Vec::new());
    while let Some(ended) = writers.join_next().await {
        let (some, at) = ended.unwrap();
        answered.extend(some);
        failed.push(at);
    }
    assert!(!answered.is_empty());
    unavailable(store.minutes(&all_minutes()).await);

    server.start_again().unwrap();
    let found = store.minutes(&all_minutes()).await.unwrap();
    let key = |row: &MinuteRow| (row.minute, row.series.clone());
    let stored: BTreeSet<_> = found.iter().map(key).collect();
    let rows = |n: &u32| minutes_at(NOON.plus(*n));
    let lost = answered.iter().flat_map(rows).map(|row| key(&row));
    assert_eq!(lost.filter(|key| !stored.contains(key)).count(), 0);
    for n in &failed {
        store.write(rows_at(NOON.plus(*n))).await.unwrap();
    }
    let mut expected: Vec<_> = answered.iter().chain(&failed).flat_map(rows).collect();
    expected.sort_by_key(key);
    assert_eq!(store.minutes(&all_minutes()).await.unwrap(), expected);
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_after_the_timeout() {
    let server = ClickHouse::start().unwrap();
    let mut harness = ClickHouseHarness::at(&server.url());
    harness.migrate().await;
    harness.config.write_timeout_ms = 400;
    harness.config.read_timeout_ms = 1_000;
    let store = harness.try_open(Limits::default()).await.unwrap();
    let rows = one_of_each("groq", NOON);
    server.signal("-STOP").unwrap();
    let begun = Instant::now();
    let reason = unavailable(store.write(rows.clone()).await);
    assert!(reason.contains("insert 1 rows into step_rows"), "{reason}");
    assert!(reason.contains("400 ms"), "{reason}");
    let reason = unavailable(store.agents(always()).await);
    assert!(reason.contains("1000 ms"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.signal("-CONT").unwrap();
    harness.config.write_timeout_ms = 30_000;
    harness.config.read_timeout_ms = 30_000;
    let store = harness.try_open(Limits::default()).await.unwrap();
    store.write(rows.clone()).await.unwrap();
    assert_eq!(
        store.windows(&all_windows()).await.unwrap(),
        rows.windows,
        "also if what was too late was taken all the same"
    );
}

#[tokio::test]
async fn rows_whose_answer_was_lost_stand_and_may_be_written_again() {
    let mut harness = ClickHouseHarness::new();
    harness.migrate().await;
    let proxy = Proxy::to(&harness.config.url).await;
    harness.config.url = proxy.url().to_owned();
    let store = harness.try_open(Limits::default()).await.unwrap();
    // The columns are known from now on, so that the next answers are those to inserts.
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let rows = one_of_each("groq", NOON.plus(1));
    proxy.lose_answers(3);
    let reason = unavailable(store.write(rows.clone()).await);
    assert!(reason.contains("insert 1 rows"), "{reason}");
    assert_eq!(proxy.answers_to_lose(), 0);
    let written = async || {
        (
            store.minutes(&all_minutes()).await.unwrap(),
            store.windows(&all_windows()).await.unwrap(),
            store.agents(always()).await.unwrap(),
            store.attempts(&all_attempts("groq")).await.unwrap(),
        )
    };
    let stood = written().await;
    assert_eq!((stood.0.len(), stood.3.len()), (2, 2));
    store.write(rows).await.unwrap();
    assert_eq!(written().await, stood);
    assert_eq!(store.stats().failed_writes, 1);
}

#[tokio::test]
async fn a_write_that_stands_in_part_is_made_whole_by_writing_it_again() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    let rows = one_of_each("groq", NOON);
    harness.run("RENAME TABLE window_rows TO elsewhere").await;
    let refused = store.write(rows.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("window_rows"), "{told}");
    assert_eq!(store.minutes(&all_minutes()).await.unwrap(), rows.minutes);
    harness.run("RENAME TABLE elsewhere TO window_rows").await;
    store.write(rows.clone()).await.unwrap();
    assert_eq!(store.minutes(&all_minutes()).await.unwrap(), rows.minutes);
    assert_eq!(store.windows(&all_windows()).await.unwrap(), rows.windows);
    assert_eq!(store.agents(always()).await.unwrap(), rows.agents);
    let attempts = store.attempts(&all_attempts("groq")).await.unwrap();
    assert_eq!(attempts, rows.attempts);
    let incidents = store.incidents(&all_incidents()).await.unwrap();
    assert_eq!(incidents, rows.incidents);
}

#[tokio::test]
async fn too_many_parts_are_waited_out() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    harness.run("SYSTEM STOP MERGES agent_rows").await;
    let limit = "ALTER TABLE agent_rows MODIFY SETTING parts_to_delay_insert = 1, \
                 parts_to_throw_insert = 1";
    harness.run(limit).await;
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let rows = one_of_each("groq", NOON.plus(1));
    let reason = unavailable(store.write(rows.clone()).await);
    assert!(reason.contains("Too many parts"), "{reason}");
    assert!(
        reason.contains("done: 1 rows into step_rows, 1 rows into window_rows"),
        "{reason}"
    );
    let enough = "ALTER TABLE agent_rows MODIFY SETTING parts_to_delay_insert = 100, \
                  parts_to_throw_insert = 100";
    harness.run(enough).await;
    store.write(rows).await.unwrap();
    assert_eq!(store.agents(always()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_gone_is_left_for_the_next() {
    let mut harness = ClickHouseHarness::new();
    harness.migrate().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    harness.config.url = format!("{gone}, {}", harness.config.url);
    let store = harness.try_open(Limits::default()).await.unwrap();
    store.write(one_of_each("groq", NOON)).await.unwrap();
}
