//! Fault 5: what a damaged file still gives. Wrong data is never served, and every loss is named.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use sextant_eventlog::{EventLog, Offset, Record};

use crate::harness::{BY_AGE, BY_KEY, Bench, fetch, fetch_all, numbered};

/// A closed log with some records in partition 0 of both topics, a millisecond apart.
async fn filled(count: usize) -> Bench {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    for number in 0..count {
        bench.clock.advance(1_000);
        log.append(BY_AGE, 0, vec![numbered(number)]).await.unwrap();
        log.append(BY_KEY, 0, vec![numbered(number)]).await.unwrap();
    }
    log.close().await.unwrap();
    bench
}

/// A closed log with many records in partition 0 of the topic by age.
async fn filled_at_once(count: usize) -> Bench {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    log.append(BY_AGE, 0, (0..count).map(numbered).collect())
        .await
        .unwrap();
    log.close().await.unwrap();
    bench
}

fn change(path: &Path, sql: &str) {
    let changed = Connection::open(path).unwrap().execute(sql, ()).unwrap();
    assert!(changed > 0, "{sql}");
}

fn flip_a_bit(path: &Path, within: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes
        .windows(within.len())
        .position(|window| window == within)
        .unwrap();
    bytes[at + within.len() / 2] ^= 0b100;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_a_stored_value_is_skipped_and_counted() {
    let bench = filled(20).await;
    flip_a_bit(&bench.hours()[0], b"value 13");
    flip_a_bit(&bench.main_file(), b"value 17");
    let log = bench.open();
    let others = |damaged| {
        (0..20)
            .filter(|offset| *offset != damaged)
            .collect::<Vec<u64>>()
    };
    assert_eq!(fetch_all(&log, BY_AGE).await, (others(13), vec![13]));
    assert_eq!(fetch_all(&log, BY_KEY).await, (others(17), vec![17]));
    assert_eq!(log.stats().corrupt_records, 2);
}

#[tokio::test]
async fn damage_to_any_column_of_a_record_is_noticed() {
    for damage in [
        "appended_at_us = appended_at_us + 1",
        "crc = crc + 1",
        "key = x'00'",
        "key = NULL",
        "headers = x'00'",
        "headers = x'00000000'",
        "value = NULL",
        "value = x''",
        // What was the end of the key becomes the start of the value.
        "key = x'6b6579', value = CAST(' 3value 3' AS BLOB)",
    ] {
        let bench = filled(6).await;
        change(
            &bench.hours()[0],
            &format!("UPDATE records SET {damage} WHERE id = 3"),
        );
        let log = bench.open();
        assert_eq!(
            fetch_all(&log, BY_AGE).await,
            (vec![0, 1, 2, 4, 5], vec![3]),
            "{damage}"
        );
    }
}

#[tokio::test]
async fn a_record_in_anothers_place_is_not_taken_for_it() {
    let bench = filled(6).await;
    let file = &bench.hours()[0];
    for (from, to) in [(2, 100), (4, 2), (100, 4)] {
        change(
            file,
            &format!("UPDATE records SET id = {to} WHERE id = {from}"),
        );
    }
    let log = bench.open();
    assert_eq!(
        fetch_all(&log, BY_AGE).await,
        (vec![0, 1, 3, 5], vec![2, 4])
    );
}

#[tokio::test]
async fn a_record_that_is_missing_is_named_where_none_may_be() {
    let bench = filled(6).await;
    change(
        &bench.hours()[0],
        "DELETE FROM records WHERE id IN (0, 3, 5)",
    );
    change(
        &bench.main_file(),
        "DELETE FROM records WHERE id IN (0, 3, 5)",
    );
    let log = bench.open();
    assert_eq!(
        fetch_all(&log, BY_AGE).await,
        (vec![1, 2, 4], vec![0, 3, 5])
    );
    assert_eq!(
        fetch_all(&log, BY_KEY).await,
        (vec![1, 2, 4], vec![]),
        "compaction does that"
    );
}

#[tokio::test]
async fn a_missing_hour_is_named_record_by_record() {
    let mut bench = Bench::new();
    bench.options.upkeep_interval = Duration::from_hours(1_000);
    let log = bench.open_with_topics(1).await;
    for number in 0..12 {
        log.append(BY_AGE, 0, vec![numbered(number)]).await.unwrap();
        if number % 2 == 1 {
            bench.clock.advance(1_800_000_000);
        }
    }
    log.close().await.unwrap();
    fs::remove_file(&bench.hours()[1]).unwrap();
    let log = bench.open();
    let (sound, corrupt) = fetch_all(&log, BY_AGE).await;
    assert_eq!(corrupt, [4, 5, 6, 7], "those of the middle hour");
    assert_eq!(sound, [0, 1, 2, 3, 8, 9, 10, 11]);
}

#[tokio::test]
async fn zeroed_pages_lose_their_own_records_only() {
    let bench = filled_at_once(2_000).await;
    let path = &bench.hours()[0];
    let page_bytes = 8_192;
    let pages = fs::metadata(path).unwrap().len() / page_bytes;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    for page in [pages / 3, pages / 2] {
        file.seek(SeekFrom::Start(page * page_bytes)).unwrap();
        file.write_all(&vec![0; usize::try_from(page_bytes).unwrap()])
            .unwrap();
    }
    drop(file);
    let log = bench.open();
    let (sound, corrupt) = fetch_all(&log, BY_AGE).await;
    assert!(
        sound.len() > 1_500 && !corrupt.is_empty(),
        "{} {}",
        sound.len(),
        corrupt.len()
    );
    let mut all = [sound, corrupt].concat();
    all.sort_unstable();
    assert_eq!(
        all,
        (0..2_000).collect::<Vec<_>>(),
        "each is served or named, once"
    );
}

#[tokio::test]
async fn a_file_cut_within_its_last_page_loses_that_pages_records_only() {
    let bench = filled_at_once(500).await;
    let file = OpenOptions::new()
        .write(true)
        .open(&bench.hours()[0])
        .unwrap();
    file.set_len(file.metadata().unwrap().len() - 4_000)
        .unwrap();
    let log = bench.open();
    let (sound, corrupt) = fetch_all(&log, BY_AGE).await;
    assert!(
        sound.len() > 300 && !corrupt.is_empty(),
        "{} {}",
        sound.len(),
        corrupt.len()
    );
    let mut all = [sound, corrupt].concat();
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_damaged_record_can_be_superseded() {
    let bench = filled(3).await;
    change(
        &bench.main_file(),
        "UPDATE records SET key = x'00' WHERE id = 1",
    );
    let log = bench.open();
    log.append(BY_KEY, 0, vec![Record::new("key 1", "again")])
        .await
        .unwrap();
    assert_eq!(fetch_all(&log, BY_KEY).await, (vec![0, 2, 3], vec![]));
}

#[tokio::test]
async fn a_damaged_time_does_not_mislead_the_search_by_time() {
    let bench = filled(20).await;
    change(
        &bench.hours()[0],
        "UPDATE records SET appended_at_us = 1 WHERE id BETWEEN 8 AND 12",
    );
    let log = bench.open();
    let first_us = bench.clock.now_us() - 19_000;
    for (nth, expected) in [(0, 0), (7, 7), (9, 13), (13, 13), (19, 19), (20, 20)] {
        let found = log
            .offset_at(BY_AGE, 0, first_us + nth * 1_000)
            .await
            .unwrap();
        assert_eq!(found, Offset(expected), "the {nth}th");
    }
}

#[tokio::test]
async fn a_read_names_no_more_damaged_records_than_its_limit() {
    let bench = filled_at_once(50).await;
    change(
        &bench.hours()[0],
        "DELETE FROM records WHERE id BETWEEN 10 AND 44",
    );
    let log = bench.open();
    let limit = sextant_eventlog::ReadLimit {
        records: 20,
        bytes: 1 << 20,
    };
    let wait = Duration::ZERO;
    let fetched = log.read(BY_AGE, 0, Offset(0), limit, wait).await.unwrap();
    assert_eq!((fetched.records.len(), fetched.corrupt.len()), (10, 10));
    assert_eq!(fetched.next, Offset(20));
    let rest = fetch(&log, BY_AGE, 20).await.unwrap();
    assert_eq!((rest.records.len(), rest.corrupt.len()), (5, 25));
}

#[tokio::test]
async fn the_end_of_a_write_ahead_log_that_was_torn_is_cut() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    for number in 0..10 {
        log.append(BY_AGE, 0, vec![numbered(number)]).await.unwrap();
    }
    // What a loss of power leaves: the files as they are, the last write half done.
    let copy = Bench::new();
    copy_directory(bench.path(), copy.path());
    let wal = copy.hours()[0].with_extension("db-wal");
    let mut bytes = Vec::new();
    OpenOptions::new()
        .read(true)
        .open(&wal)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    fs::write(&wal, &bytes[..bytes.len() - 100]).unwrap();

    let log = copy.open();
    assert_eq!(fetch_all(&log, BY_AGE).await, ((0..9).collect(), vec![]));
    let appended = log.append(BY_AGE, 0, vec![numbered(9)]).await.unwrap();
    assert_eq!(appended.first, Offset(9));
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
