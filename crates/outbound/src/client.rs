//! HTTP/1.1 with one request a connection, over TCP or TLS.
//!
//! Connections are not kept: between two requests most servers would have closed them, and a request
//! that meets its connection's end looks like a failure of the server. Redirects are answers like any
//! other, and a secret goes nowhere but to the place that was configured.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::{OutboundError, Place, Reach};

/// Bytes of a status line and headers.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 128;

/// Reaches places.
#[derive(Debug, Clone)]
pub struct Client {
    agent: &'static str,
    tls: Option<Arc<ClientConfig>>,
    reach: Reach,
}

/// What is asked of a place.
#[derive(Debug)]
pub struct Call {
    /// What to do.
    pub method: Method,
    /// Behind the place's own path.
    pub path: String,
    /// Beside those that every request has.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

/// An answer, whose body is still to come.
#[derive(Debug)]
pub struct Answer {
    /// Its head.
    pub response: Response<Incoming>,
    /// The connection, which ends with the answer.
    _connection: JoinSet<()>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Client {
    /// One that calls itself `agent`. Without `tls` it reaches no place that wants it.
    pub fn new(agent: &'static str, tls: Option<Arc<ClientConfig>>, reach: Reach) -> Self {
        Self { agent, tls, reach }
    }

    /// Connects, asks, and waits for the head of the answer, for as long as that takes.
    ///
    /// # Errors
    /// [`OutboundError`], when no head has come.
    pub async fn call(&self, place: &Place, call: Call) -> Result<Answer, OutboundError> {
        let stream = self.connect(place).await?;
        let handshake = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream));
        let (mut requests, connection) = handshake.await.map_err(OutboundError::Broken)?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
        let request = request(place, self.agent, call).map_err(OutboundError::Request)?;
        let response = requests.send_request(request).await;
        Ok(Answer {
            response: response.map_err(OutboundError::Broken)?,
            _connection: task,
        })
    }

    async fn connect(&self, place: &Place) -> Result<Box<dyn Stream>, OutboundError> {
        let found = self.find(place).await?;
        let not_reached = |source| OutboundError::Connect {
            authority: place.authority.clone(),
            source,
        };
        // By address, so that no name is resolved again.
        let stream = TcpStream::connect(&*found).await.map_err(not_reached)?;
        stream.set_nodelay(true).map_err(not_reached)?;
        if !place.is_tls {
            return Ok(Box::new(stream));
        }
        let no_tls = |source| OutboundError::Tls {
            authority: place.authority.clone(),
            source,
        };
        let tls = self.tls.as_ref();
        let tls = tls.ok_or_else(|| no_tls(io::Error::other("there are no authorities")))?;
        let name = place.server_name().map_err(io::Error::other);
        let connector = TlsConnector::from(Arc::clone(tls));
        let stream = connector.connect(name.map_err(no_tls)?, stream).await;
        Ok(Box::new(stream.map_err(no_tls)?))
    }

    /// The addresses of a place, all of which may be asked.
    async fn find(&self, place: &Place) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = lookup_host((place.host(), place.port)).await;
        let found: Vec<_> = found
            .map_err(|source| OutboundError::Resolve {
                host: place.host().to_owned(),
                source,
            })?
            .collect();
        self.reach.check(place.host(), &found)?;
        Ok(found)
    }
}

impl Answer {
    /// The next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// If the body breaks off.
    pub async fn piece(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let body = self.response.body_mut();
            let frame = poll_fn(|context| poll_frame(Pin::new(&mut *body), context)).await?;
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                // Trailers say nothing here.
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The beginning of the body, as far as it comes, at most so many bytes. No more is read.
    pub async fn beginning(&mut self, bytes_max: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < bytes_max {
            let Some(Ok(piece)) = self.piece().await else {
                break;
            };
            read.extend_from_slice(&piece);
        }
        read.truncate(bytes_max);
        read
    }
}

/// How long the server wants to be left alone, in seconds. A date is left aside, since it would be
/// read by another clock.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds.parse().ok().map(Duration::from_secs)
}

type Polled = Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>>;

fn poll_frame(body: Pin<&mut Incoming>, context: &mut Context<'_>) -> Polled {
    body.poll_frame(context)
}

fn request(place: &Place, agent: &'static str, call: Call) -> http::Result<Request<Full<Bytes>>> {
    let Call {
        method,
        path,
        headers,
        body,
    } = call;
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", place.path))
        .header(HOST, &place.authority)
        .header(CONNECTION, HeaderValue::from_static("close"))
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(USER_AGENT, HeaderValue::from_static(agent));
    if let Some(all) = request.headers_mut() {
        all.extend(headers);
    }
    request.body(Full::new(body))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::net::TcpListener;

    use super::*;

    const WAIT: Duration = Duration::from_millis(200);

    fn call() -> Call {
        Call {
            method: Method::GET,
            path: "/".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_public_is_refused_before_a_connection_is_made() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = |reach| Client::new("test", None, reach);
        let mut accepted = pin!(listener.accept());
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let place = Place::parse(&format!("http://{host}:{port}")).unwrap();
            let client = client(Reach::PublicOnly);
            let refused = tokio::time::timeout(WAIT, client.call(&place, call())).await;
            let error = refused.unwrap().unwrap_err();
            let is_refused = matches!(error, OutboundError::NotPublic { .. });
            assert!(is_refused, "{host}: {error}");
        }
        let early = tokio::time::timeout(WAIT, accepted.as_mut()).await;
        assert!(early.is_err());

        // The same place is there for who may go anywhere.
        let place = Place::parse(&format!("http://localhost:{port}")).unwrap();
        let anywhere = client(Reach::Anywhere);
        tokio::select! {
            answered = anywhere.call(&place, call()) => panic!("{answered:?}"),
            connection = accepted => assert!(connection.is_ok()),
        }
    }

    #[test]
    fn how_long_to_wait_is_read_in_seconds() {
        let read = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
        };
        assert_eq!(read(" 30 "), Some(Duration::from_secs(30)));
        for unread in [
            "-1",
            "1.5",
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "99999999999999999999",
        ] {
            assert_eq!(read(unread), None, "{unread}");
        }
    }
}
