//! The schema and its versions.
//!
//! Each version is a script that brings the one before it up. A script that was ever released
//! never changes. The file's `user_version` is the number of scripts that ran.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

use super::fault;

/// "SXST", the mark of this store's file.
const APPLICATION_ID: i64 = 0x5358_5354;

/// The scripts in their order, each with the version that it makes.
const SCRIPTS: [(i64, &str); 4] = [
    (1, include_str!("schema/1.sql")),
    (2, include_str!("schema/2.sql")),
    (3, include_str!("schema/3.sql")),
    (4, include_str!("schema/4.sql")),
];

/// The newest schema.
pub(super) const VERSION: i64 = {
    let [.., (version, _)] = SCRIPTS;
    version
};

/// The schema's version, 0 for a new file. Refuses files that are not the store's, or newer.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let failed = |error: rusqlite::Error| fault::opening(path, &error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = pragma("user_version").map_err(failed)?;
    let application_id = pragma("application_id").map_err(failed)?;
    let objects: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(failed)?;
    let store = || path.display().to_string();
    let is_new = application_id == 0 && found == 0 && objects == 0;
    if application_id != APPLICATION_ID && !is_new {
        return Err(StoreError::Damaged {
            store: store(),
            reason: "it is not a file of this store".to_owned(),
        });
    }
    if found > VERSION {
        return Err(StoreError::Incompatible {
            store: store(),
            found,
            supported: VERSION,
        });
    }
    Ok(found)
}

/// Runs the scripts that come after a version, each in a transaction of its own.
pub(super) fn run(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let missing = SCRIPTS.iter().filter(|(number, _)| *number > version);
    for (number, script) in missing {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        tracing::info!(schema = *number, "brought the store's schema up");
    }
    Ok(())
}
