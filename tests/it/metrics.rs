//! What processes count: the stages' contract, and the list of it in `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use sextant_measure::time::Timestamp;
use sextant_testbed::prometheus::Program;
use sextant_tests::fleet::Fleet;
use sextant_tests::metrics::{Exposition, Family, classic, text};
use sextant_tests::process::{Process, command, eventually};
use sextant_wire::json::rfc3339;

const PATH: &str = "/api/v1/observations";
const MODEL: &str = "meta-llama/llama-4-scout";
const ROLES: [&str; 7] = [
    "standalone",
    "agent",
    "collector",
    "aggregator",
    "archive",
    "server",
    "alerts",
];

/// A good observation, so many seconds ago.
fn observation(seconds_ago: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_us = i64::try_from(now.as_micros()).unwrap();
    let at = rfc3339(Timestamp::from_micros(now_us - seconds_ago * 1_000_000));
    format!(
        r#"{{"model":"{MODEL}","provider":"groq","completed_at":"{at}","outcome":"ok","ttft_ms":200,"duration_ms":500,"output_tokens":64}}"#
    )
}

/// Posts a batch, and answers how many of it were taken.
fn post(to: &Process, sequence: Option<&str>, lines: &[String]) -> u64 {
    let mut headers = vec![("Content-Type", "application/x-ndjson")];
    if let Some(sequence) = sequence {
        headers.push(("Sextant-Agent", "curl"));
        headers.push(("Sextant-Epoch", "7"));
        headers.push(("Sextant-Sequence", sequence));
    }
    let (status, answer) = to.post(PATH, &headers, &lines.join("\n"));
    assert_eq!(status, 200, "{answer}");
    answer["accepted"].as_u64().unwrap()
}

fn assert_balance(what: &str, left: f64, right: &[f64]) {
    let sum: f64 = right.iter().sum();
    assert!((left - sum).abs() < 0.5, "{what}: {left} is not {right:?}");
}

/// Received, sent and refused at a door.
fn intake(read: &Exposition, stage: &str) -> [f64; 3] {
    let sum = |verb: &str| read.sum(&format!("sextant_{stage}_{verb}_observations_total"));
    assert_balance(stage, sum("received"), &[sum("sent"), sum("refused")]);
    [sum("received"), sum("sent"), sum("refused")]
}

