//! Reads of rows as they were written.

use clickhouse::query::Query;
use sextant_measure::id::{EndpointId, GLOBAL_REGION, ModelId, ProviderId, Region};
use sextant_measure::quantization::Quantization;

use super::agents::{self, AgentColumns};
use super::counted;
use super::gates::{self, GateColumns};
use super::server::Servers;
use super::steps::{self, StepRow};
use super::windows::{self, WindowColumns};
use crate::limits::{Limits, at_most, count};
use crate::{
    AgentRow, MinuteQuery, MinuteRange, MinuteRow, RulingRow, StoreError, WindowQuery, WindowRow,
    WindowScope,
};

/// The rows of some series of one model in a range, as conditions with parameters.
pub(super) struct Selection<'a> {
    table: &'static str,
    time: &'static str,
    model: &'a ModelId,
    endpoint: Option<&'a (ProviderId, Quantization)>,
    region: Option<&'a str>,
    range: MinuteRange,
}

/// How much a selection reaches for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reach {
    pub(super) endpoints: u64,
    pub(super) series: u64,
    /// The minutes in which there are rows, from the first one on.
    pub(super) range: Option<MinuteRange>,
}

impl<'a> Selection<'a> {
    pub(super) fn of_minutes(query: &'a MinuteQuery) -> Self {
        Self {
            table: steps::TABLE,
            time: "minute",
            model: &query.model,
            endpoint: query.endpoint.as_ref(),
            region: query.region.as_ref().map(Region::as_str),
            range: query.range,
        }
    }

    fn of_windows(query: &'a WindowQuery) -> Self {
        Self {
            table: windows::TABLE,
            time: "ending",
            model: &query.model,
            endpoint: query.endpoint.as_ref(),
            region: match &query.scope {
                WindowScope::All => None,
                WindowScope::Global => Some(GLOBAL_REGION),
                WindowScope::Region(region) => Some(region.as_str()),
            },
            range: query.range,
        }
    }

    /// What stands behind WHERE.
    pub(super) fn conditions(&self) -> String {
        let time = self.time;
        let mut conditions = format!(
            "model = {{model:String}} AND {time} >= toDateTime({{from:UInt32}}, 'UTC') \
             AND {time} < toDateTime({{to:UInt32}}, 'UTC')"
        );
        if self.endpoint.is_some() {
            conditions.push_str(
                " AND provider = {provider:String} AND quantization = {quantization:String}",
            );
        }
        if self.region.is_some() {
            conditions.push_str(" AND region = {region:String}");
        }
        conditions
    }

    /// Gives a query its parameters.
    pub(super) fn fill(&self, query: Query) -> Query {
        let (from, to) = counted::bounds(self.range);
        let mut query = query
            .param("model", self.model.as_str())
            .param("from", from)
            .param("to", to);
        if let Some((provider, quantization)) = self.endpoint {
            query = query
                .param("provider", provider.as_str())
                .param("quantization", quantization.name());
        }
        match self.region {
            Some(region) => query.param("region", region),
            None => query,
        }
    }

    /// How much it reaches for, found from keys alone.
    pub(super) async fn reach(&self, servers: &Servers) -> Result<Reach, StoreError> {
        let mut reach = Reach::default();
        if self.range.is_empty() {
            return Ok(reach);
        }
        let (table, time) = (self.table, self.time);
        let sql = format!(
            "SELECT uniqExact(provider, quantization), uniqExact(provider, quantization, region), \
             min({time}), max({time}) FROM {table} WHERE {}",
            self.conditions()
        );
        let doing = format!("look how much to read of {table}");
        let query = |client: &clickhouse::Client| self.fill(client.query(&sql));
        let take = |found: (u64, u64, u32, u32)| reach = Reach::new(found);
        servers.read(&doing, query, take).await?;
        Ok(reach)
    }
}

impl Reach {
    pub(super) fn new((endpoints, series, first, last): (u64, u64, u32, u32)) -> Self {
        let ends = counted::minute(first).zip(counted::minute(last));
        let range = ends.map(|(first, last)| MinuteRange::new(first, last.plus(1)));
        Self {
            endpoints,
            series,
            range: range.filter(|_| series > 0),
        }
    }

    /// How many rows there may be at most.
    pub(super) fn rows(&self) -> u64 {
        let minutes = self.range.map_or(0, MinuteRange::len);
        self.series.saturating_mul(minutes.into())
    }
}

