//! A sender whose target keeps what it is sent.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sextant_measure::observation::{Definition, Measurement, Observation};
use sextant_reporter::attempt::About;
use sextant_reporter::options::Options;
use sextant_reporter::recorder::Recorder;
use sextant_reporter::report::Report;
use sextant_reporter::sender::Sender;
use sextant_reporter::transport::{Acknowledged, Event, Lost, Outgoing, Ready, Transport};
use sextant_wire::batch::Totals;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::kit::{LONG, TestClock, ms};

pub(crate) struct Catcher {
    sender: Sender,
    caught: Arc<Caught>,
}

#[derive(Default)]
pub(crate) struct Caught {
    observations: Mutex<Vec<Observation>>,
    totals: Mutex<Totals>,
    /// Whether it answers.
    pub(crate) is_away: std::sync::atomic::AtomicBool,
}

impl Catcher {
    pub(crate) fn start() -> Self {
        Self::with(Options::new("gateway-1".parse().unwrap()))
    }

    pub(crate) fn with(options: Options) -> Self {
        let caught = Arc::<Caught>::default();
        let transport = Arc::clone(&caught) as Arc<dyn Transport>;
        let sender = Sender::start(options, transport, TestClock::new()).unwrap();
        Self { sender, caught }
    }

    pub(crate) fn recorder(&self) -> Recorder {
        self.sender.recorder()
    }

    pub(crate) fn caught(&self) -> &Caught {
        &self.caught
    }

    pub(crate) fn totals(&self) -> Totals {
        self.caught.totals.lock().unwrap().clone()
    }

    /// What was recorded, once there are so many.
    pub(crate) async fn all(&self, count: usize) -> Vec<Measurement> {
        for _ in 0..2_000 {
            let held = self.caught.observations.lock().unwrap().len();
            assert!(held <= count, "{held} where there should be {count}");
            if held == count {
                break;
            }
            sleep(ms(5)).await;
        }
        let held = self.caught.observations.lock().unwrap();
        held.iter().map(|held| held.measurement).collect()
    }

    /// The one that was recorded, and no other.
    pub(crate) async fn only(&self) -> Measurement {
        let first = self.all(1).await;
        sleep(ms(300)).await;
        assert_eq!(self.all(1).await, first);
        first[0]
    }

    pub(crate) async fn finish(self) -> Report {
        self.sender.finish(LONG).await
    }
}

pub(crate) fn about() -> About {
    About::new(Definition {
        model: "meta/llama".parse().unwrap(),
        provider: "groq".parse().unwrap(),
        quantization: None,
        region: None,
    })
}

#[async_trait]
impl Transport for Caught {
    fn observation_bytes_max(&self, _: &Observation) -> usize {
        100
    }

    async fn serve(
        &self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: mpsc::Sender<Event>,
    ) -> Lost {
        while self.is_away.load(std::sync::atomic::Ordering::Relaxed) {
            sleep(ms(10)).await;
        }
        drop(events.send(Event::Ready(Ready::default())).await);
        while let Some(sent) = outgoing.recv().await {
            let sent = match sent {
                Outgoing::Heartbeat(heartbeat) => {
                    *self.totals.lock().unwrap() = heartbeat.totals;
                    continue;
                }
                Outgoing::Batch(sent) => sent,
            };
            let rows = sent.batch.rows().iter().map(|row| row.observation.clone());
            self.observations.lock().unwrap().extend(rows);
            let acknowledged = Acknowledged {
                sequence: sent.batch.identity().sequence,
                accepted: sent.batch.rows().len() as u64,
                refused: Vec::new(),
                times: None,
                deduplicated: true,
            };
            drop(events.send(Event::Acknowledged(acknowledged)).await);
        }
        Lost::new("ended")
    }
}
