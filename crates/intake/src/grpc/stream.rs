//! One stream of batches: many in flight, answered in any order.
//!
//! A stream reads on only while it has a free place for a batch, and a place is free again once
//! the batch's answer has been handed over. So a client that doesn't read its answers stops being
//! read, and holds no more than its share of bytes. Nor does it keep a collector that stops from
//! stopping: its answers are dropped after a grace.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::id::Region;
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::v1;
use sextant_wire::v1::report_request::Message as Request;
use sextant_wire::v1::report_response::Message as Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::status::{status, unreadable};
use super::{meaning, rows};
use crate::budget::Held;
use crate::intake::{DirectoryOf, Intake, Pending};
use crate::keeper::Keeper;
use crate::limits::length;
use crate::metrics::Transport;
use crate::peer::{Peer, PeerKey};
use crate::refusal;

/// Answers that wait to be sent. More wait with their batches, within the bytes in flight.
const ANSWERS_MAX: usize = 4;
/// How long an answer waits for its client once the collector stops.
const GRACE: Duration = Duration::from_secs(1);

/// The answers of a stream.
pub struct Answers(ReceiverStream<Answer>);

/// An answer before it is a message: small, however much it has to say.
enum Answer {
    Hello(v1::Hello),
    Acknowledged(Acknowledgement),
    Refused(u64, BatchRefusal),
    Ended(Status),
}

/// The writing end.
#[derive(Clone)]
struct Writer {
    answers: mpsc::Sender<Answer>,
    shutdown: CancellationToken,
}

/// The reading end.
struct Reader<K: Keeper> {
    intake: Arc<Intake<K>>,
    peer: Arc<Peer>,
    directory: DirectoryOf<K>,
    /// What the directory takes of the bounded definitions.
    definitions: Option<Held>,
    writer: Writer,
    places: Arc<Semaphore>,
    _open: Open<K>,
}

/// A stream that is counted as open.
struct Open<K> {
    _held: Held,
    intake: Arc<Intake<K>>,
}

/// Why a stream is no longer read.
enum End {
    /// The client has said all.
    HalfClosed,
    /// The collector is going away.
    Shutdown,
    /// The client has sent what can't be read, or has gone.
    Broken(Status),
}

/// Opens a stream, its reader a task of the intake.
pub(super) fn open<K: Keeper>(
    intake: &Arc<Intake<K>>,
    peer: &PeerKey,
    region: Option<Region>,
    requests: Streaming<v1::ReportRequest>,
) -> Result<Answers, BatchRefusal> {
    let peer = intake.peer(peer)?;
    let held = peer.streams.take(1);
    let held = held.map_err(|_| refusal::too_many_streams(&intake.limits))?;
    intake.metrics.begun_streams.inc();
    let (answers, outgoing) = mpsc::channel(ANSWERS_MAX);
    let places = length(intake.limits.stream_batches_max);
    let reader = Reader {
        intake: Arc::clone(intake),
        peer,
        directory: DirectoryOf::<K>::in_region(region),
        definitions: None,
        writer: Writer {
            answers,
            shutdown: intake.shutdown.clone(),
        },
        places: Arc::new(Semaphore::new(places)),
        _open: Open {
            _held: held,
            intake: Arc::clone(intake),
        },
    };
    intake.tasks.spawn(reader.run(requests));
    Ok(Answers(ReceiverStream::new(outgoing)))
}

impl Stream for Answers {
    type Item = Result<v1::ReportResponse, Status>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::pin::Pin::new(&mut self.0)
            .poll_next(context)
            .map(|answer| answer.map(Answer::message))
    }
}

impl Answer {
    fn message(self) -> Result<v1::ReportResponse, Status> {
        let message = match self {
            Self::Hello(hello) => Response::Hello(hello),
            Self::Acknowledged(acknowledgement) => {
                Response::Acknowledgement(acknowledgement.into())
            }
            Self::Refused(sequence, refusal) => Response::Refusal(refusal.message(sequence)),
            Self::Ended(status) => return Err(status),
        };
        Ok(v1::ReportResponse {
            message: Some(message),
        })
    }
}

impl Writer {
    /// Waits until the client takes it. One that has gone, or does not read while the collector
    /// stops, sends its batch again, and it counts once.
    async fn answer(&self, answer: Answer) {
        let too_late = async {
            self.shutdown.cancelled().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            sent = self.answers.send(answer) => drop(sent),
            () = too_late => {}
        }
    }
}

