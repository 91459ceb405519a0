//! A published snapshot, which never changes.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_snapshot::change::Delta;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::version::Version;
use sextant_wire::snapshot::routing::EndpointFacts;
use sextant_wire::snapshot::{encode, json};

use crate::encodings::{Bounds, Encoded, Encodings, Form, Key, Position};
use crate::filter::Filter;
use crate::grpc::framed;
use crate::metrics::Metrics;

/// The catalog, and what of it stands in snapshots.
#[derive(Debug)]
pub struct CatalogSection {
    catalog: Arc<Catalog>,
    facts: Vec<EndpointFacts>,
}

impl CatalogSection {
    /// The section that a catalog makes.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let endpoints = catalog.models().flat_map(|model| &model.endpoints);
        let facts = endpoints.map(EndpointFacts::from).collect();
        Self { catalog, facts }
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether its catalog is still in force.
    pub(crate) fn is_of(&self, live: &LiveCatalog) -> bool {
        live.is_in_force(&self.catalog)
    }

    fn facts(&self, filter: &Filter) -> impl Iterator<Item = &EndpointFacts> {
        let facts = self.facts.iter();
        facts.filter(|facts| filter.admits(&facts.id.model))
    }
}

/// A published snapshot with the catalog beside it, and the forms it has been encoded in.
pub struct Edition {
    snapshot: Snapshot,
    position: Arc<Position>,
    catalog: Arc<CatalogSection>,
    /// What changed since the edition before.
    step: Option<Step>,
    encodings: Encodings,
    metrics: Metrics,
}

/// What changed between two editions that follow each other.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) from: Arc<Position>,
    pub(crate) delta: Delta,
}

impl Edition {
    pub(crate) fn new(
        snapshot: Snapshot,
        step: Option<Step>,
        catalog: Arc<CatalogSection>,
        bounds: Bounds,
        metrics: Metrics,
    ) -> Self {
        Self {
            position: Position::new(snapshot.header().version.clone()),
            snapshot,
            catalog,
            step,
            encodings: Encodings::new(bounds),
            metrics,
        }
    }

    /// Everything.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        self.catalog.catalog()
    }

    /// Its version.
    pub fn position(&self) -> &Arc<Position> {
        &self.position
    }

    /// Everything, as a framed protobuf message.
    pub async fn full(&self, filter: &Filter) -> Encoded {
        let key = Key {
            form: Form::Full,
            filter: filter.clone(),
        };
        let made = || async { Ok::<_, Infallible>(self.make_full(filter)) };
        let Ok(encoded) = self.encodings.get_or_make(key, made).await;
        encoded
    }

    /// Everything, as JSON.
    ///
    /// # Errors
    /// None that a snapshot could cause.
    pub async fn json(&self, filter: &Filter) -> serde_json::Result<Encoded> {
        let key = Key {
            form: Form::Json,
            filter: filter.clone(),
        };
        let made = || async { self.make_json(filter) };
        self.encodings.get_or_make(key, made).await
    }

    /// What changed since a version, as a framed protobuf message. If it isn't the version of the
    /// edition before, or of this one, `otherwise` has to find it out.
    pub(crate) async fn since<E, F: Future<Output = Result<Encoded, E>>>(
        &self,
        from: &Position,
        filter: &Filter,
        otherwise: impl FnOnce() -> F,
    ) -> Result<Encoded, E> {
        let key = Key {
            form: Form::Since(from.text().to_owned()),
            filter: filter.clone(),
        };
        let made = || async {
            match self.delta_since(from.version()) {
                Some(delta) => Ok(self.make_delta(&filter.apply(&delta), filter)),
                None => otherwise().await,
            }
        };
        self.encodings.get_or_make(key, made).await
    }

    pub(crate) fn make_delta(&self, delta: &Delta, filter: &Filter) -> Encoded {
        let bytes = framed(&encode::delta(delta, self.catalog.facts(filter)));
        self.metrics.encoded("delta", bytes.len());
        let version = &delta.header.version;
        let position = if version == self.position.version() {
            Arc::clone(&self.position)
        } else {
            Position::new(version.clone())
        };
        Encoded { bytes, position }
    }

    fn delta_since(&self, version: &Version) -> Option<Delta> {
        if version == self.position.version() {
            return Some(nothing(&self.snapshot));
        }
        let step = self.step.as_ref();
        step.filter(|step| step.from.version() == version)
            .map(|step| step.delta.clone())
    }

    fn make_full(&self, filter: &Filter) -> Encoded {
        let facts = self.catalog.facts(filter);
        let message = if filter.is_all() {
            encode::full(&self.snapshot, facts)
        } else {
            encode::full(&self.snapshot.of_models(&filter.models()), facts)
        };
        let bytes = framed(&message);
        self.metrics.encoded("full", bytes.len());
        self.at_its_position(bytes)
    }

    fn make_json(&self, filter: &Filter) -> serde_json::Result<Encoded> {
        let facts = self.catalog.facts(filter);
        let bytes = if filter.is_all() {
            json::to_json(&self.snapshot, facts)?
        } else {
            json::to_json(&self.snapshot.of_models(&filter.models()), facts)?
        };
        self.metrics.encoded("json", bytes.len());
        Ok(self.at_its_position(bytes.into()))
    }

    fn at_its_position(&self, bytes: bytes::Bytes) -> Encoded {
        Encoded {
            bytes,
            position: Arc::clone(&self.position),
        }
    }
}

impl fmt::Debug for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edition")
            .field("header", self.snapshot.header())
            .field("rows", &self.snapshot.rows().len())
            .finish_non_exhaustive()
    }
}

/// For who has the whole snapshot already.
fn nothing(snapshot: &Snapshot) -> Delta {
    Delta {
        header: snapshot.header().clone(),
        catalog_changed: false,
        rows: Vec::new(),
        removed: Vec::new(),
        gates: Vec::new(),
        gates_removed: Vec::new(),
    }
}
