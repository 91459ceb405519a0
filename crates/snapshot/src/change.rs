//! What changed since a version.

use sextant_measure::id::EndpointId;

use crate::gates::{Gate, GateKey};
use crate::row::EndpointRow;
use crate::snapshot::Header;
use crate::stamp::{Stamp, Stamped};

/// What to hand to someone who has a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<R = EndpointRow> {
    /// Everything: what changed can't be told.
    Full(FullReason),
    /// What changed.
    Delta(Delta<R>),
}

/// Why everything has to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FullReason {
    /// No version was given, or none that could be read.
    Unknown,
    /// The version is of other logs.
    OtherLog,
    /// The version is older than half an hour, or may be: removals since then may be forgotten.
    TooOld,
}

/// What changed since a version. `R` is the form in which rows are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta<R = EndpointRow> {
    /// What holds after it.
    pub header: Header,
    /// The catalog has another revision than the version had.
    pub catalog_changed: bool,
    /// Rows that are new or have changed, partition by partition in the order of the log.
    pub rows: Vec<Stamped<R>>,
    /// Endpoints that are gone, in the same order.
    pub removed: Vec<(EndpointId, Stamp)>,
    /// Gates that are new or have changed, in the order of the log.
    pub gates: Vec<Stamped<Gate>>,
    /// Gates that are gone, in the same order.
    pub gates_removed: Vec<(GateKey, Stamp)>,
}

impl<R> Delta<R> {
    /// Whether nothing changed but the header.
    pub fn is_empty(&self) -> bool {
        !self.catalog_changed
            && self.rows.is_empty()
            && self.removed.is_empty()
            && self.gates.is_empty()
            && self.gates_removed.is_empty()
    }
}
