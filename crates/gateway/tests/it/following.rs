//! Whom a gateway follows, and what it makes of what they say.

use std::time::Duration;

use sextant_gateway::{Ages, Empty, Gateway, Options, Source};
use sextant_measure::status::Status as Standing;
use sextant_wire::v1;
use sextant_wire::v1::watch_snapshot_response::Message;
use tokio::net::TcpListener;
use tonic::Status;

use crate::market::{chosen, decide, delta, full, heartbeat, row, said, version};
use crate::server::{Server, until};

fn options(servers: &[&Server]) -> Options {
    let urls: Vec<_> = servers.iter().map(|server| server.url()).collect();
    let mut options = Options::new(urls.iter().map(String::as_str)).unwrap();
    options.retry_delay_min = Duration::from_millis(10);
    options.retry_delay_max = Duration::from_millis(50);
    options
}

async fn following(server: &Server) -> Gateway {
    let gateway = Gateway::start(options(&[server])).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    gateway
}

#[tokio::test]
async fn what_a_server_says_is_chosen_from_at_once() {
    let server = Server::start(vec![full(1)]).await;
    let gateway = following(&server).await;
    assert_eq!(chosen(&gateway), ["a", "b"]);
    let held = gateway.held().unwrap();
    assert_eq!(held.source, Source::Server(server.address.to_string()));
    assert_eq!((held.partitions_whole, held.partitions), (1, 1));
    assert_eq!(held.version, version(1, 10).to_string());
    server.say(&delta(1, row("b", 50, 11)));
    until("the change", || chosen(&gateway) == ["b", "a"]).await;
    assert_eq!(gateway.held().unwrap().version, version(1, 12).to_string());
    assert_eq!((gateway.stats().full, gateway.stats().deltas), (1, 1));
}

#[tokio::test]
async fn before_the_first_snapshot_there_is_nobody_and_it_says_why() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let options = Options::new([&*format!("grpc://{address}")]).unwrap();
    let gateway = Gateway::start(options).unwrap();
    assert_eq!(decide(&gateway).empty, Some(Empty::NoSnapshot));
    assert_eq!(gateway.held(), None);
    gateway.stop().await;
}

#[tokio::test]
async fn who_is_lost_is_followed_again_from_where_they_were() {
    let server = Server::start(vec![full(1)]).await;
    let gateway = following(&server).await;
    server.say(&delta(1, row("b", 50, 11)));
    until("the change", || gateway.stats().deltas == 1).await;
    server.leave(&Status::unavailable("bye"), vec![heartbeat(1)]);
    until("another watch", || server.asked().len() > 1).await;
    assert_eq!(server.asked(), [String::new(), version(1, 12).to_string()]);
    assert_eq!(chosen(&gateway), ["b", "a"], "what is held stays meanwhile");
}

#[tokio::test]
async fn a_server_that_dies_is_left_for_another() {
    let one = Server::start(vec![full(1)]).await;
    let other = Server::start(vec![full(1), delta(1, row("b", 50, 11))]).await;
    let gateway = Gateway::start(options(&[&one, &other])).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    one.leave(&Status::unavailable("bye"), Vec::new());
    until("the other", || chosen(&gateway) == ["b", "a"]).await;
    let source = gateway.held().unwrap().source;
    assert_eq!(source, Source::Server(other.address.to_string()));
}

#[tokio::test]
async fn rubbish_is_refused_by_name_and_the_last_good_one_stays() {
    let nonsense = [
        v1::WatchSnapshotResponse { message: None },
        said(Message::Full(v1::Snapshot::default())),
        delta(9, row("b", 50, 11)),
        said(Message::Delta(v1::SnapshotDelta {
            statistics: vec![v1::EndpointStatistics::default()],
            ..v1::SnapshotDelta::default()
        })),
    ];
    for (n, nonsense) in nonsense.into_iter().enumerate() {
        let server = Server::start(vec![full(1)]).await;
        let gateway = following(&server).await;
        server.say(&nonsense);
        until("the refusal", || gateway.stats().refused == 1).await;
        assert_eq!(chosen(&gateway), ["a", "b"], "{n}");
        // What is held can't be trusted to be continued: everything is asked for.
        until("another watch", || gateway.stats().full == 2).await;
        assert_eq!(server.asked(), ["", ""], "{n}");
    }
}

#[tokio::test]
async fn another_log_replaces_everything() {
    let server = Server::start(vec![full(1)]).await;
    let gateway = following(&server).await;
    server.say(&delta(1, row("c", 10, 11)));
    until("the change", || chosen(&gateway).len() == 3).await;
    server.say(&full(2));
    until("the other log", || gateway.stats().replaced == 1).await;
    until("its rows", || chosen(&gateway) == ["a", "b"]).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let silent = Server::start(Vec::new()).await;
    let other = Server::start(vec![full(1)]).await;
    let mut options = options(&[&silent, &other]);
    options.silence_max = Duration::from_millis(200);
    let gateway = Gateway::start(options).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    // The other falls silent too, and is asked again.
    until("another watch", || other.asked().len() > 1).await;
    assert_eq!(chosen(&gateway), ["a", "b"]);
}

#[tokio::test]
async fn numbers_count_for_less_while_nobody_is_heard_of() {
    let server = Server::start(vec![full(1)]).await;
    let mut options = options(&[&server]);
    options.ages = Ages {
        aged: Duration::from_millis(400),
        stale: Duration::from_millis(800),
    };
    let gateway = Gateway::start(options).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    drop(server);
    until("numbers that have aged", || {
        let decision = decide(&gateway);
        let first = decision.candidates[0];
        first.status == Standing::Unknown && first.latency_p95_us.is_some()
    })
    .await;
    until("stale ones", || decide(&gateway).is_stale()).await;
    assert_eq!(chosen(&gateway), ["b", "a"], "by price alone");
    assert!(gateway.held().unwrap().age >= Duration::from_millis(800));
}

#[tokio::test]
async fn a_heartbeat_is_news_of_the_server_and_not_of_its_rows() {
    let server = Server::start(vec![full(1)]).await;
    let gateway = following(&server).await;
    server.say(&heartbeat(90));
    until("the heartbeat", || gateway.stats().heartbeats == 1).await;
    assert!(gateway.held().unwrap().age < Duration::from_mins(1));
    let first = decide(&gateway).candidates[0];
    assert_eq!(
        first.status,
        Standing::Unknown,
        "rows that nobody publishes age"
    );
}
