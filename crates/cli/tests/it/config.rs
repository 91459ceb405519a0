use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use tempfile::TempDir;

use crate::binary::{run, sextant};

#[test]
fn good_settings_exit_with_0() {
    let ran = run(&mut sextant(&["config", "check"]));
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "no problems\n"));
    assert_eq!(ran.err, "");
}

#[test]
fn bad_settings_exit_with_78_and_name_every_problem_on_a_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sextant.toml");
    fs::write(
        &path,
        "[http]\nlisten = \"0.0.0.0:1\"\n[log]\npartition = 4\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    for verb in ["check", "show"] {
        let mut command = sextant(&["config", verb, "--config", path]);
        let ran = run(command.env("SEXTANT_SHUTDOWN__DEADLINE_MS", "0"));
        assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
        let lines: Vec<_> = ran.err.lines().collect();
        assert_eq!(
            lines,
            [
                format!(
                    "{path}:2: http.listen: 0.0.0.0:1 is not loopback, and there is no token file; \
                     set access.token_file, listen on 127.0.0.1, or let everyone in with --insecure"
                ),
                format!("{path}:4: log.partition: unknown setting; did you mean log.partitions?"),
                "env SEXTANT_SHUTDOWN__DEADLINE_MS: shutdown.deadline_ms: 0 is out of range; give \
                 a whole number from 100 to 600000; the default is 10000"
                    .to_owned(),
            ]
        );
    }
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let ran = run(sextant(&["config", "check"]).env("SEXTANT_CONFIG", "/none/sextant.toml"));
    assert_eq!(ran.code, Some(78));
    assert!(
        ran.err.starts_with("/none/sextant.toml: can't be read: "),
        "{}",
        ran.err
    );
}

#[test]
fn settings_are_shown_for_people_and_for_programs() {
    let ran = run(sextant(&["config", "show"]).env("SEXTANT_LOG__PARTITIONS", "3"));
    assert_eq!(ran.code, Some(0));
    let mut lines = ran.out.lines();
    let shown = lines
        .find(|line| line.starts_with("log.partitions"))
        .unwrap();
    let words: Vec<_> = shown.split_whitespace().collect();
    assert_eq!(
        words,
        ["log.partitions", "3", "env", "SEXTANT_LOG__PARTITIONS"]
    );
    let ran = run(&mut sextant(&["config", "show", "--output", "json"]));
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["shutdown"]["deadline_ms"]["value"], 10_000);
}

#[test]
fn the_schema_is_json() {
    let ran = run(&mut sextant(&["config", "schema"]));
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        json["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn mistakes_on_the_command_line_exit_with_2_and_help_with_0() {
    for args in [
        &["config"][..],
        &["nonsense"],
        &["replay", "f", "--to", "x", "--speed", "0"],
    ] {
        let ran = run(&mut sextant(args));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!ran.err.is_empty());
    }
    let ran = run(&mut sextant(&["--help"]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("config"));
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut command = sextant(&["config", "schema"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}
