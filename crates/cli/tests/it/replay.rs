use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{run, sextant};
use crate::server::answering;

const GOOD: &str = r#"{"model":"a/b","provider":"p","completed_at":"2026-11-22T14:00:00.5Z","outcome":"ok","ttft_ms":100,"duration_ms":900,"output_tokens":90}"#;

fn recorded(lines: &[&str]) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("recorded.ndjson");
    fs::write(&path, lines.join("\n")).unwrap();
    (directory, path)
}

#[test]
fn what_is_kept_is_summed_up_and_exits_with_0() {
    let taken = r#"{"accepted": 2, "rejected": [], "deduplicated": true}"#;
    let (url, server) = answering("200 OK", taken.to_owned());
    let (_directory, path) = recorded(&[GOOD, GOOD]);
    let path = path.to_str().unwrap();
    let ran = run(&mut sextant(&[
        "replay",
        path,
        "--to",
        &url,
        "--at-once",
        "--rebase",
    ]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let table: Vec<_> = ran.out.lines().take(5).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    observations          count
    in the file               2
    recorded                  2
    acknowledged              2
    refused                   0
    ");
    assert!(
        ran.out.contains("1 batches, 0 sent again, in "),
        "{}",
        ran.out
    );
    let head = server.join().unwrap();
    assert_eq!(head[0], "POST /api/v1/observations HTTP/1.1");
    assert!(
        head.contains(&"sextant-agent: sextant-replay".to_owned()),
        "{head:?}"
    );
}

#[test]
fn what_is_lost_is_named_with_its_reason_and_exits_with_1() {
    let taken = r#"{"accepted": 1, "rejected": [{"index": 1, "reason": "too \u001b[31m old"}],
                    "deduplicated": true}"#;
    let (_directory, path) = recorded(&[GOOD, "{\"model\":5}", GOOD]);
    let path = path.to_str().unwrap();
    let (url, server) = answering("200 OK", taken.to_owned());
    let ran = run(&mut sextant(&["replay", path, "--to", &url, "--at-once"]));
    server.join().unwrap();
    assert_eq!(ran.code, Some(1));
    let losses: Vec<_> = ran.out.lines().rev().take(2).collect();
    assert_eq!(losses[0], "refused: number 1 (a/b, p): too  [31m old");
    assert!(losses[1].starts_with("line 2: "), "{}", ran.out);

    let (url, server) = answering("200 OK", taken.to_owned());
    let args = [
        "replay",
        path,
        "--to",
        &url,
        "--at-once",
        "--output",
        "json",
    ];
    let ran = run(&mut sextant(&args));
    server.join().unwrap();
    assert_eq!(ran.code, Some(1));
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    let count = |name: &str| json[name].as_u64();
    assert_eq!(count("observations"), Some(2));
    assert_eq!(
        (count("acknowledged"), count("refused")),
        (Some(1), Some(1))
    );
    assert_eq!(json["first_bad_lines"][0]["line"], 2);
    assert_eq!(json["refusals"][0]["reason"], "too  [31m old");
}

#[test]
fn what_cannot_be_begun_says_why() {
    let (_directory, path) = recorded(&[GOOD]);
    let path = path.to_str().unwrap();
    for (args, (code, said)) in [
        (
            ["replay", path, "--to", "ftp://x"],
            (2, "error: invalid value 'ftp://x' for '--to <URL>': "),
        ),
        (
            ["replay", "/none.ndjson", "--to", "http://127.0.0.1:1"],
            (1, "error: cannot open /none.ndjson: "),
        ),
    ] {
        let ran = run(&mut sextant(&args));
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""));
        assert!(ran.err.starts_with(said), "{}", ran.err);
    }
}
