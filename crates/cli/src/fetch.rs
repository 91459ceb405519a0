//! Asking a server over HTTP.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};

/// A snapshot of 100,000 endpoints is a tenth of it.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A server, and what it knows us by.
#[derive(Debug)]
pub struct Server {
    base: String,
    token: Option<HeaderValue>,
}

/// What a server has answered.
#[derive(Debug)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// What it said.
    pub body: Bytes,
}

/// Where a server is, such as `http://127.0.0.1:8480`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl FromStr for Url {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().map_err(|_| anyhow!("it is not a URL"))?;
        let is_plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        ensure!(is_plain, "it must be http://host:port");
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }
}

impl Default for Url {
    fn default() -> Self {
        Self("http://127.0.0.1:8480".to_owned())
    }
}

impl Server {
    /// The server there.
    pub fn at(url: Url, token: Option<&SecretString>) -> anyhow::Result<Self> {
        let token = token.map(|token| {
            let header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut header = header.map_err(|_| anyhow!("the token can't stand in a header"))?;
            header.set_sensitive(true);
            anyhow::Ok(header)
        });
        Ok(Self {
            base: url.0,
            token: token.transpose()?,
        })
    }

    /// Gets what stands at a path, within so much time. Any status is an answer.
    pub async fn get(&self, path: &str, within: Duration) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        let asked = tokio::time::timeout(within, self.ask(&url)).await;
        let answer = asked.unwrap_or_else(|_| bail!("no answer within {within:?}"));
        answer.with_context(|| format!("cannot get {url}"))
    }

    async fn ask(&self, url: &str) -> anyhow::Result<Answer> {
        let mut request = Request::get(url).header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let request = request.body(Empty::<Bytes>::new())?;
        let (head, body) = client.request(request).await?.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("cannot read the answer: {error}"))?;
        Ok(Answer {
            status: head.status,
            body: body.to_bytes(),
        })
    }
}

impl Answer {
    /// The body, if all went well; else what the server says about it.
    pub fn success(self) -> anyhow::Result<Bytes> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let problem = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
        let detail = problem.as_ref().and_then(|it| it.get("detail")?.as_str());
        match detail {
            Some(detail) => bail!("the server answers {}: {detail}", self.status),
            None => bail!("the server answers {}", self.status),
        }
    }
}
