//! Tells one receiver of each event once.

use std::future::Future;
use std::sync::Arc;

use sextant_incident::Incident;
use sextant_measure::time::{Clock, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::board::{Ended, changed, emptied};
use super::error::DeliveryError;
use super::metrics::ReceiverMetrics;
use super::outbox::{Notice, Outbox};
use super::{Board, Delivered, Delivery, Event};

/// Someone who is told of events.
pub(super) trait Notify: Send + Sync {
    /// Tells of an event once.
    ///
    /// # Errors
    /// If it is not known to have been heard.
    fn notify(
        &self,
        incident: &Incident,
        event: Event,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), DeliveryError>> + Send;
}

/// Tells one receiver.
pub(super) struct Notifier<N> {
    pub(super) name: String,
    pub(super) receiver: N,
    pub(super) outbox: Outbox,
    pub(super) board: watch::Receiver<Board>,
    pub(super) delivered: mpsc::Sender<Delivered>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: ReceiverMetrics,
}

impl<N: Notify> Notifier<N> {
    /// Tells of what is on the board, until nobody posts any more.
    pub(super) async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Ended> {
        let board = Arc::clone(&self.board.borrow_and_update());
        self.outbox.tidy(&board);
        self.metrics.set_pending(self.outbox.pending(&board));
        let Some(due) = self.outbox.next(&board, Instant::now()) else {
            return changed(&mut self.board).await;
        };
        let at = self.clock.now();
        let notice = Notice::of(due.incident, due.event);
        if self.outbox.is_too_old(&due, at) {
            self.give_up(notice, "it is too old");
            return Ok(());
        }
        if due.at > Instant::now() {
            return tokio::select! {
                changed = changed(&mut self.board) => changed,
                () = sleep_until(due.at) => Ok(()),
            };
        }
        let told = tokio::select! {
            emptied = emptied(self.board.clone()) => return emptied,
            told = self.receiver.notify(due.incident, due.event, at) => told,
        };
        match told {
            Ok(()) => self.was_told(notice).await,
            Err(error) => {
                self.was_not_told(notice, &error);
                Ok(())
            }
        }
    }

    async fn was_told(&mut self, notice: Notice) -> Result<(), Ended> {
        self.metrics.count_sent(1, self.clock.now());
        if self.outbox.is_failing() {
            tracing::info!(receiver = %self.name, "hears of incidents again");
        }
        self.outbox.delivered(notice.clone());
        let delivered = Delivered {
            alert: notice.alert,
            opened_at: notice.opened_at,
            delivery: Delivery {
                receiver: self.name.clone(),
                event: notice.event,
            },
        };
        self.delivered.send(delivered).await.map_err(|_| Ended)
    }

    fn was_not_told(&mut self, notice: Notice, error: &DeliveryError) {
        self.metrics.count_failure(error.reason());
        let advice = error.advice();
        if !error.is_worth_retrying() {
            self.give_up(notice, &format!("{error}; {advice}"));
            return;
        }
        // Once for each outage, and not for each try.
        if !self.outbox.is_failing() {
            let receiver = &self.name;
            tracing::warn!(%receiver, %error, advice, "can't be told of incidents, is tried again");
        }
        let now = Instant::now();
        self.outbox.failed(notice, now, error.retry_after());
    }

    fn give_up(&mut self, notice: Notice, reason: &str) {
        self.metrics.given_up.inc();
        let (receiver, alert, event) = (&self.name, &notice.alert, notice.event.name());
        tracing::error!(%receiver, %alert, event, reason, "will not hear of an incident");
        self.outbox.given_up(notice);
    }
}
