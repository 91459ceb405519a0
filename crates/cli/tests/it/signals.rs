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
const DEADLINE_MS: &str = "120000";

fn terminate(child: &Child) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
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

#[test]
fn a_second_signal_ends_a_process_that_waits_for_a_request() {
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
        .env("SEXTANT_SHUTDOWN__DEADLINE_MS", DEADLINE_MS);
    command.env("SEXTANT_COLLECTOR__BODY_WAIT_MS_MAX", DEADLINE_MS);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();

    let line = until(&mut out, "http listening on ");
    let address = line.rsplit("http://").next().unwrap();
    let mut unfinished = TcpStream::connect(address).unwrap();
    let head = "POST /api/v1/observations HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{";
    unfinished.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));

    terminate(&child);
    until(&mut err, "phase=\"connections\"");
    assert_eq!(child.try_wait().unwrap(), None, "it waited for nothing");
    let begun = Instant::now();
    terminate(&child);
    let status = child.wait().unwrap();
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(1));
    assert!(took < AT_ONCE, "{took:?}");
    until(&mut err, "told to end a second time");
}
