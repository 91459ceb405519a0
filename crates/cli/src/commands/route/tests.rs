use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::args::{Arguments, Command};

fn asked(arguments: &[&str]) -> String {
    let line = ["sextant", "route"].iter().chain(arguments);
    let Command::Route(args) = Arguments::parse_from(line).command else {
        panic!("not a route");
    };
    path(&args)
}

#[test]
fn what_is_asked_reaches_the_server_as_it_was_given() {
    let path = asked(&["--model", "a/b", "--tier", "standard"]);
    assert_eq!(path, "/api/v1/route?model=a/b&tier=standard");
    let path = asked(&[
        "--model",
        "a/b",
        "--tier",
        "x&y",
        "--operation",
        "sum up ü",
        "--only",
        "p,q/fp8",
        "--seed",
        "7",
        "--at",
        "2026-11-22T14:00:00Z",
    ]);
    let expected = "/api/v1/route?model=a/b&tier=x%26y&operation=sum%20up%20%C3%BC\
                    &only=p,q/fp8&seed=7&at=2026-11-22T14:00:00Z";
    assert_eq!(path, expected);
}

#[test]
fn places_and_who_was_left_out_are_shown_with_their_reasons() {
    let candidate = |tag, reason, status, latency| {
        json!({
            "tag": tag, "reason": reason, "status": status, "price": "0.135", "native": true,
            "ttft_p95_ms": latency, "throughput_p95": null, "success_1m": 0.975, "age_ms": 12,
            "freshness": "fresh",
        })
    };
    let route: Route = serde_json::from_value(json!({
        "model": "meta-llama/llama-4-scout", "tier": "standard", "operation": null,
        "region": "global", "at": "2026-11-22T14:30:00Z", "version": "v", "seed": 7,
        "candidates": [
            candidate("groq/bf16", "shared", "healthy", json!(303.9)),
            candidate("deepinfra/fp8", "passed_over", "healthy", json!(null)),
        ],
        "excluded": [{"tag": "novita/unknown", "reason": "undisclosed"}],
        "reason": null, "observer_suspected": false, "notes": ["no_operation", "newer"],
        "cheapest_green": null,
    }))
    .unwrap();
    insta::assert_snapshot!(route.text(false), @r"
    meta-llama/llama-4-scout standard, global, 2026-11-22T14:30:00Z, seed 7
    no operation: no gate applies
    newer

    #  endpoint       because      status     $/M  TTFT p95 ms  tok/s p95  success 1m
    1  groq/bf16      shared       healthy  0.135        303.9          —        0.97
    2  deepinfra/fp8  passed_over  healthy  0.135            —          —        0.97

    left out        because
    novita/unknown  undisclosed
    ");
}
