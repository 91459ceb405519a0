//! An agent: observes so many endpoints each second, by turns.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use sextant_measure::id::{AgentId, ModelId, ProviderId, Region};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_wire::batch::{Batch, definition_message};
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::v1;
use sextant_wire::v1::observation_service_client::ObservationServiceClient;
use sextant_wire::v1::report_request::Message;
use sextant_wire::v1::report_response::Message as Answer;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// Of a message.
const OBSERVATIONS_MAX: u32 = 1_000;
/// Of a model.
pub(crate) const PROVIDERS: u32 = 10;
const IN_FLIGHT_MAX: usize = 8;

struct Feed {
    agent: AgentId,
    endpoints: u32,
    next: u32,
    sequence: u64,
    requests: mpsc::Sender<v1::ReportRequest>,
    answers: Streaming<v1::ReportResponse>,
}

/// Observes every endpoint once, and from then on so many a second as `rate` says.
pub(crate) async fn run(
    collector: String,
    endpoints: u32,
    mut rate: watch::Receiver<u32>,
) -> Result<()> {
    let mut client = ObservationServiceClient::connect(collector).await?;
    let (requests, outgoing) = mpsc::channel(IN_FLIGHT_MAX);
    let answers = client.report(ReceiverStream::new(outgoing)).await?;
    let mut feed = Feed {
        agent: AgentId::new("edge")?,
        endpoints,
        next: 0,
        sequence: 0,
        requests,
        answers: answers.into_inner(),
    };
    let hello = feed.hear().await?;
    ensure!(matches!(hello, Answer::Hello(_)), "no Hello");
    feed.define().await?;
    feed.observe(endpoints).await?;
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let each_s = *rate.borrow_and_update();
        feed.observe(each_s).await?;
    }
}

impl Feed {
    async fn define(&self) -> Result<()> {
        let all: Vec<u32> = (0..self.endpoints).collect();
        for some in all.chunks(1_000) {
            let mut definitions = Vec::with_capacity(some.len());
            for endpoint in some {
                definitions.push(definition_message(*endpoint, &definition(*endpoint)?));
            }
            self.put(Message::Definitions(v1::Definitions { definitions }))
                .await?;
        }
        Ok(())
    }

    /// Observes the next endpoints, and waits until that is acknowledged.
    async fn observe(&mut self, mut endpoints: u32) -> Result<()> {
        while endpoints > 0 {
            let some = endpoints.min(OBSERVATIONS_MAX);
            endpoints -= some;
            let batch = self.batch(some);
            self.put(Message::Batch(batch.into())).await?;
            match self.hear().await? {
                Answer::Acknowledgement(ack) => ensure!(ack.accepted == some, "{ack:?}"),
                other => anyhow::bail!("not acknowledged: {other:?}"),
            }
        }
        Ok(())
    }

    fn batch(&mut self, observations: u32) -> Batch {
        let now = now();
        let mut columns = ColumnsBuilder::default();
        for _ in 0..observations {
            columns.push(&Row {
                endpoint: self.next,
                measurement: measurement(now, self.sequence),
                tier: None,
                operation: None,
                request_id: None,
            });
            self.next = (self.next + 1) % self.endpoints;
        }
        self.sequence += 1;
        let identity = Identity {
            agent: self.agent.clone(),
            epoch: 1,
            sequence: self.sequence,
        };
        Batch {
            identity: Some(identity),
            sequence: self.sequence,
            sent_at: now,
            clock_offset_us: 0,
            totals: None,
            columns: columns.finish(),
        }
    }

    async fn put(&self, message: Message) -> Result<()> {
        let message = Some(message);
        let sent = self.requests.send(v1::ReportRequest { message }).await;
        sent.context("the stream has ended")
    }

    async fn hear(&mut self) -> Result<Answer> {
        let answer = self.answers.message().await?;
        let answer = answer.context("the collector ended the stream")?;
        answer.message.context("an empty answer")
    }
}

fn definition(endpoint: u32) -> Result<Definition> {
    let (model, provider) = (endpoint / PROVIDERS, endpoint % PROVIDERS);
    Ok(Definition {
        model: ModelId::new(&model_name(model))?,
        provider: ProviderId::new(&format!("provider-{provider}"))?,
        quantization: Some(Quantization::Fp8),
        region: Some(Region::new("region-0")?),
    })
}

/// `author/slug` of the model with this number.
pub(crate) fn model_name(model: u32) -> String {
    format!("author-{}/model-{model}-instruct", model / 20)
}

fn measurement(completed_at: Timestamp, sequence: u64) -> Measurement {
    let ttft_us = 180_000 + sequence % 64 * 5_000;
    Measurement {
        completed_at,
        outcome: Outcome::Ok,
        source: Source::Live,
        streamed: true,
        ttft_us: Some(ttft_us),
        duration_us: Some(ttft_us + 4_000_000),
        input_tokens: Some(1_000),
        output_tokens: Some(200),
        status_code: Some(200),
        attempt: 1,
        is_final: true,
    }
}

/// By the wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let us = since.unwrap_or_default().as_micros();
    Timestamp::from_micros(i64::try_from(us).unwrap_or(i64::MAX))
}
