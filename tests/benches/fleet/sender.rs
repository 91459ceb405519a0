//! An agent: one stream, batches in flight, each under a number of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use sextant_measure::id::AgentId;
use sextant_wire::batch::{definition_message, message_bytes};
use sextant_wire::v1;
use sextant_wire::v1::observation_service_client::ObservationServiceClient;
use sextant_wire::v1::report_request::Message;
use sextant_wire::v1::report_response::Message as Answer;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use crate::ledger::Ledger;
use crate::traffic::{Batch, Traffic};

const DEFINITIONS_PER_MESSAGE: usize = 1_000;
/// Of a gRPC message.
const FRAME_BYTES: usize = 5;

/// What senders do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Each series once.
    Begin,
    /// By Zipf's law, at the rate.
    Send,
    /// No more; what is in flight is waited for.
    End,
}

/// An agent.
pub(crate) struct Sender {
    pub(crate) index: usize,
    /// How many there are.
    pub(crate) of: usize,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) phase: watch::Receiver<Phase>,
    /// Between two batches; none: as fast as they are acknowledged.
    pub(crate) interval: Option<Duration>,
    pub(crate) in_flight_max: usize,
}

struct Sending {
    sender: Sender,
    agent: AgentId,
    requests: mpsc::Sender<v1::ReportRequest>,
    flights: BTreeMap<u64, Flight>,
    next_sequence: u64,
    /// Of [`Traffic::each_once`].
    next_of_each: usize,
    next_popular: usize,
    due: Instant,
}

#[derive(Clone, Copy)]
struct Flight {
    which: Which,
    first_at_us: i64,
    sent: Instant,
}

#[derive(Clone, Copy)]
enum Which {
    OfEach(usize),
    Popular(usize),
}

impl Sender {
    /// Sends until the phase is [`Phase::End`] and everything is acknowledged.
    pub(crate) async fn run(self, collector: String) -> Result<()> {
        let mut client = ObservationServiceClient::connect(collector).await?;
        let (requests, outgoing) = mpsc::channel(self.in_flight_max);
        let answers = client.report(ReceiverStream::new(outgoing)).await?;
        let mut answers = answers.into_inner();
        let hello = answers.message().await?.and_then(|it| it.message);
        ensure!(matches!(hello, Some(Answer::Hello(_))), "no Hello");
        let mut phase = self.phase.clone();
        let mut sending = Sending {
            agent: AgentId::new(&format!("edge-{}", self.index))?,
            next_of_each: self.index,
            next_popular: self.index,
            sender: self,
            requests,
            flights: BTreeMap::new(),
            next_sequence: 1,
            due: Instant::now(),
        };
        sending.define().await?;
        loop {
            let now = *phase.borrow_and_update();
            let next = sending.next(now);
            if now == Phase::End && sending.flights.is_empty() {
                return Ok(());
            }
            let due = sending.due;
            tokio::select! {
                biased;
                answer = answers.message() => {
                    let answer = answer?.and_then(|it| it.message);
                    sending.hear(answer.context("the collector ended the stream")?).await?;
                }
                changed = phase.changed() => {
                    changed?;
                    sending.due = Instant::now();
                }
                () = sleep_until(due), if next.is_some() => {
                    if let Some(which) = next {
                        sending.begin(which).await?;
                    }
                }
            }
        }
    }
}

impl Which {
    fn of(self, traffic: &Traffic) -> &Batch {
        match self {
            Self::OfEach(index) => &traffic.each_once[index],
            Self::Popular(index) => &traffic.popular[index],
        }
    }
}

impl Sending {
    async fn define(&self) -> Result<()> {
        let definitions: Vec<_> = (0..)
            .zip(&self.sender.traffic.definitions)
            .map(|(id, definition)| definition_message(id, definition))
            .collect();
        for some in definitions.chunks(DEFINITIONS_PER_MESSAGE) {
            let definitions = some.to_vec();
            let message = Message::Definitions(v1::Definitions { definitions });
            self.put(message).await?;
        }
        Ok(())
    }

    /// What may be sent once it is due.
    fn next(&self, phase: Phase) -> Option<Which> {
        let has_room = self.flights.len() < self.sender.in_flight_max;
        let which = match phase {
            Phase::Begin => Some(Which::OfEach(self.next_of_each))
                .filter(|_| self.next_of_each < self.sender.traffic.each_once.len()),
            Phase::Send => Some(Which::Popular(self.next_popular)),
            Phase::End => None,
        };
        which.filter(|_| has_room)
    }

    async fn begin(&mut self, which: Which) -> Result<()> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let late = match which {
            Which::OfEach(_) => {
                self.next_of_each += self.sender.of;
                Duration::ZERO
            }
            Which::Popular(_) => {
                self.next_popular = (self.next_popular + 1) % self.sender.traffic.popular.len();
                self.pace()
            }
        };
        let traffic = Arc::clone(&self.sender.traffic);
        let batch = which.of(&traffic);
        let first_at_us = now_us() - micros(late) - batch.span_us;
        let flight = Flight {
            which,
            first_at_us,
            sent: Instant::now(),
        };
        let message = Message::Batch(batch.numbered(&self.agent, sequence, first_at_us));
        let request = v1::ReportRequest {
            message: Some(message),
        };
        let bytes = message_bytes(&request) + FRAME_BYTES;
        self.sender.ledger.sent(batch, first_at_us, bytes);
        self.flights.insert(sequence, flight);
        self.requests.send(request).await?;
        Ok(())
    }

    /// Sets when the next batch is due, and says by how much this one is late: its observations
    /// completed when it was due.
    fn pace(&mut self) -> Duration {
        let now = Instant::now();
        let Some(interval) = self.sender.interval else {
            self.due = now;
            return Duration::ZERO;
        };
        let late = now.duration_since(self.due);
        self.due += interval;
        late
    }

    async fn hear(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Acknowledgement(ack) => {
                let flight = self.flights.remove(&ack.sequence);
                let flight = flight.context("an answer to nothing")?;
                let batch = flight.which.of(&self.sender.traffic);
                let is_all = u64::from(ack.accepted) == batch.observations();
                ensure!(
                    is_all && ack.refused.is_empty() && ack.deduplicated,
                    "{ack:?}"
                );
                self.sender
                    .ledger
                    .acknowledged(batch, flight.sent.elapsed());
            }
            Answer::Refusal(refusal) => {
                let Some(retry_after_ms) = refusal.retry_after_ms else {
                    bail!("refused: {refusal:?}");
                };
                self.sender.ledger.refused();
                sleep(Duration::from_millis(retry_after_ms.into())).await;
                let flight = self.flights.get(&refusal.sequence);
                let flight = *flight.context("an answer to nothing")?;
                let batch = flight.which.of(&self.sender.traffic);
                let again = batch.numbered(&self.agent, refusal.sequence, flight.first_at_us);
                self.put(Message::Batch(again)).await?;
            }
            Answer::Hello(_) => bail!("a second Hello"),
        }
        Ok(())
    }

    async fn put(&self, message: Message) -> Result<()> {
        let message = Some(message);
        let sent = self.requests.send(v1::ReportRequest { message }).await;
        sent.context("the stream has ended")
    }
}

/// By the wall clock, in microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    micros(since.unwrap_or_default())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
