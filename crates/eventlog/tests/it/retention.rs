//! What is deleted by age, and how append times behave while the clock does what it likes.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::sqlite::SqliteLog;
use sextant_eventlog::{EventLog, LogError, Offset, Record};

use crate::harness::{BY_AGE, BY_KEY, Bench, HOUR_US, START_US, fetch, fetch_all, numbered};

const MINUTE_US: i64 = HOUR_US / 60;

/// A log with a record every ten minutes for so many hours, the first at the start of an hour.
async fn hours_of_records(bench: &Bench, hours: i64) -> SqliteLog {
    let log = bench.open_with_topics(1).await;
    for ten_minutes in 0..hours * 6 {
        bench.clock.set(START_US + ten_minutes * 10 * MINUTE_US);
        log.append(BY_AGE, 0, vec![numbered(0)]).await.unwrap();
    }
    log
}

/// The log looks at its retention after it has answered.
async fn wait_for_drops(log: &SqliteLog, files: u64) {
    let dropped = async {
        while log.stats().files_dropped < files {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), dropped)
        .await
        .unwrap();
    assert_eq!(log.stats().files_dropped, files);
}

#[tokio::test]
async fn retention_drops_whole_hours_and_nothing_younger() {
    let mut bench = Bench::new();
    // The log doesn't look by itself here.
    bench.options.upkeep_interval = Duration::from_hours(1_000);
    let log = hours_of_records(&bench, 4).await;
    assert_eq!(bench.hours().len(), 4);
    // The retention is two hours: the first hour is over it when its last moment is.
    log.enforce_retention(START_US + 3 * HOUR_US - 1)
        .await
        .unwrap();
    assert_eq!(bench.hours().len(), 4);
    assert_eq!(log.bounds(BY_AGE, 0).await.unwrap().earliest, Offset(0));
    log.enforce_retention(START_US + 3 * HOUR_US).await.unwrap();
    assert_eq!(bench.hours().len(), 3);
    assert_eq!(fetch_all(&log, BY_AGE).await.0, (6..24).collect::<Vec<_>>());
    assert_eq!(log.stats().files_dropped, 1);

    let expected = LogError::OutOfRange {
        earliest: Offset(6),
        high_watermark: Offset(24),
    };
    assert_eq!(fetch(&log, BY_AGE, 5).await, Err(expected));
    log.close().await.unwrap();
    drop(log);
    let log = bench.open();
    assert_eq!(fetch_all(&log, BY_AGE).await.0, (6..24).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_idle_log_drops_everything_and_keeps_its_offsets() {
    let bench = Bench::new();
    let log = hours_of_records(&bench, 2).await;
    let late_us = START_US + 9 * HOUR_US;
    bench.clock.set(late_us);
    log.enforce_retention(late_us).await.unwrap();
    let bounds = log.bounds(BY_AGE, 0).await.unwrap();
    assert_eq!(
        (bounds.earliest, bounds.high_watermark),
        (Offset(12), Offset(12))
    );
    assert_eq!(bench.hours().len(), 1);
    log.enforce_retention(late_us + 9 * HOUR_US).await.unwrap();
    assert_eq!(bench.hours().len(), 1, "an unused file isn't replaced");
    log.close().await.unwrap();
    drop(log);
    let log = bench.open();
    assert_eq!(
        log.append(BY_AGE, 0, vec![numbered(0)])
            .await
            .unwrap()
            .first,
        Offset(12)
    );
}

#[tokio::test]
async fn files_are_dropped_though_no_new_one_can_be_made() {
    let bench = Bench::new();
    let log = hours_of_records(&bench, 2).await;
    // A new file is made under another name first; here that name is taken.
    let in_the_way = bench.hours()[0].with_file_name("hour-00497009.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let late_us = START_US + 9 * HOUR_US;
    let failure = log.enforce_retention(late_us).await.unwrap_err();
    assert!(failure.is_transient(), "{failure}");
    assert_eq!((log.stats().files_dropped, bench.hours().len()), (1, 1));
    std::fs::remove_dir(&in_the_way).unwrap();
    log.enforce_retention(late_us).await.unwrap();
    assert_eq!((log.stats().files_dropped, bench.hours().len()), (2, 1));
}

#[tokio::test]
async fn the_log_drops_what_is_old_without_being_told() {
    let bench = Bench::new();
    let log = hours_of_records(&bench, 8).await;
    wait_for_drops(&log, 5).await;
    assert_eq!(log.bounds(BY_AGE, 0).await.unwrap().earliest, Offset(5 * 6));
    assert_eq!(bench.hours().len(), 3);
}

#[tokio::test]
async fn an_idle_log_looks_at_its_retention_now_and_then() {
    let mut bench = Bench::new();
    bench.options.upkeep_interval = Duration::from_millis(20);
    let log = hours_of_records(&bench, 1).await;
    bench.clock.set(START_US + 4 * HOUR_US);
    wait_for_drops(&log, 1).await;
}

#[tokio::test]
async fn a_reader_goes_from_hour_to_hour() {
    let bench = Bench::new();
    let log = hours_of_records(&bench, 3).await;
    let limit = sextant_eventlog::ReadLimit {
        records: 4,
        bytes: 1 << 20,
    };
    let (mut from, mut read) = (Offset(0), Vec::new());
    while from < Offset(18) {
        let fetched = log
            .read(BY_AGE, 0, from, limit, Duration::ZERO)
            .await
            .unwrap();
        read.extend(fetched.records.iter().map(|record| record.offset.0));
        from = fetched.next;
    }
    assert_eq!(read, (0..18).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_time_is_found_in_whichever_hour_it_is() {
    let bench = Bench::new();
    let log = hours_of_records(&bench, 3).await;
    for (minute, expected) in [
        (-500, 0),
        (0, 0),
        (1, 1),
        (50, 5),
        (51, 6),
        (60, 6),
        (125, 13),
        (170, 17),
        (171, 18),
    ] {
        let found = log
            .offset_at(BY_AGE, 0, START_US + minute * MINUTE_US)
            .await
            .unwrap();
        assert_eq!(found, Offset(expected), "minute {minute}");
    }
    bench.clock.set(START_US + 100 * HOUR_US);
    log.append(BY_AGE, 0, vec![numbered(0)]).await.unwrap();
    let found = log
        .offset_at(BY_AGE, 0, START_US + 50 * HOUR_US)
        .await
        .unwrap();
    assert_eq!(
        found,
        Offset(18),
        "no hour has that time, and the next record is later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_not_disturbed_while_files_are_dropped() {
    const HOURS: i64 = 40;
    let mut bench = Bench::new();
    bench.options.upkeep_interval = Duration::from_hours(1_000);
    let log = Arc::new(bench.open_with_topics(1).await);
    for hour in 0..HOURS {
        bench.clock.set(START_US + hour * HOUR_US);
        log.append(BY_AGE, 0, vec![numbered(0)]).await.unwrap();
    }
    // Several, since what they look for is a matter of moments.
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let log = Arc::clone(&log);
        readers.spawn(async move {
            while log.stats().files_dropped < 30 {
                let earliest = log.bounds(BY_AGE, 0).await.unwrap().earliest;
                let found = log.offset_at(BY_AGE, 0, START_US).await.unwrap();
                assert!(found >= earliest);
                match fetch(&log, BY_AGE, found.0).await {
                    Ok(fetched) => assert_eq!(fetched.records[0].offset, found),
                    Err(LogError::OutOfRange { earliest, .. }) => assert!(earliest > found),
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    for hour in 3..=33 {
        log.enforce_retention(START_US + hour * HOUR_US)
            .await
            .unwrap();
    }
    readers.join_all().await;
}

#[tokio::test]
async fn append_times_stay_when_the_clock_steps_back_and_after_reopening() {
    let bench = Bench::new();
    let log = bench.open_with_topics(2).await;
    bench.clock.set(START_US + 30 * MINUTE_US);
    for topic in [BY_AGE, BY_KEY] {
        let appended = log.append(topic, 0, vec![numbered(0)]).await.unwrap();
        assert_eq!(appended.appended_at_us, START_US + 30 * MINUTE_US);
    }
    bench.clock.set(START_US - 5 * HOUR_US);
    for topic in [BY_AGE, BY_KEY] {
        let appended = log.append(topic, 0, vec![numbered(1)]).await.unwrap();
        assert_eq!(appended.appended_at_us, START_US + 30 * MINUTE_US);
    }
    log.close().await.unwrap();
    drop(log);
    let log = bench.open();
    for topic in [BY_AGE, BY_KEY] {
        let appended = log.append(topic, 0, vec![numbered(2)]).await.unwrap();
        assert_eq!(appended.appended_at_us, START_US + 30 * MINUTE_US);
    }
    assert_eq!(
        bench.hours().len(),
        1,
        "a clock that steps back makes no file"
    );
    bench.clock.set(START_US + 31 * MINUTE_US);
    let appended = log.append(BY_AGE, 0, vec![numbered(3)]).await.unwrap();
    assert_eq!(appended.appended_at_us, START_US + 31 * MINUTE_US);
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_does_not_put_retention_off() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    let append = async |topic, now_us| {
        bench.clock.set(now_us);
        log.append(topic, 0, vec![numbered(0)]).await.unwrap();
    };
    append(BY_KEY, START_US + 50_000 * HOUR_US).await;
    // When the next call is answered, the log has looked at its retention after the last one.
    log.prepare(&[]).await.unwrap();
    append(BY_AGE, START_US).await;
    append(BY_KEY, START_US + 4 * HOUR_US).await;
    wait_for_drops(&log, 1).await;
}

#[tokio::test]
async fn tombstones_go_after_their_retention_and_not_before() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    let records = vec![
        Record::new("stays", "1"),
        Record::tombstone("goes"),
        Record::tombstone("comes back"),
        Record::new("comes back", "2"),
    ];
    log.append(BY_KEY, 0, records).await.unwrap();
    assert_eq!(fetch_all(&log, BY_KEY).await.0, [0, 1, 3]);
    log.enforce_retention(START_US + HOUR_US).await.unwrap();
    assert_eq!(fetch_all(&log, BY_KEY).await.0, [0, 1, 3]);
    log.enforce_retention(START_US + HOUR_US + 1).await.unwrap();
    assert_eq!(fetch_all(&log, BY_KEY).await.0, [0, 3]);
    assert_eq!(log.stats().tombstones_dropped, 1);
    assert_eq!(
        log.append(BY_KEY, 0, vec![numbered(0)])
            .await
            .unwrap()
            .first,
        Offset(4)
    );
}

#[tokio::test]
async fn superseded_records_leave_the_file() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    for number in 0..50 {
        let record = Record::new(format!("key {}", number % 5), vec![7; 20_000]);
        log.append(BY_KEY, 0, vec![record]).await.unwrap();
    }
    assert_eq!(fetch_all(&log, BY_KEY).await.0, [45, 46, 47, 48, 49]);
    log.close().await.unwrap();
    let bytes = std::fs::metadata(bench.main_file()).unwrap().len();
    assert!(bytes < 12 * 20_000, "{bytes}");
}
