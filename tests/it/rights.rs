//! The users of `deploy/clickhouse/users.xml` may do what they need, and no more.

use std::fs;

use sextant_testbed::clickhouse::ClickHouse;
use sextant_tests::process::command;

use crate::operations::document;
use crate::prometheus::shipped;

const PASSWORD: &str = "opensesame";
/// Of it.
const SHA256: &str = "d9fb92e3bbe65be1f1aad4a82eef4567f7a1ebe2cd110c8049b9698be7a70c88";
const HASHES: [&str; 3] = [
    "SEXTANT_MIGRATOR_SHA256",
    "SEXTANT_WRITER_SHA256",
    "SEXTANT_SRE_SHA256",
];

/// A server with the shipped users and a schema that the migrator has made, and how it is asked.
struct Guarded(ClickHouse);

impl Guarded {
    fn start() -> Self {
        let mut users = fs::read_to_string(shipped("clickhouse/users.xml")).unwrap();
        for name in HASHES {
            let given = format!(" from_env=\"{name}\"/>");
            assert!(users.contains(&given), "{name}");
            users = users.replace(&given, &format!(">{SHA256}</password_sha256_hex>"));
        }
        let server = ClickHouse::start_with_users(&users).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        // Once to make it, and once that finds it made.
        for _ in 0..2 {
            let mut migrate = command(&["migrate"]);
            migrate.env("SEXTANT_CLICKHOUSE__URL", server.url());
            migrate.env("SEXTANT_CLICKHOUSE__USER", "sextant_migrator");
            migrate.env("SEXTANT_CLICKHOUSE__PASSWORD_FILE", &password);
            let output = migrate.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        Self(server)
    }

    /// What is answered, or what it is refused for.
    fn ask(&self, user: &str, sql: &str, settings: &str) -> Result<String, String> {
        // Or an answer may have begun, and break off, before it fails.
        let url = format!(
            "{}/?database=sextant&wait_end_of_query=1&{settings}",
            self.0.url()
        );
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let request = agent
            .post(url)
            .header("X-ClickHouse-User", format!("sextant_{user}"))
            .header("X-ClickHouse-Key", PASSWORD);
        let mut answer = request.send(sql).unwrap();
        let said = answer.body_mut().read_to_string().unwrap();
        if answer.status().is_success() {
            Ok(said)
        } else {
            Err(said)
        }
    }

    fn refused(&self, user: &str, sql: &str, settings: &str, why: &str) {
        let said = self.ask(user, sql, settings).unwrap_err();
        assert!(said.contains(why), "{user}: {sql} {settings}: {said}");
    }
}

const A_MINUTE: &str = "INSERT INTO step_rows (model, provider, quantization, region, minute, uptime_whole) \
     VALUES ('a/b', 'p', 'fp8', 'r', now(), 7)";

#[test]
fn users_of_clickhouse_may_do_what_they_need_and_no_more() {
    let server = Guarded::start();
    server.ask("writer", A_MINUTE, "").unwrap();
    for (user, view) in [("writer", "uptime_rows"), ("sre", "endpoint_steps")] {
        let sql = format!("SELECT uptime_whole FROM {view}");
        assert_eq!(server.ask(user, &sql, "").unwrap(), "7\n");
    }
    server.refused("sre", A_MINUTE, "", "ACCESS_DENIED");
    let day = server.ask("sre", "SELECT toDate(minute) FROM endpoint_steps", "");
    let drop = format!(
        "ALTER TABLE step_rows DROP PARTITION '{}'",
        day.unwrap().trim()
    );
    for user in ["sre", "migrator"] {
        server.refused(user, &drop, "", "ACCESS_DENIED");
    }
    server.refused("writer", "DROP TABLE step_rows", "", "ACCESS_DENIED");
    server.refused("writer", "CREATE DATABASE other", "", "ACCESS_DENIED");
    server.ask("writer", &drop, "").unwrap();
    let left = server.ask("writer", "SELECT count() FROM step_rows", "");
    assert_eq!(left.unwrap(), "0\n");
}

#[test]
fn whoever_reads_clickhouse_may_set_less_and_neither_more_nor_no_limit_at_all() {
    let server = Guarded::start();
    let one = "SELECT 1";
    assert_eq!(
        server.ask("sre", one, "max_execution_time=10").unwrap(),
        "1\n"
    );
    for (setting, most) in [
        ("max_execution_time", 60_u64),
        ("max_memory_usage", 4_000_000_000),
        ("max_rows_to_read", 200_000_000),
        ("max_result_rows", 100_000),
    ] {
        for value in [0, most + 1] {
            let setting = format!("{setting}={value}");
            server.refused("sre", one, &setting, "SETTING_CONSTRAINT_VIOLATION");
        }
    }
    server.refused("sre", one, "readonly=0", "READONLY");
    let rows = "SELECT count() FROM numbers(300000000)";
    server.refused("sre", rows, "", "TOO_MANY_ROWS");
    let result = "SELECT number FROM numbers(200000)";
    server.refused("sre", result, "", "TOO_MANY_ROWS_OR_BYTES");
    server.refused(
        "sre",
        result,
        "result_overflow_mode=break",
        "SETTING_CONSTRAINT_VIOLATION",
    );
    let slow = "SELECT sleepEachRow(2) FROM numbers(3)";
    server.refused(
        "sre",
        slow,
        "max_execution_time=1&max_block_size=1",
        "TIMEOUT_EXCEEDED",
    );
    let memory = "SELECT length(groupArray(number)) FROM numbers(100000000)";
    server.refused(
        "sre",
        memory,
        "max_memory_usage=100000000",
        "MEMORY_LIMIT_EXCEEDED",
    );
}

#[test]
fn what_the_runbook_asks_of_clickhouse_is_answered_to_whoever_reads() {
    let server = Guarded::start();
    let runbook = document("operations.md");
    let asked: Vec<_> = runbook
        .split('`')
        .filter(|code| code.starts_with("SELECT "))
        .collect();
    assert!(asked.len() >= 10, "{asked:?}");
    for sql in asked {
        server
            .ask("sre", sql, "")
            .unwrap_or_else(|said| panic!("{sql}: {said}"));
    }
}
