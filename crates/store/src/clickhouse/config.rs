//! What can be set. It is there in every build, so that one configuration file fits all.

use std::path::PathBuf;
#[cfg(feature = "clickhouse")]
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// ClickHouse, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClickHouseConfig {
    /// Where the HTTP interface is. Of several servers of one cluster, separated by commas, one that
    /// answers is used.
    #[schemars(length(min = 1))]
    pub url: String,
    /// The database. `sextant migrate` makes it if it is missing.
    #[schemars(length(min = 1))]
    pub database: String,
    /// The user.
    #[schemars(length(min = 1))]
    pub user: String,
    /// File with the password.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub password_file: Option<PathBuf>,
    /// The cluster, as the servers' `remote_servers` names it; absent for a single server.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub cluster: Option<String>,
    /// Milliseconds that a query may take.
    #[schemars(range(min = 100, max = 600_000))]
    pub read_timeout_ms: u32,
    /// Milliseconds that an insert may take.
    #[schemars(range(min = 100, max = 600_000))]
    pub write_timeout_ms: u32,
    /// Milliseconds that a statement which changes the schema may take.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub migrate_timeout_ms: u32,
    /// Rows that one query may make the server read.
    #[schemars(range(min = 1))]
    pub read_rows_max: u32,
    /// Rows that writes made at about the same time may bring together in one insert.
    #[schemars(range(min = 1))]
    pub batch_rows_max: u32,
    /// Milliseconds that a write waits for others to join it.
    #[schemars(range(max = 10_000))]
    pub batch_wait_ms: u32,
}

impl ClickHouseConfig {
    /// All that is wrong with the settings: which of them, and what.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for url in self.urls() {
            problems.extend(url_problem(url).map(|why| ("url", format!("{url:?} {why}"))));
        }
        // They become part of statements that take no parameters.
        for (name, value) in [
            ("database", Some(&self.database)),
            ("cluster", self.cluster.as_ref()),
        ] {
            if value.is_some_and(|value| !is_name(value)) {
                let what = "must be 1 to 64 letters, digits and '_', and not begin with a digit";
                problems.push((name, what.to_owned()));
            }
        }
        problems
    }

    /// Where the HTTP interface is, server by server.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    #[cfg(feature = "clickhouse")]
    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms.into())
    }

    #[cfg(feature = "clickhouse")]
    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms.into())
    }

    #[cfg(feature = "clickhouse")]
    pub(super) fn migrate_timeout(&self) -> Duration {
        Duration::from_millis(self.migrate_timeout_ms.into())
    }

    #[cfg(feature = "clickhouse")]
    pub(super) fn batch_wait(&self) -> Duration {
        Duration::from_millis(self.batch_wait_ms.into())
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
pub(super) mod tests {
    use super::*;

    pub(in crate::clickhouse) fn config() -> ClickHouseConfig {
        ClickHouseConfig {
            url: "http://one:8123, http://two:8123".to_owned(),
            database: "sextant".to_owned(),
            user: "default".to_owned(),
            password_file: None,
            cluster: None,
            read_timeout_ms: 1_000,
            write_timeout_ms: 1_000,
            migrate_timeout_ms: 1_000,
            read_rows_max: 1,
            batch_rows_max: 1,
            batch_wait_ms: 0,
        }
    }

    #[test]
    fn several_servers_are_named_in_one_text() {
        let config = config();
        assert!(config.urls().eq(["http://one:8123", "http://two:8123"]));
        assert_eq!(config.problems(), []);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let config = ClickHouseConfig {
            url: "http://h,ftp://h,http://me:pw@h,http://h/?a=b,http://".to_owned(),
            database: "a; DROP DATABASE b".to_owned(),
            cluster: Some("c'".to_owned()),
            ..config()
        };
        let problems = config.problems();
        assert_eq!(problems.len(), 6, "{problems:#?}");
    }
}
