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

    /// The verdict of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Green, Self::Red]
            .into_iter()
            .find(|verdict| verdict.name() == name)
    }
}

/// A verdict, and who gave it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    ruling: Ruling,
    verdict: Verdict,
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
        let ruling = Ruling::new(key, Some(verdict), author, since)?;
        Ok(Self { ruling, verdict })
    }

    /// The ruling that it follows from.
    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// What it is about.
    pub fn key(&self) -> &GateKey {
        &self.ruling.key
    }

    /// How the evaluation went.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Who gave it.
    pub fn author(&self) -> &str {
        &self.ruling.author
    }

    /// When it was given, by the clock of the server that took it.
    pub fn since(&self) -> Timestamp {
        self.ruling.since
    }
}

/// What somebody said of a gate: a verdict, or that there is none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    key: GateKey,
    verdict: Option<Verdict>,
    author: String,
    since: Timestamp,
}

impl Ruling {
    /// What was said; the author is a text of at most 128 bytes without control characters.
    ///
    /// # Errors
    /// [`SnapshotError::Row`] if the author isn't.
    pub fn new(
        key: GateKey,
        verdict: Option<Verdict>,
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

    /// How the evaluation went; nothing if the verdict was taken back.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Who said it.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// When it was said, by the clock of the server that took it.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The gate that follows from it, or what has none any more.
    fn into_gate(self) -> Result<Gate, GateKey> {
        match self.verdict {
            Some(verdict) => Ok(Gate {
                ruling: self,
                verdict,
            }),
            None => Err(self.key),
        }
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
    pub ruling: Ruling,
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

    pub(crate) fn open(&mut self, log_id: u64) -> bool {
        let is_new = log_id != self.log_id;
        if is_new {
            *self = Self::new(log_id, self.live_max);
        }
        is_new
    }

    pub(crate) fn apply(&mut self, record: GateRecord) -> Applied {
        let GateRecord {
            offset,
            appended_at,
            ruling,
        } = record;
        if self.cursor.has_read(offset) {
            return Applied::Ignored(Ignored::Repeated);
        }
        self.cursor.advance(offset, appended_at, Effect::Shown);
        // Whoever may write to this log may write: there are no claims, hence no epochs.
        let (place, epoch) = (Place::at(offset), 0);
        match ruling.into_gate() {
            Ok(gate) => {
                let (key, gate) = (gate.key().clone(), Arc::new(gate));
                let put = self.lane.put(&mut self.index, key, place, epoch, gate);
                put.map_or(Applied::Ignored(Ignored::NoRoom), |_| Applied::Changed)
            }
            Err(key) => {
                let index = &mut self.index;
                self.lane.bury(index, key, place, epoch, appended_at);
                Applied::Changed
            }
        }
    }

    pub(crate) fn reached_end(&mut self, next: u64, now: Timestamp) -> bool {
        self.cursor.reached_end(next, now)
    }

    /// As if nothing had been read.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(0, self.live_max);
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
