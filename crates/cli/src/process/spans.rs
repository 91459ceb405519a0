//! Spans of OpenTelemetry, handed to the intake of whichever stage the process has.

use std::sync::Arc;

use async_trait::async_trait;
use http::Extensions;
use sextant_intake::metrics::Transport;
use sextant_intake::submission::Submission;
use sextant_intake::{Intake, Keeper, PeerKey};
use sextant_measure::observation::Observation;
use sextant_otlp::sink::{Room, SpanSink, Taken};
use sextant_otlp::{Refused, Why};
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};

/// An intake as it takes what spans became. OTLP names no batch, so each is anonymous to it.
pub(super) struct SpanIntake<K>(pub(super) Arc<Intake<K>>);

#[async_trait]
impl<K: Keeper> SpanSink for SpanIntake<K> {
    fn room(&self, from: &Extensions, bytes: u32) -> Result<Room, Refused> {
        let held = self.0.room(&PeerKey::of_request(from), bytes);
        Ok(Box::new(held.map_err(refused)?))
    }

    async fn take(
        &self,
        from: &Extensions,
        observations: Vec<Observation>,
    ) -> Result<Taken, Refused> {
        let Self(intake) = self;
        let peer = PeerKey::of_request(from);
        let (submission, mut directory) = {
            let observations = observations.into_iter().map(Ok);
            Submission::gather(observations, None, intake.keeper().rules())
        };
        let answer = intake.submit(&peer, Transport::Otlp, submission, &mut directory);
        let acknowledgement = answer.await.map_err(refused)?;
        Ok(Taken {
            accepted: acknowledgement.accepted,
            refused: acknowledgement.refused,
            has_identity: K::NUMBERS || acknowledgement.deduplicated,
        })
    }
}

fn refused(refusal: BatchRefusal) -> Refused {
    use BatchRefusalReason as Reason;
    let why = match refusal.reason {
        Reason::TooLarge => Why::TooLarge,
        Reason::Rate | Reason::NewSenders => Why::TooMuch,
        Reason::Load | Reason::Unavailable => Why::Unavailable,
        Reason::Invalid | Reason::Definitions => Why::Invalid,
    };
    Refused {
        why,
        message: refusal.message,
        retry_after: refusal.retry_after,
    }
}
