//! P6: what bounds the log.

use std::sync::Arc;

use sextant_eventlog::{EventLog, LogError, Offset, Position, Record};

use crate::harness::{BY_AGE, BY_KEY, Bench, HOUR_US, fetch_all, numbered};

fn kilobytes(count: usize) -> Record {
    Record {
        value: Some(vec![3; count << 10].into()),
        ..Record::default()
    }
}

#[tokio::test]
async fn an_append_is_bounded_as_a_whole() {
    let mut bench = Bench::new();
    bench.options.append_bytes_max = 4 << 10;
    let log = bench.open_with_topics(1).await;
    let refusal = log
        .append(BY_AGE, 0, vec![kilobytes(1); 5])
        .await
        .unwrap_err();
    assert_eq!(
        refusal,
        LogError::TooLarge {
            bytes: 5 << 10,
            max: 4 << 10
        }
    );
    log.append(BY_AGE, 0, vec![kilobytes(1); 4]).await.unwrap();
}

#[tokio::test]
async fn the_share_of_the_disk_is_kept_and_freed_by_retention() {
    let mut bench = Bench::new();
    bench.options.disk_bytes_max = 3 << 20;
    bench.options.checkpoint_bytes = 256 << 10;
    bench.options.wal_bytes_max = 512 << 10;
    let log = bench.open_with_topics(1).await;
    let mut appended = 0;
    let refusal = loop {
        match log.append(BY_AGE, 0, vec![kilobytes(64)]).await {
            Ok(_) => appended += 1,
            Err(refusal) => break refusal,
        }
        assert!(appended < 100);
    };
    assert!(matches!(&refusal, LogError::Full { reason } if reason.contains("3145728")));
    assert!(appended >= 15, "{appended}");
    assert_eq!(
        fetch_all(&log, BY_AGE).await.0.len(),
        appended,
        "reads go on"
    );
    let position = Position {
        offset: Offset(1),
        time_us: 0,
    };
    log.commit("group", BY_AGE, 0, position).await.unwrap();
    // What one group adds, and SQLite's own, come on top.
    let disk_bytes = log.stats().disk_bytes;
    assert!(disk_bytes <= (3 << 20) + (768 << 10), "{disk_bytes}");
    assert_eq!(log.stats().full_refusals, 1);

    bench.clock.advance(4 * HOUR_US);
    log.enforce_retention(bench.clock.now_us()).await.unwrap();
    let after = log.append(BY_AGE, 0, vec![kilobytes(64)]).await.unwrap();
    assert_eq!(after.first, Offset(appended as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_is_bounded_under_steady_load() {
    let mut bench = Bench::new();
    bench.options.checkpoint_bytes = 256 << 10;
    bench.options.wal_bytes_max = 2 << 20;
    let log = Arc::new(bench.open_with_topics(1).await);
    let mut appenders = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let log = Arc::clone(&log);
        appenders.spawn(async move {
            for _ in 0..100 {
                log.append(BY_AGE, 0, vec![kilobytes(64)]).await.unwrap();
            }
        });
    }
    appenders.join_all().await;
    let wal = bench.hours()[0].with_extension("db-wal");
    let wal_bytes = std::fs::metadata(wal).unwrap().len();
    assert!(
        wal_bytes < 3 << 20,
        "{wal_bytes} of 25 MB: {:?}",
        log.stats()
    );
    assert!(log.stats().checkpoints > 0, "{:?}", log.stats());
    assert_eq!(fetch_all(&log, BY_AGE).await.0.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_append_stand_together() {
    let bench = Bench::new();
    let log = Arc::new(bench.open_with_topics(2).await);
    let mut appenders = tokio::task::JoinSet::new();
    for appender in 0..16 {
        let log = Arc::clone(&log);
        appenders.spawn(async move {
            let topic = if appender % 2 == 0 { BY_AGE } else { BY_KEY };
            for _ in 0..10 {
                let records: Vec<_> = (0..3).map(|part| numbered(appender * 3 + part)).collect();
                let appended = log.append(topic, 0, records.clone()).await.unwrap();
                assert_eq!(appended.last.0 - appended.first.0, 2);
                if topic == BY_AGE {
                    let limit = sextant_eventlog::ReadLimit {
                        records: 3,
                        bytes: 1 << 20,
                    };
                    let wait = std::time::Duration::ZERO;
                    let read = log
                        .read(topic, 0, appended.first, limit, wait)
                        .await
                        .unwrap();
                    let read: Vec<_> = read.records.into_iter().map(|read| read.record).collect();
                    assert_eq!(read, records, "who is answered finds what was appended");
                }
            }
        });
    }
    appenders.join_all().await;
    let stats = log.stats();
    assert_eq!((stats.calls, stats.records), (160, 480));
    assert!(stats.groups < stats.calls, "{stats:?}");
}

#[tokio::test]
async fn a_name_of_a_group_is_bounded() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    let position = Position {
        offset: Offset(1),
        time_us: 0,
    };
    for group in ["", &"g".repeat(201)] {
        let refusal = log.commit(group, BY_AGE, 0, position).await.unwrap_err();
        assert!(matches!(refusal, LogError::Invalid { .. }), "{refusal}");
        assert!(matches!(
            log.join(group, BY_AGE).await.err(),
            Some(LogError::Invalid { .. })
        ));
    }
}
