//! `GateService` over gRPC.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream;
use http::{Request, Response};
use sextant_wire::gates;
use sextant_wire::v1::gate_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

use super::{framed, frames, request, status};
use crate::gates::{Gatekeeper, Wanted};
use crate::metrics::Metrics;
use crate::seats::Caller;

/// Room for the most gates that one request may hold, with the longest texts.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// `sextant.v1.GateService`. Clones are handles on the same one.
#[derive(Clone)]
pub struct GateService {
    pub(crate) gates: Arc<Gatekeeper>,
    pub(crate) metrics: Metrics,
}

impl NamedService for GateService {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<Request<Body>> for GateService {
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
            service.metrics.request(call.name(), status::name(code));
            Ok(match answered {
                Ok(message) => frames::response(stream::iter([Ok(framed(&message))])),
                Err(status) => status.into_http(),
            })
        })
    }
}

/// A call of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Put,
    List,
    Unknown,
}

impl Call {
    fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("PutGates") => Self::Put,
            Some("ListGates") => Self::List,
            _ => Self::Unknown,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Put => "grpc PutGates",
            Self::List => "grpc ListGates",
            Self::Unknown => "grpc other",
        }
    }
}

impl GateService {
    async fn answer(&self, call: Call, request: Request<Body>) -> Result<Vec<u8>, Status> {
        let caller = Caller::of_request(request.extensions());
        match call {
            Call::Put => {
                let message = request::message(request, MESSAGE_BYTES_MAX).await?;
                let given = gates::put_request(message);
                let given = given.map_err(|error| status::undecodable(&error))?;
                let rulings = self.gates.put(given, &caller).await;
                let rulings = rulings.map_err(|error| status::gates(&error))?;
                Ok(gates::put_response(&rulings))
            }
            Call::List => {
                let message = request::message(request, MESSAGE_BYTES_MAX).await?;
                let asked = gates::list_request(message);
                let (model, operation) = asked.map_err(|error| status::undecodable(&error))?;
                let listed = self.gates.list(&Wanted { model, operation });
                let listed = listed.map_err(|error| status::gates(&error))?;
                Ok(gates::list_response(listed.iter().map(|gate| &*gate.value)))
            }
            Call::Unknown => Err(status::unimplemented(
                "GateService has PutGates and ListGates",
            )),
        }
    }
}
