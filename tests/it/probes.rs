//! Endpoints that nobody uses: asked by a process, over HTTP, and shown by it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;
use sextant_tests::page::provider;
use sextant_tests::process::{Process, command, eventually, run};

const MODEL: &str = "meta-llama/llama-4-scout";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The only request that fails.
const FAILS: u64 = 600;
/// So that one failure leaves 99.9x %.
const ENOUGH: u64 = 1_100;

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"ok\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                      data: [DONE]\n\n";

/// A provider that answers, but for one request of each path.
struct Provider {
    port: u16,
    key_errors: Arc<AtomicU64>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, key_errors) = (Arc::new(AtomicU64::new(0)), Arc::<AtomicU64>::default());
        let errors = Arc::clone(&key_errors);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (asked, errors) = (Arc::clone(&asked), Arc::clone(&errors));
                // Who breaks off hears no more.
                thread::spawn(move || drop(answer(stream, &asked, &errors)));
            }
        });
        Self { port, key_errors }
    }
}

fn answer(stream: TcpStream, asked: &AtomicU64, key_errors: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length, mut has_key) = (String::new(), 0, false);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
        has_key |= line == "authorization: bearer sk-probe";
    }
    reader.read_exact(&mut vec![0; length])?;
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
    let said = if first.starts_with("POST /refused/") {
        head("401 Unauthorized")
    } else if !has_key {
        key_errors.fetch_add(1, Ordering::Relaxed);
        head("401 Unauthorized")
    } else if first.starts_with("POST /idle/") && asked.fetch_add(1, Ordering::Relaxed) == FAILS {
        head("503 Service Unavailable")
    } else {
        head("200 OK") + ANSWER
    };
    reader.into_inner().write_all(said.as_bytes())
}

/// Writes a file, and gives its path.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The providers' slugs, the paths that stand for what they do, and how often they are asked.
fn targets(folder: &Path, provider: &Provider, targets: &[(&str, &str, u32)]) -> String {
    let key = file(folder, "key", "sk-probe\n");
    let target = |(slug, path, interval_ms): &(&str, &str, u32)| {
        format!(
            "[[prober.targets]]\nmodel = \"{MODEL}\"\nprovider = \"{slug}\"\n\
             url = \"http://127.0.0.1:{}/{path}/v1\"\nkey = {{ file = {key:?} }}\n\
             interval_ms = {interval_ms}\ntimeout_ms = 80000\nrequests_per_day_max = 100000\n\
             tokens_per_day_max = 100000000\n",
            provider.port
        )
    };
    targets.iter().map(target).collect()
}

fn standalone(folder: &Path, targets: &str) -> Process {
    let tokens = file(folder, "tokens", &format!("{TOKEN} report,read test\n"));
    let config = format!("[access]\ntoken_file = {tokens:?}\n{targets}");
    let config = file(folder, "sextant.toml", &config);
    Process::standalone_with(&folder.join("data"), &["--config", &config])
}

/// An agent that reports to a server from a region, and looks there at what others observe.
fn agent(folder: &Path, server: &Process, targets: &str) -> Process {
    let spool = folder.join("spool").to_str().unwrap().to_owned();
    let token = file(folder, "agent-token", TOKEN);
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[grpc]\nlisten = \"127.0.0.1:0\"\n\
         [agent]\ncollectors = {:?}\ntoken_file = {token:?}\nspool_dir = {spool:?}\n\
         region = \"local\"\n\
         [prober]\nservers = [{:?}]\nserver_token = {{ file = {token:?} }}\n{targets}",
        server.grpc.replace("http://", "grpc://"),
        server.http,
    );
    let config = file(folder, "agent.toml", &config);
    Process::ready(&mut command(&["agent", "--config", &config]))
}

fn endpoint(server: &Process, slug: &str) -> Option<Value> {
    let path = format!("/api/v1/models/{MODEL}/endpoints");
    let (status, body) = server.request_as(TOKEN, &path);
    let endpoints = body["data"]["endpoints"]
        .as_array()
        .filter(|_| status == 200)?;
    endpoints.iter().find(|it| provider(it) == slug).cloned()
}

