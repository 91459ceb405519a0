//! Owns the picture: applies what is read, publishes editions, says what changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::LiveCatalog;
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::change::{Change, FullReason};
use sextant_snapshot::picture::{Applied, Picture};
use sextant_snapshot::row::AgentRow;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::decoding::Records;
use super::progress::Progress;
use super::reader::Batch;
use super::source::Source;
use crate::edition::{CatalogSection, Edition, Step};
use crate::encoder::Encoder;
use crate::hub::{Asked, Hub, Query, RollCall, Senders};
use crate::metrics::Metrics;

/// Queries that wait for the next edition.
const WAITING_MAX: usize = 1_024;

/// Owns the picture.
pub(super) struct Owner {
    pub(super) picture: Picture,
    pub(super) catalog: LiveCatalog,
    /// Of the catalog in force at the last tick.
    pub(super) section: Arc<CatalogSection>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hub: Arc<Hub>,
    pub(super) progress: Arc<Progress>,
    pub(super) metrics: Metrics,
    pub(super) encoder: Encoder,
    /// What has not been read to where its end was at the start.
    pub(super) behind: BTreeSet<Source>,
    pub(super) published: Published,
    pub(super) waiting: Vec<Query>,
}

/// The edition that is served, and whether the picture still is as it says.
#[derive(Default)]
pub(super) struct Published {
    edition: Option<Arc<Edition>>,
    is_outdated: bool,
}

impl Owner {
    pub(super) async fn run(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        mut asked: Asked,
        publish_interval: Duration,
        stop: CancellationToken,
    ) {
        let mut ticks = interval(publish_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.tick(),
                Some(batch) = batches.recv() => self.apply(batch),
                Some(query) = asked.queries.recv(), if self.waiting.len() < WAITING_MAX => self.take(query),
                Some(call) = asked.roll_calls.recv() => self.call_roll(call),
            }
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.picture.expire(now);
        self.follow_catalog();
        self.progress.owner_turned();
        self.metrics.now.lag(self.progress.lag_records());
        if self.behind.is_empty() && self.published.is_outdated {
            self.publish_if_changed(now);
        }
    }

    fn follow_catalog(&mut self) {
        if !self.section.is_of(&self.catalog) {
            self.section = Arc::new(CatalogSection::new(self.catalog.get()));
            self.published.is_outdated = true;
        }
    }

    fn apply(&mut self, batch: Batch) {
        let source = batch.source;
        match batch.records {
            Records::Again => return self.begin_again(source),
            Records::Windows(records) => {
                self.published.is_outdated |= !records.is_empty();
                for record in records {
                    let applied = self.picture.apply(record);
                    self.count(applied);
                }
            }
            Records::Gates { log_id, records } => {
                let is_new = log_id.is_some_and(|log_id| self.picture.open_gates(log_id));
                self.published.is_outdated |= is_new || !records.is_empty();
                for record in records {
                    let applied = self.picture.apply_gate(record);
                    self.count(applied);
                }
            }
        }
        if let Some(now) = batch.ended_at {
            self.published.is_outdated |= match source {
                Source::Windows(partition) => self.picture.reached_end(partition, batch.next, now),
                Source::Gates => self.picture.reached_end_of_gates(batch.next, now),
            };
        }
        if let Source::Windows(partition) = source {
            let status = self.picture.partitions().nth(index(partition));
            if let Some(status) = status {
                self.progress.owned(&status);
            }
        }
        self.progress
            .applied(source, batch.next, batch.is_caught_up);
        let was_behind = batch.is_caught_up && self.behind.remove(&source);
        if was_behind && self.behind.is_empty() {
            self.publish(self.clock.now());
        }
    }

    /// Until all of it has been read, the edition before stands: nothing that was seen goes back.
    fn begin_again(&mut self, source: Source) {
        match source {
            Source::Windows(partition) => self.picture.begin_again(partition),
            Source::Gates => self.picture.begin_gates_again(),
        }
        self.behind.insert(source);
        self.published.is_outdated = true;
        if let Some(edition) = &self.published.edition {
            for query in std::mem::take(&mut self.waiting) {
                answer_in_full(edition, query);
            }
        }
        self.progress.applied(source, 0, false);
    }

