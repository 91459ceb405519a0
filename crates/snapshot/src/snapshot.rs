//! What is handed out: everything at one moment. It never changes, and copies of its rows are
//! shared.

use std::collections::BTreeSet;

use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;

use crate::gates::Gate;
use crate::row::{EndpointRow, Row};
use crate::stamp::Stamped;
use crate::version::Version;

/// What holds for all of a snapshot, or for what a change makes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How far each section is.
    pub version: Version,
    /// By the clock of whoever made it.
    pub generated_at: Timestamp,
    /// Partitions of the windows log whose owner has published everything.
    pub partitions_whole: u32,
    /// All partitions of the windows log.
    pub partitions: u32,
    /// More than half of all providers with enough data are down: the observer is the likelier
    /// cause.
    pub observer_suspected: bool,
}

/// Everything at one moment. `R` is the form in which rows are held.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot<R = EndpointRow> {
    header: Header,
    rows: Vec<Stamped<R>>,
    gates: Vec<Stamped<Gate>>,
}

impl<R: Row> Snapshot<R> {
    /// A snapshot of rows and gates in any order. An endpoint has one row: of several, as after a
    /// change of the partitioning, the one published last.
    pub fn new(header: Header, rows: Vec<Stamped<R>>, gates: Vec<Stamped<Gate>>) -> Self {
        let (mut rows, mut gates) = (rows, gates);
        if !rows.is_sorted_by(|a, b| a.value.endpoint() < b.value.endpoint()) {
            let newness = |row: &Stamped<R>| (row.value.published_at(), row.stamp.partition);
            // Stable, since that is fast on what is a few ascending runs.
            rows.sort_by(|a, b| {
                let by_endpoint = a.value.endpoint().cmp(b.value.endpoint());
                by_endpoint.then_with(|| newness(b).cmp(&newness(a)))
            });
            rows.dedup_by(|b, a| a.value.endpoint() == b.value.endpoint());
        }
        gates.sort_by(|a, b| a.value.key().cmp(b.value.key()));
        Self::of_sorted(header, rows, gates)
    }

    /// A snapshot of rows and gates that already stand in ascending order, each once.
    pub(crate) fn of_sorted(
        header: Header,
        rows: Vec<Stamped<R>>,
        gates: Vec<Stamped<Gate>>,
    ) -> Self {
        Self {
            header,
            rows,
            gates,
        }
    }

    /// What holds for all of it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All rows, in the order of their endpoints.
    pub fn rows(&self) -> &[Stamped<R>] {
        &self.rows
    }

    /// The row of an endpoint.
    pub fn row(&self, id: &EndpointId) -> Option<&Stamped<R>> {
        let found = self
            .rows
            .binary_search_by(|row| row.value.endpoint().cmp(id));
        found.ok().and_then(|index| self.rows.get(index))
    }

    /// The rows of a model, in the order of their endpoints.
    pub fn model(&self, model: &ModelId) -> &[Stamped<R>] {
        let rows = &self.rows;
        let start = rows.partition_point(|row| row.value.endpoint().model < *model);
        let end = rows.partition_point(|row| row.value.endpoint().model <= *model);
        rows.get(start..end).unwrap_or_default()
    }

    /// All gates, in the order of their keys.
    pub fn gates(&self) -> &[Stamped<Gate>] {
        &self.gates
    }

    /// What of it belongs to some models. The header stays that of the whole.
    #[must_use]
    pub fn of_models(&self, models: &ModelFilter) -> Self {
        let rows = self.rows.iter();
        let gates = self.gates.iter();
        Self {
            header: self.header.clone(),
            rows: rows
                .filter(|row| models.admits(&row.value.endpoint().model))
                .cloned()
                .collect(),
            gates: gates
                .filter(|gate| models.admits(&gate.value.key().model))
                .cloned()
                .collect(),
        }
    }

    /// Takes it apart.
    pub fn into_parts(self) -> (Header, Vec<Stamped<R>>, Vec<Stamped<Gate>>) {
        (self.header, self.rows, self.gates)
    }
}

impl<R> Clone for Snapshot<R> {
    fn clone(&self) -> Self {
        Self {
            header: self.header.clone(),
            rows: self.rows.clone(),
            gates: self.gates.clone(),
        }
    }
}

/// Which models someone asks for; empty means all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFilter(BTreeSet<ModelId>);

impl ModelFilter {
    /// Whether the model is asked for.
    pub fn admits(&self, model: &ModelId) -> bool {
        self.0.is_empty() || self.0.contains(model)
    }

    /// Whether all models are asked for.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<ModelId> for ModelFilter {
    fn from_iter<I: IntoIterator<Item = ModelId>>(models: I) -> Self {
        Self(models.into_iter().collect())
    }
}
