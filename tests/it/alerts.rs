//! An outage from its first report to Alertmanager, over a kill, and back.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sextant_testbed::alertmanager::Alertmanager;
use sextant_tests::process::{Process, eventually, run};

const MODEL: &str = "meta-llama/llama-4-scout";
const SILENT: &str = "agent-silent";

/// Reports so many attempts at Groq, of these so many that failed, all just now.
fn report(server: &Process, good: u32, bad: u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = sextant_wire::json::rfc3339(sextant_measure::time::Timestamp::from_micros(
        i64::try_from(now.as_micros()).unwrap(),
    ));
    let attempt = |outcome: &str| {
        json!({
            "model": MODEL, "provider": "groq", "region": "eu",
            "completed_at": at, "outcome": outcome, "duration_ms": 800, "ttft_ms": 200,
        })
    };
    let attempts = (0..good).map(|_| attempt("ok"));
    let attempts = attempts.chain((0..bad).map(|_| attempt("provider_error")));
    let lines: Vec<_> = attempts.map(|it| it.to_string()).collect();
    let headers = [("content-type", "application/x-ndjson")];
    let (status, said) = server.post("/api/v1/observations", &headers, &lines.join("\n"));
    assert_eq!(status, 200, "{said}");
}

fn standalone(folder: &Path, alertmanager: &str) -> Process {
    let config = folder.join("sextant.toml");
    let settings = format!(
        "[alerts]\nevaluate_interval_ms = 300\nresolve_after_s = 2\nagents_min = 1\n\
         rules = [\n\
         {{ name = \"uptime-page\", kind = \"uptime\", severity = \"page\", burn_rate = 14.4, \
            window = \"30m\", short_window = \"5m\" }},\n\
         {{ name = \"uptime-ticket\", kind = \"uptime\", burn_rate = 6.0, window = \"6h\", \
            short_window = \"30m\" }},\n\
         {{ name = \"{SILENT}\", kind = \"no_data\", after_s = 60 }},\n\
         {{ name = \"observer-suspected\", kind = \"observer\", severity = \"page\" }},\n]\n\
         [delivery]\nalertmanagers = [{{ url = \"{alertmanager}\" }}]\nresend_s = 1\n"
    );
    std::fs::write(&config, settings).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    Process::standalone_with(&folder.join("data"), &arguments)
}

/// What the server says of incidents, the latest first.
fn incidents(server: &Process) -> Vec<Value> {
    let answer = server.get("/api/v1/incidents");
    answer["incidents"].as_array().unwrap().clone()
}

/// The names of what fires at Alertmanager.
fn firing(alertmanager: &Alertmanager) -> Vec<String> {
    let url = format!("{}/api/v2/alerts?active=true", alertmanager.url());
    let text = ureq::get(url).call().unwrap().body_mut().read_to_string();
    let alerts: Vec<Value> = serde_json::from_str(&text.unwrap()).unwrap();
    let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned();
    alerts.iter().map(name).collect()
}

fn metric(server: &Process, name: &str) -> f64 {
    let url = format!("{}/metrics", server.http);
    let text = ureq::get(url).call().unwrap().body_mut().read_to_string();
    let text = text.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name}"));
    value.trim().parse().unwrap()
}

/// Until it has looked at all windows twice more.
fn two_evaluations(server: &Process) {
    let evaluations = || metric(server, "sextant_alerts_evaluations_total");
    let before = evaluations();
    eventually("two evaluations", || {
        (evaluations() >= before + 3.0).then_some(())
    });
}

#[test]
fn p8_an_outage_is_one_alert_and_one_row_over_a_kill_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start().unwrap();
    let mut server = standalone(folder.path(), &alertmanager.url());
    report(&server, 99, 0);
    report(&server, 0, 1);
    thread::sleep(Duration::from_secs(2));
    two_evaluations(&server);
    assert_eq!(
        incidents(&server),
        [] as [Value; 0],
        "a single failure pages nobody"
    );

    report(&server, 50, 100);
    eventually("it shows in Alertmanager", || {
        (firing(&alertmanager) == ["uptime-page"]).then_some(())
    });
    eventually("it is in the store", || {
        (incidents(&server).len() == 1).then_some(())
    });
    let opened = incidents(&server).remove(0);
    assert_eq!(
        opened["subject"],
        "endpoint/meta-llama/llama-4-scout/groq/unknown"
    );
    assert_eq!(
        (&opened["severity"], &opened["closed_at"]),
        (&json!("page"), &Value::Null)
    );

    server.kill();
    let mut server = standalone(folder.path(), &alertmanager.url());
    two_evaluations(&server);
    assert!(metric(&server, "sextant_alerts_opened_incidents_total") < 0.5);
    let listed = incidents(&server);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], opened["id"], "it is the same one");
    assert_eq!(firing(&alertmanager), ["uptime-page"]);

    // So many good ones that even the last five minutes are well.
    report(&server, 5_000, 0);
    eventually("it is over in Alertmanager", || {
        firing(&alertmanager).is_empty().then_some(())
    });
    eventually("it is over in the store", || {
        (incidents(&server)[0]["closed_at"] != Value::Null).then_some(())
    });
    let listed = incidents(&server);
    assert_eq!(listed.len(), 1, "one row: {listed:?}");
    assert_eq!(listed[0]["closed_because"], "it has recovered");
    server.kill();
}

#[test]
fn low_traffic_pages_nobody_and_every_receiver_can_be_tried() {
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start().unwrap();
    let mut server = standalone(folder.path(), &alertmanager.url());
    report(&server, 0, 99);
    thread::sleep(Duration::from_secs(2));
    two_evaluations(&server);
    assert_eq!(incidents(&server), [] as [Value; 0]);
    let config = folder.path().join("sextant.toml");
    let tried = run(&["alerts", "test", "--config", config.to_str().unwrap()]);
    let said = String::from_utf8(tried.stdout).unwrap();
    assert!(tried.status.success(), "{said}");
    assert!(
        said.contains("alertmanager@") && said.contains(": told"),
        "{said}"
    );
    eventually("the test shows", || {
        (firing(&alertmanager) == ["test"]).then_some(())
    });
    drop(alertmanager);
    let tried = run(&["alerts", "test", "--config", config.to_str().unwrap()]);
    let said = String::from_utf8(tried.stdout).unwrap();
    assert_eq!(tried.status.code(), Some(1), "{said}");
    server.kill();
}
