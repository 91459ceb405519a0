//! What people ask in SQL of single attempts and of incidents.

use crate::views::{check, only_row_of};

#[tokio::test]
async fn observations_say_what_happened_in_milliseconds_and_tokens_a_second() {
    let row = only_row_of("observations").await;
    check(
        &row,
        &serde_json::json!({
            "completed_at": "2026-11-22 14:30:01.500001",
            "model": "meta-llama/llama-4-scout",
            "provider": "groq",
            "quantization": "fp8",
            "region": "us-west-2",
            "source": "live",
            "outcome": "ok",
            "status_code": 200,
            "ttft_ms": 221.5,
            "duration_ms": 800.0,
            "input_tokens": 550,
            "output_tokens": 150,
            "throughput_tps": 187.5,
            "streamed": true,
            "tier": "standard",
            "operation": "summarize",
            "request_id": "request-1",
            "attempt": 2,
            "is_final": true,
            "weight": 4,
            "agent": "edge-1",
            "sequence": 17,
            "partition": 5,
            "part_index": 3,
        }),
    );
}

#[tokio::test]
async fn incidents_say_what_was_wrong_from_when_to_when() {
    let row = only_row_of("incidents").await;
    check(
        &row,
        &serde_json::json!({
            "rule": "uptime-page",
            "kind": "uptime",
            "severity": "page",
            "subject": "endpoint/meta-llama/llama-4-scout/groq/fp8",
            "model": "meta-llama/llama-4-scout",
            "provider": "groq",
            "quantization": "fp8",
            "agent": null,
            "opened_at": "2026-11-22 14:30:02.000000",
            "closed_at": "2026-11-22 14:30:12.500000",
            "lasted_s": 10.5,
            "worst": 0.125,
            "worst_unit": "ratio",
            "closed_because": "it has recovered",
        }),
    );
}
