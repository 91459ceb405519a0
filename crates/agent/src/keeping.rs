//! Batches become rows in the spool.
//!
//! What a collector would refuse one by one is refused here, by the same rules, and the rest is
//! kept as it came: nothing is stamped, so that a batch that comes again, here or at a collector,
//! hashes alike.

use std::sync::Arc;

use async_trait::async_trait;
use sextant_intake::budget::{Held, Refused};
use sextant_intake::directory::{Directory, Meaning, Resolve, UnusableId};
use sextant_intake::senders::{Sender, Senders};
use sextant_intake::submission::{Submission, merge};
use sextant_intake::{Arrived, Keeper, Limits, refusal};
use sextant_measure::id::Region;
use sextant_measure::observation::Definition;
use sextant_measure::refusal::Refusal;
use sextant_reporter::relay::Relay;
use sextant_reporter::report::DropReason;
use sextant_wire::answer::{Acknowledgement, BatchRefusal, BatchRefusalReason as Reason};
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::held::HeldBatch;

use crate::passing::{NotPassed, Passing};
use crate::spool::{Spool, SpoolError};

/// Most bytes of a batch that came with a number: it travels on as it is, and has to pass as a
/// record of a collector's log.
pub(crate) const NUMBERED_BYTES_MAX: usize = 750_000;
/// Bytes in flight that a batch costs beside its rows.
const BATCH_BYTES: usize = 512;
/// Bytes in flight that a row costs, its texts included.
const ROW_BYTES: usize = 256;

/// Keeps batches in the spool.
pub struct Keeping {
    pub(crate) limits: Limits,
    pub(crate) spool: Spool,
    pub(crate) passing: Arc<Passing>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) senders: Senders,
}

/// By what definitions are understood: as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known(Definition);

/// A batch that has passed every check and is not in the spool yet.
pub struct Pending {
    acknowledgement: Acknowledgement,
    held: HeldBatch,
    /// Until this is dropped, the batch counts as in flight.
    room: Held,
}

impl Resolve for Rules {
    type Meaning = Known;

    /// Where the sender is, is said once for all that an agent sends on. Another agent's region, if
    /// one stands before this one, is kept with the batch.
    fn resolve(&self, definition: Definition, region: Option<&Region>) -> Known {
        Known(Definition {
            region: definition.region.or_else(|| region.cloned()),
            ..definition
        })
    }
}

impl Meaning for Known {
    fn is_alike(&self, other: &Self) -> bool {
        self == other
    }
}

#[async_trait]
impl Keeper for Keeping {
    const NUMBERS: bool = true;

    type Rules = Rules;
    type Pending = Pending;

    fn rules(&self) -> &Rules {
        &Rules
    }

    /// Within what a collector takes, or these would hold up all that comes after them.
    fn meet(&self, arrived: Arrived<'_>, batch: &Batch) -> Result<(), BatchRefusal> {
        let Some(identity) = &batch.identity else {
            return Ok(());
        };
        let sender = Sender {
            agent: identity.agent.clone(),
            epoch: identity.epoch,
        };
        self.senders.meet(arrived.peer, &sender).map(drop)
    }

    fn judge(
        &self,
        arrived: Arrived<'_>,
        submission: Submission,
        directory: &mut Directory<Known>,
    ) -> Result<Pending, BatchRefusal> {
        let sequence = submission.batch.sequence;
        let rows = submission.batch.columns.len();
        let bytes = u32::try_from(BATCH_BYTES + rows * ROW_BYTES).unwrap_or(u32::MAX);
        let room = arrived.peer.in_flight_bytes.take(bytes);
        let room = room.map_err(|refused| match refused {
            Refused::Never => refusal::larger_than_a_share(bytes),
            Refused::Now => refusal::load("bytes", &self.limits),
        })?;
        let (held, refused) = judge(submission, directory)
            .map_err(|id| refusal::unusable(arrived.transport, id, &self.limits))?;
        let is_numbered = held.batch.identity.is_some();
        if is_numbered && held.bytes_about() > NUMBERED_BYTES_MAX {
            return Err(too_large(held.bytes_about()));
        }
        let accepted = u32::try_from(held.batch.columns.len()).unwrap_or(u32::MAX);
        Ok(Pending {
            acknowledgement: Acknowledgement {
                sequence,
                accepted,
                refused,
                received_at: arrived.at,
                sent_at: arrived.at,
                deduplicated: is_numbered,
            },
            held,
            room,
        })
    }

