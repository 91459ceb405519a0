//! An edition as it is looked at: from where, and when.

use std::collections::BTreeMap;

use sextant_catalog::{Endpoint, Mix, Model};
use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, ModelId, Region};
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::best;
use sextant_snapshot::row::EndpointRow;

use super::numbers::{Seen, THIRTY_MINUTES_US, status};
use crate::edition::Edition;

/// An edition as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'e> {
    pub(super) edition: &'e Edition,
    /// Measured from there alone; nothing for everywhere.
    pub(super) region: Option<&'e Region>,
    pub(super) now: Timestamp,
}

impl<'e> View<'e> {
    /// From everywhere.
    pub(super) fn new(edition: &'e Edition, now: Timestamp) -> Self {
        Self {
            edition,
            region: None,
            now,
        }
    }

    /// All models, those seen only in traffic included, by id.
    pub(super) fn models(self) -> BTreeMap<&'e ModelId, Option<&'e Model>> {
        let rows = self.edition.snapshot().rows().iter();
        let seen = rows.map(|row| (&row.value.id().model, None));
        let mut models: BTreeMap<_, _> = seen.collect();
        let listed = self.edition.catalog().models();
        models.extend(listed.map(|model| (&model.id, Some(model))));
        models
    }

    /// A model's endpoints, the cheapest first, those seen only in traffic last; each with what the
    /// catalog says of it.
    pub(super) fn endpoints(
        self,
        id: &ModelId,
        model: Option<&'e Model>,
    ) -> Vec<(&'e EndpointId, Option<&'e Endpoint>)> {
        let offered = model.map(|model| model.endpoints_by_price(Mix::default()));
        let offered = offered.unwrap_or_default();
        let rows = self.edition.snapshot().model(id).iter();
        let others: Vec<_> = rows
            .map(|row| row.value.id())
            .filter(|id| !offered.iter().any(|endpoint| endpoint.id == **id))
            .collect();
        let offered = offered
            .iter()
            .map(|endpoint| (&endpoint.id, Some(*endpoint)));
        offered
            .chain(others.into_iter().map(|id| (id, None)))
            .collect()
    }

    /// An endpoint's row.
    pub(super) fn row(self, id: &EndpointId) -> Option<&'e EndpointRow> {
        let row = self.edition.snapshot().row(id);
        row.map(|row| &*row.value)
    }

    /// What a row says, from where it is looked at.
    pub(super) fn seen(self, row: Option<&'e EndpointRow>) -> Option<Seen<'e>> {
        let row = row?;
        Some(Seen {
            figures: self.figures(row)?,
            age_us: row.age_us(self.now),
        })
    }

    /// An endpoint's status.
    pub(super) fn status(self, id: &EndpointId) -> Status {
        status(self.seen(self.row(id))).0
    }

    /// The lowest blended price among endpoints that are not down.
    pub(super) fn cheapest(self, model: &'e Model) -> Option<&'e Endpoint> {
        model.cheapest(Mix::default(), |endpoint| {
            self.status(&endpoint.id) != Status::Down
        })
    }

    /// The highest throughput p95 among endpoints that are not down and have enough samples.
    pub(super) fn fastest(self, model: &ModelId) -> Option<(&'e EndpointRow, &'e Figures)> {
        let rows = self.edition.snapshot().model(model).iter();
        let present = rows
            .map(|row| &*row.value)
            .filter(|row| row.age_us(self.now) < THIRTY_MINUTES_US);
        best::fastest(present.filter_map(|row| Some((row, self.figures(row)?))))
    }

    /// The name that people know a provider by.
    pub(super) fn provider_name<'i>(self, id: &'i EndpointId) -> &'i str
    where
        'e: 'i,
    {
        self.edition.catalog().provider_name(&id.provider)
    }

    fn figures(self, row: &'e EndpointRow) -> Option<&'e Figures> {
        match self.region {
            None => Some(row.global()),
            Some(region) => row.region(region),
        }
    }
}
