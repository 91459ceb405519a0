//! A connection that breaks where a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Passes on what is said to a server and what it answers. It ends with the value.
pub(crate) struct Proxy {
    url: String,
    /// How many more answers are lost.
    lose: Arc<AtomicU32>,
    _serving: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lose = Arc::<AtomicU32>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, server, Arc::clone(&lose)));
        Self {
            url,
            lose,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Breaks the connection in place of the next answers.
    pub(crate) fn lose_answers(&self, count: u32) {
        self.lose.store(count, SeqCst);
    }

    pub(crate) fn answers_to_lose(&self) -> u32 {
        self.lose.load(SeqCst)
    }
}

async fn serve(listener: TcpListener, server: String, lose: Arc<AtomicU32>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.unwrap();
        let (mut from_client, to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        connections.spawn(async move {
            copy(&mut from_client, &mut to_server).await.ok();
        });
        connections.spawn(answer(from_server, to_client, Arc::clone(&lose)));
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lose: Arc<AtomicU32>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let lost = lose.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() || to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}