    async fn commit(self: Arc<Self>, pending: Pending) -> Result<Acknowledgement, BatchRefusal> {
        let Pending {
            acknowledgement,
            held,
            room,
        } = pending;
        if held.batch.columns.is_empty() {
            return Ok(acknowledgement);
        }
        let Err(unkept) = self.spool.keep(held).await else {
            return Ok(acknowledgement);
        };
        let held = match (unkept.error, unkept.held) {
            (SpoolError::Closed, _) => return Err(refusal::stopping(&self.limits)),
            (_, Some(held)) => held,
            (_, None) => {
                let message = "the spool has failed, and may have kept this even so";
                return Err(refusal::unavailable(message, &self.limits));
            }
        };
        // Not here, but at the collector it is durable, too.
        match self.passing.carry(*held, room).await {
            Ok(()) => Ok(acknowledgement),
            Err(NotPassed::Now(message)) => Err(refusal::unavailable(message, &self.limits)),
            Err(NotPassed::Refused(reason)) => Err(refused(reason)),
        }
    }

    fn hear(&self, _: Arrived<'_>, heartbeat: Heartbeat) -> Result<(), BatchRefusal> {
        if self.relay.pass_on(heartbeat) {
            Ok(())
        } else {
            Err(refusal::load("senders", &self.limits))
        }
    }
}

/// The rows that can be true, with what their ids stand for; and the others, each with its reason.
fn judge(
    submission: Submission,
    directory: &mut Directory<Known>,
) -> Result<(HeldBatch, Vec<(u32, Refusal)>), UnusableId> {
    let Submission {
        batch,
        refused: unread,
    } = submission;
    let number = directory.begin_batch();
    let (mut columns, mut definitions) = (ColumnsBuilder::default(), Vec::new());
    let mut refused = Vec::new();
    let rows = batch.columns.endpoints().iter().zip(batch.columns.rows());
    for (index, (id, row)) in (0_u32..).zip(rows) {
        let entry = directory.usable(*id)?;
        let known = entry.number_in(number);
        let (definition, row) = match (&entry.meaning, row) {
            (Err(refusal), _) => {
                refused.push((index, *refusal));
                continue;
            }
            (Ok(_), Err(refusal)) => {
                refused.push((index, refusal));
                continue;
            }
            (Ok(Known(definition)), Ok(row)) => (definition, row),
        };
        let endpoint = known.unwrap_or_else(|| {
            let endpoint = u32::try_from(definitions.len()).unwrap_or(u32::MAX);
            definitions.push((endpoint, definition.clone()));
            endpoint
        });
        columns.push(&Row { endpoint, ..row });
        if known.is_none() {
            entry.number(number, endpoint);
        }
    }
    let held = HeldBatch {
        batch: Batch {
            columns: columns.finish(),
            ..batch
        },
        definitions,
    };
    Ok((held, merge(unread, refused)))
}

fn too_large(found: usize) -> BatchRefusal {
    refusal::never(
        Reason::TooLarge,
        format!(
            "about {found} bytes are more than the {NUMBERED_BYTES_MAX} of a numbered batch; send \
             smaller batches"
        ),
    )
}

/// What a collector refused for good would be refused again.
fn refused(reason: DropReason) -> BatchRefusal {
    let why = match reason {
        DropReason::TooLarge => Reason::TooLarge,
        _ => Reason::Invalid,
    };
    refusal::never(why, "a collector refused it".to_owned())
}
