//! `SnapshotService` and `GateService` over gRPC.
//!
//! They stand on HTTP bodies rather than on generated server code, because that encodes every
//! message for every reader. Here a message is framed once and all bodies share its bytes: a
//! thousand slow readers of one snapshot hold it once.

mod frames;
mod gates;
mod request;
mod status;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{TryStreamExt as _, stream};
use http::{Request, Response};
use sextant_wire::snapshot::decode::SnapshotRequest;
use sextant_wire::v1::snapshot_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

use crate::config::length;
use crate::encodings::Speech;
use crate::filter::Filter;
use crate::hub;
use crate::seats::Caller;
use crate::watch::{Watch, Watches};

pub(crate) use self::frames::framed;
pub use self::gates::GateService;

/// Room for the most models and the longest version.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// `sextant.v1.SnapshotService`. Clones are handles on the same one.
#[derive(Clone)]
pub struct SnapshotService(pub(crate) Arc<Watches>);

impl NamedService for SnapshotService {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<Request<Body>> for SnapshotService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let call = Call::of(request.uri().path());
            let answered = service.answer(call, request).await;
            let code = answered.as_ref().map_or_else(Status::code, |_| Code::Ok);
            service.0.metrics.request(call.name(), status::name(code));
            Ok(answered.unwrap_or_else(Status::into_http))
        })
    }
}

/// A call of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Get,
    Watch,
    Unknown,
}

impl Call {
    fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("GetSnapshot") => Self::Get,
            Some("WatchSnapshot") => Self::Watch,
            _ => Self::Unknown,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Get => "grpc GetSnapshot",
            Self::Watch => "grpc WatchSnapshot",
            Self::Unknown => "grpc other",
        }
    }
}

impl SnapshotService {
    async fn answer(&self, call: Call, request: Request<Body>) -> Result<Response<Body>, Status> {
        match call {
            Call::Get => {
                let message = request::message(request, MESSAGE_BYTES_MAX).await?;
                let asked = SnapshotRequest::of_get(message);
                let asked = asked.map_err(|error| status::undecodable(&error))?;
                self.get(&self.filter(&asked)?).await
            }
            Call::Watch => {
                let caller = Caller::of_request(request.extensions());
                let message = request::message(request, MESSAGE_BYTES_MAX).await?;
                let asked = SnapshotRequest::of_watch(message);
                let asked = asked.map_err(|error| status::undecodable(&error))?;
                self.watch(caller, &asked.version, self.filter(&asked)?)
            }
            Call::Unknown => Err(status::unimplemented(
                "SnapshotService has GetSnapshot and WatchSnapshot",
            )),
        }
    }

    async fn get(&self, filter: &Filter) -> Result<Response<Body>, Status> {
        let full = self.0.hub.full(Speech::Protobuf, filter).await;
        let full = full.map_err(status::unserved)?;
        Ok(frames::response(stream::iter([Ok(full.bytes)])))
    }

    fn watch(
        &self,
        caller: Caller,
        version: &str,
        filter: Filter,
    ) -> Result<Response<Body>, Status> {
        let watch = self.0.begin(Watch {
            caller,
            position: hub::position(version),
            filter,
            speech: Speech::Protobuf,
        });
        let messages = watch.map_err(status::unwatched)?.messages();
        Ok(frames::response(messages.map_err(status::unserved)))
    }

    fn filter(&self, asked: &SnapshotRequest) -> Result<Filter, Status> {
        let models = asked.models.iter().map(String::as_str);
        Filter::parse(models, length(self.0.config.models_max))
            .map_err(|error| status::filter(&error))
    }
}
