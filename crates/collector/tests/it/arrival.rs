//! P6, P7: messages that do not arrive whole.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use sextant_collector::Config;
use sextant_intake::grpc::service;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use crate::harness::{Harness, collector, collector_with};

const METHODS: [&str; 2] = ["Report", "ReportBatch"];

/// A call whose bytes are sent one by one.
struct Call {
    frames: mpsc::Sender<Result<Bytes, Infallible>>,
    end: JoinHandle<Status>,
}

impl Call {
    fn open(harness: &Harness, method: &str) -> Self {
        let (frames, incoming) = mpsc::channel(64);
        let request = request(method, Body::from_stream(ReceiverStream::new(incoming)));
        let service = service(harness.collector.intake());
        let end = async move { end(service.oneshot(request).await.unwrap()).await };
        Self {
            frames,
            end: TaskTracker::new().spawn(end),
        }
    }

    async fn send(&self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.frames.send(Ok(bytes)).await.unwrap();
    }

    /// How the call ends that sends no more and is not over for its client.
    async fn ended(&mut self) -> Status {
        let end = timeout(Duration::from_mins(5), &mut self.end).await;
        end.expect("an end in time").unwrap()
    }
}

fn request(method: &str, body: Body) -> Request<tonic::body::Body> {
    Request::builder()
        .method("POST")
        .uri(format!("/sextant.v1.ObservationService/{method}"))
        .header("content-type", "application/grpc")
        .body(tonic::body::Body::new(body))
        .unwrap()
}

/// Reads all answers, up to how the call has ended.
async fn end(response: Response<tonic::body::Body>) -> Status {
    let early = Status::from_header_map(response.headers());
    let collected = response.into_body().collect().await.unwrap();
    let late = collected.trailers().and_then(Status::from_header_map);
    early.or(late).expect("a status")
}

/// The first bytes of a message that is to have so many.
fn begun(length: u32, bytes: usize) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(length.to_be_bytes());
    message.resize(message.len() + bytes, 0);
    message
}

