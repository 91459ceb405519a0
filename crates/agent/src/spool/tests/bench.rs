//! A spool in a directory of its own, and batches to keep in it.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use sextant_measure::id::{AgentId, ModelId, ProviderId};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_reporter::parcel::Fate;
use sextant_wire::batch::Batch;
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use tempfile::TempDir;

use super::super::*;

const NOW_US: i64 = 1_795_000_000_000_000;

pub(super) struct ManualClock(pub(super) AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct Bench {
    pub(super) directory: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) bounds: Bounds,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock(AtomicI64::new(NOW_US))),
            bounds: Bounds {
                bytes_max: 1 << 20,
                age_max: Duration::from_mins(1),
                sizes: Sizes {
                    observations_max: 100,
                    bytes_max: 500_000,
                },
            },
        }
    }

    pub(super) fn open(&self) -> Spool {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Spool, AgentError> {
        let name = AgentId::new("agent-1").unwrap();
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Spool::open(self.directory.path(), name, self.bounds.clone(), clock)
    }

    /// A spool whose transactions fail as SQLite's would, as long as the switch is on.
    pub(super) fn failing(&self, code: i32) -> (Spool, Arc<AtomicBool>) {
        let switch = Arc::new(AtomicBool::new(false));
        let fails = Arc::clone(&switch);
        let commit = move |connection: &Connection| {
            if fails.load(Ordering::SeqCst) {
                let error = rusqlite::ffi::Error::new(code);
                return Err(rusqlite::Error::SqliteFailure(error, None));
            }
            connection.execute_batch("COMMIT")
        };
        let file = file::open(self.directory.path(), self.clock.now()).unwrap();
        let name = AgentId::new("agent-1").unwrap();
        let mut ledger = ledger::Ledger::new(file, name, self.bounds.clone()).unwrap();
        ledger.commit_by(Box::new(commit));
        let spool = Spool::over(ledger, Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap();
        (spool, switch)
    }

    /// Lets time go by.
    pub(super) fn pass(&self, time: Duration) {
        let us = i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_add(us, Ordering::SeqCst);
    }

    /// Puts other bytes in the place of a page of the file, counted from 1.
    pub(super) fn overwrite(&self, page: u64) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).open(self.file()).unwrap();
        file.seek(SeekFrom::Start((page - 1) * 4_096)).unwrap();
        file.write_all(&[0xa5; 4_096]).unwrap();
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("spool.db")
    }
}

pub(super) fn definition(provider: &str) -> Definition {
    Definition {
        model: ModelId::new("meta-llama/llama-4-scout").unwrap(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: None,
        region: None,
    }
}

pub(crate) fn loose(durations_us: &[u64]) -> HeldBatch {
    let mut columns = ColumnsBuilder::default();
    for duration_us in durations_us {
        columns.push(&Row {
            endpoint: 7,
            measurement: Measurement {
                completed_at: Timestamp::from_micros(NOW_US),
                outcome: Outcome::Ok,
                source: Source::Live,
                streamed: true,
                ttft_us: None,
                duration_us: Some(*duration_us),
                input_tokens: None,
                output_tokens: None,
                status_code: Some(200),
                attempt: 1,
                is_final: true,
            },
            tier: None,
            operation: None,
            request_id: Some("a-request"),
        });
    }
    HeldBatch {
        batch: Batch {
            columns: columns.finish(),
            ..Batch::default()
        },
        definitions: vec![(7, definition("deepinfra"))],
    }
}

pub(crate) fn numbered(sequence: u64, durations_us: &[u64]) -> HeldBatch {
    let mut held = loose(durations_us);
    held.batch.sequence = sequence;
    held.batch.identity = Some(Identity {
        agent: AgentId::new("gateway").unwrap(),
        epoch: 5,
        sequence,
    });
    held
}

pub(super) fn durations(held: &HeldBatch) -> Vec<u64> {
    let rows = held.batch.columns.rows();
    rows.map(|row| row.unwrap().measurement.duration_us.unwrap())
        .collect()
}

pub(super) fn acknowledged(ticket: u64, observations: u64, accepted: u64) -> Settled {
    Settled {
        ticket,
        observations,
        fate: Fate::Acknowledged { accepted },
    }
}

pub(super) async fn all(spool: &Spool) -> Vec<Stored> {
    spool.load(0, u64::MAX).await.unwrap().batches
}

/// Waits until what was told to the spool before is done.
/// What it holds and nothing has loaded, or all that it holds if it was opened anew: each batch
/// acknowledged in its turn.
pub(super) async fn emptied(spool: &Spool) -> Vec<Stored> {
    let (mut all, mut through) = (Vec::new(), 0);
    while settled(spool).await.newest > through {
        let load = spool.load(through, u64::MAX).await.unwrap();
        through = load.through;
        let ends = load.batches.iter().map(|stored| {
            let observations = stored.held.batch.columns.len() as u64;
            acknowledged(stored.ticket, observations, observations)
        });
        spool.settle(ends.collect()).await;
        all.extend(load.batches);
    }
    all
}

pub(super) fn observations(batches: &[Stored]) -> u64 {
    let each = batches.iter().map(|it| it.held.batch.columns.len() as u64);
    each.sum()
}

pub(super) async fn settled(spool: &Spool) -> State {
    spool.load(u64::MAX >> 1, 1).await.unwrap();
    // The figures are published after the answers.
    tokio::time::sleep(Duration::from_millis(20)).await;
    spool.load(u64::MAX >> 1, 1).await.unwrap();
    spool.state().borrow().clone()
}
