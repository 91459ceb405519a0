//! Answers to queries, from rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Connection;
use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;
use sextant_measure::window::MinuteSums;

use super::reader::ReadError;
use super::series::{self, Found, Regions};
use super::table::{Fetcher, Table};
use super::{steps, windows};
use crate::limits::{Limits, at_most, count};
use crate::row::merge;
use crate::{
    HistoryPoint, HistoryQuery, MinuteQuery, MinuteRange, MinuteRow, STEP_MINUTES_MAX, WindowQuery,
    WindowRow, WindowScope, no_sums,
};

/// The minutes of some series.
pub(super) fn minutes(
    connection: &Connection,
    fetcher: &mut Fetcher,
    query: &MinuteQuery,
    limits: &Limits,
) -> Result<Vec<MinuteRow>, ReadError> {
    let wanted = Wanted::of_minutes(connection, fetcher, query)?;
    let reach = wanted.reach();
    at_most("minutes of series", reach, limits.rows_max)?;
    let by_id = wanted.by_id();
    let mut rows = Vec::new();
    steps::fetch(connection, fetcher, &wanted.series, wanted.range, |step| {
        let series = by_id.get(&step.series).and_then(|found| found.series());
        rows.extend(series.map(|series| MinuteRow {
            series,
            minute: step.minute,
            revision: step.revision,
            sums: step.sums,
        }));
    })?;
    rows.sort_by(|a, b| (a.minute, &a.series).cmp(&(b.minute, &b.series)));
    Ok(rows)
}

/// The windows of some endpoints.
pub(super) fn windows(
    connection: &Connection,
    fetcher: &mut Fetcher,
    query: &WindowQuery,
    limits: &Limits,
) -> Result<Vec<WindowRow>, ReadError> {
    let regions = match &query.scope {
        WindowScope::All => Regions::All,
        WindowScope::Global => Regions::Merged,
        WindowScope::Region(region) => Regions::One(region),
    };
    let selected = (&query.model, query.endpoint.as_ref(), regions);
    let wanted = Wanted::of(connection, fetcher, &windows::TABLE, selected, query.range)?;
    at_most("windows", wanted.reach(), limits.rows_max)?;
    let by_id = wanted.by_id();
    let mut rows = Vec::new();
    windows::fetch(
        connection,
        fetcher,
        &wanted.series,
        wanted.range,
        |window| {
            let found = by_id.get(&window.series);
            rows.extend(found.map(|found| WindowRow {
                endpoint: found.endpoint.clone(),
                region: found.region.clone(),
                ending: window.ending,
                figures: window.figures,
                terms: window.terms,
            }));
        },
    )?;
    rows.sort_by(|a, b| {
        (a.ending, &a.endpoint, &a.region).cmp(&(b.ending, &b.endpoint, &b.region))
    });
    Ok(rows)
}

/// What some endpoints saw, step by step.
pub(super) fn history(
    connection: &Connection,
    fetcher: &mut Fetcher,
    query: &HistoryQuery,
    limits: &Limits,
) -> Result<Vec<HistoryPoint>, ReadError> {
    let step_minutes = query.step_minutes.get();
    let longest = STEP_MINUTES_MAX.into();
    at_most("minutes in a step", step_minutes.into(), longest)?;
    let wanted = Wanted::of_minutes(connection, fetcher, &query.minutes)?;
    let endpoints = wanted.series.iter().map(|found| &found.endpoint);
    let endpoints: BTreeSet<&EndpointId> = endpoints.collect();
    let start = query.minutes.range.from;
    let step_of = |minute: Minute| (minute.index() - start.index()) / step_minutes;
    if wanted.range.is_empty() {
        return Ok(Vec::new());
    }
    let steps = step_of(wanted.range.to.minus(1)) - step_of(wanted.range.from) + 1;
    let points = count(endpoints.len()).saturating_mul(steps.into());
    at_most("points of a history", points, limits.points_max)?;
    at_most("minutes to merge", wanted.reach(), limits.merged_rows_max)?;

    let by_id = wanted.by_id();
    let mut points: BTreeMap<(&EndpointId, u32), MinuteSums> = BTreeMap::new();
    steps::fetch(connection, fetcher, &wanted.series, wanted.range, |step| {
        if let Some(found) = by_id.get(&step.series) {
            let at = (&found.endpoint, step_of(step.minute));
            merge(points.entry(at).or_insert_with(no_sums), &step.sums);
        }
    })?;
    let point = |((endpoint, step), sums): ((&EndpointId, u32), _)| HistoryPoint {
        endpoint: endpoint.clone(),
        from: start.plus(step.saturating_mul(step_minutes)),
        sums,
    };
    Ok(points.into_iter().map(point).collect())
}

/// The series that a query is about, and the part of its range in which there may be rows.
struct Wanted {
    series: Vec<Found>,
    range: MinuteRange,
}

/// A model, one of its endpoints or all, and regions.
type Selected<'a> = (
    &'a ModelId,
    Option<&'a (ProviderId, Quantization)>,
    Regions<'a>,
);

impl Wanted {
    fn of_minutes(
        connection: &Connection,
        fetcher: &mut Fetcher,
        query: &MinuteQuery,
    ) -> rusqlite::Result<Self> {
        let regions = query.region.as_ref().map_or(Regions::Each, Regions::One);
        let selected = (&query.model, query.endpoint.as_ref(), regions);
        Self::of(connection, fetcher, &steps::TABLE, selected, query.range)
    }

    fn of(
        connection: &Connection,
        fetcher: &mut Fetcher,
        table: &Table,
        (model, endpoint, regions): Selected<'_>,
        range: MinuteRange,
    ) -> rusqlite::Result<Self> {
        let corrupt = &mut fetcher.corrupt;
        Ok(Self {
            series: series::of_model(connection, model, endpoint, regions, corrupt)?,
            range: table.extent(connection, range)?,
        })
    }

    /// How many rows there may be at most.
    fn reach(&self) -> u64 {
        count(self.series.len()).saturating_mul(self.range.len().into())
    }

    fn by_id(&self) -> HashMap<i64, &Found> {
        self.series.iter().map(|found| (found.id, found)).collect()
    }
}
