//! One batch in a gRPC call of its own.

use std::num::NonZeroU32;

use sextant_collector::Config;
use sextant_wire::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::faulty_log::{Fate, unavailable};
use crate::harness::{Harness, collector, collector_with};
use crate::sample::{batch, definitions, spread};

fn limit(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

async fn report(
    harness: &Harness,
    request: v1::ReportBatchRequest,
) -> Result<v1::Acknowledgement, Status> {
    let mut client = harness.client().await;
    let response = client.report_batch(request).await?;
    Ok(response.into_inner().acknowledgement.unwrap())
}

fn request(count: u32, defined: u32) -> v1::ReportBatchRequest {
    v1::ReportBatchRequest {
        definitions: definitions(0..defined),
        batch: Some(batch(1, spread(count, 3)).into()),
    }
}

#[tokio::test]
async fn a_batch_brings_its_definitions_and_is_acknowledged() {
    let harness = collector().await;
    let answer = report(&harness, request(9, 3)).await.unwrap();
    assert_eq!((answer.sequence, answer.accepted), (1, 9));
    assert!(answer.deduplicated);
    let kept: usize = harness
        .log
        .parts()
        .await
        .iter()
        .map(|(_, p)| p.columns.len())
        .sum();
    assert_eq!(kept, 9);
}

#[tokio::test]
async fn what_never_passes_is_invalid_and_names_what_is_wrong() {
    let harness = collector_with(Config {
        observations_max: limit(10),
        stream_definitions_max: limit(5),
        ..Config::default()
    })
    .await;
    let mut unequal = request(4, 3);
    unequal
        .batch
        .as_mut()
        .unwrap()
        .columns
        .as_mut()
        .unwrap()
        .kind = vec![0; 3];
    let no_batch = v1::ReportBatchRequest::default();
    for (request, reason, named) in [
        (unequal, "INVALID", "column kind"),
        (no_batch, "INVALID", "batch: required"),
        (
            request(4, 2),
            "INVALID",
            "UNKNOWN_DEFINITION: endpoint id 2",
        ),
        (request(4, 6), "INVALID", "more than 5 definitions"),
        (request(11, 3), "TOO_LARGE", "more than the 10"),
    ] {
        let status = report(&harness, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{named}");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason);
        assert!(details.retry_info().is_none());
        let violations = &details.bad_request().unwrap().field_violations;
        assert!(violations[0].description.contains(named), "{violations:?}");
    }
    assert_eq!(harness.log.appends(), 0);
}

#[tokio::test]
async fn what_passes_later_says_when() {
    let harness = collector_with(Config {
        observations_max: limit(10),
        observations_per_second_max: limit(10),
        ..Config::default()
    })
    .await;
    harness.log.plan(|_, _| Fate::Refused(unavailable()));
    for (code, reason) in [
        (Code::Unavailable, "UNAVAILABLE"),
        (Code::ResourceExhausted, "RATE"),
    ] {
        let status = report(&harness, request(10, 3)).await.unwrap_err();
        assert_eq!(status.code(), code);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason);
        assert!(details.retry_info().unwrap().retry_delay.is_some());
        assert!(details.bad_request().is_none());
    }
}
