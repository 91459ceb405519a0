//! What has arrived of a request, within bounds.
//!
//! tonic gathers the bytes of a message before any service is asked. Until the message is whole
//! they count as its sender's, like those of an HTTP body, and they are waited for only so long. A
//! call's one message is whole when the call has ended: only then does the service see it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as AxumBody, BodyDataStream};
use bytes::Bytes;
use futures::{StreamExt, stream};
use sextant_wire::answer::BatchRefusal;
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic::body::Body;

use super::framing::{Found, Framing};
use super::status::{exhausted, status, too_slow};
use crate::budget::Held;
use crate::intake::Intake;
use crate::keeper::Keeper;
use crate::limits::length;
use crate::metrics::Transport;
use crate::peer::Peer;
use crate::refusal;

/// The bytes of one request.
pub(super) struct Arrival<K> {
    intake: Arc<Intake<K>>,
    peer: Arc<Peer>,
    transport: Transport,
    framing: Framing,
    /// The bytes of what is not whole.
    held: Option<Held>,
    /// How much longer the rest of it is waited for. Time in which nobody waits is not the sender's.
    patience: Duration,
    /// How it ends, once what is whole before has been handed on.
    end: Option<Status>,
}

impl<K: Keeper> Arrival<K> {
    pub(super) fn new(intake: &Arc<Intake<K>>, peer: Arc<Peer>, transport: Transport) -> Self {
        let limits = &intake.limits;
        Self {
            intake: Arc::clone(intake),
            peer,
            transport,
            framing: Framing::new(length(limits.message_bytes_max)),
            held: None,
            patience: limits.body_wait_max,
            end: None,
        }
    }

    /// The body, which fails where it is out of bounds.
    pub(super) fn of(self, body: Body) -> Body {
        let frames = AxumBody::new(body).into_data_stream();
        let bounded = stream::try_unfold((self, frames), |(mut arrival, mut frames)| async move {
            let bytes = arrival.next(&mut frames).await?;
            Ok::<_, Status>(bytes.map(|bytes| (bytes, (arrival, frames))))
        });
        Body::new(AxumBody::from_stream(bounded))
    }

    async fn next(&mut self, frames: &mut BodyDataStream) -> Result<Option<Bytes>, Status> {
        if let Some(status) = self.end.take() {
            return Err(status);
        }
        let (asked, is_unfinished) = (Instant::now(), self.is_unfinished());
        let frame = tokio::select! {
            biased;
            frame = frames.next() => frame,
            () = self.intake.shutdown.cancelled() => {
                let refusal = refusal::stopping(&self.intake.limits);
                return Err(status(&self.refuse(refusal)));
            }
            () = sleep(self.patience), if is_unfinished => {
                let message = "the message took too long to arrive";
                return Err(too_slow(&self.refuse(refusal::invalid(message))));
            }
        };
        if is_unfinished {
            self.patience = self.patience.saturating_sub(asked.elapsed());
        }
        let bytes = frame.transpose();
        let bytes = bytes.map_err(|error| Status::from_error(error.into_inner()))?;
        bytes.map(|bytes| self.take(bytes)).transpose()
    }

    fn is_unfinished(&self) -> bool {
        self.transport == Transport::GrpcUnary || self.framing.unfinished() > 0
    }

    fn take(&mut self, mut bytes: Bytes) -> Result<Bytes, Status> {
        let found = self.framing.advance(&bytes);
        match self.hold(bytes.len(), found) {
            Ok(()) => {}
            Err(status) if found.whole == 0 => return Err(status),
            Err(status) => {
                bytes.truncate(found.whole);
                self.end = Some(status);
            }
        }
        Ok(bytes)
    }

    fn hold(&mut self, bytes: usize, found: Found) -> Result<(), Status> {
        let limits = &self.intake.limits;
        let mut unfinished = bytes;
        if found.whole > 0 && self.transport == Transport::GrpcStream {
            self.held = None;
            self.patience = limits.body_wait_max;
            unfinished = self.framing.unfinished();
        }
        if found.is_too_large {
            return Err(status(&self.refuse(refusal::message_too_large(limits))));
        }
        let unfinished = u32::try_from(unfinished).unwrap_or(u32::MAX);
        let held = self.peer.body_bytes.take(unfinished);
        let held = held.map_err(|_| exhausted(&self.refuse(refusal::load("messages", limits))))?;
        held.add_to(&mut self.held);
        Ok(())
    }

    fn refuse(&self, refusal: BatchRefusal) -> BatchRefusal {
        self.intake.refuse(self.transport, 0, refusal)
    }
}
