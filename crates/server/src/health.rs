//! Whether every loop turns, and what is still missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sextant_measure::time::{Clock, Timestamp};

pub use crate::http::health::{router, starting};

/// A part of the process that has loops, or that has to have something before the process can
/// serve. The stages beside the server are parts as well: the process' root hands them over.
///
/// `now` is the wall clock's time, for a part that knows no other. An age is better told by
/// monotonic time: that a clock was set must make nothing look stuck, or alive.
pub trait Check: Send + Sync + 'static {
    /// When each loop turned last.
    fn loops(&self, now: Timestamp) -> Vec<LoopAge>;

    /// What it still lacks, in words; nothing once it is ready.
    fn missing(&self, now: Timestamp) -> Vec<String>;
}

/// How long ago a loop turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopAge {
    /// Which loop, for people.
    pub name: String,
    /// In microseconds.
    pub age_us: i64,
}

/// Looks after the parts of a process.
pub struct Health {
    checks: Vec<Arc<dyn Check>>,
    clock: Arc<dyn Clock>,
    tick_age_us_max: i64,
    has_been_ready: AtomicBool,
    is_draining: AtomicBool,
}

/// Whether every loop turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    /// Every loop.
    pub loops: Vec<LoopAge>,
    /// Those that have not turned for too long.
    pub stuck: Vec<LoopAge>,
}

impl Health {
    /// Looks after these. A loop that has not turned for longer than `tick_age_us_max` microseconds
    /// is stuck.
    pub fn new(checks: Vec<Arc<dyn Check>>, clock: Arc<dyn Clock>, tick_age_us_max: i64) -> Self {
        Self {
            checks,
            clock,
            tick_age_us_max,
            has_been_ready: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
        }
    }

    /// Whether every loop turns.
    pub fn liveness(&self) -> Liveness {
        let now = self.clock.now();
        let loops: Vec<_> = self.checks.iter().flat_map(|c| c.loops(now)).collect();
        let stuck = loops.iter().filter(|l| l.age_us > self.tick_age_us_max);
        let stuck = stuck.cloned().collect();
        Liveness { loops, stuck }
    }

    /// What is missing before this process can serve; nothing once it can.
    ///
    /// A process that was whole once stays ready while a partition changes its owner: it serves
    /// the last good rows, and the coverage in each answer says so. Otherwise one new owner would
    /// make every server unready at once.
    pub fn missing(&self) -> Vec<String> {
        if self.is_draining.load(Ordering::Relaxed) {
            return vec!["the process is shutting down".to_owned()];
        }
        if self.has_been_ready.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let missing = self.missing_now();
        if missing.is_empty() {
            self.has_been_ready.store(true, Ordering::Relaxed);
        }
        missing
    }

    /// What is missing at this moment, of a process that may serve all the same.
    pub fn missing_now(&self) -> Vec<String> {
        let now = self.clock.now();
        self.checks.iter().flat_map(|c| c.missing(now)).collect()
    }

    /// Ready no more: the process is about to stop.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}
