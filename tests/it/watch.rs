use sextant_tests::process::{Process, run};
use sextant_tests::traffic::{observations, write};
use sextant_wire::v1;
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use sextant_wire::v1::snapshot_service_server::SERVICE_NAME;
use sextant_wire::v1::watch_snapshot_response::Message;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Health is the same over gRPC as over HTTP, by the names of the services too.
#[tokio::test(flavor = "multi_thread")]
async fn health_over_grpc_says_what_readyz_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(folder.path());
    let channel = tonic::transport::Endpoint::from_shared(server.grpc.clone());
    let channel = channel.unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    for service in ["", SERVICE_NAME, "sextant.v1.ObservationService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let mut watch = client.watch(request).await.unwrap().into_inner();
        let first = watch.message().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::Serving, "{service}");
        if service == "sextant.v1.ObservationService" {
            server.signal("-TERM");
            let next = watch.message().await.unwrap().unwrap();
            assert_eq!(next.status(), ServingStatus::NotServing);
        }
    }
}

/// A watcher gets everything once, then what changes, and resumes from its version.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_a_report_within_seconds_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(&folder.path().join("data"));
    let mut client = SnapshotServiceClient::connect(server.grpc.clone())
        .await
        .unwrap();
    let request = v1::WatchSnapshotRequest::default();
    let mut stream = client.watch_snapshot(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let Some(Message::Full(full)) = first.message else {
        panic!("{first:?}")
    };
    assert_eq!(full.facts.len(), 4, "the shipped catalog");
    let file = write(folder.path(), &observations(5, 30, 600));
    let to = server.grpc.replace("http://", "grpc://");
    let output = run(&[
        "replay",
        file.to_str().unwrap(),
        "--to",
        &to,
        "--at-once",
        "--rebase",
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut changed = std::collections::BTreeSet::new();
    let mut version = full.header.unwrap().version;
    while changed.len() < 5 {
        match stream.message().await.unwrap().unwrap().message.unwrap() {
            Message::Delta(delta) => {
                version = delta.header.unwrap().version;
                let keys = delta
                    .statistics
                    .into_iter()
                    .map(|row| row.endpoint.unwrap());
                changed.extend(keys.map(|key| key.provider));
            }
            Message::Heartbeat(_) => {}
            Message::Full(full) => panic!("a delta was due: {full:?}"),
        }
    }
    let request = v1::WatchSnapshotRequest {
        version,
        models: Vec::new(),
    };
    let mut resumed = client.watch_snapshot(request).await.unwrap().into_inner();
    let next = resumed.message().await.unwrap().unwrap();
    assert!(
        !matches!(next.message, Some(Message::Full(_))),
        "resumed, not begun anew"
    );
}
