//! A published snapshot, which never changes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sextant_catalog::{Catalog, EndpointFacts, LiveCatalog};
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Delta;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::version::Version;
use sextant_wire::snapshot::{encode, json};

use crate::coding::Coding;
use crate::encoder::{Encoder, Unmade};
use crate::encodings::{Document, Encoded, Encodings, Form, Key, Pages, Position, Speech};
use crate::events;
use crate::filter::Filter;
use crate::grpc::framed;

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
    pages: Pages,
    encoder: Encoder,
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
        encoder: Encoder,
    ) -> Self {
        Self {
            position: Position::new(snapshot.header().version.clone()),
            snapshot,
            catalog,
            step,
            encodings: Encodings::new(encoder.bounds),
            pages: Pages::new(encoder.bounds),
            encoder,
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

    /// What of the catalog a router must know.
    pub(crate) fn facts(&self, filter: &Filter) -> impl Iterator<Item = &EndpointFacts> {
        self.catalog.facts(filter)
    }

    /// Its version.
    pub fn position(&self) -> &Arc<Position> {
        &self.position
    }

    /// Everything, as a message of a watch.
    ///
    /// # Errors
    /// None that a snapshot could cause, until the process ends.
    pub(crate) async fn full(
        self: &Arc<Self>,
        speech: Speech,
        filter: &Filter,
    ) -> Result<Encoded, Unmade> {
        let key = Key {
            form: Form::Full(speech),
            filter: filter.clone(),
        };
        let made = self
            .encodings
            .get_or_make(key, || self.make_full(speech, filter));
        made.await
    }

    /// Everything, as JSON.
    ///
    /// # Errors
    /// None that a snapshot could cause, until the process ends.
    pub(crate) async fn json(
        self: &Arc<Self>,
        filter: &Filter,
        coding: Coding,
    ) -> Result<Encoded, Unmade> {
        let (edition, of) = (Arc::clone(self), filter.clone());
        let make = move || {
            let mut text = Vec::new();
            edition.write_json(&mut text, &of)?;
            Ok::<_, serde_json::Error>(text)
        };
        self.document(&self.encodings, Document::Snapshot, filter, coding, make)
            .await
    }

    /// A page that tells ages as they are at this time, or were a moment ago.
    ///
    /// # Errors
    /// None that a snapshot could cause, until the process ends.
    pub(crate) async fn page<E: Into<Unmade> + 'static>(
        self: &Arc<Self>,
        page: Document,
        coding: Coding,
        now: Timestamp,
        make: impl FnOnce(&Self) -> Result<Vec<u8>, E> + Send + 'static,
    ) -> Result<Encoded, Unmade> {
        let edition = Arc::clone(self);
        let make = move || make(&edition);
        let all = Filter::all();
        self.document(&self.pages.at(now), page, &all, coding, make)
            .await
    }

    /// A page that nobody else asks for: it is not kept.
    ///
    /// # Errors
    /// None that a snapshot could cause, until the process ends.
    pub(crate) async fn page_for_one<E: Into<Unmade> + 'static>(
        self: &Arc<Self>,
        make: impl FnOnce(&Self) -> Result<Vec<u8>, E> + Send + 'static,
    ) -> Result<Bytes, Unmade> {
        let edition = Arc::clone(self);
        self.encoder.make(move || make(&edition)).await
    }

    /// What changed since a version, as a message of a watch. If it isn't the version of the edition
    /// before, or of this one, `otherwise` has to find it out.
    pub(crate) async fn since<E: From<Unmade>, F: Future<Output = Result<Encoded, E>>>(
        self: &Arc<Self>,
        speech: Speech,
        from: &Position,
        filter: &Filter,
        otherwise: impl FnOnce() -> F,
    ) -> Result<Encoded, E> {
        let key = Key {
            form: Form::Since(speech, from.text().to_owned()),
            filter: filter.clone(),
        };
        let made = || async {
            match self.delta_since(from.version()) {
                Some(delta) => {
                    let delta = filter.apply(&delta);
                    Ok(self.make_delta(speech, delta, filter).await?)
                }
                None => otherwise().await,
            }
        };
        self.encodings.get_or_make(key, made).await
    }

    pub(crate) async fn make_delta(
        self: &Arc<Self>,
        speech: Speech,
        delta: Delta,
        filter: &Filter,
    ) -> Result<Encoded, Unmade> {
        let version = &delta.header.version;
        let position = if version == self.position.version() {
            Arc::clone(&self.position)
        } else {
            Position::new(version.clone())
        };
        let bytes = match speech {
            Speech::Protobuf => framed(&encode::delta(&delta, self.catalog.facts(filter))),
            Speech::Events => {
                let (edition, of) = (Arc::clone(self), filter.clone());
                let at = Arc::clone(&position);
                let make = move || {
                    let facts = edition.catalog.facts(&of);
                    events::delta(&at, |text| json::delta(text, &delta, facts))
                };
                self.encoder.make(make).await?
            }
        };
        self.encoder
            .metrics
            .encoded(speech.delta_name(), bytes.len());
        Ok(Encoded { bytes, position })
    }

    fn delta_since(&self, version: &Version) -> Option<Delta> {
        if version == self.position.version() {
            return Some(nothing(&self.snapshot));
        }
        let step = self.step.as_ref();
        step.filter(|step| step.from.version() == version)
            .map(|step| step.delta.clone())
    }

    async fn make_full(
        self: &Arc<Self>,
        speech: Speech,
        filter: &Filter,
    ) -> Result<Encoded, Unmade> {
        let bytes = match speech {
            Speech::Protobuf => framed(&self.to_message(filter)),
            Speech::Events => {
                let (edition, of) = (Arc::clone(self), filter.clone());
                let make =
                    move || events::full(&edition.position, |text| edition.write_json(text, &of));
                self.encoder.make(make).await?
            }
        };
        self.encoder
            .metrics
            .encoded(speech.full_name(), bytes.len());
        Ok(self.at_its_position(bytes))
    }

    /// A document, coded from the plain one: each is made once.
    async fn document<E: Into<Unmade> + 'static>(
        &self,
        encodings: &Encodings,
        document: Document,
        filter: &Filter,
        coding: Coding,
        make: impl FnOnce() -> Result<Vec<u8>, E> + Send + 'static,
    ) -> Result<Encoded, Unmade> {
        let name = document.name();
        let key = |coding| Key {
            form: Form::Document(document.clone(), coding),
            filter: filter.clone(),
        };
        let make_plain = || async {
            let plain = self.encoder.make(make).await?;
            self.encoder.metrics.encoded(name, plain.len());
            Ok(self.at_its_position(plain))
        };
        let plain = encodings.get_or_make(key(Coding::Identity), make_plain);
        if coding == Coding::Identity {
            return plain.await;
        }
        let make_coded = || async {
            let coded = self.encoder.code(plain.await?.bytes, coding).await?;
            self.encoder.metrics.encoded(coding.name(), coded.len());
            Ok(self.at_its_position(coded))
        };
        encodings.get_or_make(key(coding), make_coded).await
    }

    fn to_message(&self, filter: &Filter) -> Bytes {
        let facts = self.catalog.facts(filter);
        if filter.is_all() {
            encode::full(&self.snapshot, facts)
        } else {
            encode::full(&self.snapshot.of_models(&filter.models()), facts)
        }
    }

    fn write_json(&self, text: &mut Vec<u8>, filter: &Filter) -> serde_json::Result<()> {
        let facts = self.catalog.facts(filter);
        if filter.is_all() {
            json::full(text, &self.snapshot, facts)
        } else {
            json::full(text, &self.snapshot.of_models(&filter.models()), facts)
        }
    }

    fn at_its_position(&self, bytes: Bytes) -> Encoded {
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
