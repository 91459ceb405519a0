//! `opentelemetry.proto.collector.trace.v1.TraceService`.
//!
//! The service is written out here, and not the generated one, since a request is weighed before
//! anything decodes it: what comes out of tonic is its bytes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use http::Extensions;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::decode::{self, Encoding};
use crate::metrics::Transport;
use crate::receiver::{Arrived, Receiver};
use crate::refused::{Refused, Why};
use crate::sink::Room;

/// The name of the service.
pub const SERVICE_NAME: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
/// Its one call.
pub const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Tells which encodings are taken.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// The domain of the reasons, as in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "sextant.otlp";

/// The service of a receiver, its messages limited in size and time, packed or not.
pub fn service(receiver: &Arc<Receiver>) -> TraceService {
    TraceService(Arc::clone(receiver))
}

/// Takes the exports of spans.
#[derive(Clone)]
pub struct TraceService(Arc<Receiver>);

impl NamedService for TraceService {
    const NAME: &'static str = SERVICE_NAME;
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl tower::Service<http::Request<Body>> for TraceService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let receiver = Arc::clone(&self.0);
        Box::pin(async move {
            if request.uri().path() != PATH {
                let message = "Export is the one call of this service";
                return Ok(Status::unimplemented(message).into_http());
            }
            Ok(export(receiver, request).await)
        })
    }
}

async fn export(receiver: Arc<Receiver>, request: http::Request<Body>) -> http::Response<Body> {
    let from = request.extensions().clone();
    // How long a message is, is not known before tonic has all of it.
    let room = receiver.room(&from, receiver.config.message_bytes_max.get());
    let room = match room {
        Ok(room) => room,
        Err(refused) => return unread(&receiver, &refused),
    };
    let arrived = CancellationToken::new();
    let export = Export {
        receiver: Arc::clone(&receiver),
        from,
        room: Some(room),
        arrived: arrived.clone(),
    };
    let mut grpc = Grpc::new(Raw)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(receiver.config.bytes_max());
    let (wait, stop) = (receiver.config.body_wait_max(), &receiver.shutdown);
    tokio::select! {
        biased;
        answer = grpc.unary(export, request) => judged(&receiver, &arrived, answer),
        () = only_before(&arrived, tokio::time::sleep(wait)) => {
            unread(&receiver, &receiver.too_slow("message"))
        }
        // Nothing has been promised for what is not here yet.
        () = only_before(&arrived, stop.cancelled()) => unread(&receiver, &receiver.stopping()),
    }
}

/// Waits for `end`; for ever, once the message is there.
async fn only_before(arrived: &CancellationToken, end: impl Future<Output = ()>) {
    end.await;
    if arrived.is_cancelled() {
        std::future::pending::<()>().await;
    }
}

/// The answer of tonic, unless that is its own word for a message that it can't take: then ours.
fn judged(
    receiver: &Receiver,
    arrived: &CancellationToken,
    answer: http::Response<Body>,
) -> http::Response<Body> {
    if arrived.is_cancelled() {
        return answer;
    }
    let status = Status::from_header_map(answer.headers());
    let message = status.as_ref().map_or("", |status| status.message());
    let refused = match status.as_ref().map(Status::code) {
        None | Some(Code::Ok) => return answer,
        // The second is what it says of a message that is too large once it is unpacked.
        Some(Code::OutOfRange | Code::ResourceExhausted) => {
            decode::too_large(receiver.config.bytes_max())
        }
        Some(Code::Unimplemented) => Refused::never(Why::Encoding, message),
        // It is not what it should be, or was cut off.
        Some(_) => Refused::never(Why::Invalid, message),
    };
    let mut ours = unread(receiver, &refused);
    if let Some(taken) = answer.headers().get(ACCEPT_ENCODING) {
        ours.headers_mut().insert(ACCEPT_ENCODING, taken.clone());
    }
    ours
}

fn unread(receiver: &Receiver, refused: &Refused) -> http::Response<Body> {
    receiver.count_unread(Transport::Grpc, refused.why);
    status(refused).into_http()
}

/// One export, once its message is there.
struct Export {
    receiver: Arc<Receiver>,
    from: Extensions,
    room: Option<Room>,
    arrived: CancellationToken,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Answer<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.arrived.cancel();
        let receiver = Arc::clone(&self.receiver);
        let (from, room) = (self.from.clone(), self.room.take());
        let arrived = Arrived {
            bytes: request.into_inner(),
            encoding: Encoding::Protobuf,
            is_gzip: false,
        };
        Box::pin(async move {
            let room = room.unwrap_or_else(|| Box::new(()));
            let answer = receiver.take(&from, room, arrived);
            let answer = receiver.counted(Transport::Grpc, answer).await;
            answer
                .map(Response::new)
                .map_err(|refused| status(&refused))
        })
    }
}

/// `UNAVAILABLE` and `RESOURCE_EXHAUSTED` always say when to try again, as OTLP has it; what never
/// passes is `INVALID_ARGUMENT`.
fn status(refused: &Refused) -> Status {
    let code = match (refused.why, refused.retry_after) {
        (Why::TooSlow, _) => Code::DeadlineExceeded,
        (Why::MediaType | Why::Encoding, _) => Code::Unimplemented,
        (_, None) => Code::InvalidArgument,
        (Why::Unavailable, Some(_)) => Code::Unavailable,
        (_, Some(_)) => Code::ResourceExhausted,
    };
    Status::with_error_details(code, &refused.message, details(refused))
}

/// The same as `google.rpc.Status` in protobuf, for HTTP.
pub(crate) fn status_bytes(refused: &Refused) -> Bytes {
    Bytes::copy_from_slice(status(refused).details())
}

/// The code of such a status.
pub(crate) fn code(refused: &Refused) -> i32 {
    status(refused).code().into()
}

fn details(refused: &Refused) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    let reason = refused.why.name().to_ascii_uppercase();
    details.set_error_info(reason, DOMAIN, HashMap::new());
    if let Some(after) = refused.retry_after {
        details.set_retry_info(Some(after));
    }
    details
}

/// Bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