fn metric(server: &Process, name: &str) -> f64 {
    let (_, text) = server.request_as(TOKEN, "/metrics");
    let text = text.as_str().unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn an_endpoint_that_nobody_uses_has_an_uptime_and_dashes_from_probes_alone() {
    let provider = Provider::start();
    let folder = tempfile::tempdir().unwrap();
    let asked = [
        ("google-vertex", "idle", 10),
        ("groq", "busy", 2_000),
        ("novita", "refused", 100),
    ];
    let asked = targets(folder.path(), &provider, &asked);
    let mut server = standalone(folder.path(), &asked);
    let probed = |endpoint: &Value| endpoint["sextant"]["counts"]["probe"]["total"].as_u64();
    let idle = eventually("probes of an hour's worth and more", || {
        let idle = endpoint(&server, "google-vertex")?;
        // A status gets better after two edges of steps.
        let is_healthy = idle["sextant"]["status"] == "healthy";
        (is_healthy && probed(&idle)? >= ENOUGH).then_some(idle)
    });
    let own = &idle["sextant"];
    assert_eq!(own["counts"]["live"]["total"], 0, "{own}");
    assert_eq!(own["counts"]["probe"]["bad"], 1, "{own}");
    let uptime = own["uptime_30m"]["ratio"].as_f64().unwrap();
    assert!((0.999..1.0).contains(&uptime), "{uptime}");
    for absent in ["latency_ms", "duration_ms", "throughput_tps"] {
        assert!(own[absent]["p50"].is_null(), "{absent}: {own}");
        assert_eq!(own[absent]["n"], 0, "{absent}: {own}");
    }
    assert!(own["success_30m"]["ratio"].is_null(), "{own}");
    assert!(idle["latency_last_30m"].is_null() && idle["throughput_last_30m"].is_null());
    assert_shown(&server, folder.path());
    // A refused key says nothing of the provider, and is said.
    let refused = endpoint(&server, "novita").unwrap();
    let own = &refused["sextant"];
    assert_eq!(own["counts"]["probe"]["bad"], 0, "{own}");
    assert!(
        own["counts"]["probe"]["left_out"].as_u64() > Some(0),
        "{own}"
    );
    let labels = format!("{{model=\"{MODEL}\",provider=\"novita\",quantization=\"\"}}");
    let flag = metric(&server, &format!("sextant_prober_is_misconfigured{labels}"));
    assert!(flag > 0.5, "{flag}");
    assert!(metric(&server, "sextant_prober_is_running") > 0.5);
    let kept = metric(&server, "sextant_prober_acknowledged_observations_total");
    let recorded = metric(&server, "sextant_prober_recorded_observations_total");
    assert!(recorded >= kept && kept >= 1_100.0, "{kept} of {recorded}");
    assert!(metric(&server, "sextant_prober_dropped_observations_total") < 0.5);
    assert_eq!(provider.key_errors.load(Ordering::Relaxed), 0);
    assert_skips(&server);
    assert_eq!(server.terminate().code(), Some(0));
    let spent = fs::read_to_string(folder.path().join("data/prober-budget.json"));
    assert!(spent.unwrap().contains("google-vertex"));
}

#[test]
fn an_agent_asks_what_no_other_has_asked_and_reports_it_by_its_spool() {
    let provider = Provider::start();
    let folder = tempfile::tempdir().unwrap();
    let shared = [("google-vertex", "busy", 20)];
    let shared = targets(folder.path(), &provider, &shared);
    let mut server = standalone(folder.path(), &shared);
    let asked = [("google-vertex", "busy", 2_000), ("groq", "busy", 50)];
    let asked = targets(folder.path(), &provider, &asked);
    let mut agent = agent(folder.path(), &server, &asked);
    let probes = eventually("an uptime of what the agent alone asks", || {
        let own = endpoint(&server, "groq")?["sextant"].clone();
        own["uptime_30m"]["ratio"].is_number().then_some(own)
    });
    assert_eq!(probes["uptime_30m"]["ratio"], 1.0, "{probes}");
    assert_eq!(probes["counts"]["live"]["total"], 0, "{probes}");
    let skipped = "sextant_prober_skipped_total{reason=\"another_agent\"}";
    let skips = || (metric(&agent, skipped) >= 3.0).then_some(());
    eventually("the other's probes to be seen", skips);
    assert_eq!(agent.terminate().code(), Some(0));
    assert!(folder.path().join("spool/prober-budget.json").exists());
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_process_that_cannot_probe_says_so_and_does_all_else() {
    let provider = Provider::start();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    file(folder.path(), "data/prober-budget.json", "{");
    let asked = targets(folder.path(), &provider, &[("groq", "busy", 50)]);
    let mut server = standalone(folder.path(), &asked);
    let (_, metrics) = server.request_as(TOKEN, "/metrics");
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("sextant_prober_is_running 0"), "{metrics}");
    assert_eq!(server.request_as(TOKEN, "/api/v1/snapshot").0, 200);
    assert_eq!(server.terminate().code(), Some(0));
}

/// The row as people see it: dashes, an uptime, no success.
fn assert_shown(server: &Process, folder: &Path) {
    let token_file = folder.join("token");
    fs::write(&token_file, TOKEN).unwrap();
    let token_file = token_file.to_str().unwrap();
    let arguments = [
        "snapshot",
        "--url",
        &server.http,
        "--token-file",
        token_file,
    ];
    let output = run(&arguments);
    let shown = String::from_utf8(output.stdout).unwrap();
    let row = shown.lines().find(|line| line.contains("google-vertex"));
    let row = row.unwrap_or_else(|| panic!("{shown}{}", String::from_utf8_lossy(&output.stderr)));
    eprintln!("{row}");
    let cells: Vec<_> = row.split_whitespace().rev().take(6).collect();
    let [status, success, uptime, throughput, p95, p50] = cells[..] else {
        panic!("{row}");
    };
    assert_eq!(
        [status, success, throughput, p95, p50],
        ["healthy", "—", "—", "—", "—"],
        "{row}"
    );
    assert!(uptime.starts_with("99.9"), "{row}");
}

/// Users say enough of an endpoint, and it is not asked meanwhile.
fn assert_skips(server: &Process) {
    let now = jiff::Timestamp::now();
    let line = format!(
        "{{\"model\":\"{MODEL}\",\"provider\":\"groq\",\"completed_at\":\"{now}\",\
         \"outcome\":\"ok\",\"ttft_ms\":180,\"duration_ms\":700,\"output_tokens\":50}}\n"
    );
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Authorization", &*bearer)];
    let (status, answer) = server.post("/api/v1/observations", &headers, &line.repeat(200));
    assert_eq!(status, 200, "{answer}");
    let skipped = "sextant_prober_skipped_total{reason=\"live_traffic\"}";
    eventually("users to be seen", || {
        (metric(server, skipped) >= 2.0).then_some(())
    });
}
