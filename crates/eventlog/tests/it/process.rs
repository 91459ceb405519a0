//! What only another process can show: its death, its lock, its disk failing.
//!
//! A test runs this binary again, as a child that plays a part in a directory it is told.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sextant_eventlog::sqlite::{SqliteLog, SqliteOptions};
use sextant_eventlog::{EventLog, LogError, Record};
use tokio::runtime::Builder;

use crate::harness::{BY_AGE, Bench, START_US, fetch_all, topics};

const DIRECTORY: &str = "SEXTANT_EVENTLOG_TEST_DIRECTORY";

#[test]
fn p1_a_killed_process_has_lost_nothing_that_it_acknowledged() {
    let bench = Bench::new();
    let mut acknowledged = 0;
    for round in 0..5 {
        let mut child = play("appends_and_says_so", bench.path(), "exec \"$@\"");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..50 + round * 37 {
            if let Some(offset) = next_acknowledged(&mut lines) {
                assert_eq!(offset, acknowledged, "offsets go on after a kill");
                acknowledged += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        while let Some(offset) = next_acknowledged(&mut lines) {
            assert_eq!(offset, acknowledged);
            acknowledged += 1;
        }
        let (sound, corrupt) = read_back(&bench);
        assert_eq!(corrupt, Vec::<u64>::new());
        let stored = sound.len() as u64;
        assert!(stored >= acknowledged, "{stored} of {acknowledged}");
        assert_eq!(sound, (0..stored).collect::<Vec<_>>());
        // What was durable but not yet said counts as said from here on.
        acknowledged = stored;
    }
    assert!(acknowledged > 200, "{acknowledged}");
}

#[test]
fn p9_a_write_that_fails_stops_the_log_and_loses_nothing_acknowledged() {
    let bench = Bench::new();
    // No file may grow over 1 MB: writing past that fails, as on a broken disk, not a full one.
    let shell = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let mut child = play("appends_until_the_disk_fails", bench.path(), shell);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let acknowledged = lines
        .iter()
        .filter(|line| line.starts_with("acknowledged "))
        .count();
    assert!(acknowledged > 5, "{lines:?}");
    let stopped = lines
        .iter()
        .find(|line| line.starts_with("stopped "))
        .unwrap();
    assert!(stopped.contains("SQLite code"), "{stopped}");
    assert!(lines.iter().any(|line| line == "still stopped"));
    let (sound, corrupt) = read_back(&bench);
    assert_eq!((sound.len(), corrupt.len()), (acknowledged, 0));
}

#[test]
fn a_second_process_is_refused() {
    let bench = Bench::new();
    let log = bench.open();
    let mut child = play("tries_to_open", bench.path(), "exec \"$@\"");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let expected = LogError::Locked {
        directory: bench.path().display().to_string(),
    };
    assert!(lines.contains(&format!("refused {expected}")), "{lines:?}");
    drop(log);
}

#[test]
#[ignore = "a part that another test has a child process play"]
fn appends_and_says_so() {
    let Some(log) = open_told() else { return };
    runtime().block_on(async {
        log.prepare(&topics(1)).await.unwrap();
        loop {
            let record = Record {
                value: Some(vec![1; 3_000].into()),
                ..Record::default()
            };
            let appended = log.append(BY_AGE, 0, vec![record]).await.unwrap();
            say(&format!("acknowledged {}", appended.first));
        }
    });
}

#[test]
#[ignore = "a part that another test has a child process play"]
fn appends_until_the_disk_fails() {
    let Some(log) = open_told() else { return };
    runtime().block_on(async {
        log.prepare(&topics(1)).await.unwrap();
        let record = Record {
            value: Some(vec![1; 30_000].into()),
            ..Record::default()
        };
        let failure = loop {
            match log.append(BY_AGE, 0, vec![record.clone()]).await {
                Ok(appended) => say(&format!("acknowledged {}", appended.first)),
                Err(failure) => break failure,
            }
        };
        let LogError::Stopped { reason } = &failure else {
            panic!("{failure}")
        };
        say(&format!("stopped {reason}"));
        assert_eq!(log.stopped().await, *reason);
        let tiny = Record::new("key", "value");
        assert_eq!(log.append(BY_AGE, 0, vec![tiny]).await, Err(failure));
        say("still stopped");
    });
}

#[test]
#[ignore = "a part that another test has a child process play"]
fn tries_to_open() {
    let Some(directory) = told() else { return };
    let refusal = open_in(&directory).err().unwrap();
    say(&format!("refused {refusal}"));
}

/// Starts this binary again, through a shell that runs `"$@"`, to play one part.
fn play(part: &str, directory: &Path, shell: &str) -> Child {
    let myself = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(myself)
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            &format!("process::{part}"),
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn next_acknowledged(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Option<u64> {
    lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("acknowledged ")?.parse().ok())
}

fn read_back(bench: &Bench) -> (Vec<u64>, Vec<u64>) {
    runtime().block_on(async { fetch_all(&bench.open(), BY_AGE).await })
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a child process is told its directory"
)]
fn told() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn open_told() -> Option<SqliteLog> {
    told().map(|directory| open_in(&directory).unwrap())
}

fn open_in(directory: &Path) -> Result<SqliteLog, LogError> {
    assert!(fs::exists(directory).unwrap());
    SqliteLog::open(
        directory,
        SqliteOptions::default(),
        std::sync::Arc::new(|| START_US),
    )
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
