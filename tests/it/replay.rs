use std::path::PathBuf;

use sextant_measure::outcome::Outcome;
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Standalone, run};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;
use sextant_wire::json;

fn replay(server: &Standalone, file: &std::path::Path, to: &str) {
    let output = run(&[
        "replay",
        file.to_str().unwrap(),
        "--to",
        to,
        "--at-once",
        "--rebase",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", server.http);
}

fn replayed_comes_out(scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(&folder.path().join("data"));
    let all = observations(1, 250, 1_500);
    let file = write(folder.path(), &all);
    let address = if scheme == "grpc" {
        &server.grpc
    } else {
        &server.http
    };
    replay(
        &server,
        &file,
        &address.replace("http://", &format!("{scheme}://")),
    );
    let truths = by_provider(&all);
    let shown = endpoints(&server, MODEL, all.len() as u64);
    assert_eq!(shown.len(), truths.len());
    for endpoint in &shown {
        assert_true(endpoint, &truths[provider(endpoint)]);
    }
    let flooded = shown
        .iter()
        .find(|endpoint| provider(endpoint) == "flooded")
        .unwrap();
    let latency = &flooded["sextant"]["latency_ms"];
    assert_eq!(
        latency["reason"]["p95"], "insufficient_data",
        "a dash, with its reason"
    );
}

#[test]
fn every_number_of_a_replay_over_grpc_is_true() {
    replayed_comes_out("grpc");
}

#[test]
fn every_number_of_a_replay_over_http_is_true() {
    replayed_comes_out("http");
}

/// With `SEXTANT_TRACES` naming a folder of recorded observations (`*.ndjson`), each of them is
/// replayed and compared like the generated ones.
#[test]
fn every_number_of_a_recorded_trace_is_true() {
    let Some(folder) = std::env::var_os("SEXTANT_TRACES").map(PathBuf::from) else {
        return;
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file
            .extension()
            .is_none_or(|extension| extension != "ndjson")
        {
            continue;
        }
        let parsed = json::parse(&std::fs::read(&file).unwrap(), usize::MAX).unwrap();
        let all: Vec<_> = parsed
            .observations
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let data = tempfile::tempdir().unwrap();
        let server = Standalone::start(data.path());
        replay(&server, &file, &server.grpc.replace("http://", "grpc://"));
        let truths = by_provider(&all);
        let model = all[0].definition.model.to_string();
        for endpoint in endpoints(&server, &model, all.len() as u64) {
            assert_true(&endpoint, &truths[provider(&endpoint)]);
        }
        assert!(all.iter().any(|o| o.measurement.outcome == Outcome::Ok));
    }
}
