use std::num::NonZeroU32;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::*;

const LONG: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    Limits::of(NonZeroU32::new(100).unwrap())
}

async fn serve(protocol: Protocol, router: Router, limits: Limits) -> (SocketAddr, Listening) {
    let bound = Bound::to(protocol, "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    (
        bound.address(),
        bound.serve(router, limits, &Metrics::default()),
    )
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// What comes until the peer closes, and how long that takes.
async fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut bytes = Vec::new();
    // A peer that closes before it has read all resets the connection, which is closed too.
    drop(
        timeout(LONG, stream.read_to_end(&mut bytes))
            .await
            .expect("still open"),
    );
    (
        String::from_utf8_lossy(&bytes).into_owned(),
        begun.elapsed(),
    )
}

async fn is_open(address: SocketAddr) -> bool {
    let mut stream = connect(address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 1];
    stream.read(&mut some).await.is_ok_and(|read| read == 1)
}

#[tokio::test]
async fn requests_carry_the_address_of_their_peer() {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let router = Router::new().route("/", get(who));
    let (address, _listening) = serve(Protocol::Http, router, limits()).await;
    let mut stream = connect(address).await;
    let own = stream.local_addr().unwrap().to_string();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let (text, _) = rest(&mut stream).await;
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with(&own),
        "{text}"
    );
}

#[tokio::test]
async fn the_announcement_names_the_port_that_was_taken() {
    let any = "127.0.0.1:0".parse().unwrap();
    let http = Bound::to(Protocol::Http, any).await.unwrap();
    let port = http.address().port();
    assert_ne!(port, 0);
    let wanted = format!("http listening on http://127.0.0.1:{port}");
    assert_eq!(http.announcement(), wanted);
    let taken = Bound::to(Protocol::Grpc, http.address()).await.unwrap_err();
    let wanted = format!("cannot listen for grpc on 127.0.0.1:{port}");
    assert_eq!(taken.to_string(), wanted);
}

#[tokio::test]
async fn a_connection_that_brings_no_request_is_closed() {
    let limits = Limits {
        head_wait_max: Duration::from_millis(300),
        ..limits()
    };
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04";
    for (protocol, sent) in [
        (Protocol::Http, &b""[..]),
        (Protocol::Http, b"GET / HTTP/1.1\r\nslow: "),
        (Protocol::Http, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (Protocol::Grpc, b""),
        (Protocol::Grpc, settings),
    ] {
        let (address, _listening) = serve(protocol, Router::new(), limits.clone()).await;
        let mut stream = connect(address).await;
        stream.write_all(sent).await.unwrap();
        let (_, took) = rest(&mut stream).await;
        assert!(
            took < Duration::from_secs(10),
            "{protocol} {sent:?}: {took:?}"
        );
        assert!(
            took >= Duration::from_millis(200),
            "{protocol} {sent:?}: {took:?}"
        );
    }
}

#[tokio::test]
async fn an_http2_peer_that_answers_no_ping_is_cut() {
    let limits = Limits {
        ping_interval: Duration::from_millis(100),
        ping_wait_max: Duration::from_millis(100),
        ..limits()
    };
    let (address, _listening) = serve(Protocol::Grpc, Router::new(), limits).await;
    let mut stream = connect(address).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    stream.write_all(preface).await.unwrap();
    stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let (_, took) = rest(&mut stream).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let limits = Limits {
        write_wait_max: Duration::from_millis(200),
        ..limits()
    };
    let much = get(|| async { vec![b'x'; 64 << 20] });
    let (address, listening) = serve(Protocol::Http, Router::new().route("/", much), limits).await;
    let mut stream = connect(address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // The connection is the only thing to wait for, and it would never end by itself.
    sleep(Duration::from_millis(100)).await;
    timeout(Duration::from_secs(10), listening.drain())
        .await
        .expect("not cut");
    drop(stream);
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_at_once() {
    let limits = Limits {
        connections_max: 4,
        ..limits()
    };
    let router = Router::new().route("/", get(|| async { "yes" }));
    let bound = Bound::to(Protocol::Http, "127.0.0.1:0".parse().unwrap());
    let (bound, metrics) = (bound.await.unwrap(), Metrics::default());
    let address = bound.address();
    let _listening = bound.serve(router, limits, &metrics);
    let counted = |counters: &Counters| counters.get_or_create(&[("protocol", "http")]).get();
    let held = [connect(address).await, connect(address).await];
    sleep(Duration::from_millis(100)).await;
    assert!(!is_open(address).await, "one address got more than half");
    assert_eq!((counted(&metrics.taken), counted(&metrics.ended)), (2, 0));
    assert_eq!(counted(&metrics.turned_away), 1);
    drop(held);
    for _ in 0..100 {
        if is_open(address).await {
            assert!(counted(&metrics.ended) >= 1);
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("what was given back is not given again");
}

#[tokio::test]
async fn draining_lets_requests_end_and_takes_no_more() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (its_begun, its_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let slow = post(move || async move {
        its_begun.notify_one();
        its_go_on.notified().await;
        "done"
    });
    let router = Router::new().route("/", slow);
    // So that nothing but the drain can end a connection.
    let limits = Limits {
        head_wait_max: 2 * LONG,
        ..limits()
    };
    let (address, listening) = serve(Protocol::Http, router, limits).await;
    let mut idle = connect(address).await;
    let mut busy = connect(address).await;
    busy.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    begun.notified().await;
    let drained = TaskTracker::new().spawn(listening.drain());
    rest(&mut idle).await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "still listening"
    );
    assert!(!drained.is_finished());
    go_on.notify_one();
    let (text, _) = rest(&mut busy).await;
    assert!(text.ends_with("done"), "{text}");
    timeout(LONG, drained).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_that_is_given_up_cuts_what_is_left() {
    let begun = Arc::new(Notify::new());
    let its_begun = Arc::clone(&begun);
    let endless = get(move || async move {
        its_begun.notify_one();
        std::future::pending::<()>().await;
    });
    let router = Router::new().route("/", endless);
    let (address, listening) = serve(Protocol::Http, router, limits()).await;
    let mut stream = connect(address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    begun.notified().await;
    assert!(
        timeout(Duration::from_millis(200), listening.drain())
            .await
            .is_err()
    );
    let (text, took) = rest(&mut stream).await;
    assert_eq!(text, "");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_in_the_end() {
    let endless = get(std::future::pending::<()>);
    let limits = Limits {
        drain_wait_max: Duration::from_millis(500),
        ..limits()
    };
    let router = Router::new().route("/", endless);
    let (address, listening) = serve(Protocol::Http, router, limits).await;
    let mut stream = connect(address).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    timeout(LONG, listening.drain()).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
}
