//! The operator's verdicts on quantizations, and their section of a picture.

use std::sync::Arc;

use sextant_measure::id::{ModelId, Operation, is_text};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;

use crate::cursor::{Cursor, Effect};
use crate::error::SnapshotError;
use crate::lane::{Index, Lane, Place};
use crate::picture::{Applied, Ignored};
use crate::stamp::{Stamp, Stamped};

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GateKey {
    /// The caller's named task.
    pub operation: Operation,
    /// The model.
    pub model: ModelId,
    /// The precision at which it is served.
    pub quantization: Quantization,
}

/// How an evaluation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Good enough for the operation.
    Green,
    /// Not good enough.
    Red,
}

impl Verdict {
    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
        }
    }
}

/// A verdict, and who gave it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    key: GateKey,
    verdict: Verdict,
    author: String,
    since: Timestamp,
}

impl Gate {
    /// A verdict; the author is a text of at most 128 bytes without control characters.
    ///
    /// # Errors
    /// [`SnapshotError::Row`] if the author isn't.
    pub fn new(
        key: GateKey,
        verdict: Verdict,
        author: String,
        since: Timestamp,
    ) -> Result<Self, SnapshotError> {
        if !is_text(&author) {
            return Err(SnapshotError::Row("its author isn't a text"));
        }
        Ok(Self {
            key,
            verdict,
            author,
            since,
        })
    }

    /// What it is about.
    pub fn key(&self) -> &GateKey {
        &self.key
    }

    /// How the evaluation went.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Who gave it.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// When it was given, by the clock of the server that took it.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

/// A record of the gates log, which has one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRecord {
    /// Its place in the log.
    pub offset: u64,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// What it says.
    pub entry: GateEntry,
}

/// What a record of the gates log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateEntry {
    /// There is a verdict.
    Set(Gate),
    /// There is none any more.
    Cleared(GateKey),
}

impl GateEntry {
    /// What it is about.
    pub fn key(&self) -> &GateKey {
        match self {
            Self::Set(gate) => gate.key(),
            Self::Cleared(key) => key,
        }
    }
}

/// The gates log's only one.
const PARTITION: u32 = 0;

/// What is known of the gates log.
#[derive(Debug)]
pub(crate) struct Gates {
    log_id: u64,
    cursor: Cursor,
    lane: Lane<GateKey, Gate>,
    index: Index<GateKey, Gate>,
    live_max: usize,
}

impl Gates {
    pub(crate) fn new(log_id: u64, live_max: usize) -> Self {
        Self {
            log_id,
            cursor: Cursor::default(),
            lane: Lane::new(PARTITION, live_max, live_max),
            index: Index::new(),
            live_max,
        }
    }

    pub(crate) fn open(&mut self, log_id: u64) {
        if log_id != self.log_id {
            *self = Self::new(log_id, self.live_max);
        }
    }

    pub(crate) fn apply(&mut self, record: GateRecord) -> Applied {
        let GateRecord {
            offset,
            appended_at,
            entry,
        } = record;
        if self.cursor.has_read(offset) {
            return Applied::Ignored(Ignored::Repeated);
        }
        self.cursor.advance(offset, appended_at, Effect::Shown);
        // Whoever may write to this log may write: there are no claims, hence no epochs.
        let (place, epoch) = (Place::at(offset), 0);
        match entry {
            GateEntry::Set(gate) => {
                let (key, gate) = (gate.key.clone(), Arc::new(gate));
                let put = self.lane.put(&mut self.index, key, place, epoch, gate);
                put.map_or(Applied::Ignored(Ignored::NoRoom), |_| Applied::Changed)
            }
            GateEntry::Cleared(key) => {
                let index = &mut self.index;
                self.lane.bury(index, key, place, epoch, appended_at);
                Applied::Changed
            }
        }
    }

    pub(crate) fn reached_end(&mut self, now: Timestamp) {
        self.cursor.reached_end(now);
    }

    pub(crate) fn forget(&mut self, until: Timestamp) {
        self.lane.forget(&mut self.index, until);
    }

    pub(crate) fn log_id(&self) -> u64 {
        self.log_id
    }

    pub(crate) fn position(&self) -> u64 {
        self.cursor.position()
    }

    pub(crate) fn resumes_from(&self, position: u64, now: Timestamp) -> bool {
        self.cursor.resumes_from(position, now) && self.lane.remembers(position)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Stamped<Gate>> {
        self.index
            .iter()
            .map(|(_, offset, gate)| stamped(offset, gate))
    }

    /// Those set since the position, and those cleared.
    pub(crate) fn since(
        &self,
        position: u64,
        mut wanted: impl FnMut(&ModelId) -> bool,
    ) -> (Vec<Stamped<Gate>>, Vec<(GateKey, Stamp)>) {
        let (mut set, mut cleared) = (Vec::new(), Vec::new());
        for (offset, key, gate) in self.lane.since(position) {
            match gate {
                _ if !wanted(&key.model) => {}
                Some(gate) => set.push(stamped(offset, gate)),
                None => cleared.push((key.clone(), stamp(offset))),
            }
        }
        (set, cleared)
    }
}

fn stamped(offset: u64, gate: &Arc<Gate>) -> Stamped<Gate> {
    Stamped {
        stamp: stamp(offset),
        value: Arc::clone(gate),
    }
}

fn stamp(offset: u64) -> Stamp {
    Stamp {
        partition: PARTITION,
        offset,
    }
}
