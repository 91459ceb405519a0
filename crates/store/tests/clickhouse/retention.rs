//! Retention: whole days now, and by the server itself if nobody comes.

use sextant_store::{Expired, Limits, Retention, Store};

use crate::harness::ClickHouseHarness;
use crate::rows::{NOON, one_of_each};

const MINUTES_PER_DAY: u32 = 1_440;
const TABLES: [&str; 5] = [
    "step_rows",
    "uptime_rows",
    "window_rows",
    "agent_rows",
    "observation_rows",
];

fn short() -> ClickHouseHarness {
    let mut harness = ClickHouseHarness::new();
    harness.retention = Retention {
        minutes_days: 1,
        windows_days: 3,
        agents_days: 2,
        attempts_hours: 30,
    };
    harness
}

#[tokio::test]
async fn days_go_once_all_of_them_is_too_old() {
    let harness = short();
    let store = harness.open_with(Limits::default()).await;
    for day in 0..5 {
        let at = NOON.plus(day * MINUTES_PER_DAY);
        store.write(one_of_each("groq", at)).await.unwrap();
    }
    // A row that is there twice, in parts that are not merged, is one row.
    store.write(one_of_each("groq", NOON)).await.unwrap();
    let now = NOON.plus(4 * MINUTES_PER_DAY).start();
    let expired = Expired {
        minutes: 3,
        windows: 1,
        agents: 2,
        attempts: 2,
    };
    assert_eq!(store.enforce_retention(now).await, Ok(expired));
    let mut left = Vec::new();
    for table in TABLES {
        left.push(harness.count(table).await);
    }
    assert_eq!(left, [2, 2, 4, 3, 3]);
    assert_eq!(store.stats().expired_rows, 8);
}

#[tokio::test]
async fn tables_drop_by_themselves_what_nobody_drops() {
    let mut harness = short();
    harness.try_migrate().await.unwrap();
    let ttl = async |harness: &ClickHouseHarness| {
        let tables = TABLES.map(|table| format!("'{table}'")).join(", ");
        let sql = format!(
            "SELECT name, extract(create_table_query, 'TTL .*?toIntervalDay\\\\((\\\\d+)\\\\)') \
             FROM system.tables WHERE database = currentDatabase() AND name IN ({tables}) \
             ORDER BY name"
        );
        harness.text(&sql).await
    };
    let expected =
        "agent_rows\t4\nobservation_rows\t4\nstep_rows\t3\nuptime_rows\t3\nwindow_rows\t5\n";
    assert_eq!(ttl(&harness).await, expected);
    harness.retention.minutes_days = 20;
    harness.try_migrate().await.unwrap();
    let expected =
        "agent_rows\t4\nobservation_rows\t4\nstep_rows\t22\nuptime_rows\t22\nwindow_rows\t5\n";
    assert_eq!(ttl(&harness).await, expected, "as it is configured now");
}
