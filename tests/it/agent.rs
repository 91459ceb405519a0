//! The role `agent` between a gateway and a collector that comes, goes and is away.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use rand::prelude::*;
use serde_json::{Value, json};
use sextant_measure::observation::Observation;
use sextant_measure::time::Timestamp;
use sextant_tests::embedded::{agents, counts, expected};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, command, end_of, eventually};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;
use sextant_wire::json::to_json;

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
    let mut all = until_now(observations(SEED + 2, 3_000, 600));
    for (n, observation) in all.iter_mut().enumerate() {
        // As large as may be, so that there need not be many.
        observation.request_id = Some(format!("{n:0>128}").parse().unwrap());
    }
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let mut starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    starting.env("SEXTANT_AGENT__SPOOL_BYTES_MAX", "1500000");
    let mut edge = Process::ready(&mut starting);
    server.kill();
    let mut sending = replay(&file, &edge.grpc, &["--at-once"]);
    assert!(end_of(&mut sending, "the replay").success());
    let mut server = Process::standalone_again(&data, &server);
    let sent = all.len() as u64;
    let (acknowledged, lost) = settled(&edge, sent);
    assert!(acknowledged > 0 && lost > 0, "{acknowledged}, {lost}");
    let endpoints = endpoints(&server, MODEL, acknowledged);
    let truths = by_provider(&all);
    for endpoint in &endpoints {
        let live = endpoint["sextant"]["counts"]["live"]["total"].as_u64();
        assert!(live <= Some(truths[provider(endpoint)].live), "{endpoint}");
    }
    assert_eq!(edge.terminate().code(), Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    let told = agents(&data, NAME);
    let last = told.iter().max_by_key(|row| (row.minute, row.recorded));
    let last = last.expect("the agent told of itself");
    assert_eq!(last.recorded, sent);
    assert_eq!(last.acknowledged, acknowledged);
    assert_eq!(last.dropped.values().sum::<u64>(), lost, "{last:?}");
}

/// Reports of a gateway that gives them no number, one at a time, while no collector answers.
#[test]
fn p1_p2_single_reports_outlive_an_outage_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 5, 20, 600));
    let mut server = Process::standalone(&data);
    let mut edge = Process::ready(&mut agent(&spool, &server.grpc, [ANY_PORT; 2]));
    server.kill();
    for (n, observation) in all.iter().enumerate() {
        let (status, answer) = post(&edge, &[], &to_json(observation).to_string());
        assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
        if n == all.len() / 2 {
            let (http, grpc) = (address(&edge.http), address(&edge.grpc));
            edge.kill();
            edge = Process::ready(&mut agent(&spool, &server.grpc, [&http, &grpc]));
        }
    }
    let server = Process::standalone_again(&data, &server);
    assert_all(&server, &all);
}

/// A disk that fails in the middle: what is on it and what comes after counts once, each. After a
/// restart, too, at which what had been sent is sent again.
#[test]
fn p1_p2_p9_a_disk_that_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let all = until_now(observations(SEED + 4, 2_000, 600));
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    let mut edge = Process::ready(&mut failing_past_kib(128, &starting));
    let mut sending = replay(&file, &edge.grpc, &["--at-once"]);
    assert!(end_of(&mut sending, "the replay").success());
    assert_all(&server, &all);
    let (_, text) = edge.request("/metrics");
    let text = text.as_str().unwrap();
    assert!(text.contains("sextant_agent_spool_failed 1"), "{text}");
    assert!(
        !text.contains("sextant_agent_passed_observations_total 0"),
        "{text}"
    );

    // Without a collector there is nothing left to keep a report.
    server.kill();
    let lines = std::fs::read_to_string(&file).unwrap();
    let refused = eventually("a connection that is lost", || {
        let (status, problem) = post(&edge, &[], lines.lines().next().unwrap());
        (status != 200).then_some((status, problem))
    });
    assert_eq!(refused.0, 503, "{}", refused.1);
    let detail = refused.1["detail"].as_str().unwrap();
    assert!(detail.contains("the spool keeps nothing now"), "{detail}");

    edge.kill();
    let mut edge = Process::ready(&mut agent(&spool, &server.grpc, [ANY_PORT; 2]));
    let mut server = Process::standalone_again(&data, &server);
    eventually("an empty spool", || {
        let (_, text) = edge.try_request("/metrics")?;
        let is_empty = text
            .as_str()?
            .contains("sextant_agent_spool_observations 0");
        is_empty.then_some(())
    });
    assert_all(&server, &all);
    assert_eq!(edge.terminate().code(), Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(counts(&data), expected(&all));
}

/// Where an agent runs is no part of what a batch is: one that comes by it and past it counts once.
#[test]
fn p2_a_batch_that_comes_by_an_agent_and_past_it_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, spool) = (folder.path().join("data"), folder.path().join("spool"));
    let mut all = until_now(observations(SEED + 6, 20, 600));
    all.iter_mut().for_each(|it| it.definition.region = None);
    let server = Process::standalone(&data);
    let mut starting = agent(&spool, &server.grpc, [ANY_PORT; 2]);
    let edge = Process::ready(starting.env("SEXTANT_AGENT__REGION", "eu-west-1"));
    let lines: Vec<_> = all.iter().map(|it| to_json(it).to_string()).collect();
    let identity = [
        ("Sextant-Agent", "gateway-1"),
        ("Sextant-Epoch", "7"),
        ("Sextant-Sequence", "1"),
    ];
    assert_eq!(post(&edge, &identity, &lines.join("\n")).0, 200);
    let endpoints = endpoints(&server, MODEL, all.len() as u64);
    for endpoint in &endpoints {
        let regions = endpoint["sextant"]["regions"].as_object().unwrap();
        assert_eq!(regions.keys().collect::<Vec<_>>(), ["eu-west-1"]);
    }
    assert_eq!(post(&server, &identity, &lines.join("\n")).0, 200);
    // What comes after the repeat in the log shows that it has been read.
    let mut last = identity;
    last[2].1 = "2";
    assert_eq!(post(&server, &last, &lines[0]).0, 200);
    sextant_tests::page::endpoints(&server, MODEL, all.len() as u64 + 1);
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

fn post(to: &Process, headers: &[(&str, &str)], lines: &str) -> (u16, Value) {
    let mut all = vec![("Content-Type", "application/x-ndjson")];
    all.extend(headers);
    to.post("/api/v1/observations", &all, lines)
}

fn address(url: &str) -> String {
    url.strip_prefix("http://").unwrap().to_owned()
}

fn over_grpc(url: &str) -> String {
    url.replace("http://", "grpc://")
}
