//! One request to one provider, from its beginning to what it means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use sextant_measure::id::Region;
use sextant_measure::outcome::{Outcome, Source};
use sextant_outbound::{Answer, Call, Client, retry_after};
use sextant_reporter::attempt::{About, Attempt};
use sextant_reporter::openai::{Ended, Exchange, Failure};
use sextant_reporter::recorder::Recorder;
use tokio::time::{Instant, timeout_at};

use crate::large::read_aside;
use crate::listing::outcome_of_list;
use crate::target::{Question, Target};

/// With what requests are made and recorded.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) region: Option<Region>,
    pub(crate) answer_bytes_max: usize,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// As it was recorded.
    pub(crate) outcome: Outcome,
    pub(crate) status_code: Option<u16>,
    /// Prompt and answer together, if the provider says.
    pub(crate) tokens: Option<u64>,
    /// How long the provider wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// What the head of an answer says.
#[derive(Debug, Default)]
struct Head {
    status_code: Option<u16>,
    retry_after: Option<Duration>,
}

impl Asker {
    /// Asks, and records how that ended.
    pub(crate) async fn ask(&self, target: &Target) -> Asked {
        let mut about = About::new(target.endpoint.definition(self.region.as_ref()));
        about.source = Source::Probe;
        match &target.question {
            Question::Chat { body, .. } => {
                let exchange = Exchange::new(self.recorder.attempt(about));
                self.chat(target, body.clone(), exchange).await
            }
            Question::Models { name } => {
                about.streamed = false;
                let attempt = self.recorder.attempt(about);
                self.models(target, name.clone(), attempt).await
            }
        }
    }

    async fn chat(&self, target: &Target, body: Bytes, mut exchange: Exchange) -> Asked {
        let deadline = Instant::now() + target.timeout;
        let mut call = call(Method::POST, "/chat/completions", target);
        call.body = body;
        let json = HeaderValue::from_static("application/json");
        call.headers.insert(CONTENT_TYPE, json);
        exchange.dispatched();
        let calling = self.client.call(&target.place, call);
        let mut answer = match timeout_at(deadline, calling).await {
            Err(_) => return Asked::new(exchange.failed(Failure::Timeout), &Head::default()),
            Ok(Err(error)) => {
                tracing::debug!(endpoint = %target.endpoint, %error, "not reached");
                return Asked::new(exchange.failed(Failure::Transport), &Head::default());
            }
            Ok(Ok(answer)) => answer,
        };
        let head = Head::of(&answer);
        exchange.answered(answer.response.status().as_u16());
        let mut room = self.answer_bytes_max;
        loop {
            let ended = match timeout_at(deadline, answer.piece()).await {
                Err(_) => exchange.failed(Failure::Timeout),
                Ok(Some(Err(_))) => exchange.failed(Failure::Transport),
                Ok(None) => exchange.closed(),
                Ok(Some(Ok(bytes))) => {
                    exchange.received(&bytes);
                    if let Some(left) = room.checked_sub(bytes.len()) {
                        room = left;
                        continue;
                    }
                    // Nobody who was asked for a few tokens says so much: cut off. A refusal has said
                    // enough.
                    if answer.response.status().is_success() {
                        exchange.failed(Failure::Transport)
                    } else {
                        exchange.closed()
                    }
                }
            };
            return Asked::new(ended, &head);
        }
    }

    async fn models(&self, target: &Target, name: Option<Arc<str>>, mut attempt: Attempt) -> Asked {
        let deadline = Instant::now() + target.timeout;
        let call = call(Method::GET, "/models", target);
        let mut head = Head::default();
        attempt.dispatched();
        let listing = async {
            let calling = self.client.call(&target.place, call);
            let mut answer = calling.await.map_err(|_| Outcome::TransportError)?;
            head = Head::of(&answer);
            let status = answer.response.status();
            attempt.answered(status.as_u16());
            let mut body = Vec::new();
            while let Some(piece) = answer.piece().await {
                match piece {
                    Ok(bytes) if body.len() + bytes.len() <= self.answer_bytes_max => {
                        body.extend_from_slice(&bytes);
                    }
                    // Cut short, by them or by the bound.
                    Ok(_) | Err(_) if status.is_success() => return Err(Outcome::StreamError),
                    Ok(_) | Err(_) => break,
                }
            }
            Ok((status.as_u16(), body))
        };
        let outcome = match timeout_at(deadline, listing).await {
            Err(_) => Outcome::Timeout,
            Ok(Err(outcome)) => outcome,
            Ok(Ok((status_code, body))) => {
                let read = move |body: &[u8]| outcome_of_list(status_code, body, name.as_deref());
                // Lost is what a process that ends doesn't wait for.
                let read = read_aside(body, read).await;
                read.unwrap_or(Outcome::ClientCancelled)
            }
        };
        let outcome = attempt.end(outcome);
        // A list costs none.
        let tokens = Some(0);
        Asked::new(Ended { outcome, tokens }, &head)
    }
}

impl Asked {
    fn new(ended: Ended, head: &Head) -> Self {
        Self {
            outcome: ended.outcome,
            status_code: head.status_code,
            tokens: ended.tokens,
            retry_after: head.retry_after,
        }
    }
}

impl Head {
    fn of(answer: &Answer) -> Self {
        let (status, headers) = (answer.response.status(), answer.response.headers());
        Self {
            status_code: Some(status.as_u16()),
            retry_after: retry_after(headers),
        }
    }
}

fn call(method: Method, path: &str, target: &Target) -> Call {
    let mut headers = target.headers.clone();
    let accepted = HeaderValue::from_static("text/event-stream, application/json");
    headers.entry(ACCEPT).or_insert(accepted);
    debug_assert!(
        headers
            .get(AUTHORIZATION)
            .is_none_or(HeaderValue::is_sensitive)
    );
    Call {
        method,
        path: path.to_owned(),
        headers,
        body: Bytes::new(),
    }
}
