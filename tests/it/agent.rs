//! The role `agent` between a gateway and a collector that comes, goes and is away.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use rand::prelude::*;
use sextant_measure::observation::Observation;
use sextant_measure::time::Timestamp;
use sextant_tests::embedded::{agents, counts, expected};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, command, end_of, eventually};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

const SEED: u64 = 20_261_123;
const NAME: &str = "edge-1";
const ANY_PORT: &str = "127.0.0.1:0";

/// Ten minutes' worth of load while no collector answers: all of it counts afterwards, once, in
/// its own minutes.
#[test]
fn p1_p2_an_outage_of_the_collector_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED, 250, 600));
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let mut edge = Process::ready(&mut agent(&spool, &server.grpc, [ANY_PORT; 2]));
    server.kill();
    let mut sending = replay(&file, &edge.grpc, &["--speed", "100"]);
    assert!(end_of(&mut sending, "the replay").success());
    let mut server = Process::standalone_again(&data, &server);
    assert_all(&server, &all);
    assert_eq!(edge.terminate().code(), Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(counts(&data), expected(&all), "each minute has its own");
}

/// Fault matrix row 1, for an agent and its collector.
#[test]
fn p1_p2_kills_of_agent_and_collector_change_no_number() {
    eprintln!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 1, 200, 900));
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let mut edge = Process::ready(&mut agent(&spool, &server.grpc, [ANY_PORT; 2]));
    let (http, grpc) = (address(&edge.http), address(&edge.grpc));
    let mut sending = replay(&file, &edge.grpc, &["--speed", "100"]);
    for turn in 0..12 {
        thread::sleep(Duration::from_millis(random.random_range(50..1_000)));
        if turn % 3 == 0 {
            server.kill();
            server = Process::standalone_again(&data, &server);
        } else {
            edge.kill();
            edge = Process::at(&mut agent(&spool, &server.grpc, [&http, &grpc]), &http);
        }
    }
    assert!(end_of(&mut sending, "the replay").success());
    assert_all(&server, &all);
    assert_eq!(edge.terminate().code(), Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(counts(&data), expected(&all), "each minute has its own");
}

/// A spool at its bound: what is lost is known upstream, to the observation.
#[test]
fn p6_what_a_full_spool_gives_up_is_known_upstream() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 2, 2_000, 600));
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let mut starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    starting.env("SEXTANT_AGENT__SPOOL_BYTES_MAX", "60000");
    let mut edge = Process::ready(&mut starting);
    server.kill();
    let mut sending = replay(&file, &edge.grpc, &["--at-once"]);
    assert!(end_of(&mut sending, "the replay").success());
    let mut server = Process::standalone_again(&data, &server);
    let sent = all.len() as u64;
    let (acknowledged, lost) = settled(&edge, sent);
    assert!(lost > 0, "the spool was never full");
    assert!(acknowledged > 0, "all was lost");
    let counted: u64 = endpoints(&server, MODEL, acknowledged).len() as u64;
    assert!(counted > 0);
    assert_eq!(edge.terminate().code(), Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    let told = agents(&data, NAME);
    let last = told.iter().max_by_key(|row| (row.minute, row.recorded));
    let last = last.expect("the agent told of itself");
    assert_eq!(last.recorded, sent);
    assert_eq!(last.acknowledged, acknowledged);
    assert_eq!(last.dropped.values().sum::<u64>(), lost, "{last:?}");
}

/// A spool that can keep nothing: a batch is acknowledged once a collector has it, and not before.
#[test]
fn p1_p9_what_cannot_be_kept_passes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 3, 400, 600));
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let mut starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    let edge = Process::ready(starting.env("SEXTANT_AGENT__SPOOL_BYTES_MAX", "1"));
    let mut sending = replay(&file, &edge.grpc, &["--at-once"]);
    assert!(end_of(&mut sending, "the replay").success());
    assert_all(&server, &all);
    server.kill();
    let lines = std::fs::read_to_string(&file).unwrap();
    let report = lines.lines().next().unwrap();
    let ndjson = [("Content-Type", "application/x-ndjson")];
    let (status, problem) = edge.post("/api/v1/observations", &ndjson, report);
    assert_eq!(status, 503, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("the spool keeps nothing"), "{problem}");
}

/// A disk that fails in the middle: what is on it and what comes after all counts once.
#[test]
fn p1_p9_a_disk_that_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 4, 2_000, 600));
    let file = write(folder.path(), &all);
    let server = Process::standalone(&data);
    let starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    let edge = Process::ready(&mut failing_past_kib(256, &starting));
    let mut sending = replay(&file, &edge.grpc, &["--at-once"]);
    assert!(end_of(&mut sending, "the replay").success());
    assert_all(&server, &all);
    let (_, text) = edge.request("/metrics");
    let failed = "sextant_agent_spool_failed 1";
    assert!(text.as_str().unwrap().contains(failed), "{text}");
}

/// The same command, for which writing to a file past its first KiB fails as a broken disk does.
fn failing_past_kib(kib: u32, command: &Command) -> Command {
    let limited = format!("ulimit -f {kib}; trap '' XFSZ; exec \"$@\" 2>/dev/null");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &limited, "bash"])
        .arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// An agent with its spool in this folder, before the collector at this address.
fn agent(spool: &Path, collector: &str, [http, grpc]: [&str; 2]) -> Command {
    let mut command = command(&["agent", "--http", http, "--grpc", grpc]);
    command
        .env("SEXTANT_AGENT__COLLECTORS", over_grpc(collector))
        .env("SEXTANT_AGENT__SPOOL_DIR", spool)
        .env("SEXTANT_PROCESS__INSTANCE", NAME);
    command
}

fn replay(file: &Path, to: &str, pace: &[&str]) -> Child {
    let to = over_grpc(to);
    let mut command = command(&["replay", file.to_str().unwrap(), "--to", &to]);
    command.args(pace).stdout(Stdio::null()).spawn().unwrap()
}

/// The same observations, the last of them a moment ago.
fn until_now(mut observations: Vec<Observation>) -> Vec<Observation> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_us = i64::try_from(now.unwrap().as_micros()).unwrap();
    let last = observations.last().unwrap().measurement.completed_at;
    let shift_us = now_us - last.as_micros();
    for observation in &mut observations {
        let at = &mut observation.measurement.completed_at;
        *at = Timestamp::from_micros(at.as_micros() + shift_us);
    }
    observations
}

fn assert_all(server: &Process, all: &[Observation]) {
    let truths = by_provider(all);
    for endpoint in endpoints(server, MODEL, all.len() as u64) {
        assert_true(&endpoint, &truths[provider(&endpoint)]);
    }
}

/// Observations that the agent counts as acknowledged and as dropped, once those are all.
fn settled(edge: &Process, sent: u64) -> (u64, u64) {
    eventually("an empty spool", || {
        let (_, text) = edge.try_request("/metrics")?;
        let sum = |name: &str| -> u64 {
            let name = format!("sextant_agent_{name}_observations_total");
            let lines = text.as_str().unwrap().lines();
            let values = lines.filter(|line| line.starts_with(&name));
            values
                .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
                .sum()
        };
        let (acknowledged, lost) = (sum("acknowledged"), sum("dropped"));
        (acknowledged + lost == sent).then_some((acknowledged, lost))
    })
}

fn address(url: &str) -> String {
    url.strip_prefix("http://").unwrap().to_owned()
}

fn over_grpc(url: &str) -> String {
    url.replace("http://", "grpc://")
}
