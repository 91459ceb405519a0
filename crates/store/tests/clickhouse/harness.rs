//! A database that goes when the test ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use clickhouse::Client;
use clickhouse::sql::Identifier;
use sextant_store::clickhouse::{ClickHouseConfig, ClickHouseStore, migrate};
use sextant_store::{Limits, Retention, Store, StoreError};
use sextant_testbed::run;
use sextant_testkit::store_contract::Harness;

/// How long dropping a database may take; a server of the test's own may be gone.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct ClickHouseHarness {
    /// What the store is opened with. A test may change it.
    pub(crate) config: ClickHouseConfig,
    pub(crate) retention: Retention,
    url: String,
}

impl ClickHouseHarness {
    /// A name for a database in the run's server.
    pub(crate) fn new() -> Self {
        Self::at(&run::clickhouse())
    }

    /// A name for a database in some server.
    pub(crate) fn at(url: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let database = format!("sextant_test_{}_{number}", std::process::id());
        Self {
            config: ClickHouseConfig {
                url: url.to_owned(),
                database,
                user: "default".to_owned(),
                password_file: None,
                cluster: None,
                read_timeout_ms: 15_000,
                write_timeout_ms: 30_000,
                migrate_timeout_ms: 60_000,
                read_rows_max: 200_000_000,
                batch_rows_max: 100_000,
                batch_wait_ms: 1,
            },
            retention: Retention::default(),
            url: url.to_owned(),
        }
    }

    /// Brings the schema up to date.
    pub(crate) async fn try_migrate(&self) -> Result<Vec<u32>, StoreError> {
        migrate(&self.config, self.retention).await
    }

    /// Makes the schema. What the tests write is long past, so nothing may go by itself.
    pub(crate) async fn migrate(&self) {
        self.try_migrate().await.unwrap();
        for table in [
            "step_rows",
            "uptime_rows",
            "window_rows",
            "agent_rows",
            "observation_rows",
        ] {
            self.run(&format!("SYSTEM STOP TTL MERGES {table}")).await;
        }
    }

    pub(crate) async fn open_with(&self, limits: Limits) -> ClickHouseStore {
        self.migrate().await;
        self.try_open(limits).await.unwrap()
    }

    pub(crate) async fn try_open(&self, limits: Limits) -> Result<ClickHouseStore, StoreError> {
        let store = ClickHouseStore::new(self.config.clone(), self.retention, limits)?;
        store.check().await?;
        Ok(store)
    }

    /// The database as people get at it.
    pub(crate) fn client(&self) -> Client {
        let client = Client::default().with_url(&self.url);
        client.with_database(&self.config.database)
    }

    pub(crate) async fn run(&self, statement: &str) {
        self.client().query_raw(statement).execute().await.unwrap();
    }

    /// The rows that a statement answers, as tab-separated text.
    pub(crate) async fn text(&self, statement: &str) -> String {
        let query = self.client().query_raw(statement);
        let mut answer = query.fetch_bytes("TSV").unwrap();
        String::from_utf8(answer.collect().await.unwrap().to_vec()).unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> u64 {
        let query = self.client().query("SELECT count() FROM ? FINAL");
        query.bind(Identifier(table)).fetch_one().await.unwrap()
    }
}

#[async_trait]
impl Harness for ClickHouseHarness {
    async fn open(&self, limits: Limits) -> Arc<dyn Store> {
        Arc::new(self.open_with(limits).await)
    }

    fn retention_grace_minutes(&self) -> u32 {
        24 * 60
    }
}

impl Drop for ClickHouseHarness {
    fn drop(&mut self) {
        let (url, database) = (self.url.clone(), self.config.database.clone());
        let drop = async move {
            let statement = format!("DROP DATABASE IF EXISTS {database} SYNC");
            let client = Client::default().with_url(url);
            let dropping = client.query_raw(&statement).execute();
            tokio::time::timeout(PATIENCE, dropping).await.ok();
        };
        let dropping = std::thread::spawn(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(drop);
        });
        dropping.join().unwrap();
    }
}
