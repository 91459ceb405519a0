//! Commands that ask a server, here one that answers what it is told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{run, sextant};

/// Answers one request; the thread gives its head back.
pub(crate) fn answering(status: &'static str, body: String) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        answer(stream, status, &body)
    });
    (url, server)
}

fn answer(mut stream: TcpStream, status: &str, body: &str) -> Vec<String> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let lines = reader.by_ref().lines().map(Result::unwrap);
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let lengths = head
        .iter()
        .filter_map(|line| line.strip_prefix("content-length: "));
    for length in lengths {
        reader
            .read_exact(&mut vec![0; length.parse().unwrap()])
            .unwrap();
    }
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    head
}

fn snapshot() -> String {
    let ratio = r#"{"ratio": 0.5, "n": 150}"#;
    let percentiles = r#"{"p50": 221.5, "p95": null, "n": 90}"#;
    format!(
        r#"{{"version": "1", "generated_at": "2026-11-22T14:29:58Z",
            "coverage": {{"partitions_whole": 4, "partitions": 4}}, "observer_suspected": true,
            "endpoints": [{{"model": "a/b", "provider": "p", "quantization": "fp8", "new": 1,
              "price": {{"input": "0.08", "output": "0.3"}},
              "global": {{"status": "degraded", "uptime_30m": {ratio}, "success_30m": {ratio},
                "latency_ms": {percentiles}, "throughput_tps": {percentiles}}}}}]}}"#
    )
}

#[test]
fn a_snapshot_is_shown_as_a_table() {
    let (url, server) = answering("200 OK", snapshot());
    let ran = run(&mut sextant(&[
        "snapshot", "--url", &url, "--models", "a/b,c/d",
    ]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ran.out, @r"
    2026-11-22T14:29:58Z, 4 of 4 partitions, observer suspected: statuses mean little

    a/b
    provider  quantization  $/M in  $/M out  TTFT p50 ms  p95  tok/s p50  p95  uptime  success  status
    p         q8 · fp8        0.08      0.3        221.5    —      221.5    —  50.00%   50.00%  degraded
    ");
    let head = server.join().unwrap();
    assert_eq!(head[0], "GET /api/v1/snapshot?models=a/b,c/d HTTP/1.1");
}

#[test]
fn a_snapshot_is_shown_as_json_with_all_that_it_holds() {
    let (url, server) = answering("200 OK", snapshot());
    let ran = run(&mut sextant(&[
        "snapshot", "--url", &url, "--output", "json",
    ]));
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["endpoints"][0]["new"], 1);
    server.join().unwrap();
}

#[test]
fn a_token_comes_from_a_file_or_the_environment_and_is_shown_to_the_server_only() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "from-the-file\n").unwrap();
    let file = file.to_str().unwrap();
    for (args, wanted) in [
        (
            &["--token-file", file][..],
            "authorization: Bearer from-the-file",
        ),
        (&[], "authorization: Bearer from-the-environment"),
    ] {
        let problem = r#"{"status": 403, "detail": "the token of x is not good for read"}"#;
        let (url, server) = answering("403 Forbidden", problem.to_owned());
        let mut command = sextant(&["snapshot", "--url", &url]);
        let ran = run(command
            .args(args)
            .env("SEXTANT_TOKEN", "from-the-environment"));
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
        let said = "the server answers 403 Forbidden: the token of x is not good for read\n";
        assert!(ran.err.ends_with(said), "{}", ran.err);
        assert!(!ran.err.contains("from-the"), "{}", ran.err);
        let head = server.join().unwrap();
        assert!(head.contains(&wanted.to_owned()), "{head:?}");
    }
}

#[test]
fn health_is_told_by_the_exit_code() {
    let (url, server) = answering("200 OK", String::new());
    assert_eq!(
        run(&mut sextant(&["healthcheck", "--url", &url])).code,
        Some(0)
    );
    assert_eq!(server.join().unwrap()[0], "GET /readyz HTTP/1.1");
    let (url, server) = answering("503 Service Unavailable", String::new());
    assert_eq!(
        run(&mut sextant(&["healthcheck", "--url", &url])).code,
        Some(1)
    );
    server.join().unwrap();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ran = run(sextant(&["healthcheck"]).env("SEXTANT_URL", format!("http://{free}")));
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.starts_with("error: cannot get http://"),
        "{}",
        ran.err
    );
    let named = run(&mut sextant(&["healthcheck", "--url", "https://127.0.0.1"]));
    let mut unnamed = sextant(&["healthcheck"]);
    let unnamed = run(unnamed.env("SEXTANT_URL", "https://127.0.0.1"));
    for ran in [named, unnamed] {
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains("must be http://host:port"), "{}", ran.err);
    }
    // An empty variable counts as not set.
    let mut empty = sextant(&["healthcheck"]);
    empty.env("SEXTANT_URL", "").env("SEXTANT_TOKEN_FILE", "");
    assert_ne!(run(&mut empty).code, Some(2));
}
