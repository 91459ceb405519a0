//! The schema and its versions.
//!
//! A migration is a numbered script of statements that do nothing the second time, so that it can
//! be run again after it was cut short, and by two at once: ClickHouse has neither transactions
//! over several statements nor locks. A script that was ever released never changes; its checksum
//! is kept beside its number.

use clickhouse::{Client, Row};
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_128;

use super::config::ClickHouseConfig;
use super::fault;
use super::retention;
use super::server::Servers;
use crate::{Retention, StoreError};

/// A migration: its number, its name and its text.
type Migration = (u32, &'static str, &'static str);

/// The migrations in their order, numbered from 1.
const MIGRATIONS: [Migration; 5] = [
    (1, "tables", include_str!("schema/1_tables.sql")),
    (2, "views", include_str!("schema/2_views.sql")),
    (3, "gates", include_str!("schema/3_gates.sql")),
    (4, "observations", include_str!("schema/4_observations.sql")),
    (5, "incidents", include_str!("schema/5_incidents.sql")),
];

const VERSIONS: &str = include_str!("schema/0_versions.sql");

/// Marks a statement that a single server has no use for.
const CLUSTER_ONLY: &str = "-- Only on a cluster.";

/// The newest schema.
pub(super) const VERSION: u32 = {
    let [.., (version, _, _)] = MIGRATIONS;
    version
};

/// How statements are put for a single server, or for a cluster.
pub(super) struct Dialect {
    database: String,
    cluster: Option<String>,
    retention: Retention,
}

#[derive(Debug, Row, Deserialize)]
struct Applied {
    version: u32,
    checksum: String,
}

/// Brings the schema up to date; answers the numbers of the migrations that it ran.
///
/// Makes the database if it is missing, and sets how long tables keep rows by themselves. May be
/// run at any time, also by several at once.
///
/// # Errors
/// [`StoreError::Refused`] if the user may not do that; [`StoreError::Incompatible`] if the schema
/// is newer; [`StoreError::Damaged`] if it was made by other scripts of the same numbers.
pub async fn migrate(
    config: &ClickHouseConfig,
    retention: Retention,
) -> Result<Vec<u32>, StoreError> {
    let servers = Servers::new(config)?;
    let (dialect, database) = (
        Dialect::of(config, retention),
        Some(config.database.as_str()),
    );
    let there = servers.migrate("look for the database", database, "SELECT 1");
    if let Err(StoreError::Refused { .. }) = there.await {
        let statement = dialect.create_database();
        servers
            .migrate("make the database", None, &statement)
            .await?;
    }
    for statement in dialect.statements(VERSIONS) {
        let doing = "make the table of versions";
        servers.migrate(doing, database, &statement).await?;
    }
    let applied = applied(&servers).await?;
    check_texts(&servers, config, &applied)?;
    let mut run = Vec::new();
    for (version, name, text) in MIGRATIONS {
        if applied.iter().any(|done| done.version == version) {
            continue;
        }
        for statement in dialect.statements(text) {
            let doing = format!("run migration {version} ({name})");
            servers.migrate(&doing, database, &statement).await?;
        }
        note(&servers, (version, name, text)).await?;
        tracing::info!(schema = version, name, "brought the store's schema up");
        run.push(version);
    }
    for statement in dialect.set_ttl() {
        let doing = "set how long rows are kept";
        servers.migrate(doing, database, &statement).await?;
    }
    Ok(run)
}

/// Whether this version of the program can use the schema.
pub(super) async fn check(servers: &Servers, config: &ClickHouseConfig) -> Result<(), StoreError> {
    let applied = applied(servers).await?;
    check_texts(servers, config, &applied)?;
    let missing = |(version, ..): &&Migration| !applied.iter().any(|done| done.version == *version);
    if let Some((version, name, _)) = MIGRATIONS.iter().find(missing) {
        return Err(fault::refused(
            &format!("open database {}", config.database),
            servers.url(),
            &format!("migration {version} ({name}) has not been run"),
            "run `sextant migrate`",
        ));
    }
    Ok(())
}

/// All scripts that there are.
#[cfg(test)]
pub(super) fn scripts() -> impl Iterator<Item = &'static str> {
    [VERSIONS]
        .into_iter()
        .chain(MIGRATIONS.map(|(.., text)| text))
}

async fn applied(servers: &Servers) -> Result<Vec<Applied>, StoreError> {
    let mut applied = Vec::new();
    let ask = |client: &Client| {
        client.query("SELECT version, checksum FROM schema_versions FINAL ORDER BY version")
    };
    let take = |row: Applied| applied.push(row);
    servers
        .read("look up the schema's version", ask, take)
        .await?;
    Ok(applied)
}

