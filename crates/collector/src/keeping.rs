//! Batches become parts in the observations log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use sextant_eventlog::LogError;
use sextant_intake::budget::{Held, Refused};
use sextant_intake::peer::Peer;
use sextant_intake::senders::Sender;
use sextant_intake::submission::Submission;
use sextant_intake::{Arrived, Keeper, Limits, refusal};
use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::{Acknowledgement, BatchRefusal, BatchRefusalReason as Reason};
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::identity::Identity;
use sextant_wire::part::ObservationsRecord;

use crate::admission::{Admitted, Stamp, admit};
use crate::agents::{Agents, Said};
use crate::append::{Appender, Placed};
use crate::collector::Instance;
use crate::directory::{Directory, Rules};
use crate::metrics::Logged;

/// Bytes in flight that a batch costs beside its records.
const BATCH_BYTES: usize = 512;
/// Bytes in flight that the answer costs for each observation refused.
const REFUSAL_BYTES: usize = 8;

/// Keeps batches in the observations log.
pub struct Keeping {
    pub(crate) limits: Limits,
    pub(crate) record_bytes_max: usize,
    pub(crate) rules: Rules,
    pub(crate) instance: Instance,
    pub(crate) anonymous_batches: AtomicU64,
    pub(crate) appender: Arc<Appender>,
    pub(crate) agents: Arc<Agents>,
    pub(crate) metrics: Arc<Logged>,
}

/// A batch that has passed every check and is not in the log yet.
pub struct Pending {
    acknowledgement: Acknowledgement,
    records: Vec<Placed>,
    early: u32,
    /// Until this is dropped, records and answer count as in flight.
    _held: Held,
}

#[async_trait]
impl Keeper for Keeping {
    type Rules = Rules;
    type Pending = Pending;

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn meet(&self, arrived: Arrived<'_>, batch: &Batch) -> Result<(), BatchRefusal> {
        if self.appender.has_failed() {
            let message = "the log has failed; send elsewhere";
            return Err(refusal::unavailable(message, &self.limits));
        }
        let Some(identity) = &batch.identity else {
            return Ok(());
        };
        let sender = Sender {
            agent: AgentId::clone(&identity.agent),
            epoch: identity.epoch,
        };
        self.agents.meet(arrived.peer, &sender)?;
        // Also while its batches are refused for rate or load, when its losses matter most.
        if let Some(totals) = batch.totals.clone() {
            let said = Said {
                totals,
                clock_offset_us: batch.clock_offset_us,
                received_at: arrived.at,
            };
            self.agents.report(arrived.peer, &sender, said);
        }
        Ok(())
    }

    fn judge(
        &self,
        arrived: Arrived<'_>,
        submission: Submission,
        directory: &mut Directory,
    ) -> Result<Pending, BatchRefusal> {
        let batch = &submission.batch;
        let (sequence, stamp) = (batch.sequence, self.stamp(batch, arrived.at));
        let admitted = admit(submission, directory, &self.rules, &stamp)
            .map_err(|id| refusal::unusable(arrived.transport, id, &self.limits))?;
        if let Some(oldest) = admitted.oldest {
            self.metrics.count_lag(arrived.at.micros_since(oldest));
        }
        self.hold(arrived.peer, sequence, &stamp, admitted)
    }

    async fn commit(self: Arc<Self>, pending: Pending) -> Result<Acknowledgement, BatchRefusal> {
        let Pending {
            acknowledgement,
            records,
            early,
            _held,
        } = pending;
        if !records.is_empty() {
            self.metrics.begun_appends.inc();
            let outcome = self.appender.append_all(records).await;
            self.metrics.ended_appends.inc();
            outcome.map_err(|error| self.not_appended(&error))?;
        }
        self.metrics.early_observations.inc_by(early.into());
        Ok(acknowledgement)
    }

    /// At most every ten seconds.
    fn hear(&self, arrived: Arrived<'_>, heartbeat: Heartbeat) -> Result<(), BatchRefusal> {
        let sender = Sender {
            agent: heartbeat.agent,
            epoch: heartbeat.epoch,
        };
        self.agents.meet(arrived.peer, &sender)?;
        let said = Said {
            totals: heartbeat.totals,
            clock_offset_us: heartbeat.clock_offset_us,
            received_at: arrived.at,
        };
        self.agents.report(arrived.peer, &sender, said);
        Ok(())
    }
}

impl Keeping {
    fn hold(
        &self,
        peer: &Peer,
        sequence: u64,
        stamp: &Stamp,
        admitted: Admitted,
    ) -> Result<Pending, BatchRefusal> {
        let mut bytes = BATCH_BYTES + admitted.refused.len() * REFUSAL_BYTES;
        let mut records = Vec::with_capacity(admitted.parts.len());
        for (partition, part) in admitted.parts {
            let record = ObservationsRecord::Part(Box::new(part)).encode();
            // Found after other parts are in the log, it would count those twice: their
            // observations come again in smaller batches.
            if record.len() > self.record_bytes_max {
                return Err(self.record_too_large(record.len()));
            }
            bytes += record.len();
            records.push((partition, record));
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let held = peer.in_flight_bytes.take(bytes);
        let held = held.map_err(|refused| match refused {
            Refused::Never => refusal::larger_than_a_share(bytes),
            Refused::Now => refusal::load("bytes", &self.limits),
        })?;
        Ok(Pending {
            acknowledgement: Acknowledgement {
                sequence,
                accepted: admitted.accepted,
                refused: admitted.refused,
                received_at: stamp.received_at,
                sent_at: stamp.received_at,
                deduplicated: !stamp.anonymous,
            },
            records,
            early: admitted.early,
            _held: held,
        })
    }

    fn stamp(&self, batch: &Batch, received_at: Timestamp) -> Stamp {
        let own = || Identity {
            agent: AgentId::clone(&self.instance.name),
            epoch: self.instance.epoch,
            sequence: self.anonymous_batches.fetch_add(1, Ordering::Relaxed),
        };
        Stamp {
            identity: batch.identity.clone().unwrap_or_else(own),
            anonymous: batch.identity.is_none(),
            received_at,
        }
    }

    fn record_too_large(&self, found: usize) -> BatchRefusal {
        let max = self.record_bytes_max;
        refusal::never(
            Reason::TooLarge,
            format!(
                "a partition's share of the batch would take {found} bytes, more than the {max} of \
                 a record; send smaller batches"
            ),
        )
    }

    /// What a failed append means for the batch. Some of its parts may be in the log all the same:
    /// they are recognised when the batch comes again.
    fn not_appended(&self, error: &LogError) -> BatchRefusal {
        match error {
            LogError::TooLarge { .. } => refusal::never(Reason::TooLarge, error.to_string()),
            // What is wrong with this host is for its operator, in the process' own log.
            LogError::Stopped { .. } => {
                refusal::unavailable("the log has stopped; send elsewhere", &self.limits)
            }
            LogError::Unavailable { .. } | LogError::Full { .. } => {
                let message = "the log takes nothing now; send again later";
                refusal::unavailable(message, &self.limits)
            }
            _ => refusal::unavailable("the log cannot be written; send elsewhere", &self.limits),
        }
    }
}
