//! `sextant.v1.ObservationService`.

mod arrival;
mod framing;
mod status;
mod stream;

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sextant_measure::id::Region;
use sextant_measure::observation::Definition;
use sextant_measure::refusal::Refusal;
use sextant_wire::answer::BatchRefusal;
use sextant_wire::batch::Batch;
use sextant_wire::v1;
use sextant_wire::v1::observation_service_server::{
    ObservationService, ObservationServiceServer, SERVICE_NAME,
};
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, Streaming};

use self::arrival::Arrival;
use self::status::{status, unreadable};
pub use self::stream::Answers;
use crate::intake::{DirectoryOf, Intake};
use crate::keeper::Keeper;
use crate::limits::length;
use crate::metrics::Transport;
use crate::peer::PeerKey;
use crate::{refusal, region};

/// The service, what arrives for it limited, before a server's own layers.
pub struct Bounded<K> {
    intake: Arc<Intake<K>>,
    server: ObservationServiceServer<Service<K>>,
}

/// The service itself.
pub struct Service<K>(Arc<Intake<K>>);

/// The service of an intake, its messages limited in size, number and time.
pub fn service<K: Keeper>(intake: &Arc<Intake<K>>) -> Bounded<K> {
    let message_bytes_max = length(intake.limits.message_bytes_max);
    let service = Service(Arc::clone(intake));
    Bounded {
        intake: Arc::clone(intake),
        server: ObservationServiceServer::new(service).max_decoding_message_size(message_bytes_max),
    }
}

impl<K> Clone for Bounded<K> {
    fn clone(&self) -> Self {
        Self {
            intake: Arc::clone(&self.intake),
            server: self.server.clone(),
        }
    }
}

impl<K> NamedService for Bounded<K> {
    const NAME: &'static str = SERVICE_NAME;
}

impl<K: Keeper> tower::Service<http::Request<Body>> for Bounded<K> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let transport = match request.uri().path().rsplit('/').next() {
            Some("ReportBatch") => Transport::GrpcUnary,
            _ => Transport::GrpcStream,
        };
        let key = PeerKey::of_request(request.extensions());
        let peer = match self.intake.peer(&key) {
            Ok(peer) => peer,
            Err(refusal) => {
                let refusal = self.turned_away(transport, refusal);
                return Box::pin(ready(Ok(status(&refusal).into_http())));
            }
        };
        let arrival = Arrival::new(&self.intake, peer, transport);
        let answer = self.server.call(request.map(|body| arrival.of(body)));
        if transport == Transport::GrpcStream {
            return answer;
        }
        let intake = Arc::clone(&self.intake);
        Box::pin(async move { Ok(judged(&intake, answer.await?)) })
    }
}

impl<K: Keeper> Bounded<K> {
    /// Who may not even begin. A stream that is not opened is no batch that is refused.
    fn turned_away(&self, transport: Transport, refusal: BatchRefusal) -> BatchRefusal {
        match transport {
            Transport::GrpcUnary => self.intake.refuse(transport, 0, refusal),
            Transport::GrpcStream | Transport::Http | Transport::Otlp => refusal,
        }
    }
}

/// The answer of a call. tonic decodes its message before the service is asked, so what is no
/// message is refused here.
fn judged<K: Keeper>(intake: &Intake<K>, answer: http::Response<Body>) -> http::Response<Body> {
    let error = Status::from_header_map(answer.headers());
    let Some(refusal) = error.as_ref().and_then(unreadable) else {
        return answer;
    };
    status(&intake.refuse(Transport::GrpcUnary, 0, refusal)).into_http()
}

#[tonic::async_trait]
impl<K: Keeper> ObservationService for Service<K> {
    type ReportStream = Answers;

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let peer = PeerKey::of_request(request.extensions());
        region(request.metadata())
            .and_then(|region| stream::open(&self.0, &peer, region, request.into_inner()))
            .map(Response::new)
            .map_err(|refusal| status(&refusal))
    }

    async fn report_batch(
        &self,
        request: Request<v1::ReportBatchRequest>,
    ) -> Result<Response<v1::ReportBatchResponse>, Status> {
        let peer = PeerKey::of_request(request.extensions());
        let region = region(request.metadata())
            .map_err(|refusal| status(&self.0.refuse(Transport::GrpcUnary, 0, refusal)))?;
        let (batch, mut directory) = self
            .read(request.into_inner(), region)
            .map_err(|refusal| status(&refusal))?;
        let acknowledgement = self
            .0
            .submit(&peer, Transport::GrpcUnary, batch, &mut directory)
            .await
            .map_err(|refusal| status(&refusal))?;
        Ok(Response::new(v1::ReportBatchResponse {
            acknowledgement: Some(acknowledgement.into()),
        }))
    }
}

impl<K: Keeper> Service<K> {
    fn read(
        &self,
        request: v1::ReportBatchRequest,
        region: Option<Region>,
    ) -> Result<(Batch, DirectoryOf<K>), BatchRefusal> {
        let Self(intake) = self;
        let refuse =
            |observations, refusal| Err(intake.refuse(Transport::GrpcUnary, observations, refusal));
        let Some(batch) = request.batch else {
            return refuse(0, refusal::invalid("batch: required"));
        };
        let observations = rows(&batch);
        let definitions_max = intake.limits.stream_definitions_max;
        if request.definitions.len() > length(definitions_max) {
            let message = format!("more than {definitions_max} definitions; send smaller batches");
            return refuse(observations, refusal::invalid(message));
        }
        let mut directory = DirectoryOf::<K>::in_region(region);
        for definition in &request.definitions {
            directory.define(definition.id, meaning(definition), intake.keeper().rules());
        }
        match Batch::try_from(batch) {
            Ok(batch) => Ok((batch, directory)),
            Err(error) => refuse(observations, refusal::undecodable(&error)),
        }
    }
}

/// Where the caller says it is.
fn region(metadata: &MetadataMap) -> Result<Option<Region>, BatchRefusal> {
    region::of(&metadata.clone().into_headers()).map_err(refusal::invalid)
}

/// How many observations a batch claims to hold, before it is known to hold together.
fn rows(batch: &v1::Batch) -> u32 {
    let columns = batch.columns.as_ref();
    columns.map_or(0, |columns| {
        u32::try_from(columns.endpoint.len()).unwrap_or(u32::MAX)
    })
}

fn meaning(definition: &v1::Definition) -> Result<Definition, Refusal> {
    let endpoint = definition.endpoint.as_ref().ok_or(Refusal::FieldMissing)?;
    Definition::try_from(endpoint)
}
