use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sextant_measure::observation::Observation;
use sextant_tests::page::{assert_published, assert_true, endpoints, provider};
use sextant_tests::process::{Process, run};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;
use sextant_wire::json;

fn replay(server: &Process, file: &std::path::Path, to: &str) {
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
    let server = Process::standalone(&folder.path().join("data"));
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

/// Recorded observations: `NAME.ndjson` with their numbers, as published, in `NAME.expected.json`.
/// They are no part of the project: they are read from the folder that `SEXTANT_TRACES` names, or
/// else from where they stand beside the checkout.
fn recorded_traces() -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    let named = std::env::var_os("SEXTANT_TRACES").map(PathBuf::from);
    let folder = named.or_else(|| beside.is_dir().then_some(beside))?;
    let files = std::fs::read_dir(&folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let traces: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|it| it == "ndjson"))
        .collect();
    assert!(!traces.is_empty(), "no trace in {}", folder.display());
    Some(traces)
}

/// A trace: its file, its observations and its published numbers by provider.
pub(crate) struct Trace {
    pub(crate) file: PathBuf,
    pub(crate) all: Vec<Observation>,
    published: Value,
}

/// All traces; says so if there are none.
pub(crate) fn traces() -> Vec<Trace> {
    let Some(files) = recorded_traces() else {
        // Not by a macro, whose output the runner keeps to itself.
        let said = "\nSKIPPED: no recorded traces beside the checkout or in SEXTANT_TRACES\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return Vec::new();
    };
    files.into_iter().map(Trace::read).collect()
}

impl Trace {
    fn read(file: PathBuf) -> Self {
        let parsed = json::parse(&std::fs::read(&file).unwrap(), usize::MAX).unwrap();
        let all = parsed.observations.into_iter().map(Result::unwrap);
        let published = std::fs::read(file.with_extension("expected.json")).unwrap();
        Self {
            all: all.collect(),
            published: serde_json::from_slice(&published).unwrap(),
            file,
        }
    }

    pub(crate) fn model(&self) -> String {
        self.all[0].definition.model.to_string()
    }

    /// Every number that a server shows is as published. Gives what it shows.
    pub(crate) fn assert_served(&self, server: &Process) -> Vec<Value> {
        let shown = endpoints(server, &self.model(), self.all.len() as u64);
        assert_eq!(shown.len(), self.published.as_object().unwrap().len());
        let truths = by_provider(&self.all);
        for endpoint in &shown {
            let provider = provider(endpoint);
            assert_true(endpoint, &truths[provider]);
            assert_published(endpoint, &self.published[provider]["exact"]);
        }
        shown
    }
}

#[test]
fn every_number_of_a_recorded_trace_is_as_published() {
    for trace in traces() {
        let data = tempfile::tempdir().unwrap();
        let server = Process::standalone(data.path());
        let to = server.grpc.replace("http://", "grpc://");
        replay(&server, &trace.file, &to);
        trace.assert_served(&server);
    }
}
