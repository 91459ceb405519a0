//! Carries out what the schedule decides.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sextant_measure::id::Region;
use sextant_measure::outcome::{Outcome, Source, Verdict};
use sextant_measure::time::Clock;
use sextant_outbound::{Client, Reach, hosts};
use sextant_reporter::recorder::Recorder;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ask::{Asked, Asker};
use crate::config::{Resolved, length};
use crate::error::ProberError;
use crate::ledger::{Book, Ledger};
use crate::metrics::Metrics;
use crate::schedule::{Budget, Finished, Now, Plan, Scheduler, What};
use crate::sight::{Alone, Follower, Sight};
use crate::state::{Misconfigured, States};
use crate::target::Target;

const AGENT: &str = concat!("sextant-prober/", env!("CARGO_PKG_VERSION"));

/// What a prober works with.
pub struct Setup {
    /// What to ask.
    pub resolved: Resolved,
    /// Takes what is observed.
    pub recorder: Recorder,
    /// Where this process runs; none if that is left to where its observations enter.
    pub region: Option<Region>,
    /// Says what others observe; none takes the configured servers, or else asks alone.
    pub sight: Option<Arc<dyn Sight>>,
    /// Tells the days.
    pub clock: Arc<dyn Clock>,
    /// Where to note what was spent of the budgets; without it a restart gives all of them again.
    pub data_dir: Option<PathBuf>,
    /// What chance begins with: another one for each process.
    pub seed: u64,
}

/// Asks endpoints whether they live. It ends when it is told to.
pub struct Prober {
    targets: Vec<Arc<Target>>,
    asker: Arc<Asker>,
    sight: Arc<dyn Sight>,
    clock: Arc<dyn Clock>,
    scheduler: Scheduler,
    ledger: Option<Ledger>,
    is_ledger_failing: bool,
    /// Which target each request under way is for.
    under_way: HashMap<Id, usize>,
    metrics: Arc<Metrics>,
    states: States,
    started: Instant,
    follower: Option<Follower>,
}

impl Prober {
    /// Reads what earlier processes have spent, and makes everything ready.
    ///
    /// # Errors
    /// [`ProberError::Ledger`] if that can't be known: it is money.
    pub fn new(setup: Setup, registry: &mut Registry) -> Result<Self, ProberError> {
        let Setup {
            resolved,
            recorder,
            region,
            sight,
            clock,
            data_dir,
            seed,
        } = setup;
        let metrics = Arc::new(Metrics::register(registry));
        let client = Client::new(AGENT, resolved.tls.clone(), Reach::Anywhere);
        let endpoints = || {
            resolved
                .targets
                .iter()
                .map(|target| target.endpoint.clone())
        };
        let ledger = data_dir.map(|directory| Ledger::in_directory(&directory));
        let book = read(ledger.as_ref())?;
        let started = Instant::now();
        let scheduler = scheduler(&resolved, &book, started.elapsed(), seed);
        let states = States::new(endpoints());
        let followed = sight.is_none() && !resolved.servers.is_empty();
        let follower = followed.then(|| Follower {
            client: client.clone(),
            servers: resolved.servers.clone(),
            authorization: resolved.authorization.clone(),
            poll: resolved.config.server_poll(),
            targets: endpoints().collect(),
            region: region.clone().unwrap_or_default(),
            seen: Arc::default(),
            metrics: Arc::clone(&metrics),
        });
        let seen = |it: &Follower| Arc::clone(&it.seen) as Arc<dyn Sight>;
        let sight = sight.or_else(|| follower.as_ref().map(seen));
        let asker = Asker {
            client,
            recorder,
            region,
            answer_bytes_max: length(resolved.config.answer_bytes_max),
        };
        Ok(Self {
            targets: resolved.targets.into_iter().map(Arc::new).collect(),
            asker: Arc::new(asker),
            sight: sight.unwrap_or_else(|| Arc::new(Alone)),
            clock,
            scheduler,
            ledger,
            is_ledger_failing: false,
            under_way: HashMap::new(),
            metrics,
            states,
            started,
            follower,
        })
    }

    /// How the targets stand, for as long as it runs.
    pub fn states(&self) -> States {
        self.states.clone()
    }

    /// Asks, until it is told to end. Requests that are under way then are broken off.
    pub async fn run(mut self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        if let Some(follower) = self.follower.take() {
            tasks.spawn(follower.run(stop.clone()));
        }
        tasks.close();
        self.work(&stop).await;
        let budgets = self.scheduler.budgets();
        let spent = self.book(budgets.map(Budget::spent));
        self.note(spent).await;
        tasks.wait().await;
    }

