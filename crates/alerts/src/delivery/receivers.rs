//! Whom to tell, ready to be used.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Clock;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alertmanager::{Alertmanager, Informer, Told};
use super::audience::Audience;
use super::log::{Log, NAME as LOG};
use super::metrics::Metrics;
use super::notifier::{Notifier, Notify};
use super::outbox::{Filter, Outbox};
use super::pause::Pause;
use super::webhook::Webhook;
use super::{Board, Delivered};

/// Longest wait between two tries of a webhook that doesn't ask for more.
const RETRY_WAIT_MAX: Duration = Duration::from_mins(5);

/// Whom to tell, ready to be used.
#[derive(Debug, Clone)]
pub struct Receivers {
    pub(super) alertmanagers: Vec<Alertmanager>,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) has_log: bool,
    pub(super) give_up_after: Duration,
}

/// What receivers are told by.
pub struct Setup {
    /// What there is to tell. An empty one stops at once whatever is being told.
    pub board: watch::Receiver<Board>,
    /// Where it is said what a webhook or the log has heard, after which the board is to say so.
    pub delivered: mpsc::Sender<Delivered>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Receivers {
    /// What they are called, in deliveries and in metrics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let alertmanagers = self.alertmanagers.iter().map(|it| &*it.name);
        let webhooks = self.webhooks.iter().map(|it| &*it.name);
        let log = self.has_log.then_some(LOG);
        alertmanagers.chain(webhooks).chain(log)
    }

    /// Those of whom it is noted what they have heard.
    pub(crate) fn audience(&self) -> Audience {
        let mut audience = Audience::default();
        for webhook in &self.webhooks {
            audience.add(&webhook.name, webhook.filter.clone());
        }
        if self.has_log {
            audience.add(LOG, Filter::default());
        }
        audience
    }

    /// Tells each receiver what is on the board, in a task of its own: one that is away delays no
    /// other. They end with `stop`, or when the board's owner is gone.
    pub fn start(self, setup: &Setup, tracker: &TaskTracker, stop: &CancellationToken) {
        for instance in self.alertmanagers {
            let informer = Informer {
                board: setup.board.clone(),
                clock: Arc::clone(&setup.clock),
                metrics: setup.metrics.of(&instance.name),
                pause: Pause::new(instance.resend),
                told: Told::default(),
                instance,
            };
            tracker.spawn(stop.clone().run_until_cancelled_owned(informer.run()));
        }
        for webhook in self.webhooks {
            let (name, filter) = (webhook.name.clone(), webhook.filter.clone());
            let outbox = Outbox::new(&name, filter, self.give_up_after, RETRY_WAIT_MAX);
            let notifier = setup.notifier(name, webhook, outbox);
            tracker.spawn(stop.clone().run_until_cancelled_owned(notifier.run()));
        }
        if self.has_log {
            let outbox = Outbox::new(LOG, Filter::default(), Duration::MAX, RETRY_WAIT_MAX);
            let notifier = setup.notifier(LOG.to_owned(), Log, outbox);
            tracker.spawn(stop.clone().run_until_cancelled_owned(notifier.run()));
        }
    }
}

impl Setup {
    fn notifier<N: Notify>(&self, name: String, receiver: N, outbox: Outbox) -> Notifier<N> {
        Notifier {
            metrics: self.metrics.of(&name),
            name,
            receiver,
            outbox,
            board: self.board.clone(),
            delivered: self.delivered.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}
