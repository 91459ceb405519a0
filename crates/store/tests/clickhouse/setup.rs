//! What has to be set up before a store is opened, and what is said when it is not.

use sextant_store::{Limits, StoreError};
use sextant_testbed::clickhouse::ClickHouse;

use crate::harness::ClickHouseHarness;

fn refusal<T>(outcome: Result<T, StoreError>) -> String {
    match outcome.err() {
        Some(error @ StoreError::Refused { .. }) => {
            assert!(!error.is_transient());
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_is_missing_is_named_with_what_makes_it() {
    let harness = ClickHouseHarness::new();
    let told = refusal(harness.try_open(Limits::default()).await);
    assert!(told.contains(&harness.config.database), "{told}");
    assert!(told.contains("sextant migrate"), "{told}");
    harness.migrate().await;
    harness.try_open(Limits::default()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_told_by_opening_and_by_migrating() {
    let server = ClickHouse::start().unwrap();
    let mut harness = ClickHouseHarness::at(&server.url());
    harness.config.user = "guarded".to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    harness.config.password_file = Some(file.clone());
    std::fs::write(&file, "opensesame\n").unwrap();
    harness.try_migrate().await.unwrap();
    harness.try_open(Limits::default()).await.unwrap();
    std::fs::write(&file, "opensesam").unwrap();
    for wrong in [None, Some(file.clone())] {
        harness.config.password_file = wrong;
        let told = refusal(harness.try_open(Limits::default()).await);
        assert!(told.contains("check the user and the password"), "{told}");
        assert!(
            told.contains("guarded") && !told.contains("opensesam"),
            "{told}"
        );
        refusal(harness.try_migrate().await);
    }
    std::fs::remove_file(&file).unwrap();
    harness.config.password_file = Some(file);
    let told = refusal(harness.try_open(Limits::default()).await);
    assert!(
        told.contains("password") && told.contains("can't be read"),
        "{told}"
    );
}

#[tokio::test]
async fn a_table_or_a_column_that_is_missing_is_named() {
    let harness = ClickHouseHarness::new();
    let store = harness.open_with(Limits::default()).await;
    harness
        .run("ALTER TABLE agent_rows DROP COLUMN early")
        .await;
    let rows = crate::rows::one_of_each("groq", crate::rows::NOON);
    let told = refusal(sextant_store::Store::write(&store, rows).await);
    assert!(
        told.contains("early") && told.contains("agent_rows"),
        "{told}"
    );
    harness.run("DROP TABLE agent_rows").await;
    let told = refusal(sextant_store::Store::agents(&store, crate::rows::always()).await);
    assert!(
        told.contains("agent_rows") && told.contains("migrate"),
        "{told}"
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_before_anything_is_asked() {
    let mut harness = ClickHouseHarness::new();
    harness.config.database = "a b".to_owned();
    harness.config.url = "ftp://h".to_owned();
    let told = refusal(harness.try_open(Limits::default()).await);
    assert!(told.contains("database") && told.contains("ftp"), "{told}");
    refusal(harness.try_migrate().await);
}
