//! A server that does to each request what stands for its path.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

pub(crate) const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
pub(crate) const TOKEN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"ok\"}}]}\n\n";
pub(crate) const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(crate) const LENGTH: &str =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
pub(crate) const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n";
pub(crate) const ERROR: &str = "data: {\"error\":{\"code\":502,\"message\":\"upstream\"}}\n\n";
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// What a provider does next.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Nothing, for so many milliseconds.
    Wait(u64),
    /// Sends a status and headers; the body is chunked.
    Status(u16),
    /// The same with one more header.
    With(u16, &'static str, String),
    /// Sends a piece of the body.
    Say(String),
    /// Sends a piece of the body until nobody listens, with so many milliseconds between.
    Repeat(&'static str, u64),
    /// Sends bytes in place of an answer.
    Raw(&'static str),
    /// Ends the body in order.
    End,
    /// Breaks off.
    Reset,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

pub(crate) struct Provider {
    pub(crate) port: u16,
    scripts: Arc<Mutex<BTreeMap<String, Vec<Act>>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

type Scripts = Mutex<BTreeMap<String, Vec<Act>>>;

pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

/// A whole answer.
pub(crate) fn whole() -> Vec<Act> {
    let pieces = [ROLE, TOKEN, STOP, USAGE, DONE].map(say);
    [vec![Act::Status(200)], pieces.to_vec(), vec![Act::End]].concat()
}

pub(crate) fn status(code: u16) -> Vec<Act> {
    vec![Act::Status(code), Act::End]
}

impl Provider {
    /// One that acts by the first segment of the path.
    pub(crate) async fn start(scripts: impl IntoIterator<Item = (&str, Vec<Act>)>) -> Self {
        Self::serve(scripts, None).await
    }

    pub(crate) async fn serve(
        scripts: impl IntoIterator<Item = (&str, Vec<Act>)>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scripts = scripts
            .into_iter()
            .map(|(path, acts)| (path.to_owned(), acts));
        let scripts: Arc<Scripts> = Arc::new(Mutex::new(scripts.collect()));
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let mut tasks = JoinSet::new();
        let (its_scripts, its_requests) = (Arc::clone(&scripts), Arc::clone(&requests));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (scripts, requests) = (Arc::clone(&its_scripts), Arc::clone(&its_requests));
                let tls = tls.clone();
                connections.spawn(async move {
                    match tls {
                        None => {
                            let (stream, is_reset) = play(stream, &scripts, &requests).await;
                            if is_reset {
                                TcpStream::set_zero_linger(&stream).unwrap();
                            }
                        }
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                play(stream, &scripts, &requests).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            port,
            scripts,
            requests,
            _tasks: tasks,
        }
    }

    /// From now on it does this.
    pub(crate) fn script(&self, path: &str, acts: Vec<Act>) {
        self.scripts.lock().unwrap().insert(path.to_owned(), acts);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers one request; says whether to reset the connection.
async fn play<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    scripts: &Scripts,
    requests: &Mutex<Vec<Request>>,
) -> (S, bool) {
    let Some(request) = read(&mut stream).await else {
        return (stream, false);
    };
    let path = request.line.split('/').nth(1).unwrap_or_default();
    let script = scripts.lock().unwrap().get(path).cloned();
    requests.lock().unwrap().push(request);
    for act in script.unwrap_or_else(|| status(404)) {
        match act {
            Act::Wait(ms) => sleep(Duration::from_millis(ms)).await,
            Act::Status(code) => send(&mut stream, &head(code, "")).await,
            Act::With(code, name, value) => {
                send(&mut stream, &head(code, &format!("{name}: {value}\r\n"))).await;
            }
            Act::Say(text) => send(&mut stream, &chunk(&text)).await,
            Act::Repeat(text, pause_ms) => {
                let chunk = if text.starts_with("x-") {
                    text.to_owned()
                } else {
                    chunk(text)
                };
                while stream.write_all(chunk.as_bytes()).await.is_ok() {
                    if pause_ms > 0 {
                        sleep(Duration::from_millis(pause_ms)).await;
                    }
                }
            }
            Act::Raw(text) => send(&mut stream, text).await,
            Act::End => {
                send(&mut stream, "0\r\n\r\n").await;
                drop(stream.shutdown().await);
                return (stream, false);
            }
            Act::Reset => return (stream, true),
        }
    }
    (stream, false)
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

fn head(code: u16, more: &str) -> String {
    format!("HTTP/1.1 {code} Whatever\r\n{more}transfer-encoding: chunked\r\n\r\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) {
    // Who has gone away hears no more.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.flush().await);
}
