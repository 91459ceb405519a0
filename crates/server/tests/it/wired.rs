//! Over a real connection.

use std::net::SocketAddr;
use std::time::Duration;

use sextant_snapshot::record::OwnerState;
use sextant_wire::snapshot::decode::Full;
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use sextant_wire::v1::watch_snapshot_response::Message;
use sextant_wire::v1::{GetSnapshotRequest, WatchSnapshotRequest};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Channel, Server};

use crate::numbers::{figures, ok, row, unlisted};
use crate::rig::{Rig, Running, progress};

/// Serves gRPC on loopback until it is stopped.
async fn listen(running: &Running) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop: CancellationToken = running.stop.clone();
    let serving = Server::builder()
        .add_service(running.grpc.clone())
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move {
            stop.cancelled().await;
        });
    running.spawn(async move { serving.await.unwrap() });
    address
}

async fn connect(address: SocketAddr) -> SnapshotServiceClient<Channel> {
    SnapshotServiceClient::connect(format!("http://{address}"))
        .await
        .unwrap()
}

/// A snapshot of several hundred KB, which no window of HTTP/2 holds at once.
async fn big() -> (Rig, Running) {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    let seen = figures(ok(100));
    for n in 0..2_000 {
        rig.append(0, row(unlisted(&format!("m/{n:04}")), &seen))
            .await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.start();
    while running.get("/readyz").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (rig, running)
}

#[tokio::test]
async fn a_snapshot_larger_than_the_windows_arrives_whole() {
    let (rig, running) = big().await;
    let mut client = connect(listen(&running).await).await;
    let answer = client
        .get_snapshot(GetSnapshotRequest { models: Vec::new() })
        .await;
    let full: Full = answer
        .unwrap()
        .into_inner()
        .snapshot
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(full.snapshot.rows().len(), 2_000);

    let mut watch = client
        .watch_snapshot(WatchSnapshotRequest::default())
        .await
        .unwrap()
        .into_inner();
    let message = watch.message().await.unwrap().unwrap().message.unwrap();
    let Message::Full(first) = message else {
        panic!("{message:?}")
    };
    assert_eq!(Full::try_from(first).unwrap(), full);
    rig.append(0, row(unlisted("m/0000"), &figures(ok(1))))
        .await;
    let message = watch.message().await.unwrap().unwrap().message.unwrap();
    let Message::Delta(delta) = message else {
        panic!("{message:?}")
    };
    assert_eq!(delta.statistics.len(), 1);
    running.stop.cancel();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    running.end().await;
}

#[tokio::test]
async fn readers_that_take_nothing_hold_nobody_up() {
    let (rig, running) = big().await;
    let address = listen(&running).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut client = connect(address).await;
        let watch = client
            .watch_snapshot(WatchSnapshotRequest::default())
            .await
            .unwrap();
        silent.push((client, watch.into_inner()));
    }
    let mut client = connect(address).await;
    let mut watch = client
        .watch_snapshot(WatchSnapshotRequest::default())
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    for n in 0..3 {
        rig.append(0, row(unlisted("m/0000"), &figures(ok(n))))
            .await;
        let message = watch.message().await.unwrap().unwrap().message.unwrap();
        assert!(matches!(message, Message::Delta(_)), "{message:?}");
    }
    // All of them hold one and the same message.
    let full = running
        .metric("sextant_server_encoded_bytes_total{form=\"full\"}")
        .unwrap();
    let pushed = running.metric("sextant_server_pushed_bytes_total").unwrap();
    assert!(pushed > full * 50.0, "{pushed} {full}");
    drop(silent);
    running.end().await;
}
