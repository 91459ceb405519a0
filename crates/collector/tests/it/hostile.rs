//! P6: bytes that no honest sender sends.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use sextant_collector::admission::{Stamp, admit};
use sextant_wire::columns::Columns;
use sextant_wire::v1;

use crate::harness::{Conversation, Harness, NOW, collector};
use crate::sample::{anonymous, batch, directory, identity, rules, spread};

const INVALID_ARGUMENT: i32 = 3;

/// A gRPC message of the given bytes, as `method` would get it; the status it is answered with.
async fn call(harness: &Harness, method: &str, message: &[u8]) -> i32 {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap());
    body.put_slice(message);
    let address = harness.serve().await;
    let request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!(
            "http://{address}/sextant.v1.ObservationService/{method}"
        ))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body.freeze()))
        .unwrap();
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Full<Bytes>>();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let early = response.headers().get("grpc-status").cloned();
    let collected = response.into_body().collect();
    let collected = tokio::time::timeout(Duration::from_secs(30), collected).await;
    let collected = collected.expect("an end in time").unwrap();
    let late = collected
        .trailers()
        .and_then(|t| t.get("grpc-status").cloned());
    let status = early.or(late).expect("a status");
    status.to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn bytes_that_are_no_message_end_the_call_and_nothing_else() {
    let harness = collector().await;
    let garbage: [&[u8]; 4] = [
        b"\xff\xff\xff\xff",
        b"\x0a\xff\x01",
        &[0x80; 64],
        b"\x12\x03abc",
    ];
    for bytes in garbage {
        for method in ["ReportBatch", "Report"] {
            let status = call(&harness, method, bytes).await;
            assert_eq!(status, INVALID_ARGUMENT, "{method}, {bytes:?}");
        }
    }
    let mut client = harness.client().await;
    let (mut conversation, _) = Conversation::open(&mut client).await;
    conversation.define([0]).await;
    conversation.send(batch(1, spread(4, 1))).await;
    assert_eq!(conversation.acknowledged().await.accepted, 4);
}

#[tokio::test]
async fn a_message_past_the_size_ends_its_call() {
    let harness = collector().await;
    let large = vec![0; (4 << 20) + 1];
    for method in ["ReportBatch", "Report"] {
        assert_eq!(call(&harness, method, &large).await, INVALID_ARGUMENT);
    }
}

#[tokio::test]
async fn what_comes_before_unreadable_bytes_is_still_answered() {
    let harness = collector().await;
    let mut client = harness.client().await;
    let (mut conversation, _) = Conversation::open(&mut client).await;
    conversation.define([0]).await;
    conversation.send(batch(1, spread(4, 1))).await;
    let mut large = v1::Batch::from(batch(2, spread(1, 1)));
    large.columns.as_mut().unwrap().request_ids = vec![0; 5 << 20].into();
    conversation
        .say(v1::report_request::Message::Batch(large))
        .await;
    assert_eq!(conversation.acknowledged().await.sequence, 1);
    let status = conversation.next().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
}

/// Values as they lie in a column: often small, sometimes anything.
fn wild() -> impl Strategy<Value = u64> {
    proptest::prop_oneof![0..40_u64, any::<u64>(), proptest::prelude::Just(u64::MAX)]
}

#[test]
fn any_columns_are_admitted_without_a_panic_and_each_row_is_accounted_for() {
    let rules = rules();
    let columns = (1..40_usize).prop_flat_map(|rows| (vec(vec(wild(), rows), 10), any::<i64>()));
    let mut runner = TestRunner::new(Config::default());
    let outcome = runner.run(&columns, |(values, offset)| {
        let narrow = |n: usize| {
            values[n]
                .iter()
                .map(|v| u32::try_from(*v).unwrap_or(u32::MAX))
                .collect::<Vec<_>>()
        };
        let raw = v1::Columns {
            endpoint: values[0]
                .iter()
                .map(|v| u32::try_from(v % 8).unwrap())
                .collect(),
            completed_at_us: values[1].iter().map(|v| v.cast_signed()).collect(),
            kind: narrow(2),
            ttft_us: values[3].clone(),
            duration_us: values[4].clone(),
            output_tokens: values[5].clone(),
            input_tokens: values[6].clone(),
            status_code: narrow(7),
            attempt: narrow(8),
            tier: narrow(9),
            ..v1::Columns::default()
        };
        let rows = raw.endpoint.len();
        let mut batch = anonymous(1, Columns::try_from(raw).unwrap());
        batch.clock_offset_us = offset;
        let stamp = Stamp {
            identity: identity("a", 1, 1),
            anonymous: true,
            received_at: NOW,
        };
        let mut directory = directory(0..8, &rules);
        let admitted = admit(batch.into(), &mut directory, &rules, &stamp).unwrap();
        let kept: usize = admitted.parts.iter().map(|(_, p)| p.columns.len()).sum();
        assert_eq!(kept + admitted.refused.len(), rows);
        for (_, part) in &admitted.parts {
            for row in part.columns.rows() {
                let completed_at = row.expect("kept, so readable").measurement.completed_at;
                assert!(completed_at <= NOW);
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
