//! Thousands of watchers that come at once: matrix row 18.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::Request;
use http_body_util::BodyExt as _;
use sextant_server::Caller;
use sextant_snapshot::record::{Entry, OwnerState};
use sextant_wire::v1::{WatchSnapshotRequest, WatchSnapshotResponse};
use tonic::body::Body;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;
use tower::Service as _;

use crate::holder::{Got, Holder};
use crate::numbers::{figures, ok, row, unlisted};
use crate::rig::{Rig, Running, progress, settle};

const WATCHERS: usize = 5_000;
const ROWS: u64 = 50;
const FULL: &str = "sextant_server_encoded_bytes_total{form=\"full\"}";
const DELTA: &str = "sextant_server_encoded_bytes_total{form=\"delta\"}";
const PUSHED: &str = "sextant_server_pushed_bytes_total";

type Watch = Streaming<WatchSnapshotResponse>;

async fn rig(watchers_max: usize) -> Rig {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    for n in 0..ROWS {
        change(&rig, n, 1).await;
    }
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.config.watchers_max = u32::try_from(watchers_max).unwrap().try_into().unwrap();
    rig.config.watches_per_second_max = 1_000_000.try_into().unwrap();
    rig
}

async fn change(rig: &Rig, endpoint: u64, n: u64) {
    let id = unlisted(&format!("m/{endpoint}"));
    rig.append(0, row(id, &figures(ok(n)))).await;
}

/// One caller of several opens a watch with a version.
async fn watch(running: &Running, caller: usize, version: String) -> Result<Watch, Status> {
    let mut request = tonic::Request::new(WatchSnapshotRequest {
        version,
        models: Vec::new(),
    });
    let token = Caller::Token(Arc::from(format!("team-{caller}")));
    request.extensions_mut().insert(token);
    let answer = running.client().watch_snapshot(request).await;
    answer.map(tonic::Response::into_inner)
}

/// Opens so many watches at once, by turns from so many callers.
async fn storm(
    running: &Running,
    callers: usize,
    versions: &[String],
) -> Vec<Result<Watch, Status>> {
    let each = (0..WATCHERS).map(|nth| {
        let version = versions[nth % versions.len()].clone();
        watch(running, nth % callers, version)
    });
    join_all(each).await
}

fn assert_told_when_to_come_back(refused: &Status) {
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let details = refused.get_error_details();
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert_eq!(details.error_info().unwrap().reason, "TOO_MANY_WATCHERS");
}

