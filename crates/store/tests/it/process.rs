//! What only another process can show: its death, and its disk failing.
//!
//! A test runs this binary again, as a child that plays a part in a directory it is told.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sextant_measure::id::EndpointId;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{Rows, Store, StoreError};
use tokio::runtime::{Builder, Runtime};

use crate::harness::SqliteHarness;
use crate::rows::{NOON, all_minutes, always, endpoint, minute};

const DIRECTORY: &str = "SEXTANT_STORE_TEST_DIRECTORY";
const ENDPOINTS: u32 = 20;

#[test]
fn p1_a_killed_process_has_lost_nothing_that_it_was_told_is_written() {
    let harness = SqliteHarness::new();
    let mut written = 0;
    for round in 0..4 {
        let mut child = play("writes_and_says_so", harness.directory(), "exec \"$@\"");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..20 + round * 13 {
            written = next_written(&mut lines).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        while let Some(more) = next_written(&mut lines) {
            written = more;
        }
        let found = read_back(&harness);
        assert!(found >= written, "{found} of {written} minutes");
        written = found;
    }
    assert!(written > 100, "{written}");
}

#[test]
fn p9_a_write_that_fails_stops_the_store_and_loses_nothing_written() {
    let harness = SqliteHarness::new();
    // No file may grow over 1 MB: writing past that fails, as on a broken disk, not a full one.
    let shell = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let mut child = play("writes_until_the_disk_fails", harness.directory(), shell);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let written = lines.iter().filter_map(|line| written(line)).max().unwrap();
    assert!(written > 5, "{lines:?}");
    let stopped = lines.iter().find(|line| line.starts_with("stopped "));
    assert!(stopped.unwrap().contains("SQLite code"), "{stopped:?}");
    assert!(
        lines.iter().any(|line| line == "still stopped"),
        "{lines:?}"
    );
    assert_eq!(read_back(&harness), written);
}

#[test]
#[ignore = "a part that another test has a child process play"]
fn writes_and_says_so() {
    let Some(store) = open_told(SqliteOptions::default()) else {
        return;
    };
    runtime().block_on(async {
        let first = stored(&store).await;
        for n in first.. {
            store.write(rows(n)).await.unwrap();
            say(&format!("written {}", n + 1));
        }
    });
}

#[test]
#[ignore = "a part that another test has a child process play"]
fn writes_until_the_disk_fails() {
    // Nothing is brought into the file, so that its write-ahead log meets the limit.
    let options = SqliteOptions {
        checkpoint_bytes: u64::MAX,
        ..SqliteOptions::default()
    };
    let Some(store) = open_told(options) else {
        return;
    };
    runtime().block_on(async {
        let mut n = 0;
        let failure = loop {
            match store.write(rows(n)).await {
                Ok(()) => n += 1,
                Err(failure) => break failure,
            }
            say(&format!("written {n}"));
        };
        let StoreError::Stopped { reason } = &failure else {
            panic!("{failure}")
        };
        say(&format!("stopped {reason}"));
        assert_eq!(store.write(rows(0)).await, Err(failure.clone()));
        assert_eq!(store.write(Rows::default()).await, Err(failure.clone()));
        assert_eq!(store.minutes(&all_minutes()).await, Err(failure));
        say("still stopped");
    });
}

/// All endpoints' rows of one minute.
fn rows(n: u32) -> Rows {
    let providers = (0..ENDPOINTS).map(|provider| format!("provider-{provider}"));
    Rows {
        minutes: providers
            .map(|provider| minute(&provider, NOON.plus(n)))
            .collect(),
        ..Rows::default()
    }
}

/// How many minutes there are; each must be whole and without a gap.
async fn stored(store: &SqliteStore) -> u32 {
    let found = store.minutes(&all_minutes()).await.unwrap();
    assert_eq!(
        found.len() % ENDPOINTS as usize,
        0,
        "a write is taken whole or not at all"
    );
    let minutes = u32::try_from(found.len()).unwrap() / ENDPOINTS;
    let mut expected: Vec<_> = (0..minutes).flat_map(|n| rows(n).minutes).collect();
    expected.sort_by_key(|row| (row.minute, row.series.clone()));
    assert_eq!(found, expected);
    let asked: Vec<EndpointId> = (0..ENDPOINTS)
        .map(|n| endpoint(&format!("provider-{n}")))
        .collect();
    for series in store.uptime(&asked, always()).await.unwrap() {
        let whole: u64 = series.buckets.iter().map(|(_, ratio)| ratio.whole).sum();
        assert_eq!(whole, u64::from(minutes) * 109);
    }
    minutes
}

fn read_back(harness: &SqliteHarness) -> u32 {
    let store = harness.open_with(SqliteOptions::default());
    runtime().block_on(stored(&store))
}

/// Starts this binary again, through a shell that runs `"$@"`, to play one part.
fn play(part: &str, directory: &Path, shell: &str) -> Child {
    let part = format!("process::{part}");
    Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", &part])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn next_written(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Option<u32> {
    lines.map_while(Result::ok).find_map(|line| written(&line))
}

fn written(line: &str) -> Option<u32> {
    line.strip_prefix("written ")?.parse().ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a child process is told its directory"
)]
fn open_told(options: SqliteOptions) -> Option<SqliteStore> {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY)?);
    Some(SqliteStore::open(directory, options).unwrap())
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
