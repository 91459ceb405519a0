//! A provider that does as it is told over HTTP, and a gateway that asks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use sextant_reporter::openai::{Ended, Exchange, Failure};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::catcher::{Catcher, about};

/// How long the gateway bears silence.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What a provider does next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Nothing, for so many milliseconds.
    Wait(u64),
    /// Sends a status and headers; the body ends with the connection.
    Status(u16),
    /// The same, with `Retry-After`.
    RetryAfter(u16),
    /// Sends a piece of the body.
    Say(&'static str),
    /// Sends bytes in place of an answer.
    Raw(&'static str),
    /// Ends the body in order.
    Close,
    /// Breaks off.
    Reset,
}

pub(crate) struct Provider {
    gateway: DuplexStream,
    tasks: JoinSet<()>,
}

impl Provider {
    /// One that acts on the first request.
    pub(crate) fn plays(script: Vec<Act>) -> Self {
        let (gateway, provider) = duplex(64 << 10);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            drop(play(provider, script, &Said::default()).await);
        });
        Self { gateway, tasks }
    }
}

/// When a provider began to say which piece of a body.
type Said = Mutex<Vec<(Instant, &'static str)>>;

/// Acts; gives the connection if it is to be broken off.
async fn play<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: Vec<Act>,
    said: &Said,
) -> Option<S> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    for act in script {
        match act {
            Act::Wait(ms) => sleep(Duration::from_millis(ms)).await,
            Act::Status(code) => send(&mut stream, &head(code, "")).await,
            Act::RetryAfter(code) => send(&mut stream, &head(code, "retry-after: 7\r\n")).await,
            Act::Say(text) => {
                let chunk = format!("{:x}\r\n{text}\r\n", text.len());
                // An empty chunk would be the last.
                let is_empty = text.is_empty();
                said.lock().unwrap().push((Instant::now(), text));
                send(&mut stream, if is_empty { "" } else { &chunk }).await;
            }
            Act::Raw(text) => send(&mut stream, text).await,
            Act::Close => {
                send(&mut stream, "0\r\n\r\n").await;
                drop(stream.shutdown().await);
                return None;
            }
            Act::Reset => return Some(stream),
        }
    }
    None
}

fn head(code: u16, more: &str) -> String {
    format!(
        "HTTP/1.1 {code} Whatever\r\ncontent-type: text/event-stream\r\n{more}\
         transfer-encoding: chunked\r\n\r\n"
    )
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) {
    // Who has gone away hears no more.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.flush().await);
}

/// Asks, as a gateway does.
pub(crate) struct Gateway {
    pub(crate) streamed: bool,
    pub(crate) stamps: Mutex<Stamps>,
}

/// What happened when at both ends of a connection, by one clock.
#[derive(Default)]
pub(crate) struct Stamps {
    /// Before and after that was told.
    pub(crate) dispatched: Option<(Instant, Instant)>,
    /// Pieces of the body, before the provider said them.
    pub(crate) said: Vec<(Instant, &'static str)>,
    /// Pieces of the body, after they were told.
    pub(crate) heard: Vec<(Instant, Bytes)>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            streamed: true,
            stamps: Mutex::default(),
        }
    }
}

impl Gateway {
    pub(crate) async fn request(&self, catcher: &Catcher, provider: Provider) -> Ended {
        let exchange = self.exchange(catcher);
        let Provider { gateway, tasks } = provider;
        let ended = self.ask(exchange, gateway).await;
        drop(tasks);
        ended
    }

    pub(crate) async fn request_over_tcp(&self, catcher: &Catcher, script: Vec<Act>) -> Ended {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let said = Arc::<Said>::default();
        let its_said = Arc::clone(&said);
        tasks.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            if let Some(stream) = play(stream, script, &its_said).await {
                stream.set_zero_linger().unwrap();
            }
        });
        let exchange = self.exchange(catcher);
        let stream = TcpStream::connect(address).await.unwrap();
        let ended = self.ask(exchange, stream).await;
        tasks.join_all().await;
        self.stamps.lock().unwrap().said = std::mem::take(&mut said.lock().unwrap());
        ended
    }

    pub(crate) async fn request_to_nobody(&self, catcher: &Catcher) {
        let mut exchange = self.exchange(catcher);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        exchange.dispatched();
        TcpStream::connect(address).await.unwrap_err();
        exchange.failed(Failure::Transport);
    }

    fn exchange(&self, catcher: &Catcher) -> Exchange {
        let mut about = about();
        about.streamed = self.streamed;
        Exchange::new(catcher.recorder().attempt(about))
    }

    /// Sends a request and hears the answer to its end.
    async fn ask(
        &self,
        mut exchange: Exchange,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Ended {
        let (mut requests, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            drop(connection.await);
        });
        let before = Instant::now();
        exchange.dispatched();
        self.stamps.lock().unwrap().dispatched = Some((before, Instant::now()));
        let request = Request::post("/v1/chat/completions").header("host", "provider");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answered = timeout(SILENCE_MAX, requests.send_request(request)).await;
        let mut answer = match answered {
            Err(_) => return exchange.failed(Failure::Timeout),
            Ok(Err(_)) => return exchange.failed(Failure::Transport),
            Ok(Ok(answer)) => answer,
        };
        exchange.answered(answer.status().as_u16());
        loop {
            match timeout(SILENCE_MAX, answer.frame()).await {
                Err(_) => return exchange.failed(Failure::Timeout),
                Ok(Some(Err(_))) => return exchange.failed(Failure::Transport),
                Ok(None) => return exchange.closed(),
                Ok(Some(Ok(frame))) => {
                    if let Some(bytes) = frame.data_ref() {
                        exchange.received(bytes);
                        let heard = (Instant::now(), bytes.clone());
                        self.stamps.lock().unwrap().heard.push(heard);
                    }
                }
            }
        }
    }
}
