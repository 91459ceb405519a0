//! Deletes what is too old, by whole days.
//!
//! Dropping a day's partition costs nothing, while deleting rows rewrites what stays. So a row is
//! kept until all of its day is too old, at most a day longer than promised. What nobody drops goes
//! by the tables' TTL some days later.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sextant_measure::time::{Minute, Timestamp};

use super::config::ClickHouseConfig;
use super::counted;
use super::migration::Dialect;
use super::server::Servers;
use super::{agents, attempts, steps, windows};
use crate::{Expired, Retention, StoreError};

const MINUTES_PER_DAY: u32 = 1_440;
/// Days past its retention after which a row goes even if nobody enforces that.
const TTL_MARGIN_DAYS: u32 = 2;

/// A table whose rows become too old.
pub(super) struct Kept {
    pub(super) table: &'static str,
    pub(super) time: &'static str,
    /// The same as the type that a TTL takes.
    pub(super) ttl_time: &'static str,
    pub(super) days: u32,
}

/// A day's partition.
#[derive(Row, Deserialize)]
struct Day {
    /// `YYYY-MM-DD`.
    day: String,
    rows: u64,
}

/// All tables with rows of their own or copies of them.
pub(super) fn kept(days: Retention) -> [Kept; 5] {
    let of = |table, time, days| Kept {
        table,
        time,
        ttl_time: time,
        days,
    };
    [
        of(steps::TABLE, "minute", days.minutes_days),
        of(windows::TABLE, "ending", days.windows_days),
        of(agents::TABLE, "minute", days.agents_days),
        of("uptime_rows", "minute", days.minutes_days),
        Kept {
            ttl_time: "toDateTime(completed_at, 'UTC')",
            ..of(attempts::TABLE, "completed_at", attempts_days(days))
        },
    ]
}

/// Whole days that hold the hours for which attempts are kept.
pub(super) fn attempts_days(retention: Retention) -> u32 {
    retention.attempts_hours.div_ceil(24)
}

/// Days after which the server deletes by itself.
pub(super) fn ttl_days(days: u32) -> u32 {
    days.saturating_add(TTL_MARGIN_DAYS)
}

/// Drops the days that are too old.
pub(super) async fn enforce(
    servers: &Servers,
    config: &ClickHouseConfig,
    retention: Retention,
    now: Timestamp,
) -> Result<Expired, StoreError> {
    let [minutes, windows, agents, uptime, attempts] = kept(retention);
    let dialect = Dialect::of(config, retention);
    let expired = Expired {
        minutes: drop_days(servers, &dialect, &minutes, now).await?,
        windows: drop_days(servers, &dialect, &windows, now).await?,
        agents: drop_days(servers, &dialect, &agents, now).await?,
        attempts: drop_days(servers, &dialect, &attempts, now).await?,
    };
    drop_days(servers, &dialect, &uptime, now).await?;
    Ok(expired)
}

async fn drop_days(
    servers: &Servers,
    dialect: &Dialect,
    kept: &Kept,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (table, time) = (kept.table, kept.time);
    let sql = format!(
        "SELECT toString(toDate({time})) AS day, count() AS rows FROM {table} FINAL \
         WHERE {time} < toDateTime({{end:UInt32}}, 'UTC') GROUP BY day ORDER BY day"
    );
    let end = counted::seconds(first_day(now, kept.days));
    let ask = |client: &Client| client.query(&sql).param("end", end);
    let mut days = Vec::new();
    let doing = format!("look for days of {table} that are too old");
    servers.read(&doing, ask, |day: Day| days.push(day)).await?;
    let mut rows = 0;
    for day in days {
        let statement = dialect.drop_day(table, &day.day);
        let doing = format!("drop {} of {table}", day.day);
        let drop = async |client: &Client| client.query_raw(&statement).execute().await;
        servers.write(&doing, drop).await?;
        rows += day.rows;
    }
    Ok(rows)
}

/// The first minute of the first day that is kept.
fn first_day(now: Timestamp, days: u32) -> Minute {
    let horizon = now.minute().minus(days.saturating_mul(MINUTES_PER_DAY));
    horizon.minus(horizon.index() % MINUTES_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_until_all_of_it_is_too_old() {
        let day = |days: u32| Minute::from_index(days * MINUTES_PER_DAY);
        for (minutes_past, kept_from) in [
            (0, day(93)),
            (1, day(93)),
            (1_439, day(93)),
            (1_440, day(94)),
        ] {
            let now = day(100).plus(minutes_past).start();
            assert_eq!(first_day(now, 7), kept_from);
        }
    }
}
