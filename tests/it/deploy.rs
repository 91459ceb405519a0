//! What is shipped for containers names settings that exist, and values that they take.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sextant_tests::process::command;

use crate::prometheus::{shipped, yaml};

const PASSWORD_FILE: &str = "SEXTANT_CLICKHOUSE__PASSWORD_FILE";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `SEXTANT_.. value` pairs of a file, however it sets them apart.
fn settings(file: &str, separator: char) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(repository().join(file)).unwrap();
    let words = text.lines().flat_map(|line| match separator {
        '=' => line.split_whitespace().collect(),
        _ => vec![line.trim()],
    });
    let pairs = words.filter_map(|word| word.split_once(separator));
    pairs
        .filter(|(name, _)| name.starts_with("SEXTANT_"))
        .map(|(name, value)| {
            (
                name.to_owned(),
                value.trim().trim_matches(['"', '\'']).to_owned(),
            )
        })
        .collect()
}

#[test]
fn what_containers_are_given_passes_the_check_of_settings() {
    let mut given = settings("deploy/Dockerfile", '=');
    assert_eq!(given.len(), 2, "{given:?}");
    given.extend(settings("docker-compose.yml", ':'));
    assert!(given.len() >= 10, "{given:?}");
    // What a container finds under this path, Compose takes from the repository.
    let password = repository().join("deploy/compose/clickhouse-password");
    let found = given.insert(PASSWORD_FILE.to_owned(), password.display().to_string());
    assert_eq!(found.as_deref(), Some("/run/secrets/clickhouse-password"));
    let output = command(&["config", "check"]).envs(&given).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // And it would have found a mistake.
    given.insert("SEXTANT_KAFKA__REPLICAS".to_owned(), "1".to_owned());
    let output = command(&["config", "check"]).envs(&given).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
}

fn names(value: &Value) -> BTreeSet<&str> {
    let keys = value.as_object().into_iter().flatten();
    keys.map(|(name, _)| name.as_str()).collect()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// What a service mounts, waits for and is given that is not there.
fn missing(compose: &Value) -> Vec<String> {
    let [services, volumes, secrets] =
        ["services", "volumes", "secrets"].map(|part| &compose[part]);
    let mut missing = Vec::new();
    for (service, given) in services.as_object().unwrap() {
        for mounted in strings(&given["volumes"]) {
            let (from, _) = mounted.split_once(':').unwrap();
            let is_there = match from.strip_prefix("./") {
                Some(path) => repository().join(path).exists(),
                None => names(volumes).contains(from),
            };
            missing.extend((!is_there).then(|| format!("{service} mounts {from}")));
        }
        let needed = strings(&given["depends_on"]).chain(names(&given["depends_on"]));
        let others = needed.filter(|needed| !names(services).contains(needed));
        missing.extend(others.map(|needed| format!("{service} waits for {needed}")));
        let secret = strings(&given["secrets"]).filter(|secret| !names(secrets).contains(secret));
        missing.extend(secret.map(|secret| format!("{service} is given {secret}")));
    }
    for (secret, given) in secrets.as_object().unwrap() {
        let file = given["file"].as_str().unwrap();
        let is_there = repository().join(file).exists();
        missing.extend((!is_there).then(|| format!("{secret} is in {file}")));
    }
    missing
}

#[test]
fn what_services_mount_and_wait_for_is_there() {
    let mut compose = yaml(&repository().join("docker-compose.yml"));
    assert!(names(&compose["services"]).len() >= 9);
    assert_eq!(missing(&compose), [""; 0]);
    compose["services"]["grafana"]["volumes"][0] = "./deploy/gone:/etc".into();
    compose["services"]["prometheus"]["volumes"][1] = "gone:/prometheus".into();
    compose["services"]["server"]["depends_on"]["gone"] = Value::Null;
    let found = missing(&compose);
    let expected = [
        "grafana mounts ./deploy/gone",
        "prometheus mounts gone",
        "server waits for gone",
    ];
    assert_eq!(found, expected);
}

/// Each role that answers `/metrics` is scraped where it listens, and what Prometheus and Grafana
/// ask is where they ask.
#[test]
fn services_are_asked_where_they_listen() {
    let compose = yaml(&repository().join("docker-compose.yml"));
    let settings = yaml(&shipped("prometheus/prometheus.yml"));
    let jobs = settings["scrape_configs"].as_array().unwrap().iter();
    let scraped = jobs.flat_map(|job| job["static_configs"].as_array().unwrap());
    let managers = settings["alerting"]["alertmanagers"].as_array().unwrap();
    let managers = managers
        .iter()
        .flat_map(|each| each["static_configs"].as_array().unwrap());
    let asked: BTreeSet<_> = scraped
        .chain(managers)
        .flat_map(|each| strings(&each["targets"]))
        .collect();
    let services = names(&compose["services"]);
    let services: BTreeSet<_> = services.into_iter().chain(["localhost"]).collect();
    let strangers: Vec<_> = asked
        .iter()
        .filter(|target| !services.contains(target.split_once(':').unwrap().0))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    for (service, given) in compose["services"].as_object().unwrap() {
        let is_role = given["image"] == "sextant:latest" && service != "migrate";
        let target = format!("{service}:8480");
        assert_eq!(asked.contains(target.as_str()), is_role, "{service}");
    }
    let sources = yaml(&shipped("grafana/provisioning/datasources/sextant.yml"));
    assert_eq!(sources["datasources"][0]["url"], "http://prometheus:9090");
    assert_eq!(sources["datasources"][1]["jsonData"]["host"], "clickhouse");
    assert!(services.contains("prometheus") && services.contains("clickhouse"));
}
