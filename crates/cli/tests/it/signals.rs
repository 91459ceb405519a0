//! Ending a process that has something to wait for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::binary::sextant;

/// Longer than any machine takes to end at once, and far shorter than the deadline below.
const AT_ONCE: Duration = Duration::from_secs(20);
const LONG_MS: &str = "120000";

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

/// Reads lines until one holds the text, and gives that one.
fn until(lines: impl Iterator<Item = std::io::Result<String>>, text: &str) -> String {
    let mut lines = lines.map(Result::unwrap);
    lines.find(|line| line.contains(text)).unwrap()
}

/// Fault matrix row 23, with requests that nobody has been promised anything for.
#[test]
fn unfinished_requests_hold_nobody_up_and_being_told_twice_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let args = [
        "standalone",
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
        "--data-dir",
    ];
    let mut command = sextant(&args);
    command
        .arg(&data)
        .env("SEXTANT_SHUTDOWN__DEADLINE_MS", LONG_MS)
        .env("SEXTANT_COLLECTOR__BODY_WAIT_MS_MAX", LONG_MS);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();

    let line = until(&mut out, "http listening on ");
    let address = line.rsplit("http://").next().unwrap();
    let unfinished = [
        "POST /api/v1/observations HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{",
        "GET /livez HTTP/1.1\r\nho",
    ];
    let streams = unfinished.map(|sent| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream
    });
    std::thread::sleep(Duration::from_millis(300));

    let begun = Instant::now();
    signal(&child, "-TERM");
    until(&mut err, "told to end");
    signal(&child, "-TERM");
    std::thread::spawn(move || err.for_each(drop));
    let status = child.wait().unwrap();
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < AT_ONCE, "{took:?}");
    drop(streams);
}
