//! What the log finds in its directory when it is opened.

use std::fs::{self, OpenOptions};
use std::path::Path;

use rusqlite::Connection;
use sextant_eventlog::{EventLog, LogError, Offset};

use crate::harness::{BY_AGE, BY_KEY, Bench, HOUR_US, fetch_all, numbered, topics};

/// A closed log of two hours.
async fn closed() -> Bench {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    for number in 0..2 {
        log.append(BY_AGE, 0, vec![numbered(number)]).await.unwrap();
        log.append(BY_KEY, 0, vec![numbered(number)]).await.unwrap();
        bench.clock.advance(HOUR_US);
    }
    log.close().await.unwrap();
    assert_eq!(bench.hours().len(), 2);
    bench
}

fn set_pragma(path: &Path, name: &str, value: i64) {
    Connection::open(path)
        .unwrap()
        .pragma_update(None, name, value)
        .unwrap();
}

/// The damaged file and what is said about it.
fn damage(bench: &Bench) -> (String, String) {
    match bench.try_open().err() {
        Some(LogError::Damaged { file, reason }) => (file, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_directory_in_use_is_refused_by_name_until_it_is_free() {
    let bench = Bench::new();
    let log = bench.open_with_topics(1).await;
    let refusal = bench.try_open().err().unwrap();
    assert_eq!(
        refusal,
        LogError::Locked {
            directory: bench.path().display().to_string()
        }
    );
    assert!(
        refusal
            .to_string()
            .contains(&bench.path().display().to_string())
    );
    log.close().await.unwrap();
    let log = bench.open();
    drop(log);
    drop(bench.open());
}

#[tokio::test]
async fn a_newer_format_is_refused_with_both_numbers() {
    for choose in [
        |bench: &Bench| bench.main_file(),
        |bench: &Bench| bench.hours()[0].clone(),
    ] {
        let bench = closed().await;
        let path = choose(&bench);
        set_pragma(&path, "user_version", 2);
        let file = path.display().to_string();
        let expected = LogError::Incompatible {
            file: file.clone(),
            found: 2,
            supported: 1,
        };
        assert_eq!(bench.try_open().err(), Some(expected.clone()));
        let said = expected.to_string();
        assert!(
            said.contains(&file) && said.contains('2') && said.contains('1'),
            "{said}"
        );
        // Nothing was changed: the newer version can have it back.
        set_pragma(&path, "user_version", 1);
        assert_eq!(fetch_all(&bench.open(), BY_AGE).await.0, [0, 1]);
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_by_name() {
    let bench = closed().await;
    set_pragma(&bench.main_file(), "application_id", 7);
    let (file, reason) = damage(&bench);
    assert_eq!(file, bench.main_file().display().to_string());
    assert!(reason.contains("not a file of this log"), "{reason}");
}

#[tokio::test]
async fn a_truncated_file_is_refused_by_name() {
    for (choose, cut) in [
        ((|bench| bench.main_file()) as fn(&Bench) -> _, 8_192),
        (|bench| bench.hours()[0].clone(), 8_192),
        (|bench| bench.hours()[1].clone(), 8_192),
        (|bench| bench.hours()[1].clone(), u64::MAX),
    ] {
        let bench = closed().await;
        let path = choose(&bench);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len().saturating_sub(cut))
            .unwrap();
        assert_eq!(damage(&bench).0, path.display().to_string(), "{cut}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_by_name() {
    let bench = closed().await;
    fs::write(&bench.hours()[0], vec![0xA5; 20_000]).unwrap();
    assert_eq!(damage(&bench).0, bench.hours()[0].display().to_string());
}

#[tokio::test]
async fn offsets_are_not_given_again_when_the_newest_file_is_gone() {
    let bench = closed().await;
    fs::remove_file(&bench.hours()[1]).unwrap();
    let (_, reason) = damage(&bench);
    assert!(reason.contains("is missing"), "{reason}");
}

#[tokio::test]
async fn offsets_are_not_given_again_when_the_main_file_is_gone() {
    let bench = closed().await;
    fs::remove_file(bench.main_file()).unwrap();
    let (file, reason) = damage(&bench);
    assert_eq!(file, bench.main_file().display().to_string());
    assert!(reason.contains("missing"), "{reason}");
}

#[tokio::test]
async fn what_an_interrupted_preparation_left_is_taken_over() {
    let bench = closed().await;
    let main = Connection::open(bench.main_file()).unwrap();
    main.execute("DELETE FROM topics WHERE name = ?1", (BY_AGE,))
        .unwrap();
    drop(main);
    let log = bench.open();
    let refusal = log.prepare(&topics(1)).await.unwrap_err();
    assert!(
        matches!(refusal, LogError::Damaged { .. }),
        "records are never removed: {refusal}"
    );

    let directory = bench.hours()[0].parent().unwrap().to_owned();
    for file in bench.hours() {
        Connection::open(&file)
            .unwrap()
            .execute("UPDATE slots SET next_offset = 0", ())
            .unwrap();
    }
    fs::write(directory.join("hour-00000009.new"), b"half a file").unwrap();
    log.prepare(&topics(1)).await.unwrap();
    assert_eq!(
        log.append(BY_AGE, 0, vec![numbered(0)])
            .await
            .unwrap()
            .first,
        Offset(0)
    );
    assert_eq!(bench.hours().len(), 1);
}

#[tokio::test]
async fn a_file_made_for_the_next_hour_before_a_crash_is_used() {
    let bench = closed().await;
    // The file of the second hour was made, but the process ended before the main file knew.
    let first_hour: i64 = 497_000;
    Connection::open(bench.main_file())
        .unwrap()
        .execute(
            "UPDATE topics SET newest_hour = ?1 WHERE name = ?2",
            (first_hour, BY_AGE),
        )
        .unwrap();
    bench.clock.advance(-HOUR_US);
    let log = bench.open();
    assert_eq!(fetch_all(&log, BY_AGE).await.0, [0, 1]);
    let appended = log.append(BY_AGE, 0, vec![numbered(2)]).await.unwrap();
    assert_eq!((appended.first, bench.hours().len()), (Offset(2), 2));
    log.close().await.unwrap();
    fs::remove_file(bench.hours().last().unwrap()).unwrap();
    assert!(
        damage(&bench).1.contains("is missing"),
        "the main file knows it by now"
    );
}

#[tokio::test]
async fn names_that_can_not_be_kept_are_refused() {
    let bench = Bench::new();
    let log = bench.open();
    let [spec, _] = topics(1);
    for name in [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "a b",
        "A",
        ".hidden",
        "-x",
        "ü",
        &"x".repeat(101),
    ] {
        let spec = sextant_eventlog::TopicSpec {
            name: name.to_owned(),
            ..spec.clone()
        };
        let refusal = log.prepare(&[spec]).await.unwrap_err();
        assert!(
            matches!(refusal, LogError::Invalid { .. }),
            "{name:?}: {refusal}"
        );
    }
    for partitions in [0, 1_025] {
        let spec = sextant_eventlog::TopicSpec {
            partitions,
            ..spec.clone()
        };
        let refusal = log.prepare(&[spec]).await.unwrap_err();
        assert!(
            matches!(refusal, LogError::Invalid { .. }),
            "{partitions}: {refusal}"
        );
    }
    let longest = sextant_eventlog::TopicSpec {
        name: "x".repeat(100),
        partitions: 1_024,
        ..spec
    };
    log.prepare(&[longest]).await.unwrap();
}
