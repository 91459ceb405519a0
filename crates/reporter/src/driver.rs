//! Carries out what the [`Outbox`] decides: connects, sends, hears, waits.

mod saying;

use std::collections::VecDeque;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Clock;
use sextant_wire::batch::Heartbeat;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock_offset::{ClockOffset, Exchange};
use crate::error::ReporterError;
use crate::link::{Happening, Link};
use crate::options::Options;
use crate::outbox::Outbox;
use crate::recorder::Unqueued;
use crate::report::{Counters, Report};
use crate::stock::Stock;
use crate::transport::{Acknowledged, Event, Lost, Ready, Transport};

/// Observations taken from the caller at once.
const INTAKE_MAX: usize = 256;
/// How long the target may take to end a connection that has served its purpose.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Carries out what the outbox decides.
pub(crate) struct Driver<S: Stock> {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: Options,
    outbox: Outbox<S>,
    offset: ClockOffset,
    intake: Intake<S::Item>,
    taken: Vec<S::Item>,
    is_closed: bool,
    counters: watch::Sender<Counters>,
    link: Option<Link>,
    heartbeat_at: Instant,
    /// Signs of life of others that go next, and when more are looked for.
    relayed: VecDeque<Heartbeat>,
    relay_at: Instant,
    /// What went wrong last.
    last: String,
    is_in_outage: bool,
}

/// Where observations come from.
pub(crate) struct Intake<I> {
    pub(crate) queue: mpsc::Receiver<I>,
    /// Those that found no place in it.
    pub(crate) unqueued: Arc<Unqueued>,
    /// Told when no more are taken.
    pub(crate) closing: CancellationToken,
}

enum Step {
    Link(Happening),
    MaySend,
    Taken(usize),
    Closing,
    Woken,
}

impl<S: Stock> Driver<S> {
    pub(crate) fn new(
        options: Options,
        stock: S,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        intake: Intake<S::Item>,
        counters: watch::Sender<Counters>,
    ) -> Self {
        let now = Instant::now();
        Self {
            transport,
            clock,
            outbox: Outbox::new(options.clone(), stock, now),
            offset: ClockOffset::default(),
            intake,
            taken: Vec::with_capacity(INTAKE_MAX),
            is_closed: false,
            counters,
            link: None,
            heartbeat_at: now + options.heartbeat_interval,
            relayed: VecDeque::new(),
            relay_at: now + options.heartbeat_interval,
            last: "nothing went wrong".to_owned(),
            is_in_outage: false,
            options,
        }
    }

