//! What can be set.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Limits, Retention};

/// Days past its retention after which a row goes even if nobody enforces that.
const TTL_MARGIN_DAYS: u32 = 2;

/// Settings of a store on ClickHouse. The password is no setting: it is handed over beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClickHouseConfig {
    /// Where the HTTP interface is. Of several servers of one cluster, one that answers is used.
    #[schemars(length(min = 1))]
    pub urls: Vec<String>,
    /// The database. `sextant migrate` makes it if it is missing.
    pub database: String,
    /// The user.
    pub user: String,
    /// The cluster, as the servers' `remote_servers` names it; absent for a single server.
    pub cluster: Option<String>,
    /// How long a query may take, in milliseconds.
    #[schemars(range(min = 1))]
    pub read_timeout_ms: u64,
    /// How long an insert may take, in milliseconds.
    #[schemars(range(min = 1))]
    pub write_timeout_ms: u64,
    /// How long a statement that changes the schema may take, in milliseconds.
    #[schemars(range(min = 1))]
    pub migrate_timeout_ms: u64,
    /// Rows that one query may make the server read.
    #[schemars(range(min = 1))]
    pub read_rows_max: u64,
    /// Rows that writes made at about the same time may bring together in one insert.
    #[schemars(range(min = 1))]
    pub batch_rows_max: u64,
    /// How long a write waits for others to join it, in milliseconds.
    pub batch_wait_ms: u64,
    /// For how long rows are kept.
    pub retention: RetentionConfig,
}

/// For how many days rows are kept, at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Minutes and the uptime in them.
    #[schemars(range(min = 1))]
    pub minutes_days: u32,
    /// Windows as published.
    #[schemars(range(min = 1))]
    pub windows_days: u32,
    /// What agents reported of themselves.
    #[schemars(range(min = 1))]
    pub agents_days: u32,
}

impl Default for ClickHouseConfig {
    fn default() -> Self {
        Self {
            urls: vec!["http://localhost:8123".to_owned()],
            database: "sextant".to_owned(),
            user: "default".to_owned(),
            cluster: None,
            read_timeout_ms: 15_000,
            write_timeout_ms: 30_000,
            migrate_timeout_ms: 180_000,
            read_rows_max: 200_000_000,
            batch_rows_max: Limits::default().written_rows_max,
            batch_wait_ms: 100,
            retention: RetentionConfig::default(),
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        let days = Retention::default();
        Self {
            minutes_days: days.minutes_days,
            windows_days: days.windows_days,
            agents_days: days.agents_days,
        }
    }
}

impl ClickHouseConfig {
    /// All that is wrong with the settings, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.urls.is_empty() {
            problems.push("urls: at least one is needed".to_owned());
        }
        for url in &self.urls {
            problems.extend(url_problem(url).map(|why| format!("urls: {url:?} {why}")));
        }
        // They become part of statements that take no parameters.
        for (name, value) in [
            ("database", Some(&self.database)),
            ("cluster", self.cluster.as_ref()),
        ] {
            if value.is_some_and(|value| !is_name(value)) {
                problems.push(format!(
                    "{name}: must be 1 to 64 letters, digits and '_', and not begin with a digit"
                ));
            }
        }
        let days = self.retention;
        for (name, value) in [
            ("read_timeout_ms", self.read_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("migrate_timeout_ms", self.migrate_timeout_ms),
            ("read_rows_max", self.read_rows_max),
            ("batch_rows_max", self.batch_rows_max),
            ("retention.minutes_days", days.minutes_days.into()),
            ("retention.windows_days", days.windows_days.into()),
            ("retention.agents_days", days.agents_days.into()),
        ] {
            if value == 0 {
                problems.push(format!("{name}: must be at least 1"));
            }
        }
        problems
    }

    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }

    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub(super) fn migrate_timeout(&self) -> Duration {
        Duration::from_millis(self.migrate_timeout_ms)
    }

    pub(super) fn batch_wait(&self) -> Duration {
        Duration::from_millis(self.batch_wait_ms)
    }
}

impl RetentionConfig {
    /// Days after which the server deletes by itself.
    pub(super) fn ttl_days(days: u32) -> u32 {
        days.saturating_add(TTL_MARGIN_DAYS)
    }
}

fn url_problem(url: &str) -> Option<&'static str> {
    let tls = cfg!(feature = "clickhouse-tls");
    let (_, rest) = match url.split_once("://") {
        Some(parts @ ("http", _)) => parts,
        Some(parts @ ("https", _)) if tls => parts,
        Some(("https", _)) => return Some("needs TLS, which this build lacks"),
        _ => return Some("does not begin with http:// or https://"),
    };
    let host = rest.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', '?', '#']) {
        Some("is not just a host and a port")
    } else if host.contains('@') {
        Some("has credentials: `user` and the password go beside it")
    } else {
        None
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(ClickHouseConfig::default().problems(), [""; 0]);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let config = ClickHouseConfig {
            urls: [
                "http://h",
                "ftp://h",
                "http://me:pw@h",
                "http://h/?a=b",
                "http://",
            ]
            .map(str::to_owned)
            .to_vec(),
            database: "a; DROP DATABASE b".to_owned(),
            cluster: Some("c'".to_owned()),
            read_timeout_ms: 0,
            ..ClickHouseConfig::default()
        };
        let problems = config.problems();
        assert_eq!(problems.len(), 7, "{problems:#?}");
        let none = ClickHouseConfig {
            urls: Vec::new(),
            ..ClickHouseConfig::default()
        };
        assert_eq!(none.problems().len(), 1);
    }

    #[test]
    fn unknown_settings_are_refused() {
        let parsed: Result<ClickHouseConfig, _> = serde_json::from_str(r#"{"databse": "x"}"#);
        assert!(parsed.is_err());
        let parsed: ClickHouseConfig =
            serde_json::from_str(r#"{"retention": {"minutes_days": 3}}"#).unwrap();
        assert_eq!(parsed.retention.minutes_days, 3);
        assert_eq!(parsed.retention.windows_days, 30);
    }
}