    fn count(&self, applied: Applied) {
        match applied {
            Applied::Changed => {
                self.metrics.applied_records.inc();
            }
            Applied::Ignored(reason) => self.metrics.ignored(reason.name()),
        }
    }

    /// What is asked while the picture is ahead of the edition is answered with the next one, so
    /// that all answers lead to an edition and whoever follows is led on from there.
    fn take(&mut self, query: Query) {
        match &self.published.edition {
            Some(edition) if !self.behind.is_empty() => answer_in_full(edition, query),
            Some(edition) if !self.published.is_outdated => self.answer(edition, query),
            _ => self.waiting.push(query),
        }
    }

    fn call_roll(&self, call: RollCall) {
        let mut latest: Vec<_> = self.picture.agents().map(|agent| agent.value).collect();
        let all = latest.len();
        let order = |one: &Arc<AgentRow>, other: &Arc<AgentRow>| {
            let by_time = other.heard_at.cmp(&one.heard_at);
            by_time.then_with(|| one.agent.cmp(&other.agent))
        };
        // Of thousands only these are wanted.
        if latest.len() > call.max {
            latest.select_nth_unstable_by(call.max, order);
            latest.truncate(call.max);
        }
        latest.sort_unstable_by(order);
        // Who no longer waits needs no answer.
        drop(call.answer.send(Senders { all, latest }));
    }

    fn answer(&self, edition: &Arc<Edition>, query: Query) {
        let mut change = self.picture.since(
            Some(query.since.version()),
            &query.filter.models(),
            self.revision(),
            self.clock.now(),
        );
        if let Change::Delta(delta) = &mut change {
            // It leads to the edition, which may have stood for long.
            delta.header = edition.snapshot().header().clone();
        }
        // Who no longer waits needs no answer.
        drop(query.answer.send((Arc::clone(edition), change)));
    }

    /// Most records of an idle log change nothing that is shown, and a version names one edition
    /// only.
    fn publish_if_changed(&mut self, now: Timestamp) {
        let version = self.picture.version(self.revision());
        let edition = self.published.edition.as_ref();
        match edition.filter(|edition| *edition.position().version() == version) {
            None => self.publish(now),
            Some(edition) => {
                let edition = Arc::clone(edition);
                self.published.is_outdated = false;
                self.progress.published();
                self.metrics.now.confirmed(now);
                self.answer_waiting(&edition);
            }
        }
    }

    fn publish(&mut self, now: Timestamp) {
        let snapshot = self.picture.snapshot(self.revision(), now);
        let step = self.step(now);
        let edition = Arc::new(Edition::new(
            snapshot,
            step,
            Arc::clone(&self.section),
            self.encoder.clone(),
        ));
        self.published = Published {
            edition: Some(Arc::clone(&edition)),
            is_outdated: false,
        };
        self.progress.published();
        self.hub.publish(Arc::clone(&edition));
        self.metrics.published_editions.inc();
        self.metrics.now.confirmed(now);
        self.answer_waiting(&edition);
    }

    fn answer_waiting(&mut self, edition: &Arc<Edition>) {
        for query in std::mem::take(&mut self.waiting) {
            self.answer(edition, query);
        }
    }

    /// What nearly every watcher needs next.
    fn step(&self, now: Timestamp) -> Option<Step> {
        let from = self.published.edition.as_ref()?.position();
        let all = crate::filter::Filter::all().models();
        match self
            .picture
            .since(Some(from.version()), &all, self.revision(), now)
        {
            Change::Delta(delta) => Some(Step {
                from: Arc::clone(from),
                delta,
            }),
            Change::Full(_) => None,
        }
    }

    fn revision(&self) -> u64 {
        self.section.catalog().revision().0
    }
}

/// While a log is read again nobody can tell what changed, and that may take longer than a watch may
/// be silent.
fn answer_in_full(edition: &Arc<Edition>, query: Query) {
    let full = Change::Full(FullReason::TooOld);
    // Who no longer waits needs no answer.
    drop(query.answer.send((Arc::clone(edition), full)));
}

fn index(partition: u32) -> usize {
    usize::try_from(partition).unwrap_or(usize::MAX)
}
