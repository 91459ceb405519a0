//! One attempt, as a row of `observation_rows`.

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use sextant_measure::id::{AgentId, Operation, Region, RequestId, SeriesId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::time::Timestamp;

use super::counted;
use super::read::{Found, select};
use super::server::Servers;
use super::steps;
use crate::limits::{Limits, at_most};
use crate::{AttemptKey, AttemptQuery, AttemptRow, StoreError};

/// A row of `observation_rows`. Times are microseconds since 1970.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct AttemptColumns {
    model: String,
    provider: String,
    quantization: String,
    region: String,
    completed_at: i64,
    agent: String,
    epoch: u64,
    sequence: u64,
    partition: u32,
    content_hash: u64,
    part_index: u32,
    outcome: String,
    source: String,
    status_code: Option<u16>,
    ttft_us: Option<u64>,
    duration_us: Option<u64>,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    streamed: bool,
    attempt: u32,
    is_final: bool,
    request_id: String,
    tier: String,
    operation: String,
    received_at: i64,
    appended_at: i64,
    weight: u32,
}

pub(super) const TABLE: &str = "observation_rows";

impl From<&AttemptRow> for AttemptColumns {
    fn from(row: &AttemptRow) -> Self {
        let (key, series, m) = (&row.key, &row.series, &row.measurement);
        let or_empty = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            model: series.endpoint.model.to_string(),
            provider: series.endpoint.provider.to_string(),
            quantization: series.endpoint.quantization.to_string(),
            region: series.region.to_string(),
            completed_at: m.completed_at.as_micros(),
            agent: key.agent.to_string(),
            epoch: key.epoch,
            sequence: key.sequence,
            partition: key.partition,
            content_hash: key.content_hash,
            part_index: key.index,
            outcome: m.outcome.name().to_owned(),
            source: m.source.name().to_owned(),
            status_code: m.status_code,
            ttft_us: m.ttft_us,
            duration_us: m.duration_us,
            input_tokens: m.input_tokens,
            output_tokens: m.output_tokens,
            streamed: m.streamed,
            attempt: m.attempt,
            is_final: m.is_final,
            request_id: or_empty(row.request_id.as_ref().map(RequestId::as_str)),
            tier: or_empty(row.tier.map(Tier::name)),
            operation: or_empty(row.operation.as_ref().map(Operation::as_str)),
            received_at: row.received_at.as_micros(),
            appended_at: row.appended_at.as_micros(),
            weight: row.weight.get(),
        }
    }
}

impl AttemptColumns {
    /// The row; none if it is not what was written.
    pub(super) fn decode(self) -> Option<AttemptRow> {
        Some(AttemptRow {
            key: AttemptKey {
                agent: AgentId::new(&self.agent).ok()?,
                epoch: self.epoch,
                sequence: self.sequence,
                partition: self.partition,
                content_hash: self.content_hash,
                index: self.part_index,
            },
            series: SeriesId {
                endpoint: steps::endpoint(&self.model, &self.provider, &self.quantization)?,
                region: Region::new(&self.region).ok()?,
            },
            measurement: Measurement {
                completed_at: Timestamp::from_micros(self.completed_at),
                outcome: self.outcome.parse().ok()?,
                source: self.source.parse().ok()?,
                streamed: self.streamed,
                ttft_us: self.ttft_us,
                duration_us: self.duration_us,
                input_tokens: self.input_tokens,
                output_tokens: self.output_tokens,
                status_code: self.status_code,
                attempt: self.attempt,
                is_final: self.is_final,
            },
            request_id: given(&self.request_id)?,
            tier: given(&self.tier)?,
            operation: given(&self.operation)?,
            received_at: Timestamp::from_micros(self.received_at),
            appended_at: Timestamp::from_micros(self.appended_at),
            weight: self.weight.try_into().ok()?,
        })
    }
}

/// What a text says; an empty one nothing.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the column is sound"
)]
fn given<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().map(Some)
}

/// The newest attempts at an endpoint, and how many rows were not what was written.
pub(super) async fn read(
    servers: &Servers,
    query: &AttemptQuery,
    limits: &Limits,
) -> Result<(Vec<AttemptRow>, u64), StoreError> {
    at_most("attempts", query.newest_max.into(), limits.rows_max)?;
    let mut found = Found::default();
    if query.range.is_empty() || query.newest_max == 0 {
        return Ok((found.rows, 0));
    }
    let sql = select(TABLE, &conditions(query));
    let ask = |client: &Client| {
        let endpoint = &query.endpoint;
        let (from, to) = counted::bounds(query.range);
        let mut asked = client
            .query(&sql)
            .param("model", endpoint.model.as_str())
            .param("provider", endpoint.provider.as_str())
            .param("quantization", endpoint.quantization.name())
            .param("from", from)
            .param("to", to)
            .param("limit", query.newest_max);
        if let Some(region) = &query.region {
            asked = asked.param("region", region.as_str());
        }
        asked
    };
    let take = |row: AttemptColumns| found.add(row.decode());
    servers.read("read observation_rows", ask, take).await?;
    Ok((found.rows, found.corrupt))
}

fn conditions(query: &AttemptQuery) -> String {
    let mut conditions = "model = {model:String} AND provider = {provider:String} \
         AND quantization = {quantization:String} \
         AND completed_at >= toDateTime64({from:UInt32}, 6, 'UTC') \
         AND completed_at < toDateTime64({to:UInt32}, 6, 'UTC')"
        .to_owned();
    if query.region.is_some() {
        conditions.push_str(" AND region = {region:String}");
    }
    if query.failures_only {
        conditions.push_str(" AND outcome != 'ok'");
    }
    conditions.push_str(
        " ORDER BY completed_at DESC, region, agent, epoch, sequence, partition, content_hash, \
         part_index LIMIT {limit:UInt32}",
    );
    conditions
}
