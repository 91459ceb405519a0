//! The servers, and how they are asked.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use clickhouse::error::Error;
use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::config::ClickHouseConfig;
use super::fault;
use crate::StoreError;

/// The servers of one cluster. One is used until it can't be reached, then the next.
pub(super) struct Servers {
    all: Vec<Server>,
    current: AtomicUsize,
    read_timeout: Duration,
    write_timeout: Duration,
    migrate_timeout: Duration,
}

struct Server {
    url: String,
    reader: Client,
    writer: Client,
    /// Changes the schema; uses no database until there is one.
    migrator: Client,
}

impl Servers {
    /// # Errors
    /// [`StoreError::Refused`] with all that is wrong with the settings.
    pub(super) fn new(config: &ClickHouseConfig) -> Result<Self, StoreError> {
        let problems = config.problems().into_iter();
        let problems: Vec<_> = problems
            .map(|(name, what)| format!("{name}: {what}"))
            .collect();
        if !problems.is_empty() {
            return Err(StoreError::Refused {
                store: "ClickHouse".to_owned(),
                reason: problems.join("; "),
            });
        }
        let password = config.password_file.as_deref().map(password).transpose()?;
        let server = |url: &str| Server::new(config, password.as_ref(), url);
        Ok(Self {
            all: config.urls().map(server).collect(),
            current: AtomicUsize::new(0),
            read_timeout: config.read_timeout(),
            write_timeout: config.write_timeout(),
            migrate_timeout: config.migrate_timeout(),
        })
    }

    /// Runs a query and takes up its rows one by one, as they come.
    pub(super) async fn read<R: RowOwned + RowRead>(
        &self,
        doing: &str,
        query: impl FnOnce(&Client) -> Query,
        mut take: impl FnMut(R),
    ) -> Result<(), StoreError> {
        self.run(doing, self.read_timeout, async |server| {
            let mut rows = query(&server.reader).fetch::<R>()?;
            while let Some(row) = rows.next().await? {
                take(row);
            }
            Ok(())
        })
        .await
    }

    /// Runs an insert, or anything that changes rows.
    pub(super) async fn write<T>(
        &self,
        doing: &str,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let work = async |server: &Server| work(&server.writer).await;
        self.run(doing, self.write_timeout, work).await
    }

    /// Runs a statement that changes the schema, in a database or outside all of them.
    pub(super) async fn migrate(
        &self,
        doing: &str,
        database: Option<&str>,
        statement: &str,
    ) -> Result<(), StoreError> {
        self.run(doing, self.migrate_timeout, async |server| {
            let mut client = server.migrator.clone();
            if let Some(database) = database {
                client = client.with_database(database);
            }
            client.query_raw(statement).execute().await
        })
        .await
    }

    /// Where the next statement goes.
    pub(super) fn url(&self) -> &str {
        self.current()
            .map_or("no server", |(_, server)| &server.url)
    }

    async fn run<T>(
        &self,
        doing: &str,
        patience: Duration,
        work: impl AsyncFnOnce(&Server) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let Some((index, server)) = self.current() else {
            let reason = format!("{doing}: there is no server");
            return Err(StoreError::Unavailable { reason });
        };
        let outcome = within(patience, work(server)).await;
        let outcome = outcome.map_err(|failure| match failure {
            Some(error) => fault::of(doing, &server.url, &error),
            None => fault::late(doing, &server.url, patience.as_millis()),
        });
        if outcome.as_ref().is_err_and(StoreError::is_transient) {
            // Others may have moved on already.
            let next = (index + 1) % self.all.len();
            self.current
                .compare_exchange(index, next, Relaxed, Relaxed)
                .ok();
        }
        outcome
    }

    fn current(&self) -> Option<(usize, &Server)> {
        let index = self.current.load(Relaxed);
        self.all.get(index).map(|server| (index, server))
    }
}

/// `None` if it was too late.
async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Option<Error>> {
    match timeout(patience, work).await {
        Ok(outcome) => outcome.map_err(Some),
        Err(_) => Err(None),
    }
}

fn password(file: &Path) -> Result<SecretString, StoreError> {
    let text = fs::read_to_string(file).map_err(|error| StoreError::Refused {
        store: "ClickHouse".to_owned(),
        reason: format!("the password in {} can't be read: {error}", file.display()),
    })?;
    Ok(text.trim_end().into())
}

impl Server {
    fn new(config: &ClickHouseConfig, password: Option<&SecretString>, url: &str) -> Self {
        let mut client = Client::default()
            .with_url(url)
            .with_user(&config.user)
            .with_product_info("sextant", env!("CARGO_PKG_VERSION"));
        if let Some(password) = password {
            client = client.with_password(password.expose_secret());
        }
        let migrator = client.clone();
        client = client.with_database(&config.database);
        let seconds = |timeout: Duration| timeout.as_secs().max(1).to_string();
        let reader = client
            .clone()
            .with_setting("max_execution_time", seconds(config.read_timeout()))
            .with_setting("max_rows_to_read", config.read_rows_max.to_string())
            // All rows with one key are of one day.
            .with_setting("do_not_merge_across_partitions_select_final", "1");
        let mut writer = client
            .with_setting("max_execution_time", seconds(config.write_timeout()))
            // Answered once the rows are there, not once they are queued.
            .with_setting("async_insert", "0")
            // Rows are whole, so a repeat does no harm; taken for one, what was deleted since
            // would not come back.
            .with_setting("insert_deduplicate", "0")
            .with_setting("max_partitions_per_insert_block", "1000");
        if config.cluster.is_some() {
            writer = writer
                .with_setting("distributed_foreground_insert", "1")
                .with_setting("insert_quorum", "auto")
                .with_setting("insert_quorum_timeout", config.write_timeout_ms.to_string());
        }
        Self {
            url: url.to_owned(),
            reader,
            writer,
            migrator,
        }
    }
}