    /// It is never left in the middle of a note, which would then go on beside the last one.
    async fn work(&mut self, stop: &CancellationToken) {
        let mut requests = JoinSet::new();
        let mut results = Vec::new();
        while !stop.is_cancelled() {
            let now = self.now();
            let decisions = self.scheduler.step(now, &self.sight.look(), &results);
            results.clear();
            // Before anything is spent that isn't noted.
            if self.scheduler.budgets().any(Budget::is_ahead) {
                let noted: Vec<_> = self.scheduler.budgets_mut().map(Budget::note).collect();
                let book = self.book(noted.into_iter());
                self.note(book).await;
            }
            for decision in decisions {
                match decision.what {
                    What::Skip(skip) => self.metrics.count_skip(skip),
                    What::Ask { is_blind } => {
                        self.metrics.blind_requests.inc_by(is_blind.into());
                        self.metrics.lag.set(decision.lag.as_secs_f64());
                        self.ask(decision.target, &mut requests);
                    }
                }
            }
            self.show(now);
            let wake_at = self.started + self.scheduler.wake_at();
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = requests.join_next_with_id() => results.extend(self.ended(ended)),
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn ask(&mut self, index: usize, requests: &mut JoinSet<Asked>) {
        let Some(target) = self.targets.get(index) else {
            return;
        };
        self.metrics.count_request(target.question.kind());
        let (asker, target) = (Arc::clone(&self.asker), Arc::clone(target));
        let task = requests.spawn(async move { asker.ask(&target).await });
        self.under_way.insert(task.id(), index);
    }

    fn ended(&mut self, ended: Result<(Id, Asked), JoinError>) -> Option<Finished> {
        match ended {
            Ok((id, asked)) => {
                let target = self.under_way.remove(&id)?;
                Some(self.finished(target, &asked))
            }
            // It has recorded itself as broken off, and its target gets its next turn.
            Err(error) => {
                let target = self.under_way.remove(&error.id())?;
                self.metrics.count_outcome(Outcome::ClientCancelled);
                tracing::error!(%error, "a request to a provider was lost");
                Some(Finished {
                    target,
                    counts: false,
                    tokens: None,
                    retry_after: None,
                })
            }
        }
    }

    fn finished(&self, target: usize, asked: &Asked) -> Finished {
        self.metrics.count_outcome(asked.outcome);
        let now = self.clock.now();
        let standing = self.states.tell(target, now, asked);
        if let (Some(target), Some(standing)) = (self.targets.get(target), standing) {
            let endpoint = &target.endpoint;
            if Misconfigured::of(asked).is_some() {
                self.metrics.count_misconfigured(endpoint);
            }
            let wrong = standing.misconfigured;
            self.metrics.tell_misconfigured(endpoint, wrong.is_some());
            match wrong.filter(|_| standing.is_news) {
                Some(wrong) => {
                    let (status, advice) = (asked.status_code, wrong.advice());
                    tracing::warn!(%endpoint, status, advice, "a probe is misconfigured");
                }
                None if standing.is_news => {
                    tracing::info!(%endpoint, "a probe is configured right again");
                }
                None => {}
            }
        }
        Finished {
            target,
            counts: asked.outcome.meaning().uptime_from(Source::Probe) != Verdict::LeftOut,
            tokens: asked.tokens,
            retry_after: asked.retry_after,
        }
    }

    fn show(&self, now: Now) {
        for (target, budget) in self.targets.iter().zip(self.scheduler.budgets()) {
            self.metrics
                .tell_left(&target.endpoint, budget.left(now.day()));
        }
    }

    fn now(&self) -> Now {
        Now {
            since_start: self.started.elapsed(),
            wall: self.clock.now(),
        }
    }

    fn book(&self, spent: impl Iterator<Item = BTreeMap<i64, crate::schedule::Spent>>) -> Book {
        let endpoints = self
            .targets
            .iter()
            .map(|target| target.endpoint.to_string());
        endpoints.zip(spent).collect()
    }

    /// Goes on if that fails: without the file a restart may spend twice, but nothing is spent faster
    /// than the intervals allow.
    async fn note(&mut self, book: Book) {
        let Some(ledger) = self.ledger.clone() else {
            return;
        };
        let path = ledger.path().display().to_string();
        let written = tokio::task::spawn_blocking(move || ledger.write(book)).await;
        match written.map_err(std::io::Error::other).flatten() {
            Ok(()) => self.is_ledger_failing = false,
            Err(error) => {
                self.metrics.ledger_errors.inc();
                if !std::mem::replace(&mut self.is_ledger_failing, true) {
                    tracing::error!(path, %error, "can't note what probes have spent");
                }
            }
        }
    }
}

fn read(ledger: Option<&Ledger>) -> Result<Book, ProberError> {
    let Some(ledger) = ledger else {
        return Ok(Book::new());
    };
    ledger.read().map_err(|source| ProberError::Ledger {
        path: ledger.path().display().to_string(),
        source,
    })
}

/// What was spent before counts.
fn scheduler(resolved: &Resolved, book: &Book, now: Duration, seed: u64) -> Scheduler {
    let plan = |(target, host): (&Target, usize)| {
        warn_of_budget(target);
        let spent = book.get(&target.endpoint.to_string());
        Plan {
            pace: target.pace,
            tokens_max: target.question.tokens_max(),
            budget: Budget::new(target.limits, spent.unwrap_or(&BTreeMap::new())),
            host,
        }
    };
    let hosts = hosts(resolved.targets.iter().map(|target| &target.place));
    let plans = resolved.targets.iter().zip(hosts).map(plan);
    let in_flight_max = length(resolved.config.in_flight_max);
    Scheduler::new(plans, in_flight_max, now, seed)
}

/// Agents that share the work share this, too; so it is for the operator to judge.
fn warn_of_budget(target: &Target) {
    let hours = target.hours_of_budget();
    if hours < 24 {
        let endpoint = &target.endpoint;
        tracing::warn!(
            %endpoint, hours,
            "a probe's budget lasts no day if no other agent asks: check `interval_ms`, \
             `requests_per_day_max` and `tokens_per_day_max`"
        );
    }
}
