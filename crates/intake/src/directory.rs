//! What the endpoint ids of a stream stand for.
//!
//! Everything about an endpoint that its keeper needs is worked out once, when the id is defined,
//! and never again for an observation.

use std::collections::HashMap;

use sextant_measure::id::Region;
use sextant_measure::observation::Definition;
use sextant_measure::refusal::Refusal;

/// Ids up to this far past the largest so far are found without hashing.
const GAP_MAX: usize = 16;
/// No entry.
const NONE: u32 = u32::MAX;

/// By what definitions are understood.
pub trait Resolve: Send + Sync {
    /// What a definition comes to.
    type Meaning: Meaning;

    /// What the definition comes to, of a sender that is in this region. That is no part of what the
    /// sender named.
    fn resolve(&self, definition: Definition, region: Option<&Region>) -> Self::Meaning;
}

/// What an id stands for.
pub trait Meaning: Send {
    /// Whether both come of the same definition.
    fn is_alike(&self, other: &Self) -> bool;
}

/// The definitions of one stream, or of one call.
#[derive(Debug)]
pub struct Directory<M> {
    entries: Vec<Entry<M>>,
    /// Entries of ids that count up, by id.
    counted: Vec<u32>,
    /// Entries of all other ids.
    other: HashMap<u32, u32>,
    is_full: bool,
    /// Where the sender is.
    region: Option<Region>,
    /// The batch that is being judged, counted from 1.
    batch: u64,
}

/// An id.
#[derive(Debug)]
pub struct Entry<M> {
    /// What it stands for, or why it can't stand for anything.
    pub meaning: Result<M, Refusal>,
    is_conflicting: bool,
    /// The batch that last used it, and a number that the judge gave it there.
    used: (u64, u32),
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

impl<M> Default for Directory<M> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            counted: Vec::new(),
            other: HashMap::new(),
            is_full: false,
            region: None,
            batch: 0,
        }
    }
}

impl<M: Meaning> Directory<M> {
    /// Of a sender that is in this region.
    pub fn in_region(region: Option<Region>) -> Self {
        Self {
            region,
            ..Self::default()
        }
    }

    /// Defines an id. One that cannot be is kept as its refusal, so that its observations are
    /// refused by name. Defining an id again alike changes nothing.
    pub fn define<R>(&mut self, id: u32, definition: Result<Definition, Refusal>, rules: &R)
    where
        R: Resolve<Meaning = M>,
    {
        let meaning = definition.map(|definition| rules.resolve(definition, self.region.as_ref()));
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

    /// Begins to judge a batch: no id has been used in it. Returns its number.
    pub fn begin_batch(&mut self) -> u64 {
        self.batch += 1;
        self.batch
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

    /// What an id of a batch stands for.
    ///
    /// # Errors
    /// Nothing, or nothing certain.
    pub fn usable(&mut self, id: u32) -> Result<&mut Entry<M>, UnusableId> {
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

    fn entry_mut(&mut self, id: u32) -> Option<&mut Entry<M>> {
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

impl<M> Entry<M> {
    /// The number that it was given in this batch, if it has been used there.
    pub fn number_in(&self, batch: u64) -> Option<u32> {
        let (used_in, number) = self.used;
        (used_in == batch).then_some(number)
    }

    /// Gives it a number in this batch.
    pub fn number(&mut self, batch: u64, number: u32) {
        self.used = (batch, number);
    }
}

fn is_alike<M: Meaning>(a: &Result<M, Refusal>, b: &Result<M, Refusal>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a.is_alike(b),
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}
