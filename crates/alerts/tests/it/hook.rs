//! A server that does to each request what stands in its script, the last of it again and again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What is done to a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answers with a status.
    Status(u16),
    /// Answers with a status and one more header.
    With(u16, String),
    /// Answers with a status after so many milliseconds.
    After(u64, u16),
    /// Answers with a status and a body without an end.
    Endless(u16),
    /// Resets the connection.
    Reset,
    /// Does nothing until the client leaves.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Hook {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    script: VecDeque<Act>,
    connections: usize,
    left: usize,
    requests: Vec<Request>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Hook {
    pub(crate) async fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Seen>>::default();
        seen.lock().unwrap().script = script.into_iter().collect();
        let its_seen = Arc::clone(&seen);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                its_seen.lock().unwrap().connections += 1;
                connections.spawn(serve(stream, Arc::clone(&its_seen)));
            }
        });
        Self {
            port,
            seen,
            _tasks: tasks,
        }
    }

    /// A section of a configuration that names it.
    pub(crate) fn toml(&self, name: &str) -> String {
        let port = self.port;
        format!(
            "[[webhooks]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/hook\"\n\
             secret = {{ env = \"SIGNS\" }}\nallow_private = true\n"
        )
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Clients that left before they had an answer.
    pub(crate) fn left(&self) -> usize {
        self.seen.lock().unwrap().left
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let act = {
        let mut seen = seen.lock().unwrap();
        seen.requests.push(request);
        match seen.script.len() {
            1 => seen.script[0].clone(),
            _ => seen.script.pop_front().unwrap(),
        }
    };
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\n{more}\r\n");
    let whole = |status| head(status, "content-length: 0\r\n");
    match act {
        Act::Status(status) => drop(stream.write_all(whole(status).as_bytes()).await),
        Act::With(status, header) => {
            let more = format!("content-length: 0\r\n{header}\r\n");
            drop(stream.write_all(head(status, &more).as_bytes()).await);
        }
        Act::After(millis, status) => {
            sleep(Duration::from_millis(millis)).await;
            drop(stream.write_all(whole(status).as_bytes()).await);
        }
        Act::Endless(status) => {
            let mut sent = stream.write_all(head(status, "").as_bytes()).await;
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 4_096]).await;
            }
        }
        Act::Reset => stream.set_zero_linger().unwrap(),
        Act::Silence => {
            let end = stream.read(&mut [0; 1]).await;
            assert!(!matches!(end, Ok(1..)), "more than a request came");
            seen.lock().unwrap().left += 1;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
            let headers: BTreeMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..].to_vec();
                return Some(Request {
                    line,
                    headers,
                    body,
                });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
