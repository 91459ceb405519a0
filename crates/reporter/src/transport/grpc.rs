//! The `Report` stream: many batches in flight, answered in any order.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use futures::{Stream, StreamExt as _, stream};
use http::Uri;
use sextant_measure::id::Region;
use sextant_measure::observation::Observation;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::BatchRefusal;
use sextant_wire::batch::{Batch, definition_message};
use sextant_wire::identity::REGION_HEADER;
use sextant_wire::v1;
use sextant_wire::v1::observation_service_client::ObservationServiceClient;
use sextant_wire::v1::report_request::Message;
use sextant_wire::v1::report_response::Message as Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::chain::chain;
use super::{Acknowledged, Event, Lost, Outgoing, OutgoingBatch, Ready, Transport, told};
use crate::error::ReporterError;
use crate::target::Token;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that is gone is found within the sum of both.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(8);

/// Widest encoding of every column's number together.
const ROW_BYTES_MAX: usize = 72;

/// The `Report` stream.
#[derive(Debug)]
pub struct GrpcTransport {
    endpoint: Endpoint,
    authorization: Option<MetadataValue<Ascii>>,
    region: Option<MetadataValue<Ascii>>,
}

impl GrpcTransport {
    /// To the collector at `http://host:port`.
    pub fn new(uri: Uri, token: Option<&Token>) -> Result<Self, ReporterError> {
        let endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let authorization = token.map(|token| {
            let mut value = MetadataValue::<Ascii>::try_from(token.bearer())
                .map_err(|_| ReporterError::Token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            endpoint,
            authorization: authorization.transpose()?,
            region: None,
        })
    }

    /// Says where it is, for what names no region.
    #[must_use]
    pub fn in_region(mut self, region: Option<&Region>) -> Self {
        // A region's name is ASCII.
        self.region = region.and_then(|region| MetadataValue::try_from(region.as_str()).ok());
        self
    }

    async fn converse(
        &self,
        outgoing: mpsc::Receiver<Outgoing>,
        events: mpsc::Sender<Event>,
    ) -> Result<(), Lost> {
        let channel = self.endpoint.connect().await;
        let channel = channel.map_err(|error| Lost::new(chain(&error)))?;
        let mut request = Request::new(requests(outgoing));
        if let Some(value) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        if let Some(region) = &self.region {
            request.metadata_mut().insert(REGION_HEADER, region.clone());
        }
        let mut client = ObservationServiceClient::new(channel);
        let answers = client.report(request).await;
        let mut answers = answers.map_err(|status| lost(&status))?.into_inner();
        while let Some(answer) = answers.message().await.map_err(|status| lost(&status))? {
            let Some(event) = answer.message.map(event) else {
                continue;
            };
            if events.send(event).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for GrpcTransport {
    fn observation_bytes_max(&self, observation: &Observation) -> usize {
        let operation = observation.operation.as_ref().map(|it| it.as_str().len());
        let request_id = observation.request_id.as_ref().map(|it| it.as_str().len());
        ROW_BYTES_MAX + operation.unwrap_or(0) + request_id.unwrap_or(0)
    }

    async fn serve(&self, outgoing: mpsc::Receiver<Outgoing>, events: mpsc::Sender<Event>) -> Lost {
        match self.converse(outgoing, events).await {
            Ok(()) => Lost::new("the collector ended the stream"),
            Err(lost) => lost,
        }
    }
}

fn requests(outgoing: mpsc::Receiver<Outgoing>) -> impl Stream<Item = v1::ReportRequest> + Send {
    ReceiverStream::new(outgoing).flat_map(|outgoing| stream::iter(messages(outgoing)))
}

/// A batch comes after the definitions that it needs.
fn messages(outgoing: Outgoing) -> Vec<v1::ReportRequest> {
    let messages = match outgoing {
        Outgoing::Heartbeat(heartbeat) => vec![Message::Heartbeat(heartbeat.into())],
        Outgoing::Batch(sent) if sent.definitions.is_empty() => vec![batch(&sent)],
        Outgoing::Batch(sent) => {
            let definitions = sent.definitions.iter();
            let definitions =
                definitions.map(|(id, definition)| definition_message(*id, definition));
            let definitions = v1::Definitions {
                definitions: definitions.collect(),
            };
            vec![Message::Definitions(definitions), batch(&sent)]
        }
    };
    let request = |message| v1::ReportRequest {
        message: Some(message),
    };
    messages.into_iter().map(request).collect()
}

fn batch(sent: &OutgoingBatch) -> Message {
    let identity = sent.batch.identity().clone();
    let batch = Batch {
        sequence: identity.sequence,
        identity: Some(identity),
        sent_at: sent.sent_at,
        clock_offset_us: sent.clock_offset_us,
        totals: sent.totals.clone(),
        columns: sent.batch.columns(),
    };
    Message::Batch(batch.into())
}

fn event(answer: Answer) -> Event {
    match answer {
        Answer::Hello(hello) => {
            let bound = |max: u32| usize::try_from(max).ok().filter(|max| *max > 0);
            Event::Ready(Ready {
                time: Some(Timestamp::from_micros(hello.time_us)),
                batch_observations_max: bound(hello.batch_observations_max),
                message_bytes_max: bound(hello.message_bytes_max),
            })
        }
        Answer::Acknowledgement(ack) => {
            let refused = ack.refused.into_iter();
            let times = [ack.received_at_us, ack.sent_at_us].map(Timestamp::from_micros);
            Event::Acknowledged(Acknowledged {
                sequence: ack.sequence,
                accepted: ack.accepted.into(),
                refused: refused.map(|it| (it.index, told(&it.reason))).collect(),
                times: Some(times.into()),
                deduplicated: ack.deduplicated,
            })
        }
        Answer::Refusal(refusal) => {
            let sequence = refusal.sequence;
            let refusal = BatchRefusal::from(refusal);
            Event::Refused {
                sequence,
                refusal: BatchRefusal {
                    message: told(&refusal.message),
                    ..refusal
                },
            }
        }
    }
}

fn lost(status: &Status) -> Lost {
    let retry_after = status
        .get_error_details()
        .retry_info()
        .and_then(|info| info.retry_delay);
    // With a source it is the connection that failed, whatever the code; the service has not spoken.
    let is_final = status.source().is_none()
        && match status.code() {
            Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::InvalidArgument
            | Code::OutOfRange => true,
            Code::ResourceExhausted => retry_after.is_none(),
            _ => false,
        };
    Lost {
        reason: chain(status),
        is_final,
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn what_never_passes_is_final_and_what_may_pass_is_not() {
        for (code, is_final) in [
            (Code::Unauthenticated, true),
            (Code::PermissionDenied, true),
            (Code::Unimplemented, true),
            (Code::InvalidArgument, true),
            (Code::ResourceExhausted, true),
            (Code::Unavailable, false),
            (Code::Internal, false),
            (Code::Cancelled, false),
            (Code::Unknown, false),
        ] {
            assert_eq!(lost(&Status::new(code, "no")).is_final, is_final, "{code}");
        }
    }

    #[test]
    fn a_time_to_retry_is_read_from_the_details() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let status = Status::with_error_details(Code::ResourceExhausted, "busy", details);
        let lost = lost(&status);
        assert_eq!(lost.retry_after, Some(Duration::from_secs(7)));
        assert!(!lost.is_final);
    }

    #[test]
    fn details_that_are_none_say_nothing() {
        let details = bytes::Bytes::from_static(b"\xff\xff\xff");
        let status = Status::with_details(Code::Unavailable, "x", details);
        assert_eq!(lost(&status).retry_after, None);
    }
}
