//! What is shipped for Prometheus and Alertmanager, checked by their own tools, and at work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sextant_testbed::prometheus::Program;
use sextant_tests::process::{Process, eventually};
use sextant_tests::promql::Named;
use sextant_tests::traffic::{observations, write};

use crate::metrics::documented;

/// Labels that Prometheus itself puts on what it scrapes.
pub(crate) const OWN_LABELS: [&str; 2] = ["instance", "job"];

pub(crate) fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(path)
}

pub(crate) fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn tool(program: Program) -> Command {
    program
        .command()
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// Runs a tool to its end, and gives what it said.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

fn rules(file: &str) -> Vec<Value> {
    let file = yaml(&shipped(&format!("prometheus/{file}.rules.yml")));
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Labels by metric: what processes expose, what rules record, and what Prometheus has of its own.
pub(crate) fn known_metrics() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    for (name, line) in documented() {
        let labels = line[2].split(", ").filter(|label| !label.is_empty());
        let labels: BTreeSet<_> = labels.chain(OWN_LABELS).map(str::to_owned).collect();
        if line[1] == "histogram" {
            let mut of_buckets = labels.clone();
            of_buckets.insert("le".to_owned());
            known.insert(format!("{name}_bucket"), of_buckets);
            known.insert(format!("{name}_sum"), labels.clone());
            known.insert(format!("{name}_count"), labels);
        } else {
            known.insert(name, labels);
        }
    }
    for rule in rules("recording") {
        let labels = Named::in_expression(text(&rule, "expr")).grouped;
        known.insert(text(&rule, "record").to_owned(), labels);
    }
    let own = OWN_LABELS.map(str::to_owned);
    known.insert("up".to_owned(), own.clone().into());
    let of_alerts = ["alertname", "alertstate", "severity"].map(str::to_owned);
    known.insert(
        "ALERTS".to_owned(),
        own.into_iter().chain(of_alerts).collect(),
    );
    known
}

/// What an expression names that nobody has.
pub(crate) fn unknown_names(
    expression: &str,
    known: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let named = Named::in_expression(expression);
    let mut problems = Vec::new();
    let mut all = BTreeSet::new();
    for (metric, labels) in &named.metrics {
        let Some(own) = known.get(metric) else {
            problems.push(format!("no metric {metric}"));
            continue;
        };
        let others = labels.difference(own);
        problems.extend(others.map(|label| format!("{metric} has no label {label}")));
        all.extend(own);
    }
    let others = named.grouped.iter().filter(|label| !all.contains(label));
    problems.extend(others.map(|label| format!("nothing has the label {label}")));
    problems
}

#[test]
fn the_settings_and_the_rules_pass_their_own_tools() {
    for (program, arguments, file) in [
        (
            Program::Promtool,
            ["check", "config"],
            "prometheus/prometheus.yml",
        ),
        (
            Program::Promtool,
            ["check", "rules"],
            "prometheus/alerting.rules.yml",
        ),
        (
            Program::Promtool,
            ["check", "rules"],
            "prometheus/recording.rules.yml",
        ),
    ] {
        let said = said(tool(program).args(arguments).arg(shipped(file)));
        said.unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let settings = shipped("alertmanager/alertmanager.yml");
    said(tool(Program::Amtool).arg("check-config").arg(settings)).unwrap();
}

#[test]
fn every_alert_fires_when_it_should_and_not_when_it_should_not() {
    let mut files: Vec<_> = fs::read_dir(shipped("prometheus/tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let told = said(tool(Program::Promtool).args(["test", "rules"]).args(&files));
    told.unwrap_or_else(|error| panic!("{error}"));
    let (mut fires, mut is_quiet) = (BTreeSet::new(), BTreeSet::new());
    for file in &files {
        for test in yaml(file)["tests"].as_array().unwrap() {
            for asked in test["alert_rule_test"].as_array().unwrap() {
                let name = text(asked, "alertname").to_owned();
                let expected = asked["exp_alerts"].as_array().unwrap();
                let cases = if expected.is_empty() {
                    &mut is_quiet
                } else {
                    &mut fires
                };
                cases.insert(name);
            }
        }
    }
    let alerts: BTreeSet<_> = rules("alerting")
        .iter()
        .map(|rule| text(rule, "alert").to_owned())
        .collect();
    assert_eq!(fires, alerts, "a test of what makes each fire");
    assert_eq!(is_quiet, alerts, "a test of what does not");
}

#[test]
fn every_alert_says_how_grave_it_is_what_is_wrong_and_where_to_read_on() {
    for rule in rules("alerting") {
        let name = text(&rule, "alert");
        let severity = text(&rule["labels"], "severity");
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        for part in ["summary", "description"] {
            assert!(
                text(&rule["annotations"], part).len() > 10,
                "{name}: {part}"
            );
        }
        let mut anchor = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() && !anchor.is_empty() {
                anchor.push('-');
            }
            anchor.push(c.to_ascii_lowercase());
        }
        let page = text(&rule["annotations"], "runbook_url");
        assert_eq!(page, format!("docs/operations.md#{anchor}"));
    }
}

#[test]
fn rules_name_only_metrics_and_labels_that_there_are() {
    let known = known_metrics();
    for rule in rules("recording").iter().chain(&rules("alerting")) {
        let problems = unknown_names(text(rule, "expr"), &known);
        assert!(problems.is_empty(), "{rule}: {problems:?}");
    }
    for (expression, problem) in [
        (
            "rate(sextant_nothing_total[5m])",
            "no metric sextant_nothing_total",
        ),
        ("up{colour=\"red\"}", "up has no label colour"),
        ("sum by (colour) (up)", "nothing has the label colour"),
    ] {
        assert_eq!(unknown_names(expression, &known), [problem]);
    }
}

/// A Prometheus that scrapes processes and evaluates the shipped rules; it ends with the value.
pub(crate) struct Scraping {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Scraping {
    pub(crate) fn start(process: &Process) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = process.http.strip_prefix("http://").unwrap();
        let rules =
            ["recording", "alerting"].map(|name| shipped(&format!("prometheus/{name}.rules.yml")));
        let [recording, alerting] =
            rules.map(|path| path.canonicalize().unwrap().display().to_string());
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{recording:?}, {alerting:?}]\n\
             scrape_configs:\n\
             - job_name: sextant-standalone\n  static_configs: [{{targets: [{target:?}]}}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let mut prometheus = tool(Program::Prometheus);
        prometheus
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            child: prometheus.spawn().unwrap(),
            url: format!("http://{address}"),
            _folder: folder,
        }
    }

    /// What an expression gives now, or why it gives nothing; nothing if nobody answers.
    pub(crate) fn ask(&self, expression: &str) -> Option<Result<Vec<Value>, String>> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let query = agent
            .get(format!("{}/api/v1/query", self.url))
            .query("query", expression);
        let mut answer = query.call().ok()?;
        let body = answer.body_mut().read_to_string().ok()?;
        let body: Value = serde_json::from_str(&body).ok()?;
        Some(match body["data"]["result"].as_array() {
            Some(result) => Ok(result.clone()),
            None => Err(body["error"].to_string()),
        })
    }
}

impl Drop for Scraping {
    fn drop(&mut self) {
        // One that has ended already is not an error.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_real_prometheus_scrapes_a_process_and_no_rule_fails_or_fires() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::standalone(&folder.path().join("data"));
    let file = write(folder.path(), &observations(5, 200, 1_500));
    sextant_tests::fleet::replay(&process, &file);
    let scraping = Scraping::start(&process);
    let value = |expression: &str| {
        let result = scraping.ask(expression)?.unwrap();
        let told = result.first()?["value"][1].as_str()?.parse::<f64>().ok()?;
        Some(told)
    };
    let uptime = "provider:sextant_uptime_30m:ratio{provider=\"swift\"}";
    let uptime = eventually("a recorded uptime", || value(uptime));
    assert!((0.9..=1.0).contains(&uptime), "{uptime}");
    for rule in rules("recording").iter().chain(&rules("alerting")) {
        let expression = text(rule, "expr");
        let result = scraping.ask(expression).unwrap();
        result.unwrap_or_else(|error| panic!("{expression}: {error}"));
    }
    assert_eq!(value("sextant_process_ready"), Some(1.0));
    let firing = scraping
        .ask("ALERTS{alertstate=\"firing\"}")
        .unwrap()
        .unwrap();
    assert!(firing.is_empty(), "{firing:?}");
    let statuses = value("sum(sextant:endpoints_by_status:count)").unwrap();
    let endpoints = value("sextant_server_endpoints").unwrap();
    assert!((statuses - endpoints).abs() < 0.5, "{statuses} {endpoints}");
}
