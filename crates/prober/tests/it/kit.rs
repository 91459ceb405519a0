//! A prober whose observations are kept, and its clock.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use sextant_measure::observation::Observation;
use sextant_measure::time::{Clock, Timestamp};
use sextant_prober::config::{Config, SecretSource};
use sextant_prober::sight::Sight;
use sextant_prober::state::States;
use sextant_prober::{Prober, Setup};
use sextant_reporter::options::Options;
use sextant_reporter::sender::Sender;
use sextant_reporter::transport::{Acknowledged, Event, Lost, Outgoing, Ready, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Longer than a loaded machine takes for anything here.
const PATIENT: Duration = Duration::from_mins(1);

/// A prober that runs until it is dropped or stopped.
pub(crate) struct Running {
    pub(crate) states: States,
    pub(crate) kept: Arc<Kept>,
    pub(crate) registry: Registry,
    stop: CancellationToken,
    task: JoinSet<()>,
    _sender: Sender,
}

/// What was observed.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Observation>>);

/// Stands still where it is put.
pub(crate) struct StillClock(AtomicI64);

pub(crate) struct Start<'s> {
    pub(crate) toml: &'s str,
    pub(crate) data_dir: Option<&'s Path>,
    pub(crate) sight: Option<Arc<dyn Sight>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl StillClock {
    pub(crate) fn at_day(day: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(day * 86_400_000_000 + 1)))
    }

    pub(crate) fn to_day(&self, day: i64) {
        self.0.store(day * 86_400_000_000 + 1, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The secrets of tests: what stands in a file, and the name of a variable as its value.
pub(crate) fn secret(source: &SecretSource) -> Result<SecretString, String> {
    match source {
        SecretSource::File(path) => std::fs::read_to_string(path)
            .map(Into::into)
            .map_err(|error| format!("can't be read: {error}")),
        SecretSource::Env(name) if name == "UNSET" => Err("is not set".to_owned()),
        SecretSource::Env(name) => Ok(format!("secret-of-{name}").into()),
    }
}

pub(crate) fn start(toml: &str) -> Running {
    Start {
        toml,
        data_dir: None,
        sight: None,
        clock: StillClock::at_day(20_000),
    }
    .start()
}

impl Start<'_> {
    pub(crate) fn start(self) -> Running {
        let config: Config = toml::from_str(self.toml).unwrap();
        let kept = Arc::<Kept>::default();
        let transport = Arc::clone(&kept) as Arc<dyn Transport>;
        let options = Options {
            batch_delay: Duration::from_millis(5),
            ..Options::new("prober".parse().unwrap())
        };
        let sender = Sender::start(options, transport, Arc::clone(&self.clock)).unwrap();
        let mut registry = Registry::default();
        let setup = Setup {
            resolved: config.resolve(&secret).unwrap(),
            recorder: sender.recorder(),
            region: Some("here".parse().unwrap()),
            sight: self.sight,
            clock: self.clock,
            data_dir: self.data_dir.map(Path::to_owned),
            seed: 1,
        };
        let prober = Prober::new(setup, &mut registry).unwrap();
        let (states, stop) = (prober.states(), CancellationToken::new());
        let mut task = JoinSet::new();
        task.spawn(prober.run(stop.clone()));
        Running {
            states,
            kept,
            registry,
            stop,
            task,
            _sender: sender,
        }
    }
}

impl Running {
    /// Ends it in order.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.task.join_next().await.unwrap().unwrap();
    }

    /// Ends it as a crash does.
    pub(crate) async fn kill(mut self) {
        self.task.shutdown().await;
    }

    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// The value of a metric, with its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            let metrics = self.metrics();
            assert!(began.elapsed() < PATIENT, "never: {what}\n{metrics}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The first observation of each of so many providers, in their order.
    pub(crate) async fn firsts(&self, count: usize) -> Vec<Observation> {
        let firsts = |kept: &Kept| {
            let mut all = kept.all();
            all.sort_by(|a, b| a.definition.provider.cmp(&b.definition.provider));
            all.dedup_by(|a, b| a.definition.provider == b.definition.provider);
            all
        };
        let what = format!("{count} endpoints observed");
        self.until(&what, |it| firsts(&it.kept).len() >= count)
            .await;
        firsts(&self.kept)
    }
}

impl Kept {
    pub(crate) fn all(&self) -> Vec<Observation> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Kept {
    fn observation_bytes_max(&self, _: &Observation) -> usize {
        100
    }

    async fn serve(
        &self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: mpsc::Sender<Event>,
    ) -> Lost {
        drop(events.send(Event::Ready(Ready::default())).await);
        while let Some(sent) = outgoing.recv().await {
            let Outgoing::Batch(sent) = sent else {
                continue;
            };
            let rows = sent.batch.rows().iter().map(|row| row.observation.clone());
            self.0.lock().unwrap().extend(rows);
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
