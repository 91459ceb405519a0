//! Minutes merged into steps, by the server.

use clickhouse::Client;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::scale::{Bin, Metric};
use sextant_measure::window::MinuteSums;

use super::counted::{count_columns, counted_row};
use super::read::Selection;
use super::server::Servers;
use super::steps::{self, bins};
use crate::limits::{Limits, at_most};
use crate::{HistoryPoint, HistoryQuery, STEP_MINUTES_MAX, StoreError};

counted_row! {
    /// What one endpoint saw in one step.
    PointRow {
        provider: String,
        quantization: String,
        /// From the start of the range on.
        step: u32,
        /// Whether these rows are what was written. Others are counted, and nothing else.
        sound: u8,
        rows: u64,
        ttft_n: u64,
        ttft_min_us: Option<u64>,
        ttft_max_us: Option<u64>,
        ttft: (Vec<Bin>, Vec<u64>),
        duration_n: u64,
        duration_min_us: Option<u64>,
        duration_max_us: Option<u64>,
        duration: (Vec<Bin>, Vec<u64>),
        throughput_n: u64,
        throughput_min_mtps: Option<u64>,
        throughput_max_mtps: Option<u64>,
        throughput: (Vec<Bin>, Vec<u64>),
    }
}

const METRICS: [(&str, &str); 3] = [("ttft", "us"), ("duration", "us"), ("throughput", "mtps")];

/// What some endpoints saw, step by step, and how many rows were not what was written.
pub(super) async fn history(
    servers: &Servers,
    query: &HistoryQuery,
    limits: &Limits,
) -> Result<(Vec<HistoryPoint>, u64), StoreError> {
    let step_minutes = query.step_minutes.get();
    let longest = STEP_MINUTES_MAX.into();
    at_most("minutes in a step", step_minutes.into(), longest)?;
    let selection = Selection::of_minutes(&query.minutes);
    let reach = selection.reach(servers).await?;
    let Some(range) = reach.range else {
        return Ok((Vec::new(), 0));
    };
    let start = query.minutes.range.from;
    let step_of = |minute: u32| minute.saturating_sub(start.index()) / step_minutes;
    let steps = step_of(range.to.index() - 1) - step_of(range.from.index()) + 1;
    let points = reach.endpoints.saturating_mul(steps.into());
    at_most("points of a history", points, limits.points_max)?;
    at_most("minutes to merge", reach.rows(), limits.merged_rows_max)?;

    let sql = merge(&selection.conditions());
    let ask = |client: &Client| {
        let asked = selection.fill(client.query(&sql));
        asked.param("step_seconds", u64::from(step_minutes) * 60)
    };
    let (mut points, mut corrupt) = (Vec::new(), 0);
    let take = |row: PointRow| match row.decode(&query.minutes.model) {
        Some((endpoint, sums)) => points.push(HistoryPoint {
            endpoint,
            from: start.plus(row.step.saturating_mul(step_minutes)),
            sums,
        }),
        None => corrupt += row.rows,
    };
    servers.read("merge step_rows", ask, take).await?;
    points
        .sort_unstable_by(|a: &HistoryPoint, b| (&a.endpoint, a.from).cmp(&(&b.endpoint, b.from)));
    Ok((points, corrupt))
}

/// The query. Counts add modulo 2^32, as they do everywhere.
fn merge(conditions: &str) -> String {
    let whole = "s.region != 'global' AND toSecond(s.minute) = 0".to_owned();
    let sketched = METRICS.iter().map(|(metric, unit)| {
        format!(
            "length(s.{metric}_bins) = length(s.{metric}_counts) \
             AND arraySum(s.{metric}_counts) = s.{metric}_n \
             AND isNull(s.{metric}_min_{unit}) = (s.{metric}_n = 0) \
             AND isNull(s.{metric}_max_{unit}) = (s.{metric}_n = 0)"
        )
    });
    let sound: Vec<String> = sketched.chain([whole]).collect();
    let counts = count_columns().map(|count| format!("toUInt32(sum(s.{count})) AS {count}"));
    let sketches = METRICS.iter().flat_map(|(metric, unit)| {
        let arrays = ["bins", "counts"].map(|array| format!("if(sound, s.{metric}_{array}, [])"));
        [
            format!("sum(s.{metric}_n) AS {metric}_n"),
            format!("min(s.{metric}_min_{unit}) AS {metric}_min_{unit}"),
            format!("max(s.{metric}_max_{unit}) AS {metric}_max_{unit}"),
            format!("sumMap({}) AS {metric}", arrays.join(", ")),
        ]
    });
    let columns: Vec<String> = counts.chain(sketches).collect();
    format!(
        "SELECT s.provider AS provider, s.quantization AS quantization, \
         toUInt32(intDiv(toUnixTimestamp(s.minute) - {{from:UInt32}}, {{step_seconds:UInt64}})) AS step, \
         toUInt8({}) AS sound, count() AS rows, {} \
         FROM step_rows AS s FINAL WHERE {conditions} GROUP BY provider, quantization, step, sound",
        sound.join(" AND "),
        columns.join(", ")
    )
}

impl PointRow {
    fn decode(&self, model: &ModelId) -> Option<(EndpointId, MinuteSums)> {
        if self.sound == 0 {
            return None;
        }
        let endpoint = steps::endpoint(model.as_str(), &self.provider, &self.quantization)?;
        let ttft = (
            self.ttft_n,
            self.ttft_min_us,
            self.ttft_max_us,
            &self.ttft.0[..],
            &self.ttft.1[..],
        );
        let duration = (
            self.duration_n,
            self.duration_min_us,
            self.duration_max_us,
            &self.duration.0[..],
            &self.duration.1[..],
        );
        let throughput = (
            self.throughput_n,
            self.throughput_min_mtps,
            self.throughput_max_mtps,
            &self.throughput.0[..],
            &self.throughput.1[..],
        );
        let sums = MinuteSums {
            counts: self.counts(),
            bins: [
                bins(Metric::Ttft, ttft)?,
                bins(Metric::Duration, duration)?,
                bins(Metric::Throughput, throughput)?,
            ],
        };
        Some((endpoint, sums))
    }
}
