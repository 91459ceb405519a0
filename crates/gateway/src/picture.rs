//! What is held, and how old it is.

use std::time::Duration;

use sextant_measure::time::Timestamp;
use sextant_router::board::{Board, View};
use sextant_snapshot::snapshot::Header;
use tokio::time::Instant;

/// Everything, as it was heard last. It never changes; another takes its place.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) board: std::sync::Arc<Board>,
    pub(crate) header: Header,
    /// The server's time when it was heard.
    pub(crate) as_of: Timestamp,
    pub(crate) heard: Instant,
    /// How long before that it was heard by the process that kept it.
    pub(crate) before: Duration,
    pub(crate) source: Source,
}

/// Where what is held came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The file that was kept.
    File,
    /// A server, by its address.
    Server(String),
}

/// What is held, for people and for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Since a server was heard of last.
    pub age: Duration,
    /// Where it came from.
    pub source: Source,
    /// Its version; opaque.
    pub version: String,
    /// Partitions of the windows log whose owner has published everything.
    pub partitions_whole: u32,
    /// All partitions of the windows log.
    pub partitions: u32,
    /// So much is down that the observer is the likelier cause.
    pub observer_suspected: bool,
}

impl Picture {
    /// Since a server was heard of last.
    pub(crate) fn age(&self) -> Duration {
        self.before + self.heard.elapsed()
    }

    /// What there is to choose from now. Only how much time has gone by is this machine's.
    pub(crate) fn view(&self) -> View<'_> {
        let age = self.age();
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        self.board.at(self.as_of.plus_micros(age_us), age)
    }

    pub(crate) fn held(&self) -> Held {
        Held {
            age: self.age(),
            source: self.source.clone(),
            version: self.header.version.to_string(),
            partitions_whole: self.header.partitions_whole,
            partitions: self.header.partitions,
            observer_suspected: self.header.observer_suspected,
        }
    }
}