/// Refuses migrations that this version does not know, or knows otherwise.
fn check_texts(
    servers: &Servers,
    config: &ClickHouseConfig,
    applied: &[Applied],
) -> Result<(), StoreError> {
    let store = || format!("database {} at {}", config.database, servers.url());
    let found = applied.iter().map(|done| done.version).max().unwrap_or(0);
    if found > VERSION {
        return Err(StoreError::Incompatible {
            store: store(),
            found: found.into(),
            supported: VERSION.into(),
        });
    }
    let differs = |(version, _, text): &&Migration| {
        let mut applied = applied.iter();
        applied.any(|done| done.version == *version && done.checksum != checksum(text))
    };
    match MIGRATIONS.iter().find(differs) {
        None => Ok(()),
        Some((version, name, _)) => Err(StoreError::Damaged {
            store: store(),
            reason: format!("migration {version} ({name}) was run from another text"),
        }),
    }
}

async fn note(servers: &Servers, (version, name, text): Migration) -> Result<(), StoreError> {
    let doing = format!("note that migration {version} was run");
    let program = concat!("sextant ", env!("CARGO_PKG_VERSION"));
    let insert = async |client: &Client| {
        let statement = "INSERT INTO schema_versions (version, name, checksum, program) \
             SELECT {version:UInt32}, {name:String}, {checksum:String}, {program:String}";
        let query = client.query(statement).param("version", version);
        let query = query.param("name", name).param("checksum", checksum(text));
        query.param("program", program).execute().await
    };
    servers.write(&doing, insert).await
}

fn checksum(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

impl Dialect {
    pub(super) fn of(config: &ClickHouseConfig, retention: Retention) -> Self {
        Self {
            database: config.database.clone(),
            cluster: config.cluster.clone(),
            retention,
        }
    }

    /// The statements of a script, ready to be sent.
    pub(super) fn statements(&self, script: &str) -> Vec<String> {
        let wanted = |statement: &&str| {
            let for_all = !statement.contains(CLUSTER_ONLY) || self.cluster.is_some();
            for_all && !statement.is_empty()
        };
        let statements = script.split(";\n").map(str::trim).filter(wanted);
        statements.map(|statement| self.fill(statement)).collect()
    }

    fn fill(&self, statement: &str) -> String {
        let days = self.retention;
        let ttl = |days| retention::ttl_days(days).to_string();
        let (replacing, local) = match self.cluster {
            Some(_) => ("ReplicatedReplacingMergeTree", "_local"),
            None => ("ReplacingMergeTree", ""),
        };
        statement
            .replace(" @ON_CLUSTER@", &self.on_cluster())
            .replace("@CLUSTER@", self.cluster.as_deref().unwrap_or_default())
            .replace("@DATABASE@", &self.database)
            .replace("@LOCAL@", local)
            .replace("@REPLACING@", replacing)
            .replace("@MINUTES_TTL_DAYS@", &ttl(days.minutes_days))
            .replace("@WINDOWS_TTL_DAYS@", &ttl(days.windows_days))
            .replace("@AGENTS_TTL_DAYS@", &ttl(days.agents_days))
            .replace("@ATTEMPTS_TTL_DAYS@", &ttl(retention::attempts_days(days)))
    }

    pub(super) fn create_database(&self) -> String {
        let (database, on_cluster) = (&self.database, self.on_cluster());
        format!("CREATE DATABASE IF NOT EXISTS {database}{on_cluster} ENGINE = Atomic")
    }

    /// What the configuration says now; tables may have been made when it said something else.
    pub(super) fn set_ttl(&self) -> Vec<String> {
        let alter = |kept: retention::Kept| {
            let (time, days) = (kept.ttl_time, retention::ttl_days(kept.days));
            format!(
                "ALTER TABLE {} MODIFY TTL {time} + toIntervalDay({days}) \
                 SETTINGS materialize_ttl_after_modify = 0",
                self.local(kept.table)
            )
        };
        retention::kept(self.retention).map(alter).to_vec()
    }

    /// Drops the partition of a day, `YYYY-MM-DD`.
    pub(super) fn drop_day(&self, table: &str, day: &str) -> String {
        format!("ALTER TABLE {} DROP PARTITION '{day}'", self.local(table))
    }

    /// The table that holds the rows, on all servers.
    fn local(&self, table: &str) -> String {
        let suffix = if self.cluster.is_some() { "_local" } else { "" };
        format!("{table}{suffix}{}", self.on_cluster())
    }

    fn on_cluster(&self) -> String {
        let cluster = self.cluster.as_ref();
        cluster.map_or_else(String::new, |name| format!(" ON CLUSTER '{name}'"))
    }
}