/// The minutes of some series, and how many rows were not what was written.
pub(super) async fn minutes(
    servers: &Servers,
    query: &MinuteQuery,
    limits: &Limits,
) -> Result<(Vec<MinuteRow>, u64), StoreError> {
    let selection = Selection::of_minutes(query);
    let reach = selection.reach(servers).await?;
    at_most("minutes of series", reach.rows(), limits.rows_max)?;
    let mut found = Found::default();
    if reach.range.is_some() {
        let sql = select(steps::TABLE, &selection.conditions());
        let query = |client: &clickhouse::Client| selection.fill(client.query(&sql));
        let take = |row: StepRow| found.add(row.decode());
        servers.read("read step_rows", query, take).await?;
    }
    let mut rows = found.rows;
    rows.sort_unstable_by(|a, b| (a.minute, &a.series).cmp(&(b.minute, &b.series)));
    Ok((rows, found.corrupt))
}

/// The windows of some endpoints, and how many rows were not what was written.
pub(super) async fn windows(
    servers: &Servers,
    query: &WindowQuery,
    limits: &Limits,
) -> Result<(Vec<WindowRow>, u64), StoreError> {
    let selection = Selection::of_windows(query);
    let reach = selection.reach(servers).await?;
    at_most("windows", reach.rows(), limits.rows_max)?;
    let mut found = Found::default();
    if reach.range.is_some() {
        let sql = select(windows::TABLE, &selection.conditions());
        let query = |client: &clickhouse::Client| selection.fill(client.query(&sql));
        let take = |row: WindowColumns| found.add(row.decode());
        servers.read("read window_rows", query, take).await?;
    }
    let mut rows = found.rows;
    let key = |row: &WindowRow| -> (_, EndpointId, _) {
        (row.ending, row.endpoint.clone(), row.region.clone())
    };
    rows.sort_by_cached_key(key);
    Ok((rows, found.corrupt))
}

/// The rows of all agents in some minutes, and how many were not what was written.
pub(super) async fn agents(
    servers: &Servers,
    range: MinuteRange,
    rows_max: u64,
) -> Result<(Vec<AgentRow>, u64), StoreError> {
    let mut found = Found::default();
    if range.is_empty() {
        return Ok((found.rows, 0));
    }
    // One more than allowed shows that there are too many, without counting them all.
    let limit = rows_max.saturating_add(1);
    let conditions = "minute >= toDateTime({from:UInt32}, 'UTC') \
                      AND minute < toDateTime({to:UInt32}, 'UTC') LIMIT {limit:UInt64}";
    let sql = select(agents::TABLE, conditions);
    let (from, to) = counted::bounds(range);
    let query = |client: &clickhouse::Client| {
        let query = client.query(&sql).param("from", from).param("to", to);
        query.param("limit", limit)
    };
    let take = |row: AgentColumns| found.add(row.decode());
    servers.read("read agent_rows", query, take).await?;
    let mut rows = found.rows;
    let reached = count(rows.len()).saturating_add(found.corrupt);
    at_most("minutes of agents", reached, rows_max)?;
    rows.sort_unstable_by(|a: &AgentRow, b| {
        (a.minute, &a.agent, a.partition).cmp(&(b.minute, &b.agent, b.partition))
    });
    Ok((rows, found.corrupt))
}

/// What was ruled on a model's gates in some minutes, and how many rows were not what was written.
pub(super) async fn rulings(
    servers: &Servers,
    model: &ModelId,
    range: MinuteRange,
    rows_max: u64,
) -> Result<(Vec<RulingRow>, u64), StoreError> {
    let mut found = Found::default();
    if range.is_empty() {
        return Ok((found.rows, 0));
    }
    let limit = rows_max.saturating_add(1);
    let conditions = "model = {model:String} AND since >= toDateTime({from:UInt32}, 'UTC') \
                      AND since < toDateTime({to:UInt32}, 'UTC') LIMIT {limit:UInt64}";
    let sql = select(gates::TABLE, conditions);
    let (from, to) = counted::bounds(range);
    let query = |client: &clickhouse::Client| {
        let query = client.query(&sql).param("model", model.as_str());
        let query = query.param("from", from).param("to", to);
        query.param("limit", limit)
    };
    let take = |row: GateColumns| found.add(row.decode());
    servers.read("read gate_rows", query, take).await?;
    let mut rows = found.rows;
    let reached = count(rows.len()).saturating_add(found.corrupt);
    at_most("rulings on gates", reached, rows_max)?;
    rows.sort_unstable_by_key(|row: &RulingRow| (row.ruling.since(), row.log_id, row.offset));
    Ok((rows, found.corrupt))
}

/// `?fields` stands for the columns of the row that is asked for.
pub(super) fn select(table: &str, conditions: &str) -> String {
    format!("SELECT ?fields FROM {table} FINAL WHERE {conditions}")
}

/// Rows that are sound, and how many are not.
pub(super) struct Found<T> {
    pub(super) rows: Vec<T>,
    pub(super) corrupt: u64,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            corrupt: 0,
        }
    }
}

impl<T> Found<T> {
    pub(super) fn add(&mut self, row: Option<T>) {
        match row {
            Some(row) => self.rows.push(row),
            None => self.corrupt += 1,
        }
    }
}
