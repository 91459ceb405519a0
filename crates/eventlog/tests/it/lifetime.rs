//! How a log ends.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Offset, Position};

use crate::harness::{ALL, BY_AGE, BY_KEY, Bench, fetch_all, numbered};

#[tokio::test(flavor = "multi_thread")]
async fn closing_makes_durable_what_was_accepted_before_it() {
    let bench = Bench::new();
    let log = Arc::new(bench.open_with_topics(1).await);
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..200 {
        let log = Arc::clone(&log);
        appends.spawn(async move { log.append(BY_AGE, 0, vec![numbered(number)]).await });
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    log.close().await.unwrap();
    let mut acknowledged = Vec::new();
    for outcome in appends.join_all().await {
        match outcome {
            Ok(appended) => acknowledged.push(appended.first.0),
            Err(error) => assert_eq!(error, LogError::Closed),
        }
    }
    acknowledged.sort_unstable();
    drop(log);
    assert_eq!(
        fetch_all(&bench.open(), BY_AGE).await,
        (acknowledged, vec![])
    );
}

#[tokio::test]
async fn a_closed_log_refuses_every_call() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    log.append(BY_AGE, 0, vec![numbered(0)]).await.unwrap();
    let mut member = log.join("group", BY_AGE).await.unwrap();
    log.close().await.unwrap();
    let position = Position {
        offset: Offset(1),
        time_us: 0,
    };
    let refusals = [
        log.append(BY_AGE, 0, vec![numbered(1)]).await.err(),
        log.read(BY_AGE, 0, Offset(0), ALL, Duration::ZERO)
            .await
            .err(),
        log.bounds(BY_AGE, 0).await.err(),
        log.offset_at(BY_AGE, 0, 0).await.err(),
        log.commit("group", BY_AGE, 0, position).await.err(),
        log.committed("group", BY_AGE, 0).await.err(),
        log.prepare(&[]).await.err(),
        log.enforce_retention(0).await.err(),
        log.join("group", BY_AGE).await.err(),
        member.next().await.err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal, Some(LogError::Closed));
    }
    log.close().await.unwrap();
}

#[tokio::test]
async fn closing_wakes_readers_and_members_that_wait() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    let mut member = log.join("group", BY_AGE).await.unwrap();
    member.next().await.unwrap();
    let read = log.read(BY_AGE, 0, Offset(0), ALL, Duration::from_mins(5));
    let (read, event, closed) = tokio::join!(read, member.next(), log.close());
    assert_eq!(read, Err(LogError::Closed));
    assert_eq!(event, Err(LogError::Closed));
    closed.unwrap();
}

#[tokio::test]
async fn closing_leaves_no_write_ahead_log() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    for number in 0..20 {
        log.append(BY_AGE, 0, vec![numbered(number)]).await.unwrap();
        log.append(BY_KEY, 0, vec![numbered(number)]).await.unwrap();
    }
    assert_eq!(fetch_all(&log, BY_AGE).await.0.len(), 20);
    log.close().await.unwrap();
    for file in [bench.main_file(), bench.hours()[0].clone()] {
        let wal = file.with_extension("db-wal");
        assert_eq!(
            std::fs::metadata(&wal).map_or(0, |wal| wal.len()),
            0,
            "{}",
            wal.display()
        );
    }
}

#[tokio::test]
async fn a_log_that_is_dropped_frees_its_directory_and_keeps_what_it_acknowledged() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    log.append(BY_AGE, 0, vec![numbered(0)]).await.unwrap();
    drop(log);
    assert_eq!(fetch_all(&bench.open(), BY_AGE).await.0, [0]);
}

#[tokio::test]
async fn a_member_that_owns_everything_hears_nothing_more() {
    let bench = Bench::new();
    let log = bench.open_with_topics(2).await;
    let mut member = log.join("group", BY_AGE).await.unwrap();
    member.next().await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(50), member.next()).await;
    assert!(more.is_err(), "{more:?}");
    let mut waiting = log.join("group", BY_AGE).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), waiting.next()).await;
    assert!(early.is_err(), "{early:?}");
}
