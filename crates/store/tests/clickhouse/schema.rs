//! The schema and its versions.

use sextant_store::clickhouse::SCHEMA_VERSION;
use sextant_store::{Limits, Store, StoreError};

use crate::harness::ClickHouseHarness;
use crate::rows::{NOON, all_minutes, one_of_each};

#[tokio::test]
async fn migrations_run_once_and_leave_rows_alone() {
    let harness = ClickHouseHarness::new();
    let all: Vec<u32> = (1..=SCHEMA_VERSION).collect();
    assert_eq!(harness.try_migrate().await, Ok(all));
    let store = harness.open_with(Limits::default()).await;
    store.write(one_of_each("groq", NOON)).await.unwrap();
    assert_eq!(harness.try_migrate().await, Ok(Vec::new()));
    assert_eq!(store.minutes(&all_minutes()).await.unwrap().len(), 1);
    let told = harness
        .text("SELECT version, name, length(checksum), applied_by, program FROM schema_versions")
        .await;
    assert!(told.contains("1\ttables\t32\tdefault\tsextant "), "{told}");
}

#[tokio::test]
async fn two_who_migrate_at_once_do_no_harm() {
    let harness = ClickHouseHarness::new();
    let run = || harness.try_migrate();
    let (a, b, c) = tokio::join!(run(), run(), run());
    for outcome in [a, b, c] {
        outcome.unwrap();
    }
    assert_eq!(
        harness.count("schema_versions").await,
        u64::from(SCHEMA_VERSION)
    );
    let store = harness.try_open(Limits::default()).await.unwrap();
    store.write(one_of_each("groq", NOON)).await.unwrap();
    assert_eq!(harness.count("uptime_rows").await, 1);
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_run_again() {
    let harness = ClickHouseHarness::new();
    harness.migrate().await;
    harness.run("DROP VIEW worst_endpoints").await;
    harness
        .run("DELETE FROM schema_versions WHERE version = 2")
        .await;
    let refused = harness.try_open(Limits::default()).await.err().unwrap();
    let told = refused.to_string();
    assert!(told.contains("migration 2 (views)"), "{told}");
    assert!(told.contains("run `sextant migrate`"), "{told}");
    assert_eq!(harness.try_migrate().await, Ok(vec![2]));
    assert_eq!(
        harness.text("SELECT count() FROM worst_endpoints").await,
        "0\n"
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_numbers() {
    let harness = ClickHouseHarness::new();
    harness.migrate().await;
    let newer = SCHEMA_VERSION + 1;
    let statement = format!("INSERT INTO schema_versions (version) VALUES ({newer})");
    harness.run(&statement).await;
    for refused in [
        harness.try_open(Limits::default()).await.err().unwrap(),
        harness.try_migrate().await.unwrap_err(),
    ] {
        assert!(
            matches!(
                refused,
                StoreError::Incompatible { found, supported, .. }
                    if found == i64::from(newer) && supported == i64::from(SCHEMA_VERSION)
            ),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_migration_of_another_text_is_refused() {
    let harness = ClickHouseHarness::new();
    harness.migrate().await;
    harness.run("TRUNCATE TABLE schema_versions").await;
    harness
        .run("INSERT INTO schema_versions (version, checksum) VALUES (1, 'other'), (2, 'other')")
        .await;
    for refused in [
        harness.try_open(Limits::default()).await.err().unwrap(),
        harness.try_migrate().await.unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
        assert!(
            refused.to_string().contains("migration 1 (tables)"),
            "{refused}"
        );
    }
}
