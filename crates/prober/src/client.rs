//! HTTP/1.1 with one request a connection, over TCP or TLS.
//!
//! Connections are not kept: between two requests most servers would have closed them, and a request
//! that meets its connection's end looks like a failure of the provider. Redirects are answers like
//! any other, and a key goes nowhere but to the place that was configured.

mod place;
pub(crate) mod tls;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

pub(crate) use self::place::{Place, hosts, shown};

/// Bytes of a status line and headers.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 128;
const AGENT: &str = concat!("sextant-prober/", env!("CARGO_PKG_VERSION"));

/// Reaches places.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    tls: Option<Arc<ClientConfig>>,
}

/// What is asked of a place.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Behind the place's own path.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer, whose body is still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    /// The connection, which ends with the answer.
    _connection: JoinSet<()>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Client {
    pub(crate) fn new(tls: Option<Arc<ClientConfig>>) -> Self {
        Self { tls }
    }

    /// Connects, asks, and waits for the head of the answer.
    pub(crate) async fn call(&self, place: &Place, call: Call) -> io::Result<Answer> {
        let stream = self.connect(place).await?;
        let handshake = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream));
        let (mut requests, connection) = handshake.await.map_err(io::Error::other)?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
        let request = request(place, call).map_err(io::Error::other)?;
        let response = requests.send_request(request).await;
        Ok(Answer {
            response: response.map_err(io::Error::other)?,
            _connection: task,
        })
    }

    async fn connect(&self, place: &Place) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((place.host(), place.port)).await?;
        stream.set_nodelay(true)?;
        if !place.is_tls {
            return Ok(Box::new(stream));
        }
        let tls = self.tls.as_ref();
        let tls = tls.ok_or_else(|| io::Error::other("there are no authorities for TLS"))?;
        let name = place.server_name().map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(tls));
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

impl Answer {
    /// The next piece of the body; nothing at its end.
    pub(crate) async fn piece(&mut self) -> Option<Result<Bytes, hyper::Error>> {
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
}

type Polled = Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>>;

fn poll_frame(body: Pin<&mut Incoming>, context: &mut Context<'_>) -> Polled {
    body.poll_frame(context)
}

fn request(place: &Place, call: Call) -> http::Result<Request<Full<Bytes>>> {
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
        .header(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Some(all) = request.headers_mut() {
        all.extend(headers);
    }
    request.body(Full::new(body))
}
