//! A server of its own, and the one that a run shares.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use sextant_testbed::clickhouse::ClickHouse;
use sextant_testbed::run;

/// What the server answers to a statement, or why it can't be asked.
fn ask(url: &str, statement: &str) -> std::io::Result<String> {
    ask_as("default", "", url, statement)
}

fn ask_as(user: &str, password: &str, url: &str, statement: &str) -> std::io::Result<String> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address)?;
    let bytes = statement.len();
    write!(
        stream,
        "POST /?user={user}&password={password} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n{statement}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_server_starts_and_has_its_rows_again_after_a_kill() {
    let mut clickhouse = ClickHouse::start().unwrap();
    let url = clickhouse.url();
    for statement in [
        "CREATE DATABASE kept ENGINE = Atomic",
        "CREATE TABLE kept.rows (n UInt32) ENGINE = MergeTree ORDER BY n",
        "INSERT INTO kept.rows SELECT number FROM numbers(1000)",
    ] {
        let answer = ask(&url, statement).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    clickhouse.kill().unwrap();
    assert!(ask(&url, "SELECT 1").is_err());
    clickhouse.start_again().unwrap();
    assert_eq!(clickhouse.url(), url, "on the same port");
    let answer = ask(&url, "SELECT sum(n) FROM kept.rows").unwrap();
    assert!(answer.contains("499500"), "{answer}");
}

#[test]
fn a_run_shares_one_server() {
    let url = run::clickhouse();
    assert_eq!(run::clickhouse(), url);
    assert!(ask(&url, "SELECT version()").unwrap().contains("26."));
}

#[test]
fn a_user_has_a_password() {
    let user = |password| {
        let url = run::clickhouse();
        ask_as("guarded", password, &url, "SELECT currentUser()").unwrap()
    };
    assert!(user("opensesame").starts_with("HTTP/1.1 200"));
    let refused = user("sesame");
    assert!(refused.contains("AUTHENTICATION_FAILED"), "{refused}");
}