impl<K: Keeper> Reader<K> {
    async fn run(mut self, mut requests: Streaming<v1::ReportRequest>) {
        let limits = &self.intake.limits;
        self.writer
            .answer(Answer::Hello(v1::Hello {
                time_us: self.intake.clock.now().as_micros(),
                batch_observations_max: limits.observations_max.get(),
                message_bytes_max: limits.message_bytes_max.get(),
            }))
            .await;
        let end = self.read(&mut requests).await;
        // Every place is free again once every batch has been answered.
        let all = self.intake.limits.stream_batches_max.get();
        drop(self.places.acquire_many(all).await);
        let status = match end {
            End::HalfClosed => return,
            End::Shutdown => status(&refusal::stopping(&self.intake.limits)),
            End::Broken(error) => match unreadable(&error) {
                Some(refusal) => {
                    let refusal = self.intake.refuse(Transport::GrpcStream, 0, refusal);
                    status(&refusal)
                }
                None => error,
            },
        };
        self.writer.answer(Answer::Ended(status)).await;
    }

    async fn read(&mut self, requests: &mut Streaming<v1::ReportRequest>) -> End {
        let shutdown = self.intake.shutdown.clone();
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (place, requests.message().await)
            };
            let (place, request) = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                next = next => next,
            };
            let message = match (place, request) {
                (Ok(place), Ok(Some(request))) => (place, request.message),
                (_, Err(error)) => return End::Broken(error),
                (_, Ok(_)) => return End::HalfClosed,
            };
            match message {
                (place, Some(Request::Batch(batch))) => self.take(batch, place).await,
                (_, Some(Request::Definitions(definitions))) => self.define(&definitions),
                (_, Some(Request::Heartbeat(heartbeat))) => self.hear(heartbeat),
                // A kind of message that only newer collectors know.
                (_, None) => _ = self.intake.metrics.unknown_fields.inc(),
            }
        }
    }

    async fn take(&mut self, batch: v1::Batch, place: OwnedSemaphorePermit) {
        let sequence = batch.sequence;
        match self.admit(batch) {
            Ok(pending) => self.commit(pending, sequence, place),
            Err(refusal) => self.writer.answer(Answer::Refused(sequence, refusal)).await,
        }
    }

    fn admit(&mut self, batch: v1::Batch) -> Result<Pending<K>, BatchRefusal> {
        let (intake, transport) = (&self.intake, Transport::GrpcStream);
        let observations = rows(&batch);
        let batch = Batch::try_from(batch).map_err(|error| {
            intake.refuse(transport, observations, refusal::undecodable(&error))
        })?;
        intake.admit(&self.peer, transport, batch.into(), &mut self.directory)
    }

    fn commit(&self, pending: Pending<K>, sequence: u64, place: OwnedSemaphorePermit) {
        let (intake, writer) = (Arc::clone(&self.intake), self.writer.clone());
        self.intake.tasks.spawn(async move {
            let answer = match intake.commit(pending).await {
                Ok(acknowledgement) => Answer::Acknowledged(acknowledgement),
                Err(refusal) => Answer::Refused(sequence, refusal),
            };
            writer.answer(answer).await;
            drop(place);
        });
    }

    fn define(&mut self, definitions: &v1::Definitions) {
        let definitions_max = length(self.intake.limits.stream_definitions_max);
        for definition in &definitions.definitions {
            let is_new = !self.directory.knows(definition.id);
            if is_new && (self.directory.len() >= definitions_max || !self.hold_definition()) {
                self.directory.turn_away();
                continue;
            }
            let rules = self.intake.keeper().rules();
            self.directory
                .define(definition.id, meaning(definition), rules);
        }
    }

    fn hold_definition(&mut self) -> bool {
        let Ok(held) = self.peer.definitions.take(1) else {
            return false;
        };
        held.add_to(&mut self.definitions);
        true
    }

    fn hear(&self, heartbeat: v1::Heartbeat) {
        match Heartbeat::try_from(heartbeat) {
            Ok(heartbeat) => self.intake.hear(&self.peer, heartbeat),
            Err(_) => _ = self.intake.metrics.refused_heartbeats.inc(),
        }
    }
}

impl<K> Drop for Open<K> {
    fn drop(&mut self) {
        self.intake.metrics.ended_streams.inc();
    }
}
