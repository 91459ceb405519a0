//! Series by number: what the rows name them by.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, Row};
use sextant_measure::id::{EndpointId, GLOBAL_REGION, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;

/// Numbers remembered; past that, all are looked up again.
const KNOWN_MAX: usize = 1 << 16;

const MINUTES_PER_DAY: u32 = 1_440;

/// What a row is about: an endpoint as seen from a region, or (`None`) from all of them.
pub(super) type Name = (EndpointId, Option<Region>);

/// The numbers that the writer has given or found.
#[derive(Default)]
pub(super) struct Numbers {
    /// Number, and the last day that the table has for it.
    known: HashMap<Name, (i64, u32)>,
    /// How many single attempts there are, once that is counted.
    pub(super) attempts: Option<u64>,
}

/// A series that a query is about.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) endpoint: EndpointId,
    pub(super) region: Option<Region>,
}

/// Which regions a query is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Regions<'a> {
    /// Each region, and their merge.
    All,
    /// Each region, without their merge.
    Each,
    /// The merge of all.
    Merged,
    /// One region.
    One(&'a Region),
}

impl Numbers {
    /// The number of a series, which gets one if it is new, for a row of that minute.
    pub(super) fn of(
        &mut self,
        connection: &Connection,
        name: Name,
        minute: Minute,
    ) -> rusqlite::Result<i64> {
        let day = day(minute);
        if let Some((id, last_day)) = self.known.get(&name)
            && day <= *last_day
        {
            return Ok(*id);
        }
        let (endpoint, region) = &name;
        let mut statement = connection.prepare_cached(
            "INSERT INTO series (model, provider, quantization, region, last_day)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (model, provider, quantization, region)
             DO UPDATE SET last_day = max(last_day, excluded.last_day)
             RETURNING id, last_day",
        )?;
        let values = (
            endpoint.model.as_str(),
            endpoint.provider.as_str(),
            endpoint.quantization.name(),
            region.as_ref().map_or(GLOBAL_REGION, Region::as_str),
            day,
        );
        let found = statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.known.len() >= KNOWN_MAX {
            self.forget();
        }
        self.known.insert(name, found);
        Ok(found.0)
    }

    /// Forgets all numbers, because the tables may say otherwise now.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.attempts = None;
    }
}

/// The day of a minute, since 1970.
pub(super) fn day(minute: Minute) -> u32 {
    minute.index() / MINUTES_PER_DAY
}

/// A model's series, by number. Names that can't be ones are counted in `corrupt`.
pub(super) fn of_model(
    connection: &Connection,
    model: &ModelId,
    endpoint: Option<&(ProviderId, Quantization)>,
    regions: Regions<'_>,
    corrupt: &mut u64,
) -> rusqlite::Result<Vec<Found>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, provider, quantization, region FROM series
         WHERE model = ?1 AND (?2 IS NULL OR (provider = ?2 AND quantization = ?3))
         ORDER BY id",
    )?;
    let values = (
        model.as_str(),
        endpoint.map(|(provider, _)| provider.as_str()),
        endpoint.map(|(_, quantization)| quantization.name()),
    );
    let mut rows = statement.query(values)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        match found(model, row)? {
            Some(found) if regions.hold(found.region.as_ref()) => all.push(found),
            Some(_) => {}
            None => *corrupt += 1,
        }
    }
    Ok(all)
}

/// The series of some endpoints, without the merges of their regions, by number.
pub(super) fn of_endpoints(
    connection: &Connection,
    endpoints: &[EndpointId],
    corrupt: &mut u64,
) -> rusqlite::Result<Vec<Found>> {
    let mut all = Vec::new();
    for endpoint in endpoints.iter().collect::<BTreeSet<_>>() {
        let wanted = (endpoint.provider.clone(), endpoint.quantization);
        let model = &endpoint.model;
        let more = of_model(connection, model, Some(&wanted), Regions::Each, corrupt)?;
        all.extend(more);
    }
    all.sort_unstable_by_key(|found| found.id);
    Ok(all)
}

/// The numbers as a JSON array, which is how a statement takes a list.
pub(super) fn list(series: &[Found]) -> String {
    let ids: Vec<String> = series.iter().map(|found| found.id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

impl Found {
    /// The series, unless it is a merge of all regions.
    pub(super) fn series(&self) -> Option<SeriesId> {
        Some(SeriesId {
            endpoint: self.endpoint.clone(),
            region: self.region.clone()?,
        })
    }
}

impl Regions<'_> {
    fn hold(self, region: Option<&Region>) -> bool {
        match self {
            Self::All => true,
            Self::Each => region.is_some(),
            Self::Merged => region.is_none(),
            Self::One(wanted) => region == Some(wanted),
        }
    }
}

fn found(model: &ModelId, row: &Row<'_>) -> rusqlite::Result<Option<Found>> {
    let id = row.get(0)?;
    let text = |column| row.get_ref(column).map(|value| value.as_str().ok());
    let (provider, quantization, region) = (text(1)?, text(2)?, text(3)?);
    let parse = || {
        let region = match region? {
            GLOBAL_REGION => None,
            region => Some(Region::new(region).ok()?),
        };
        let endpoint = EndpointId {
            model: model.clone(),
            provider: ProviderId::new(provider?).ok()?,
            quantization: quantization?.parse().ok()?,
        };
        Some(Found {
            id,
            endpoint,
            region,
        })
    };
    Ok(parse())
}
