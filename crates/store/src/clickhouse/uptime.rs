//! Uptime in buckets of 5 minutes, summed from `uptime_rows`.

use std::collections::{BTreeSet, HashSet};

use clickhouse::{Client, Row};
use serde::Deserialize;
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::long::MINUTES_PER_BUCKET;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Minute;

use super::counted;
use super::read::Reach;
use super::server::Servers;
use super::steps;
use crate::limits::{Limits, at_most};
use crate::{MinuteRange, SeriesUptime, StoreError};

/// The names of endpoints that one query takes, in bytes. A server refuses parameters of more than
/// 128 KiB (`http_max_field_value_size`).
const NAMES_BYTES_MAX: usize = 96 << 10;

/// Quotes, commas and brackets around an endpoint's names.
const AROUND_BYTES: usize = 16;

/// An endpoint as a parameter.
type Names<'a> = (&'a str, &'a str, &'a str);

/// The first condition reads a column of numbers, and of all others only what is found by it. It is
/// the same for all rows of a key, so it may come before `FINAL`. A list in a subquery becomes a set
/// once; an expression would be computed for each row.
const WHERE: &str = "PREWHERE endpoint IN ( \
         SELECT cityHash64(names.1, names.2, names.3) FROM ( \
             SELECT arrayJoin({endpoints:Array(Tuple(String, String, String))}) AS names \
         ) \
     ) \
     WHERE minute >= toDateTime({from:UInt32}, 'UTC') \
     AND minute < toDateTime({to:UInt32}, 'UTC')";

/// One series and its buckets: number, good and whole.
#[derive(Row, Deserialize)]
struct UptimeRow {
    model: String,
    provider: String,
    quantization: String,
    region: String,
    buckets: Vec<(u32, u64, u64)>,
}

/// Uptime of the series of some endpoints, per bucket, and how many of them were not what was
/// written.
pub(super) async fn uptime(
    servers: &Servers,
    endpoints: &[EndpointId],
    range: MinuteRange,
    limits: &Limits,
) -> Result<(Vec<SeriesUptime>, u64), StoreError> {
    if range.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let parts = parts(endpoints);
    let (from, to) = counted::bounds(range);
    let mut series = 0_u64;
    let mut ends: Option<MinuteRange> = None;
    let sql = format!(
        "SELECT uniqExact(endpoint), uniqExact(endpoint, region), \
         min(minute), max(minute) FROM uptime_rows {WHERE}"
    );
    let fill = |client: &Client, sql: &str, part: &[Names<'_>]| {
        let query = client.query(sql).param("from", from).param("to", to);
        query.param("endpoints", part)
    };
    for part in &parts {
        let take = |found| {
            let reach = Reach::new(found);
            series = series.saturating_add(reach.series);
            ends = match (ends, reach.range) {
                (Some(a), Some(b)) => Some(MinuteRange::new(a.from.min(b.from), a.to.max(b.to))),
                (a, b) => a.or(b),
            };
        };
        let ask = |client: &Client| fill(client, &sql, part);
        servers
            .read("look how much to read of uptime_rows", ask, take)
            .await?;
    }
    let Some(ends) = ends else {
        return Ok((Vec::new(), 0));
    };
    let bucket_of = |minute: Minute| minute.index() / MINUTES_PER_BUCKET;
    let buckets = bucket_of(ends.to.minus(1)) - bucket_of(ends.from) + 1;
    let reach = series.saturating_mul(buckets.into());
    at_most("buckets of series", reach, limits.buckets_max)?;

    let sql = format!(
        "SELECT model, provider, quantization, region, \
         arraySort(groupArray((bucket, good, whole))) AS buckets FROM ( \
             SELECT model, provider, quantization, region, \
             toUInt32(intDiv(toUnixTimestamp(minute), {})) AS bucket, \
             sum(uptime_good) AS good, sum(uptime_whole) AS whole \
             FROM uptime_rows FINAL {WHERE} \
             GROUP BY model, provider, quantization, region, bucket \
         ) GROUP BY model, provider, quantization, region",
        60 * MINUTES_PER_BUCKET
    );
    let asked: HashSet<&EndpointId> = endpoints.iter().collect();
    let (mut answer, mut corrupt) = (Vec::new(), 0);
    for part in &parts {
        let take = |row: UptimeRow| match row.decode() {
            Some(found) if asked.contains(&found.series.endpoint) => answer.push(found),
            // Another endpoint may have the number of one that was asked for.
            Some(_) => {}
            None => corrupt += 1,
        };
        let ask = |client: &Client| fill(client, &sql, part);
        servers.read("sum uptime_rows", ask, take).await?;
    }
    answer.sort_unstable_by(|a: &SeriesUptime, b| a.series.cmp(&b.series));
    Ok((answer, corrupt))
}

/// Each endpoint once, in lists that are short enough.
fn parts(endpoints: &[EndpointId]) -> Vec<Vec<Names<'_>>> {
    let mut parts: Vec<Vec<Names<'_>>> = Vec::new();
    let mut bytes = usize::MAX;
    for endpoint in endpoints.iter().collect::<BTreeSet<_>>() {
        let names = (
            endpoint.model.as_str(),
            endpoint.provider.as_str(),
            endpoint.quantization.name(),
        );
        let more = names.0.len() + names.1.len() + names.2.len() + AROUND_BYTES;
        bytes = bytes.saturating_add(more);
        match parts.last_mut() {
            Some(part) if bytes <= NAMES_BYTES_MAX => part.push(names),
            _ => {
                parts.push(vec![names]);
                bytes = more;
            }
        }
    }
    parts
}

impl UptimeRow {
    fn decode(self) -> Option<SeriesUptime> {
        let buckets = self.buckets.iter().map(|&(bucket, good, whole)| {
            let start = Minute::from_index(bucket.checked_mul(MINUTES_PER_BUCKET)?);
            (good <= whole).then(|| (start, Ratio::new(good, whole)))
        });
        Some(SeriesUptime {
            series: SeriesId {
                endpoint: steps::endpoint(&self.model, &self.provider, &self.quantization)?,
                region: Region::new(&self.region).ok()?,
            },
            buckets: buckets.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_asked_for_once_and_never_too_many_at_a_time() {
        let endpoint = |n: u32| {
            let model = format!("author/{}-{n}", "m".repeat(100));
            steps::endpoint(&model, "provider", "fp8").unwrap()
        };
        let asked: Vec<_> = (0..5_000).chain(0..5_000).map(endpoint).collect();
        let parts = parts(&asked);
        assert!(parts.len() > 5);
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 5_000);
        for part in &parts {
            let bytes: usize = part.iter().map(|names| format!("{names:?},").len()).sum();
            assert!(bytes < 128 << 10, "{bytes}");
        }
        assert!(super::parts(&[]).is_empty());
    }
}
