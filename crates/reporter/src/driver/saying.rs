//! What a driver says to the target: batches, signs of life, farewell.

use sextant_wire::batch::{Heartbeat, Totals};
use sextant_wire::identity::Identity;
use tokio::time::{Instant, timeout};

use super::{Driver, FAREWELL_MAX};
use crate::link::Happening;
use crate::stock::Stock;
use crate::transport::{Outgoing, OutgoingBatch};

impl<S: Stock> Driver<S> {
    pub(super) fn send(&mut self) {
        if let Some(heartbeat) = self.relayed.pop_front() {
            return self.pass_on(heartbeat);
        }
        let (now, sent_at) = (Instant::now(), self.clock.now());
        let (Some(link), Some(shipment)) = (&self.link, self.outbox.next(now, sent_at)) else {
            return;
        };
        let totals = match shipment.batch.totals() {
            Some(senders) => Some(senders.clone()),
            None => self
                .is_own(shipment.batch.identity())
                .then(|| self.totals()),
        };
        let offset_us = shipment.batch.clock_offset_us();
        let outgoing = Outgoing::Batch(OutgoingBatch {
            batch: shipment.batch,
            definitions: shipment.definitions,
            sent_at,
            clock_offset_us: offset_us.saturating_add(self.offset.micros()),
            totals,
        });
        // Nobody else sends, so there is still room; if the connection has ended meanwhile, it
        // says so next, and the batch is sent again on another.
        if link.outgoing.try_send(outgoing).is_ok() {
            self.heartbeat_at = now + self.options.heartbeat_interval;
        }
    }

    pub(super) fn heartbeat(&mut self, now: Instant) {
        self.heartbeat_at = now + self.options.heartbeat_interval;
        let heartbeat = Heartbeat {
            agent: self.options.agent.clone(),
            epoch: self.options.epoch,
            sent_at: self.clock.now(),
            clock_offset_us: self.offset.micros(),
            totals: self.totals(),
        };
        self.say(heartbeat);
    }

    /// A sign of life of another sender, whose clock this one's offset corrects, too.
    fn pass_on(&self, heartbeat: Heartbeat) {
        let offset_us = heartbeat.clock_offset_us;
        self.say(Heartbeat {
            clock_offset_us: offset_us.saturating_add(self.offset.micros()),
            ..heartbeat
        });
    }

    fn say(&self, heartbeat: Heartbeat) {
        let outgoing = Outgoing::Heartbeat(heartbeat);
        if let Some(link) = &self.link
            && link.outgoing.try_send(outgoing).is_err()
        {
            tracing::debug!("no heartbeat: the connection takes nothing");
        }
    }

    fn is_own(&self, identity: &Identity) -> bool {
        identity.epoch == self.options.epoch && identity.agent == self.options.agent
    }

    /// Tells the last totals and ends the connection in order, as far as the target joins in.
    pub(super) async fn farewell(&mut self) {
        self.heartbeat(Instant::now());
        let Some(link) = self.link.take().filter(|link| link.is_ready) else {
            return;
        };
        let mut incoming = link.incoming;
        drop(link.outgoing);
        let ended = async { while matches!(incoming.next().await, Happening::Said(_)) {} };
        if timeout(FAREWELL_MAX, ended).await.is_err() {
            tracing::debug!("the target did not end the connection");
        }
    }

    fn totals(&self) -> Totals {
        self.outbox.stock.totals(&self.outbox.tally)
    }
}
