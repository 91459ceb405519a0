//! A store in a directory that goes when the test ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use sextant_store::sqlite::{FILE_NAME, SqliteOptions, SqliteStore};
use sextant_store::{Limits, Store};
use sextant_testkit::store_contract::Harness;
use tempfile::TempDir;

pub(crate) struct SqliteHarness {
    directory: TempDir,
}

impl SqliteHarness {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join(FILE_NAME)
    }

    pub(crate) fn open_with(&self, options: SqliteOptions) -> SqliteStore {
        SqliteStore::open(self.directory(), options).unwrap()
    }

    /// The file as people get at it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}

#[async_trait]
impl Harness for SqliteHarness {
    async fn open(&self, limits: Limits) -> Arc<dyn Store> {
        let options = SqliteOptions {
            limits,
            ..SqliteOptions::default()
        };
        Arc::new(self.open_with(options))
    }
}