/// An agent that sends to a process.
fn agent(to: &Process, spool: &Path) -> Process {
    let mut agent = command(&["agent", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
    let collectors = to.grpc.replace("http://", "grpc://");
    agent.env("SEXTANT_AGENT__COLLECTORS", collectors);
    agent.env("SEXTANT_AGENT__SPOOL_DIR", spool);
    Process::ready(&mut agent)
}

/// Agent, collector, aggregator and server in a row: what each received it sent on, dropped with a
/// reason, or still has; and what one sent the next received.
#[test]
fn everything_received_is_sent_or_dropped_with_its_reason_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(&folder.path().join("data"));
    let agent = agent(&server, &folder.path().join("spool"));
    let bad = observation(1).replace("\"ok\"", "\"fine\"");
    let batch = |good: usize, bad_ones: usize, late: usize| -> Vec<String> {
        let good = std::iter::repeat_n(observation(1), good);
        let bad = std::iter::repeat_n(bad.clone(), bad_ones);
        good.chain(bad)
            .chain(std::iter::repeat_n(observation(7_200), late))
            .collect()
    };
    // Good, bad and late; then the same again; and some without an identity.
    let first = batch(40, 3, 5);
    for _ in 0..3 {
        assert_eq!(post(&agent, Some("1"), &first), 45);
    }
    assert_eq!(post(&agent, Some("2"), &batch(10, 1, 0)), 10);
    assert_eq!(post(&server, None, &batch(7, 2, 1)), 8);
    let (edge, whole) = eventually("all of it", || {
        let (edge, whole) = (Exposition::of(&agent), Exposition::of(&server));
        let kept = edge.sum("sextant_agent_kept_observations_total");
        let is_acknowledged = edge.sum("sextant_agent_acknowledged_observations_total") >= kept;
        let sent = whole.sum("sextant_collector_sent_observations_total");
        let is_read = whole.sum("sextant_aggregator_received_observations_total") >= sent;
        let waits = whole.sum("sextant_server_lag_records");
        (is_acknowledged && is_read && waits < 0.5).then_some((edge, whole))
    });
    let kept = assert_edge(&edge);
    assert_whole(&whole, kept);
}

/// Answers what was kept.
fn assert_edge(edge: &Exposition) -> f64 {
    let [received, sent, refused] = intake(edge, "agent");
    assert_balance("what came", received, &[145.0, 10.0]);
    assert_balance("what was taken", sent, &[145.0]);
    assert_balance("what was refused", refused, &[10.0]);
    let of_agent = |verb: &str| edge.sum(&format!("sextant_agent_{verb}_total"));
    let spooled = edge.sum("sextant_agent_spool_observations");
    let kept = of_agent("kept_observations");
    assert_balance(
        "spool",
        kept,
        &[
            of_agent("acknowledged_observations"),
            of_agent("turned_away_observations"),
            of_agent("dropped_observations"),
            spooled,
        ],
    );
    kept
}

fn assert_whole(whole: &Exposition, kept: f64) {
    let [received, sent, _] = intake(whole, "collector");
    assert_balance("from the agent to the collector", received, &[kept, 10.0]);
    let owner = |verb: &str| whole.sum(&format!("sextant_aggregator_{verb}_observations_total"));
    assert_balance(
        "from the collector to the owner",
        sent,
        &[owner("received")],
    );
    assert_balance(
        "aggregator",
        owner("received"),
        &[owner("filed"), owner("dropped")],
    );
    assert_balance("filed", owner("filed"), &[40.0, 10.0, 7.0]);
    let dropped = |reason: &str| {
        let metric = "sextant_aggregator_dropped_observations_total";
        whole.sum_where(metric, &format!("reason=\"{reason}\""))
    };
    assert_balance("late", dropped("late"), &[5.0, 1.0]);
    assert_balance(
        "dropped",
        owner("dropped"),
        &[dropped("late"), dropped("repeated")],
    );
    let followed = |verb: &str| whole.sum(&format!("sextant_server_{verb}_records_total"));
    assert_balance(
        "server",
        followed("received"),
        &[followed("applied"), followed("ignored")],
    );
    // Of the late ones two hours.
    let lag = whole.sum_where("sextant_collector_lag_seconds_sum", "");
    assert!((7_200.0..40_000.0).contains(&lag), "{lag}");
    let appends = |verb: &str| whole.sum(&format!("sextant_collector_{verb}_appends_total"));
    assert_balance("in flight", appends("begun"), &[appends("ended")]);
}

/// A process of each role that has had something to count.
struct World {
    _folder: tempfile::TempDir,
    _fleet: Fleet,
    processes: Vec<(&'static str, Process)>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fleet = Fleet::new(2);
        let collector = fleet.start("collector", "collector");
        let aggregator = fleet.start("aggregator", "aggregator");
        let archive = fleet.start("archive", "archive");
        let server = fleet.start("server", "server");
        let alerts = fleet.start("alerts", "alerts");
        let targets = targets(folder.path());
        let standalone = folder.path().join("standalone.toml");
        std::fs::write(&standalone, &targets).unwrap();
        let arguments = ["--config", standalone.to_str().unwrap()];
        let standalone = Process::standalone_with(&folder.path().join("data"), &arguments);
        let config = folder.path().join("agent.toml");
        let text = format!(
            "[agent]\ncollectors = {:?}\nspool_dir = \"{}\"\nregion = \"local\"\n\
             [prober]\nservers = [{:?}]\n{targets}",
            collector.grpc.replace("http://", "grpc://"),
            folder.path().join("spool").display(),
            server.http,
        );
        std::fs::write(&config, text).unwrap();
        let agent = ["agent", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
        let agent = Process::ready(command(&agent).arg("--config").arg(&config));
        for to in [&standalone, &agent] {
            post(to, None, &vec![observation(1); 120]);
        }
        for serves in [&standalone, &server] {
            serves.request("/api/v1/snapshot");
            let path = format!("/api/v1/models/{MODEL}/endpoints");
            eventually("numbers", || {
                let (_, shown) = serves.try_request(&path)?;
                shown.to_string().contains("\"n\":120").then_some(())
            });
        }
        let processes = ROLES
            .into_iter()
            .zip([
                standalone, agent, collector, aggregator, archive, server, alerts,
            ])
            .collect::<Vec<_>>();
        eventually("probes", || {
            let probed = processes.iter().filter(|(_, process)| {
                let told = sextant_tests::metrics::text(process);
                let is = "sextant_prober_is_misconfigured{";
                told.lines().any(|line| line.starts_with(is))
            });
            (probed.count() == 2).then_some(())
        });
        Self {
            _folder: folder,
            _fleet: fleet,
            processes,
        }
    }
}

/// Settings of a prober whose key a provider refuses.
fn targets(folder: &Path) -> String {
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = provider.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in provider.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let refusal =
                "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            // Who breaks off hears no more.
            drop(reader.into_inner().write_all(refusal.as_bytes()));
        }
    });
    let key = folder.join("key");
    std::fs::write(&key, "sk-probe\n").unwrap();
    format!(
        "[[prober.targets]]\nmodel = \"{MODEL}\"\nprovider = \"google-vertex\"\n\
         url = \"http://127.0.0.1:{port}/v1\"\nkey = {{ file = \"{}\" }}\n\
         interval_ms = 500\nrequests_per_day_max = 100000\ntokens_per_day_max = 100000000\n",
        key.display()
    )
}

