//! The collector without a network between, so that time can be paused.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sextant_measure::observation::Observation;
use sextant_measure::time::{Clock as _, Timestamp};
use sextant_reporter::transport::{
    Acknowledged, Event, Lost, Outgoing, OutgoingBatch, Ready, Transport,
};
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::collector::{Collector, Delivery, Known, Reply};
use crate::kit::TestClock;

/// Bytes that each observation is said to take.
pub(crate) const OBSERVATION_BYTES: usize = 100;

type Delays = Box<dyn FnMut() -> Duration + Send>;
type Doors = Box<dyn FnMut(usize) -> Result<Duration, Lost> + Send>;

pub(crate) struct Fake {
    pub(crate) collector: Arc<Collector>,
    pub(crate) clock: Arc<TestClock>,
    /// What each connection's hello says; the last one's holds for all that follow.
    pub(crate) hellos: Vec<Ready>,
    pub(crate) definitions_max: usize,
    /// How long each answer takes.
    pub(crate) delays: Mutex<Delays>,
    /// What becomes of each try to connect, from 0: refused, or ready after a while.
    pub(crate) doors: Mutex<Doors>,
    pub(crate) tries: Mutex<usize>,
    pub(crate) in_flight_max: Mutex<usize>,
}

/// The numbers that came by one connection.
#[derive(Default)]
struct Numbers {
    in_flight: BTreeSet<u64>,
    answered: BTreeSet<u64>,
}

impl Fake {
    pub(crate) fn new(collector: &Arc<Collector>) -> Self {
        Self {
            collector: Arc::clone(collector),
            clock: TestClock::new(),
            hellos: Vec::new(),
            definitions_max: usize::MAX,
            delays: Mutex::new(Box::new(|| Duration::ZERO)),
            doors: Mutex::new(Box::new(|_| Ok(Duration::ZERO))),
            tries: Mutex::new(0),
            in_flight_max: Mutex::new(0),
        }
    }

    pub(crate) fn tries(&self) -> usize {
        *self.tries.lock().unwrap()
    }

    /// Most batches of one connection that had come and had no answer. One that is sent again
    /// after its answer counts no more, so it is at most as many as the sender saw.
    pub(crate) fn in_flight_max(&self) -> usize {
        *self.in_flight_max.lock().unwrap()
    }

    fn open(&self) -> Result<Duration, Lost> {
        let mut tries = self.tries.lock().unwrap();
        *tries += 1;
        (self.doors.lock().unwrap())(*tries - 1)
    }

    async fn converse(
        &self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: mpsc::Sender<Event>,
    ) -> Result<(), Lost> {
        sleep(self.open()?).await;
        assert!(outgoing.try_recv().is_err(), "sent before the hello");
        let link = self.collector.connected();
        let (mut known, mut numbers) = (Known::default(), Numbers::default());
        let time = Some(self.clock.now());
        let hello = self.hellos.get(link - 1).or(self.hellos.last());
        let hello = hello.copied().unwrap_or_default();
        let ready = Event::Ready(Ready { time, ..hello });
        events.send(ready).await.map_err(gone)?;
        let mut answers = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !answers.is_empty() {
            tokio::select! {
                next = outgoing.recv(), if is_open => match next {
                    Some(Outgoing::Batch(sent)) => {
                        let received_at = self.clock.now();
                        let in_flight = numbers.came(sent.batch.identity().sequence);
                        let mut max = self.in_flight_max.lock().unwrap();
                        *max = (*max).max(in_flight);
                        for reply in self.receive(link, &mut known, sent) {
                            let delay = (self.delays.lock().unwrap())();
                            answers.push(async move {
                                sleep(delay).await;
                                (received_at, reply)
                            });
                        }
                    }
                    Some(Outgoing::Heartbeat(heartbeat)) => {
                        self.collector.heartbeat(heartbeat.totals);
                    }
                    None => is_open = false,
                },
                Some((received_at, reply)) = answers.next() => {
                    numbers.answered(&reply);
                    let event = self.event(received_at, reply)?;
                    events.send(event).await.map_err(gone)?;
                }
            }
        }
        Ok(())
    }

    fn receive(&self, link: usize, known: &mut Known, sent: OutgoingBatch) -> Vec<Reply> {
        let identity = sent.batch.identity().clone();
        let columns = sent.batch.columns();
        for (id, definition) in sent.definitions {
            if known.len() < self.definitions_max {
                known.define(id, definition);
            }
        }
        if self.definitions_max < usize::MAX && !known.knows(&columns) {
            return vec![Reply::Refused {
                sequence: identity.sequence,
                refusal: BatchRefusal {
                    reason: BatchRefusalReason::Definitions,
                    message: "too many definitions".to_owned(),
                    retry_after: Some(Duration::from_millis(100)),
                },
            }];
        }
        let (content, names) = known.read(&columns);
        self.collector.receive(Delivery {
            nth: 0,
            link,
            repeats: 0,
            identity,
            content,
            names,
            at: Instant::now(),
            sent_at: sent.sent_at,
            clock_offset_us: sent.clock_offset_us,
            totals: sent.totals.unwrap_or_default(),
        })
    }

    fn event(&self, received_at: Timestamp, reply: Reply) -> Result<Event, Lost> {
        match reply {
            Reply::Acknowledged {
                sequence,
                accepted,
                refused,
            } => Ok(Event::Acknowledged(Acknowledged {
                sequence,
                accepted: accepted.into(),
                refused: refused.into_iter().map(|i| (i, "why".into())).collect(),
                times: Some((received_at, self.clock.now())),
                deduplicated: true,
            })),
            Reply::Refused { sequence, refusal } => Ok(Event::Refused { sequence, refusal }),
            Reply::Break => Err(Lost::new("broken")),
        }
    }
}

impl Numbers {
    fn came(&mut self, sequence: u64) -> usize {
        // The answer to an earlier try may have come before this one did.
        if !self.answered.contains(&sequence) {
            self.in_flight.insert(sequence);
        }
        self.in_flight.len()
    }

    fn answered(&mut self, reply: &Reply) {
        if let Reply::Acknowledged { sequence, .. } | Reply::Refused { sequence, .. } = reply {
            self.in_flight.remove(sequence);
            self.answered.insert(*sequence);
        }
    }
}

#[async_trait]
impl Transport for Fake {
    fn observation_bytes_max(&self, _: &Observation) -> usize {
        OBSERVATION_BYTES
    }

    async fn serve(&self, outgoing: mpsc::Receiver<Outgoing>, events: mpsc::Sender<Event>) -> Lost {
        let ended = self.converse(outgoing, events).await;
        ended.err().unwrap_or_else(|| Lost::new("ended"))
    }
}

fn gone<T>(_: T) -> Lost {
    Lost::new("nobody listens")
}