    /// Until everything is acknowledged and no more comes, or there is no hope, or it is told to
    /// stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Report {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Err(ReporterError::Deadline(self.last.clone())),
            ended = self.drive() => ended,
        };
        self.intake.queue.close();
        while let Ok(item) = self.intake.queue.try_recv() {
            self.outbox.tally.counters.recorded += S::weigh(&item);
        }
        self.count_unqueued();
        self.outbox.tally.settle();
        self.publish();
        self.outbox.tally.into_report(ended.err())
    }

    async fn drive(&mut self) -> Result<(), ReporterError> {
        loop {
            let now = Instant::now();
            self.count_unqueued();
            self.publish();
            if self.outbox.is_finished() {
                self.farewell().await;
                return Ok(());
            }
            if self.outbox.is_out_of_patience(now) {
                return Err(ReporterError::GaveUp {
                    waited: self.options.patience.unwrap_or_default(),
                    last: self.last.clone(),
                });
            }
            self.mind_link(now)?;
            match self.step(now).await {
                Step::Link(Happening::Said(event)) => self.heard(event),
                Step::Link(Happening::Lost(lost)) => self.lost(lost)?,
                Step::MaySend => self.send(),
                Step::Taken(0) => {
                    self.is_closed = true;
                    self.outbox.finish();
                }
                Step::Taken(_) => self.take(),
                Step::Closing => self.intake.queue.close(),
                Step::Woken => {}
            }
        }
    }

    /// What happens next.
    async fn step(&mut self, now: Instant) -> Step {
        let room = self.outbox.room().min(INTAKE_MAX);
        let takes = room > 0 && !self.is_closed;
        let is_closing = self.intake.queue.is_closed();
        let wake_at = self.wake_at(now);
        let (incoming, outgoing) = match &mut self.link {
            Some(link) => {
                let has_more = !self.relayed.is_empty() || self.outbox.can_send(now);
                let may_send = link.is_ready && has_more;
                let outgoing = may_send.then_some(&link.outgoing);
                (Some(&mut link.incoming), outgoing)
            }
            None => (None, None),
        };
        let happening = async {
            match incoming {
                Some(incoming) => incoming.next().await,
                None => future::pending().await,
            }
        };
        let may_send = async {
            match outgoing {
                Some(outgoing) => outgoing.reserve().await.map(drop),
                None => future::pending().await,
            }
        };
        let woken = async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            biased;
            happening = happening => Step::Link(happening),
            // If it is closed, the connection is about to say why.
            Ok(()) = may_send => Step::MaySend,
            () = self.intake.closing.cancelled(), if !is_closing => Step::Closing,
            taken = self.intake.queue.recv_many(&mut self.taken, room), if takes => {
                Step::Taken(taken)
            }
            () = woken => Step::Woken,
        }
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let link = self.link.as_ref().map(|link| {
            if link.is_ready {
                self.heartbeat_at.min(link.renew_at)
            } else {
                link.opened_at + self.options.answer_timeout
            }
        });
        let relay = Some(self.relay_at).filter(|_| S::RELAYS);
        let moments = [link, relay, self.outbox.wake_at(now)];
        // What is past and still there waits for something else than time.
        let ahead = moments.into_iter().flatten().filter(|at| *at > now);
        ahead.min()
    }

    /// Opens a connection where there should be one, and gives up one that is dead.
    fn mind_link(&mut self, now: Instant) -> Result<(), ReporterError> {
        if let Some(link) = &self.link {
            if link.is_ready && link.renew_at <= now {
                self.outbox.wear_out();
            }
            let since_opened = now.duration_since(link.opened_at);
            if !link.is_ready && since_opened >= self.options.answer_timeout {
                self.lost(Lost::new("the target said nothing in time"))?;
            } else if self.outbox.is_overdue(now) {
                self.lost(Lost::new("a batch had no answer in time"))?;
            } else if self.outbox.wants_connection() {
                self.link = None;
                self.outbox.closed();
            } else if link.is_ready && self.heartbeat_at <= now {
                self.heartbeat(now);
            }
        }
        if S::RELAYS && self.relay_at <= now {
            self.relay_at = now + self.options.heartbeat_interval;
            self.relayed = self.outbox.stock.heartbeats().into();
        }
        if self.link.is_none() && self.outbox.pause.is_over(now) {
            let age_max = self.options.connection_age_max;
            let opened = self.clock.now();
            self.link = Some(Link::open(&self.transport, now, opened, age_max));
        }
        Ok(())
    }

    fn take(&mut self) {
        let now = Instant::now();
        let transport = &self.transport;
        for item in self.taken.drain(..) {
            self.outbox
                .push(now, item, &|it| transport.observation_bytes_max(it));
        }
    }

    fn heard(&mut self, event: Event) {
        // What a transport says of itself tells nothing of the target.
        let is_from_target = !matches!(event, Event::Ready(Ready { time: None, .. }));
        if is_from_target {
            if let Some(link) = &mut self.link {
                link.is_answered = true;
            }
            if std::mem::take(&mut self.is_in_outage) {
                tracing::info!("the target answers again");
            }
        }
        match event {
            Event::Ready(ready) => self.opened(&ready),
            Event::Acknowledged(answer) => self.acknowledged(answer),
            Event::Refused { sequence, refusal } => {
                self.last = format!("{}: {refusal}", refusal.reason.name());
                self.outbox.refused(Instant::now(), sequence, refusal);
            }
        }
    }

    fn opened(&mut self, ready: &Ready) {
        let Some(link) = self.link.as_mut().filter(|link| !link.is_ready) else {
            self.outbox.tally.counters.answers_ignored += 1;
            return;
        };
        link.is_ready = true;
        if let Some(time) = ready.time {
            self.offset.learn(Exchange {
                asked: link.opened,
                received: time,
                answered: time,
                heard: self.clock.now(),
            });
        }
        self.outbox.tally.counters.connections += 1;
        self.outbox.opened(ready);
    }

    fn acknowledged(&mut self, answer: Acknowledged) {
        let times = answer.times;
        let asked = self.outbox.acknowledged(Instant::now(), answer);
        if let (Some(asked), Some((received, answered))) = (asked, times) {
            self.offset.learn(Exchange {
                asked,
                received,
                answered,
                heard: self.clock.now(),
            });
        }
    }

    fn lost(&mut self, lost: Lost) -> Result<(), ReporterError> {
        self.link = None;
        self.outbox.tally.counters.connections_failed += 1;
        self.outbox.lost(Instant::now(), lost.retry_after);
        self.last.clone_from(&lost.reason);
        if lost.is_final {
            return Err(ReporterError::Refused(lost.reason));
        }
        // An outage is told once, not with each try.
        if self.is_in_outage {
            tracing::debug!(reason = lost.reason, "still no connection");
        } else {
            self.is_in_outage = true;
            tracing::warn!(reason = lost.reason, "no connection; trying again");
        }
        Ok(())
    }

    /// Those that found no place are told with the totals.
    fn count_unqueued(&mut self) {
        for reason in Unqueued::TOLD {
            let count = self.intake.unqueued.count(reason);
            self.outbox.tally.unqueued(reason, count);
        }
    }

    fn publish(&self) {
        let counters = Counters {
            takes_batches: self.link.as_ref().is_some_and(|link| link.is_ready),
            is_connected: self.link.as_ref().is_some_and(|link| link.is_answered),
            clock_offset_us: self.offset.micros(),
            ..self.outbox.tally.counters
        };
        self.counters.send_if_modified(|published| {
            let is_news = *published != counters;
            *published = counters;
            is_news
        });
    }
}