/// Until everything that can happen without time has happened.
async fn settled() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_not_whole_hold_no_more_than_their_senders_share() {
    for method in METHODS {
        let harness = collector_with(Config {
            body_bytes_max: NonZeroU32::new(20_000).unwrap(),
            message_bytes_max: NonZeroU32::new(8_000).unwrap(),
            ..Config::default()
        })
        .await;
        let mut calls = Vec::new();
        for _ in 0..3 {
            let call = Call::open(&harness, method);
            call.send(&begun(8_000, 1_000)).await;
            call.send(&[0; 2_000]).await;
            calls.push(call);
        }
        settled().await;
        assert!(calls.iter().all(|call| !call.end.is_finished()), "{method}");
        let mut late = Call::open(&harness, method);
        late.send(&begun(8_000, 3_000)).await;
        let status = late.ended().await;
        assert_eq!(
            status.code(),
            Code::ResourceExhausted,
            "{method}: {status:?}"
        );
        let details = status.get_error_details();
        assert!(details.retry_info().unwrap().retry_delay.is_some());
        assert_eq!(details.error_info().unwrap().reason, "LOAD");
        let refused = harness.metric_where("refused_batches_total", "\"load\"");
        assert_eq!(refused, 1, "{method}");
        // What one gives up, another may have.
        drop(calls.pop());
        settled().await;
        let again = Call::open(&harness, method);
        again.send(&begun(8_000, 3_000)).await;
        settled().await;
        assert!(!again.end.is_finished(), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_given_up() {
    for method in METHODS {
        let harness = collector().await;
        let mut call = Call::open(&harness, method);
        let began = Instant::now();
        call.send(&begun(1_000, 500)).await;
        sleep(Duration::from_secs(20)).await;
        call.send(&[0; 494]).await;
        let status = call.ended().await;
        assert_eq!(
            status.code(),
            Code::DeadlineExceeded,
            "{method}: {status:?}"
        );
        assert_eq!(began.elapsed().as_secs(), 30);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "TOO_SLOW");
        assert_eq!(harness.metric("refused_batches_total"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_ends_is_given_up_though_its_message_is_whole() {
    let harness = collector().await;
    for whole in [begun(0, 0), Vec::new()] {
        let mut call = Call::open(&harness, "ReportBatch");
        call.send(&whole).await;
        let status = call.ended().await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_silent_between_messages_and_each_has_its_own_time() {
    let harness = collector().await;
    let call = Call::open(&harness, "Report");
    for _ in 0..4 {
        sleep(Duration::from_mins(10)).await;
        call.send(&begun(8, 0)).await;
        sleep(Duration::from_secs(20)).await;
        // A field that this version does not know; then the next message begins.
        call.send(&[0x7a, 6, 0, 0, 0, 0, 0, 0, 0]).await;
        sleep(Duration::from_secs(20)).await;
        call.send(&[0, 0, 0, 0]).await;
    }
    sleep(Duration::from_mins(10)).await;
    assert!(!call.end.is_finished());
    assert_eq!(harness.metric("unknown_fields_total"), 8);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_rest_of_a_message() {
    for method in METHODS {
        let harness = collector().await;
        let mut call = Call::open(&harness, method);
        call.send(&begun(1_000, 500)).await;
        settled().await;
        harness.shutdown.cancel();
        let began = Instant::now();
        let status = call.ended().await;
        assert_eq!(status.code(), Code::Unavailable, "{method}: {status:?}");
        assert!(status.get_error_details().retry_info().is_some());
        harness.collector.drained().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

/// One of these is refused and one accepted, both at once.
fn batches() -> Vec<u8> {
    let nameless = "x".repeat(129);
    let mut refused = vec![0x12, 0x84, 0x01, 0x0a, 0x81, 0x01];
    refused.extend(nameless.bytes());
    let mut batches = begun(u32::try_from(refused.len()).unwrap(), 0);
    batches.extend(refused);
    batches.extend(begun(2, 0));
    batches.extend([0x12, 0]);
    batches
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answers_does_not_hold_shutdown() {
    let harness = collector().await;
    let (frames, incoming) = mpsc::channel(64);
    let request = request("Report", Body::from_stream(ReceiverStream::new(incoming)));
    // Kept, and never polled.
    let unread = service(harness.collector.intake())
        .oneshot(request)
        .await
        .unwrap();
    for _ in 0..12 {
        let bytes = Bytes::from(batches());
        frames.send(Ok::<_, Infallible>(bytes)).await.unwrap();
    }
    settled().await;
    assert!(harness.metric("received_batches_total") > 4);
    assert_eq!(harness.metric("ended_streams_total"), 0);
    harness.shutdown.cancel();
    let drained = timeout(Duration::from_secs(3), harness.collector.drained()).await;
    drained.expect("an end in time");
    assert_eq!(harness.metric("ended_streams_total"), 1);
    drop(unread);
}

#[tokio::test]
async fn what_is_no_message_or_too_large_a_one_is_the_senders_fault_and_counted() {
    let mut garbage = begun(2, 0);
    garbage.extend([0xff, 0xff]);
    let mut compressed = begun(2, 2);
    compressed[0] = 1;
    let too_large = begun((4 << 20) + 1, 9);
    let cases = [
        (garbage, "INVALID"),
        (compressed, "INVALID"),
        (Vec::new(), "INVALID"),
        (too_large, "TOO_LARGE"),
    ];
    for (method, transport) in METHODS.into_iter().zip(["grpc_stream", "grpc_unary"]) {
        for (bytes, reason) in &cases {
            if bytes.is_empty() && method == "Report" {
                continue;
            }
            let harness = collector().await;
            let service = service(harness.collector.intake());
            let response = service.oneshot(request(method, Body::from(bytes.clone())));
            let status = end(response.await.unwrap()).await;
            let case = format!("{method}, {reason}: {status:?}");
            assert_eq!(status.code(), Code::InvalidArgument, "{case}");
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(
                (info.reason.as_str(), &*info.domain),
                (*reason, "sextant.v1")
            );
            assert_eq!(
                details.bad_request().unwrap().field_violations.len(),
                1,
                "{case}"
            );
            assert!(details.retry_info().is_none(), "{case}");
            let reason = format!("\"{}\"", reason.to_lowercase());
            let counted = [
                ("received_batches_total", transport),
                ("refused_batches_total", &reason),
            ];
            for (name, label) in counted {
                assert_eq!(harness.metric_where(name, label), 1, "{name}: {case}");
            }
        }
    }
}
