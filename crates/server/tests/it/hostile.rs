//! What nobody should send.

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use crate::numbers::{deepinfra, figures, ok, row};
use crate::rig::{Rig, Running};

const MODELS: &str = "/api/v1/models";

async fn assert_refused(running: &Running, uri: &str, status: u16) {
    let shown: String = uri.chars().take(100).collect();
    let answer = running.get(uri).await;
    assert_eq!(answer.status, status, "{shown}: {}", answer.text());
    answer.problem(status);
    let text = answer.text();
    assert!(text.len() < 1_000, "{shown}: {text}");
    assert!(
        !text.contains("script") && !text.contains('\0'),
        "{shown}: {text}"
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(start_paused = true)]
async fn paths_that_name_nothing_are_refused_in_a_few_words() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(1)))]).await;
    let long = "x".repeat(60_000);
    for (author, slug) in [
        ("%3Cscript%3E", "alert"),
        ("a%00", "b"),
        ("a", "%0d%0aSet-Cookie:%20x"),
        ("%ff%fe", "b"),
        ("..", ".."),
        ("%2e%2e%2f%2e%2e", "etc"),
        ("%D0%B0", "b"),
        (long.as_str(), "b"),
    ] {
        for list in ["endpoints", "history"] {
            assert_refused(&running, &format!("{MODELS}/{author}/{slug}/{list}"), 404).await;
        }
    }
    for path in [
        "/api",
        "/api/v1/models/",
        "/api/v1/models/a/b",
        "/%3Cscript%3E",
        "/metrics",
    ] {
        assert_refused(&running, path, 404).await;
    }
    assert_refused(&running, &format!("/{long}"), 404).await;
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn queries_that_say_nothing_are_refused_in_a_few_words() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(1)))]).await;
    let long = "x".repeat(60_000);
    let separators = "&".repeat(60_000);
    for query in [
        "%3Cscript%3E=1",
        "models=%3Cscript%3E",
        "models=a%00/b",
        "models=%ff",
        "models=a/b%0a",
        &format!("models={long}"),
        &format!("{long}=1"),
    ] {
        assert_refused(&running, &format!("/api/v1/snapshot?{query}"), 400).await;
    }
    assert_eq!(
        running
            .get(&format!("/api/v1/snapshot?{separators}"))
            .await
            .status,
        200
    );
    let scout = format!("{MODELS}/meta-llama/llama-4-scout");
    for path in [MODELS.to_owned(), format!("{scout}/endpoints")] {
        assert_refused(&running, &format!("{path}?x=%3Cscript%3E"), 400).await;
    }
    for query in [
        "from=%3Cscript%3E",
        "step=%3Cscript%3E",
        "region=%3Cscript%3E",
    ] {
        assert_refused(&running, &format!("{scout}/history?{query}"), 400).await;
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_here_can_be_written() {
    let (_rig, running) = Rig::with([]).await;
    for path in [MODELS, "/api/v1/snapshot", "/livez", "/readyz"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder().method(method.clone()).uri(path);
            let request = request.body(Body::from("{}")).unwrap();
            let refused = running.ask(request).await;
            refused.problem(405);
            assert_eq!(refused.header("allow"), Some("GET,HEAD"), "{method} {path}");
        }
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_share_one_counter() {
    let (_rig, running) = Rig::with([]).await;
    for n in 0..10 {
        running.get(&format!("/x/{n}")).await;
    }
    let other = "sextant_server_requests_total{route=\"other\",status=\"404\"}";
    assert_eq!(running.metric(other), Some(10.0));
    running.end().await;
}

/// Sends bytes to a call, and gives the status that it ends with.
async fn call(running: &Running, method: &str, content_type: &str, body: Vec<u8>) -> Status {
    let request = Request::post(format!("/sextant.v1.SnapshotService/{method}"))
        .header("content-type", content_type)
        .body(tonic::body::Body::new(http_body_util::Full::new(
            Bytes::from(body),
        )))
        .unwrap();
    let response = running.grpc.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let trailers = match parts.headers.get("grpc-status") {
        Some(_) => parts.headers,
        None => body.collect().await.unwrap().trailers().unwrap().clone(),
    };
    Status::from_header_map(&trailers).unwrap()
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_none_are_refused_with_a_status() {
    let (_rig, running) = Rig::with([]).await;
    let framed = |message: &[u8]| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0][..], &length, message].concat()
    };
    let grpc = "application/grpc";
    let answered = call(&running, "GetSnapshot", grpc, framed(b"")).await;
    assert_eq!(answered.code(), Code::Ok);
    let compressed = [&[1][..], &framed(b"")[1..]].concat();
    for method in ["GetSnapshot", "WatchSnapshot"] {
        for (content_type, body) in [
            (grpc, framed(&[0xff; 100])),
            (grpc, framed(&vec![0; 300_000])),
            (grpc, Vec::new()),
            (grpc, framed(b"")[..4].to_vec()),
            (grpc, compressed.clone()),
            ("text/html", framed(b"")),
        ] {
            let refused = call(&running, method, content_type, body).await;
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
            let details = refused.get_error_details();
            let violations = &details.bad_request().unwrap().field_violations;
            assert_eq!(violations[0].field, "message");
            assert!(!violations[0].description.is_empty());
            let info = details.error_info().unwrap();
            assert_eq!((&*info.reason, &*info.domain), ("INVALID", "sextant.v1"));
        }
    }
    let unknown = call(&running, "PutSnapshot", grpc, framed(b"")).await;
    assert_eq!(unknown.code(), Code::Unimplemented);
    let details = unknown.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "UNKNOWN_METHOD");
    let refused = "sextant_server_requests_total{route=\"grpc other\",status=\"UNIMPLEMENTED\"}";
    assert_eq!(running.metric(refused), Some(1.0));
    running.end().await;
}
