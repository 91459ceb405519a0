//! A server that says what a test tells it to.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sextant_wire::v1;
use sextant_wire::v1::snapshot_service_server::{SnapshotService, SnapshotServiceServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status};

/// More than any test says at once.
const MESSAGES_MAX: usize = 64;

type Said = Result<v1::WatchSnapshotResponse, Status>;

/// A server. It ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    watches: Arc<Mutex<Vec<Watch>>>,
    script: Arc<Mutex<Vec<v1::WatchSnapshotResponse>>>,
    _stop: DropGuard,
}

/// A watch that was begun.
struct Watch {
    /// What the gateway asked for.
    version: String,
    says: Option<mpsc::Sender<Said>>,
}

struct Service {
    watches: Arc<Mutex<Vec<Watch>>>,
    script: Arc<Mutex<Vec<v1::WatchSnapshotResponse>>>,
}

impl Server {
    /// Starts, and says this to each who begins to watch.
    pub(crate) async fn start(script: Vec<v1::WatchSnapshotResponse>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script)
    }

    /// The same, on a listener.
    pub(crate) fn on(listener: TcpListener, script: Vec<v1::WatchSnapshotResponse>) -> Self {
        let address = listener.local_addr().unwrap();
        let (watches, script) = (Arc::default(), Arc::new(Mutex::new(script)));
        let service = Service {
            watches: Arc::clone(&watches),
            script: Arc::clone(&script),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = tonic::transport::Server::builder()
            .add_service(SnapshotServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        #[expect(clippy::disallowed_methods, reason = "it ends with the server")]
        tokio::spawn(async move { stopped.run_until_cancelled(serving).await });
        Self {
            address,
            watches,
            script,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("grpc://{}", self.address)
    }

    /// Says something to all who watch.
    pub(crate) fn say(&self, message: &v1::WatchSnapshotResponse) {
        for watch in self.watches.lock().unwrap().iter() {
            if let Some(says) = &watch.says {
                drop(says.try_send(Ok(message.clone())));
            }
        }
    }

    /// Ends all watches with an error, and says from here on something else to who begins one.
    pub(crate) fn leave(&self, status: &Status, script: Vec<v1::WatchSnapshotResponse>) {
        *self.script.lock().unwrap() = script;
        for watch in self.watches.lock().unwrap().iter_mut() {
            if let Some(says) = watch.says.take() {
                drop(says.try_send(Err(status.clone())));
            }
        }
    }

    /// The versions that watches began with.
    pub(crate) fn asked(&self) -> Vec<String> {
        let watches = self.watches.lock().unwrap();
        watches.iter().map(|watch| watch.version.clone()).collect()
    }
}

#[tonic::async_trait]
impl SnapshotService for Service {
    type WatchSnapshotStream = Pin<Box<dyn Stream<Item = Said> + Send>>;

    async fn get_snapshot(
        &self,
        _: Request<v1::GetSnapshotRequest>,
    ) -> Result<Response<v1::GetSnapshotResponse>, Status> {
        Err(Status::unimplemented("a gateway watches"))
    }

    async fn watch_snapshot(
        &self,
        request: Request<v1::WatchSnapshotRequest>,
    ) -> Result<Response<Self::WatchSnapshotStream>, Status> {
        let (says, said) = mpsc::channel(MESSAGES_MAX);
        for message in self.script.lock().unwrap().iter() {
            says.try_send(Ok(message.clone())).unwrap();
        }
        self.watches.lock().unwrap().push(Watch {
            version: request.into_inner().version,
            says: Some(says),
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(said))))
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 10 s for {what}");
}