/// A line of the list: name, kind, labels, roles, help.
pub(crate) type Line = [String; 5];

pub(crate) fn documented() -> BTreeMap<String, Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("| `sextant_"));
    let lines = lines.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let cells = cells.into_iter().map(|cell| cell.trim().to_owned());
        let mut line: Line = cells.collect::<Vec<_>>().try_into().unwrap();
        line[0].retain(|c| c != '`');
        (line[0].clone(), line)
    });
    lines.collect()
}

fn line(name: &str, family: &Family, roles: &[&str]) -> Line {
    let labels: Vec<_> = family.labels.iter().map(String::as_str).collect();
    let roles = if roles.len() == ROLES.len() {
        "all".to_owned()
    } else {
        roles.join(", ")
    };
    let labels = labels.join(", ");
    let help = family.help.trim_end_matches('.').to_owned();
    [name.to_owned(), family.kind.clone(), labels, roles, help]
}

/// The documented metrics are those that there are, by name, kind, labels, role and help; and what
/// promtool says of good names, units and help holds.
#[test]
fn the_list_of_metrics_is_what_each_role_exposes() {
    let world = World::new();
    let mut found: BTreeMap<String, (Family, Vec<&str>)> = BTreeMap::new();
    for (role, process) in &world.processes {
        let text = text(process);
        promtool_check(role, &text);
        for (name, family) in Exposition::parse(&text).families {
            let (held, roles) = found.entry(name).or_insert((family.clone(), Vec::new()));
            held.labels.extend(family.labels);
            held.has_samples |= family.has_samples;
            roles.push(*role);
        }
    }
    let documented = documented();
    let mut problems = Vec::new();
    for (name, (family, roles)) in &found {
        if family.kind == "counter" && !family.has_samples {
            problems.push(format!("{name} does not begin at 0"));
        }
        let mut line = line(name, family, roles);
        match documented.get(name) {
            Some(told) => {
                if !family.has_samples {
                    line[2].clone_from(&told[2]);
                }
                if *told != line {
                    problems.push(format!(
                        "stands as  {}\nshould be  {}",
                        row(told),
                        row(&line)
                    ));
                }
            }
            None => problems.push(format!("is missing {}", row(&line))),
        }
    }
    let gone: BTreeSet<_> = documented
        .keys()
        .filter(|name| !found.contains_key(*name))
        .collect();
    problems.extend(gone.iter().map(|name| format!("no role has {name}")));
    assert!(
        problems.is_empty(),
        "docs/metrics.md:\n{}",
        problems.join("\n")
    );
}

fn row([name, kind, labels, roles, help]: &Line) -> String {
    format!("| `{name}` | {kind} | {labels} | {roles} | {help} |")
}

fn promtool_check(role: &str, open_metrics: &str) {
    let promtool = Program::Promtool.command();
    let mut promtool = promtool.unwrap_or_else(|error| panic!("{error:#}"));
    let checking = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut checking = checking.spawn().unwrap();
    let mut stdin = checking.stdin.take().unwrap();
    stdin.write_all(classic(open_metrics).as_bytes()).unwrap();
    drop(stdin);
    let output = checking.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{role}: {said}");
}
