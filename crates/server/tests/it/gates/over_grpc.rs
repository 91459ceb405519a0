//! `GateService`.

use sextant_wire::v1::gate_service_client::GateServiceClient;
use sextant_wire::v1::{GateRuling, ListGatesRequest, PutGatesRequest, Quantization, Verdict};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::SCOUT;
use crate::rig::{NOW, Rig};

#[tokio::test(start_paused = true)]
async fn the_same_over_grpc() {
    let (rig, running) = Rig::with([]).await;
    let mut client = GateServiceClient::new(running.gates.clone());
    let gate = |verdict: Verdict| GateRuling {
        operation: "sum".to_owned(),
        model: SCOUT.to_owned(),
        quantization: Quantization::Fp8.into(),
        verdict: verdict.into(),
        author: "evals".to_owned(),
        since_us: 0,
    };
    let request = |gates: Vec<GateRuling>| PutGatesRequest { gates };
    let stored = client.put_gates(request(vec![gate(Verdict::Green)])).await;
    let stored = stored.unwrap().into_inner().gates;
    let since_us = NOW.as_micros();
    assert_eq!(
        stored,
        [GateRuling {
            since_us,
            ..gate(Verdict::Green)
        }]
    );
    let list = |operation: &str| ListGatesRequest {
        model: SCOUT.to_owned(),
        operation: operation.to_owned(),
    };
    let listed = client.list_gates(list("sum")).await.unwrap().into_inner();
    assert_eq!(listed.gates, stored);
    assert_eq!(
        client
            .list_gates(list("code"))
            .await
            .unwrap()
            .into_inner()
            .gates,
        []
    );

    let wrong = GateRuling {
        quantization: 99,
        ..gate(Verdict::Unspecified)
    };
    let refused = client
        .put_gates(request(vec![gate(Verdict::Red), wrong]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = refused.get_details_bad_request().unwrap().field_violations;
    let named: Vec<_> = fields.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(named, ["gates[1].quantization", "gates[1].verdict"]);
    assert_eq!(
        refused.get_details_error_info().unwrap().reason,
        "INVALID_GATES"
    );
    rig.log.cut(true);
    let away = client
        .put_gates(request(vec![gate(Verdict::Red)]))
        .await
        .unwrap_err();
    assert_eq!(away.code(), Code::Unavailable);
    assert!(away.get_details_retry_info().is_some());
}

/// However much is wrong, the answer fits into the headers that clients take.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_short_however_much_is_wrong() {
    let (_rig, running) = Rig::with([]).await;
    let mut client = GateServiceClient::new(running.gates.clone());
    let wrong = (0..1_000).map(|n| GateRuling {
        operation: format!("{n}{}", "x".repeat(200)),
        model: SCOUT.to_owned(),
        quantization: Quantization::Fp8.into(),
        verdict: Verdict::Red.into(),
        ..GateRuling::default()
    });
    let gates = wrong.collect();
    let refused = client.put_gates(PutGatesRequest { gates }).await;
    let refused = refused.unwrap_err();
    let fields = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields.len(), 16);
    assert!(refused.message().ends_with("and maybe more"));
    assert!(refused.message().len() + 2 * refused.details().len() < 12_000);
}
