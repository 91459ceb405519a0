//! Looks at servers' snapshots, one server after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sextant_measure::id::Region;
use sextant_outbound::{Call, Client, Place};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::snapshot::{Figure, Snapshot};
use super::{AGE_MAX, Picture, Sight, View};
use crate::large::read_aside;
use crate::metrics::Metrics;
use crate::target::Endpoint;

const PATH: &str = "/api/v1/snapshot";
/// How long an answer may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);
/// Some ten thousand endpoints in several regions.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Longer lists of models are left out, and all are read: a server takes 32 KiB of a request's head.
const QUERY_BYTES_MAX: usize = 24 << 10;
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What servers say, as of the last answer of one of them.
#[derive(Debug, Default)]
pub(crate) struct Seen(ArcSwapOption<Heard>);

#[derive(Debug)]
struct Heard {
    at: Instant,
    picture: Arc<Picture>,
}

/// Asks servers, and keeps what they say.
pub(crate) struct Follower {
    pub(crate) client: Client,
    pub(crate) servers: Vec<Place>,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) poll: Duration,
    pub(crate) targets: Arc<[Endpoint]>,
    pub(crate) region: Region,
    pub(crate) seen: Arc<Seen>,
    pub(crate) metrics: Arc<Metrics>,
}

/// What the present server has said, so that it need not be said again.
#[derive(Default)]
struct Held {
    tag: Option<HeaderValue>,
    received: Option<Instant>,
    figures: Vec<Option<Figure>>,
}

impl Sight for Seen {
    fn look(&self) -> View {
        match self.0.load_full() {
            Some(heard) if heard.at.elapsed() <= AGE_MAX => View::Sees(Arc::clone(&heard.picture)),
            _ => View::Away,
        }
    }
}

impl Follower {
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let (mut edition, mut failures) = (0_u64, 0_u32);
        for server in self.servers.iter().cycle() {
            let mut held = Held::default();
            loop {
                let looked = timeout(ANSWER_WAIT_MAX, self.look(server, &mut held)).await;
                let looked = looked.unwrap_or_else(|_| Err("it does not answer".to_owned()));
                if let Err(reason) = looked {
                    self.metrics.sight_errors.inc();
                    // Once for each outage, and not for each attempt.
                    if failures == 0 {
                        let server = &server.authority;
                        tracing::warn!(%server, reason, "can't see what others observe");
                    }
                    failures = failures.saturating_add(1);
                    break;
                }
                if failures > 0 {
                    tracing::info!(server = %server.authority, "sees again what others observe");
                    failures = 0;
                }
                edition += 1;
                self.show(&held, edition);
                sleep(self.poll).await;
            }
            sleep(self.poll.saturating_mul(failures).min(PAUSE_MAX)).await;
        }
    }

    fn show(&self, held: &Held, edition: u64) {
        let now = Instant::now();
        let since = held.received.map_or(Duration::ZERO, |at| now - at);
        let figures = held.figures.iter();
        let glimpses = figures.map(|figure| Figure::after(*figure, since));
        let picture = Picture {
            edition,
            glimpses: glimpses.collect(),
        };
        self.seen.0.store(Some(Arc::new(Heard {
            at: now,
            picture: Arc::new(picture),
        })));
    }

    async fn look(&self, server: &Place, held: &mut Held) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if let Some(tag) = &held.tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        let call = Call {
            method: Method::GET,
            path: path(&self.targets),
            headers,
            body: Bytes::new(),
        };
        let answer = self.client.call(server, call).await;
        let mut answer = answer.map_err(|error| error.to_string())?;
        let status = answer.response.status();
        if status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        if status != StatusCode::OK {
            return Err(format!("it answers {status}"));
        }
        let tag = answer.response.headers().get(ETAG).cloned();
        let mut body = Vec::new();
        while let Some(piece) = answer.piece().await {
            let piece = piece.map_err(|error| error.to_string())?;
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(format!("it says more than {ANSWER_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        let received = Some(Instant::now());
        let (targets, region) = (Arc::clone(&self.targets), self.region.clone());
        let read = read_aside(body, move |body| {
            let snapshot = serde_json::from_slice::<Snapshot>(body);
            snapshot.map(|snapshot| snapshot.figures(&targets, &region))
        });
        let read = read.await.ok_or("it can't be read")?;
        let figures = read.map_err(|error| format!("what it says is no snapshot: {error}"))?;
        *held = Held {
            tag,
            received,
            figures,
        };
        Ok(())
    }
}

fn path(targets: &[Endpoint]) -> String {
    let models: BTreeSet<_> = targets.iter().map(|it| it.model.as_str()).collect();
    let models = models.into_iter().collect::<Vec<_>>().join(",");
    if models.len() > QUERY_BYTES_MAX {
        return PATH.to_owned();
    }
    format!("{PATH}?models={models}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_models_of_the_targets_are_asked_for_as_long_as_they_fit_a_head() {
        let targets = |count| -> Vec<Endpoint> {
            let endpoint = |n| Endpoint {
                model: format!("some-author/some-model-{n:06}").parse().unwrap(),
                provider: "p".parse().unwrap(),
                quantization: None,
            };
            // Two providers of each.
            (0..count).chain(0..count).map(endpoint).collect()
        };
        let asked = path(&targets(800));
        assert_eq!(asked.matches(',').count(), 799);
        assert!(asked.len() < 25 << 10);
        assert_eq!(path(&targets(1_000)), PATH);
    }
}
