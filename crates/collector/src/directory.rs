//! What the endpoint ids of a stream stand for.
//!
//! Everything about an endpoint that admission needs (its series, its partition, its hash) is
//! worked out once, when the id is defined, and never again for an observation.

use std::collections::HashMap;
use std::sync::Arc;

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::Definition;
use sextant_measure::quantization::Quantization;
use sextant_measure::refusal::Refusal;
use sextant_wire::definition::{definition_hash, partition_of};

/// Ids up to this far past the largest so far are found without hashing.
const GAP_MAX: usize = 16;
/// No entry.
const NONE: u32 = u32::MAX;

/// By what observations are stamped and split.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Fills in a quantization that the sender left out.
    pub catalog: LiveCatalog,
    /// Fills in a region that the sender left out.
    pub region: Region,
    /// How many partitions the observations log has.
    pub partitions: u32,
}

/// The definitions of one stream, or of one call.
#[derive(Debug, Default)]
pub struct Directory {
    entries: Vec<Entry>,
    /// Entries of ids that count up, by id.
    counted: Vec<u32>,
    /// Entries of all other ids.
    other: HashMap<u32, u32>,
    is_full: bool,
    /// By what quantizations that senders left out were filled in.
    catalog: Option<Arc<Catalog>>,
    /// The batch that is being admitted, counted from 1.
    pub(crate) batch: u64,
}

/// What an id stands for.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) meaning: Result<Target, Refusal>,
    is_conflicting: bool,
    /// The batch that last used it, and its index among the series of its part there.
    pub(crate) used: (u64, u32),
}

/// Where an observation belongs.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) partition: u32,
    /// Of what the sender named, before any stamp.
    pub(crate) definition_hash: u64,
    pub(crate) series: SeriesId,
    /// The sender named no quantization: it is the catalog's.
    is_stamped: bool,
}

/// Why a batch that names an id can't be judged. It depends on the stream and not on the batch's
/// bytes, so nothing of the batch may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableId {
    /// Never defined.
    #[error("UNKNOWN_DEFINITION: endpoint id {0} has not been defined")]
    Unknown(u32),
    /// Not defined, and definitions have been turned away.
    #[error(
        "UNKNOWN_DEFINITION: endpoint id {0} is past the number of definitions that are taken; \
         define on a new stream what is still in use"
    )]
    TurnedAway(u32),
    /// Defined twice, each time as something else.
    #[error("UNKNOWN_DEFINITION: endpoint id {0} has been defined as two different endpoints")]
    Conflicting(u32),
}

impl Directory {
    /// Defines an id. One that cannot be is kept as its refusal, so that its observations are
    /// refused by name. Defining an id again alike changes nothing.
    pub fn define(&mut self, id: u32, definition: Result<Definition, Refusal>, rules: &Rules) {
        let meaning = definition.map(|definition| rules.resolve(definition));
        if let Some(entry) = self.entry_mut(id) {
            entry.is_conflicting |= !is_alike(&entry.meaning, &meaning);
            return;
        }
        let place = u32::try_from(self.entries.len()).unwrap_or(NONE);
        self.entries.push(Entry {
            meaning,
            is_conflicting: false,
            used: (0, 0),
        });
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        if at >= self.counted.len().saturating_add(GAP_MAX) {
            self.other.insert(id, place);
            return;
        }
        if at >= self.counted.len() {
            self.counted.resize(at + 1, NONE);
        }
        if let Some(counted) = self.counted.get_mut(at) {
            *counted = place;
        }
    }

    /// Fills quantizations in anew if the catalog has been replaced. A stream may outlive many
    /// catalogs.
    pub(crate) fn stamp_anew(&mut self, rules: &Rules) {
        let current = &mut self.catalog;
        if current
            .as_ref()
            .is_some_and(|it| rules.catalog.is_in_force(it))
        {
            return;
        }
        let catalog = current.insert(rules.catalog.get());
        for entry in &mut self.entries {
            if let Ok(target) = &mut entry.meaning
                && target.is_stamped
            {
                let endpoint = &mut target.series.endpoint;
                endpoint.quantization = stamp(catalog, &endpoint.model, &endpoint.provider);
            }
        }
    }

    /// How many ids are defined.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says that definitions have been turned away.
    pub(crate) fn turn_away(&mut self) {
        self.is_full = true;
    }

    /// Whether the id is defined, in whatever way.
    pub(crate) fn knows(&self, id: u32) -> bool {
        self.place(id).is_some()
    }

    pub(crate) fn usable(&mut self, id: u32) -> Result<&mut Entry, UnusableId> {
        let unknown = if self.is_full {
            UnusableId::TurnedAway(id)
        } else {
            UnusableId::Unknown(id)
        };
        let entry = self.entry_mut(id).ok_or(unknown)?;
        if entry.is_conflicting {
            return Err(UnusableId::Conflicting(id));
        }
        Ok(entry)
    }

    fn entry_mut(&mut self, id: u32) -> Option<&mut Entry> {
        let place = self.place(id)?;
        self.entries.get_mut(usize::try_from(place).ok()?)
    }

    fn place(&self, id: u32) -> Option<u32> {
        let counted = self.counted.get(usize::try_from(id).ok()?).copied();
        counted
            .filter(|place| *place != NONE)
            .or_else(|| self.other.get(&id).copied())
    }
}

impl Rules {
    fn resolve(&self, definition: Definition) -> Target {
        let definition_hash = definition_hash(&definition);
        let Definition {
            model,
            provider,
            quantization,
            region,
        } = definition;
        let is_stamped = quantization.is_none();
        let quantization =
            quantization.unwrap_or_else(|| stamp(&self.catalog.get(), &model, &provider));
        Target {
            partition: partition_of(&model, &provider, self.partitions),
            definition_hash,
            series: SeriesId {
                endpoint: EndpointId {
                    model,
                    provider,
                    quantization,
                },
                region: region.unwrap_or_else(|| self.region.clone()),
            },
            is_stamped,
        }
    }
}

fn stamp(catalog: &Catalog, model: &ModelId, provider: &ProviderId) -> Quantization {
    let sole = catalog.sole_quantization(model, provider);
    sole.unwrap_or_default()
}

fn is_alike(a: &Result<Target, Refusal>, b: &Result<Target, Refusal>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a.definition_hash == b.definition_hash,
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}
