//! `TraceService/Export`.

use std::num::NonZeroU32;
use std::time::Duration;

use ::http::Request;
use axum::body::Body as AxumBody;
use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use sextant_otlp::{Config, Why, grpc};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::harness::{Bench, chat, gzip, request, span, zstd};

/// A message as it travels: whether it is packed, its length, itself.
fn framed(is_packed: bool, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(is_packed)];
    bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend(message);
    bytes
}

async fn call(
    bench: &Bench,
    path: &str,
    encoding: Option<&str>,
    body: impl Into<AxumBody>,
) -> Result<ExportTraceServiceResponse, Status> {
    let mut request = Request::post(path).header("content-type", "application/grpc");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let request = request.body(Body::new(body.into())).unwrap();
    let response = grpc::service(&bench.receiver)
        .oneshot(request)
        .await
        .unwrap();
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&headers).or_else(|| Status::from_header_map(&trailers));
    let status = status.unwrap();
    if status.code() != Code::Ok {
        return Err(status);
    }
    let bytes = body.to_bytes();
    Ok(ExportTraceServiceResponse::decode(&bytes[5..]).unwrap())
}

async fn export(
    bench: &Bench,
    body: impl Into<AxumBody>,
) -> Result<ExportTraceServiceResponse, Status> {
    call(bench, grpc::PATH, None, body).await
}

fn good() -> Vec<u8> {
    request(vec![span(chat())]).encode_to_vec()
}

#[tokio::test]
async fn spans_become_observations_packed_or_not() {
    let bench = Bench::new(Config::default());
    let whole = ExportTraceServiceResponse::default();
    assert_eq!(export(&bench, framed(false, &good())).await.unwrap(), whole);
    for (encoding, packed) in [("gzip", gzip(&good())), ("zstd", zstd(&good()))] {
        let packed = framed(true, &packed);
        let answer = call(&bench, grpc::PATH, Some(encoding), packed).await;
        assert_eq!(answer.unwrap(), whole, "{encoding}");
    }
    assert_eq!(bench.kept.observations.lock().unwrap().len(), 3);
    assert_eq!(
        bench.metric("sextant_otlp_received_requests_total{transport=\"grpc\"}"),
        3
    );
    bench.assert_balanced();
}

#[tokio::test]
async fn what_cannot_be_mapped_is_told() {
    let bench = Bench::new(Config::default());
    let mut nameless = chat();
    nameless.pop();
    let spans = request(vec![span(nameless), span(chat())]).encode_to_vec();
    let answer = export(&bench, framed(false, &spans)).await.unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
}

#[tokio::test]
async fn a_refusal_says_whether_and_when_to_try_again() {
    let bench = Bench::new(Config::default());
    for (why, after, code) in [
        (Why::Unavailable, Some(1_500), Code::Unavailable),
        (Why::TooMuch, Some(20), Code::ResourceExhausted),
        (Why::TooLarge, None, Code::InvalidArgument),
    ] {
        let after = after.map(Duration::from_millis);
        bench.refuse(why, after);
        let refused = export(&bench, framed(false, &good())).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (code, "not now"));
        let retry = refused.get_details_retry_info();
        assert_eq!(retry.and_then(|retry| retry.retry_delay), after);
    }
    bench.assert_balanced();
}

#[tokio::test]
async fn what_is_no_request_is_refused_once_and_counted() {
    let bench = Bench::new(Config {
        message_bytes_max: NonZeroU32::new(20_000).unwrap(),
        ..Config::default()
    });
    let large = vec![0; 30_000];
    let zeros = vec![0; 10_000_000];
    let (bomb, denser) = (gzip(&zeros), zstd(&zeros));
    assert!(bomb.len() < 20_000 && denser.len() < 20_000);
    let flood = {
        let mut spans = [0x12, 0].repeat(8_000);
        for number in [2, 1] {
            let mut around = vec![number << 3 | 2];
            prost::encoding::encode_varint(spans.len() as u64, &mut around);
            around.extend(spans);
            spans = around;
        }
        spans
    };
    for (encoding, body, code) in [
        (None, framed(false, &[0x0a, 5]), Code::InvalidArgument),
        (None, framed(false, &large), Code::InvalidArgument),
        (None, framed(false, &flood), Code::InvalidArgument),
        (Some("gzip"), framed(true, &bomb), Code::InvalidArgument),
        (Some("zstd"), framed(true, &denser), Code::InvalidArgument),
        (Some("gzip"), framed(true, &good()), Code::InvalidArgument),
        (Some("br"), framed(true, &good()), Code::Unimplemented),
    ] {
        let length = body.len();
        let refused = call(&bench, grpc::PATH, encoding, body).await.unwrap_err();
        assert_eq!(
            refused.code(),
            code,
            "{encoding:?}, {length} bytes: {refused}"
        );
        assert!(refused.get_details_error_info().is_some(), "{refused}");
        if code == Code::Unimplemented {
            let taken = refused.metadata().get("grpc-accept-encoding");
            let taken = taken.unwrap().to_str().unwrap();
            assert!(taken.contains("gzip") && taken.contains("zstd"), "{taken}");
        }
    }
    let told = bench.metric("sextant_otlp_received_requests_total{transport=\"grpc\"}");
    assert_eq!(told, 7);
    let refused = ["invalid", "too_large", "encoding"].map(|reason| {
        bench.metric(&format!(
            "sextant_otlp_refused_requests_total{{reason=\"{reason}\"}}"
        ))
    });
    assert_eq!(refused.iter().sum::<u64>(), 7, "{refused:?}");
    assert!(bench.kept.observations.lock().unwrap().is_empty());

    let other = "/opentelemetry.proto.collector.trace.v1.TraceService/Import";
    let refused = call(&bench, other, None, framed(false, &good())).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_message_that_is_cut_off_is_counted() {
    let bench = Bench::new(Config::default());
    let whole = framed(false, &good());
    let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let half = whole[..whole.len() / 2].to_vec();
    let reset_halfway = tokio_stream::iter([Ok(half.clone()), Err(reset())]);
    let bodies = [AxumBody::from_stream(reset_halfway), half.into()];
    for (count, body) in (1..).zip(bodies) {
        let refused = export(&bench, body).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.get_details_error_info().is_some());
        let received = "sextant_otlp_received_requests_total{transport=\"grpc\"}";
        let invalid = "sextant_otlp_refused_requests_total{reason=\"invalid\"}";
        assert_eq!(
            (bench.metric(received), bench.metric(invalid)),
            (count, count)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_not_waited_for() {
    let bench = Bench::new(Config::default());
    let never = || {
        let stream = tokio_stream::pending::<Result<String, std::io::Error>>();
        AxumBody::from_stream(stream)
    };
    let refused = export(&bench, never()).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    let (answer, ()) = tokio::join!(export(&bench, never()), async { bench.shutdown.cancel() });
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
}
