//! The JSON POST: one request a batch, several at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sextant_measure::id::Region;
use sextant_measure::observation::Observation;
use sextant_measure::time::Clock;
use sextant_wire::identity::REGION_HEADER;
use tokio::sync::mpsc;

use super::chain::chain;
use super::http_answer::{Answer, understand};
use super::{Event, Lost, Outgoing, Ready, Transport};
use crate::batch::Batch;
use crate::error::ReporterError;
use crate::target::Token;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Most requests under way at once, each on a connection of its own.
const REQUESTS_MAX: usize = 8;
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Names, braces and the longest numbers of an observation in JSON, without its free texts.
const OBJECT_BYTES_MAX: usize = 800;

/// The JSON POST.
pub struct HttpTransport {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
    authorization: Option<HeaderValue>,
    region: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// To this address.
    pub fn new(
        uri: Uri,
        token: Option<&Token>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ReporterError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(REQUESTS_MAX)
            .build(connector);
        let authorization = token.map(|token| {
            let mut value =
                HeaderValue::try_from(token.bearer()).map_err(|_| ReporterError::Token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            client,
            uri,
            authorization: authorization.transpose()?,
            region: None,
            clock,
        })
    }

    /// Says where it is, for what names no region.
    #[must_use]
    pub fn in_region(mut self, region: Option<&Region>) -> Self {
        // A region's name is ASCII.
        self.region = region.and_then(|region| HeaderValue::try_from(region.as_str()).ok());
        self
    }

    async fn post(&self, batch: &Batch) -> Result<Event, Lost> {
        let request = self.request(batch)?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Lost::new(chain(&error)))?;
        let answer = read(response).await?;
        understand(batch.identity().sequence, &answer, self.clock.now())
    }

    fn request(&self, batch: &Batch) -> Result<Request<Full<Bytes>>, Lost> {
        let identity = batch.identity();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .header("sextant-agent", identity.agent.as_str())
            .header("sextant-epoch", identity.epoch)
            .header("sextant-sequence", identity.sequence);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if let Some(region) = &self.region {
            request = request.header(REGION_HEADER, region.clone());
        }
        let request = request.body(Full::new(batch.lines()));
        request.map_err(|error| Lost::for_good(chain(&error)))
    }

    async fn converse(
        &self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: mpsc::Sender<Event>,
    ) -> Result<(), Lost> {
        let gone = |_| Lost::new("the sender has ended");
        events
            .send(Event::Ready(Ready::default()))
            .await
            .map_err(gone)?;
        let mut requests = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !requests.is_empty() {
            tokio::select! {
                Some(event) = requests.next() => events.send(event?).await.map_err(gone)?,
                next = outgoing.recv(), if is_open && requests.len() < REQUESTS_MAX => match next {
                    Some(Outgoing::Batch(sent)) => {
                        requests.push(async move { self.post(&sent.batch).await });
                    }
                    // There is no path for it: a sender over HTTP is seen by its batches.
                    Some(Outgoing::Heartbeat(_)) => {}
                    None => is_open = false,
                },
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for HttpTransport {
    fn observation_bytes_max(&self, observation: &Observation) -> usize {
        let (o, d) = (observation, &observation.definition);
        let region = d.region.as_ref().map_or(0, |it| it.as_str().len());
        let names = d.model.as_str().len() + d.provider.as_str().len() + region;
        let operation = o.operation.as_ref().map_or(0, |it| it.as_str().len());
        let request_id = o.request_id.as_ref().map_or(0, |it| it.as_str().len());
        // Of what a text may hold, only quotes and backslashes are escaped, by one byte each.
        OBJECT_BYTES_MAX + names + 2 * (operation + request_id)
    }

    async fn serve(&self, outgoing: mpsc::Receiver<Outgoing>, events: mpsc::Sender<Event>) -> Lost {
        match self.converse(outgoing, events).await {
            Ok(()) => Lost::new("the sender has ended"),
            Err(lost) => lost,
        }
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, Lost> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| Lost::new(chain(&*error)))?.to_bytes();
    Ok(Answer { head, body })
}