fn assert_same(found: Option<f64>, wanted: f64) {
    let found = found.unwrap_or_default();
    assert!((found - wanted).abs() < 0.5, "{found} for {wanted}");
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

/// P6.
#[tokio::test(start_paused = true)]
async fn of_five_thousand_at_once_so_many_are_seated_as_there_are_seats_and_all_share_one_encoding()
{
    const SEATS: usize = 4_000;
    let running = rig(SEATS).await.serve().await;
    let opened = storm(&running, 4, &[String::new()]).await;
    let (mut seated, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    assert_eq!((seated.len(), refused.len()), (SEATS, WATCHERS - SEATS));
    refused
        .iter()
        .for_each(|refused| assert_told_when_to_come_back(refused.as_ref().unwrap_err()));
    assert_same(running.metric("sextant_server_watchers"), count(SEATS));
    let taken = join_all(seated.iter_mut().map(|watch| {
        let watch = watch.as_mut().unwrap();
        async {
            let mut holder = Holder::default();
            let got = holder.take(watch).await;
            assert_eq!(got, Got::Full { rows: 50 });
        }
    }));
    taken.await;
    let once = unary_bytes(&running).await;
    assert_same(running.metric(FULL), once);
    assert_same(running.metric(PUSHED), once * count(SEATS));
    drop(seated);
    assert_same(running.metric("sextant_server_watchers"), 0.0);
    running.end().await;
}

/// P7.
#[tokio::test(start_paused = true)]
async fn a_storm_of_one_caller_leaves_half_of_the_seats_to_others() {
    const SEATS: usize = 4_000;
    let running = rig(SEATS).await.serve().await;
    let opened = storm(&running, 1, &[String::new()]).await;
    let (seated, refused): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    assert_eq!(
        (seated.len(), refused.len()),
        (SEATS / 2, WATCHERS - SEATS / 2)
    );
    refused
        .iter()
        .for_each(|refused| assert_told_when_to_come_back(refused.as_ref().unwrap_err()));
    assert!(watch(&running, 7, String::new()).await.is_ok());
    running.end().await;
}

/// P5, P6.
#[tokio::test(start_paused = true)]
async fn after_a_restart_all_resume_by_what_changed_and_each_change_is_encoded_once() {
    const VERSIONS: usize = 20;
    let rig = rig(2 * WATCHERS).await;
    let first = rig.serve().await;
    let mut holders: Vec<Holder> = Vec::new();
    for nth in 0..VERSIONS {
        let mut holder = Holder::default();
        let mut open = holder.watch(&mut first.client()).await.unwrap();
        holder.take(&mut open).await;
        holders.push(holder);
        change(&rig, 0, 2 + u64::try_from(nth).unwrap()).await;
        settle().await;
    }
    first.end().await;
    rig.append(0, Entry::EndpointGone(unlisted("m/1"))).await;
    let second = rig.serve().await;
    let versions: Vec<_> = holders.iter().map(Holder::version).collect();
    let mut opened = storm(&second, 4, &versions).await;
    let changes = join_all(opened.iter_mut().map(|watch| {
        let watch = watch.as_mut().unwrap();
        async { watch.message().await.unwrap().unwrap() }
    }));
    let changes = changes.await;
    assert_same(second.metric(FULL), 0.0);
    let (encoded, pushed) = (
        second.metric(DELTA).unwrap(),
        second.metric(PUSHED).unwrap(),
    );
    // As many of each version, each encoded once.
    assert_same(Some(pushed), encoded * count(WATCHERS / VERSIONS));
    for (nth, message) in changes.into_iter().enumerate() {
        let holder = &mut holders[nth % VERSIONS];
        let got = holder.hear(message);
        let told = Got::Delta {
            rows: 1,
            removed: 1,
        };
        assert_eq!(got, told);
    }
    for holder in &holders {
        holder.assert_current(&mut second.client()).await;
    }
    second.end().await;
}

#[tokio::test(start_paused = true)]
async fn bodies_share_the_bytes_of_a_message() {
    let running = rig(10).await.serve().await;
    let (one, other) = (first_frame(&running).await, first_frame(&running).await);
    assert!(one.len() > 1_000);
    assert_eq!(one.as_ptr(), other.as_ptr());
    running.end().await;
}

/// The first frame of a watch's body, as it is handed to the connection.
async fn first_frame(running: &Running) -> Bytes {
    let empty_message = Bytes::from_static(&[0; 5]);
    let request = Request::post("/sextant.v1.SnapshotService/WatchSnapshot")
        .header("content-type", "application/grpc")
        .body(Body::new(http_body_util::Full::new(empty_message)));
    let answer = running.grpc.clone().call(request.unwrap()).await.unwrap();
    let frame = answer.into_body().frame().await.unwrap().unwrap();
    frame.into_data().unwrap()
}

/// Of a whole snapshot, with its frame.
async fn unary_bytes(running: &Running) -> f64 {
    let before = running.metric(FULL).unwrap();
    crate::holder::get(&mut running.client(), &[]).await;
    // It has been encoded, for the watchers.
    assert_same(running.metric(FULL), before);
    before
}

/// P6: who comes back when they are told to is let in, all of them within seconds.
#[tokio::test(start_paused = true)]
async fn a_storm_is_let_in_little_by_little() {
    let mut rig = rig(WATCHERS).await;
    rig.config.watches_per_second_max = 1_000.try_into().unwrap();
    let running = rig.serve().await;
    let began = tokio::time::Instant::now();
    let at = &running;
    let each = (0..WATCHERS).map(|nth| async move {
        for _ in 0..100 {
            match watch(at, nth % 4, String::new()).await {
                Ok(watch) => return watch,
                Err(refused) => {
                    assert_eq!(refused.code(), Code::ResourceExhausted);
                    let details = refused.get_error_details();
                    assert_eq!(details.error_info().unwrap().reason, "TOO_FAST");
                    let later = details.retry_info().unwrap().retry_delay.unwrap();
                    tokio::time::sleep(later).await;
                }
            }
        }
        panic!("never let in")
    });
    let seated = join_all(each).await;
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(4), "{took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_same(running.metric("sextant_server_watchers"), count(WATCHERS));
    drop(seated);
}
