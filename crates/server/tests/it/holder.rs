//! What a client holds of a watch.

use sextant_catalog::EndpointFacts;
use sextant_server::grpc::SnapshotService;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_wire::snapshot::decode::{Full, Update};
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use sextant_wire::v1::{GetSnapshotRequest, WatchSnapshotRequest, WatchSnapshotResponse};
use tonic::{Status, Streaming};

type Client = SnapshotServiceClient<SnapshotService>;

#[derive(Default)]
pub(crate) struct Holder {
    mirror: Mirror<RoutingRow>,
    facts: Vec<EndpointFacts>,
    models: Vec<String>,
}

/// The kind of a message, and how many rows and removals it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    Full { rows: usize },
    Delta { rows: usize, removed: usize },
    Heartbeat,
}

impl Holder {
    pub(crate) fn of(models: &[&str]) -> Self {
        Self {
            models: models.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn version(&self) -> String {
        self.mirror
            .version()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    pub(crate) fn snapshot(&self) -> Snapshot<RoutingRow> {
        self.mirror.snapshot().unwrap()
    }

    /// Opens a watch from where it is.
    pub(crate) async fn watch(
        &self,
        client: &mut Client,
    ) -> Result<Streaming<WatchSnapshotResponse>, Status> {
        let request = WatchSnapshotRequest {
            version: self.version(),
            models: self.models.clone(),
        };
        client
            .watch_snapshot(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Takes the next message.
    pub(crate) async fn take(&mut self, watch: &mut Streaming<WatchSnapshotResponse>) -> Got {
        let message = watch
            .message()
            .await
            .unwrap()
            .expect("a watch does not end well");
        self.hear(message)
    }

    /// Takes a message.
    pub(crate) fn hear(&mut self, message: WatchSnapshotResponse) -> Got {
        match Update::try_from(message).unwrap() {
            Update::Full(full) => {
                let rows = full.snapshot.rows().len();
                self.mirror.apply_full(full.snapshot);
                self.facts = full.facts;
                Got::Full { rows }
            }
            Update::Delta { delta, facts } => {
                let (rows, removed) = (delta.rows.len(), delta.removed.len());
                self.mirror.apply_delta(delta).unwrap();
                self.facts = facts.unwrap_or_else(|| std::mem::take(&mut self.facts));
                Got::Delta { rows, removed }
            }
            Update::Heartbeat { version, .. } => {
                assert_eq!(version, self.version());
                Got::Heartbeat
            }
        }
    }

    /// Takes messages until the server has nothing new.
    pub(crate) async fn catch_up(&mut self, watch: &mut Streaming<WatchSnapshotResponse>) {
        while self.take(watch).await != Got::Heartbeat {}
    }

    /// Asserts that it holds what a unary read gives.
    pub(crate) async fn assert_current(&self, client: &mut Client) {
        let full = get(client, &self.models).await;
        let held = self.snapshot();
        assert_eq!(held.header().version, full.snapshot.header().version);
        assert_eq!(held.rows(), full.snapshot.rows());
        assert_eq!(self.facts, full.facts);
    }
}

pub(crate) async fn get(client: &mut Client, models: &[String]) -> Full {
    let models = models.to_vec();
    let answer = client.get_snapshot(GetSnapshotRequest { models }).await;
    answer
        .unwrap()
        .into_inner()
        .snapshot
        .unwrap()
        .try_into()
        .unwrap()
}
