//! What `docs/operations.md` tells is there, and what hosts are given is taken.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use sextant_incident::Kind;
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, command};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

use crate::prometheus::{known_metrics, shipped, text, yaml};

pub(crate) fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(path.join(name)).unwrap()
}

/// What its headings are linked to by.
fn anchors(document: &str) -> BTreeSet<String> {
    let lines = document.lines().filter(|line| line.starts_with('#'));
    let titles = lines.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let is_kept = |c: &char| c.is_alphanumeric() || " -".contains(*c);
    titles
        .map(|title| {
            let kept: String = title.chars().filter(is_kept).collect();
            kept.replace(' ', "-")
        })
        .collect()
}

/// Where alerts send people that is not there.
fn lost(document: &str) -> Vec<String> {
    let rules = yaml(&shipped("prometheus/alerting.rules.yml"));
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let of_rules = rules.map(|rule| {
        let url = text(&rule["annotations"], "runbook_url");
        let anchor = url.strip_prefix("docs/operations.md#");
        anchor.expect("all are in one document").to_owned()
    });
    let of_kinds = Kind::ALL.map(|kind| kind.name().replace('_', "-"));
    let wanted: Vec<_> = of_rules.chain(of_kinds).collect();
    assert!(wanted.len() > 30, "{wanted:?}");
    let anchors = anchors(document);
    wanted
        .into_iter()
        .filter(|anchor| !anchors.contains(anchor))
        .collect()
}

#[test]
fn each_alert_and_each_kind_of_incident_has_its_place_in_the_runbook() {
    let runbook = document("operations.md");
    assert_eq!(lost(&runbook), [""; 0]);
    let without = runbook
        .replace("### Sextant log full", "")
        .replace("### No data", "");
    assert_eq!(lost(&without), ["sextant-log-full", "no-data"]);
}

#[test]
fn the_runbook_links_to_what_is_there_and_names_metrics_that_are() {
    let runbook = document("operations.md");
    let anchors = anchors(&runbook);
    let links = runbook.split("](#").skip(1);
    let broken: Vec<_> = links
        .filter_map(|rest| rest.split_once(')'))
        .filter(|(anchor, _)| !anchors.contains(*anchor))
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    let known = known_metrics();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = runbook.split(|c| !is_part(c));
    let metrics: BTreeSet<_> = words.filter(|word| word.starts_with("sextant_")).collect();
    assert!(metrics.len() > 15, "{metrics:?}");
    let unknown: Vec<_> = metrics
        .iter()
        .filter(|name| !known.contains_key(**name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// `kafka-acls.sh` commands, one a line.
fn rights(script: &str) -> Vec<String> {
    let whole = script.replace("\\\n", " ").replace("\"${PREFIX}\"", "");
    let lines = whole
        .lines()
        .filter(|line| line.starts_with("kafka-acls.sh"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn rights_in_kafka_are_given_as_they_are_documented() {
    let script = fs::read_to_string(shipped("kafka/acls.sh")).unwrap();
    let given = rights(&script);
    assert!(given.len() > 12, "{given:?}");
    assert_eq!(given, rights(&document("kafka.md")));
    let names = script
        .matches("--topic ")
        .chain(script.matches("--group "))
        .count();
    let with_prefix = script.matches("--topic \"${PREFIX}\"sextant").count()
        + script.matches("--group \"${PREFIX}\"sextant").count();
    assert_eq!(names, with_prefix, "each name takes the prefix");
}

#[test]
fn settings_by_role_pass_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = include_str!("../../crates/catalog/src/catalog.toml");
    let secret = format!("whsec_{}", "QUJD".repeat(11));
    for (name, content) in [
        ("tokens", "0123456789abcdef0123 read,report edge"),
        ("clickhouse.password", "opensesame"),
        ("agent.token", "0123456789abcdef0123"),
        ("prober.token", "0123456789abcdef0123"),
        ("groq.key", "key"),
        ("oncall.secret", &secret),
        ("catalog.toml", catalog),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let there = format!("{}/", folder.path().display());
    let roles = [
        "agent",
        "aggregator",
        "alerts",
        "archive",
        "collector",
        "server",
        "standalone",
    ];
    let files = fs::read_dir(shipped("examples")).unwrap();
    let mut found: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, roles.map(|role| format!("{role}.toml")));
    for role in roles {
        let example = fs::read_to_string(shipped(&format!("examples/{role}.toml"))).unwrap();
        let file = folder.path().join("sextant.toml");
        let check = |text: &str| {
            fs::write(&file, text).unwrap();
            let output = command(&["config", "check", "--config"])
                .arg(&file)
                .output()
                .unwrap();
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        };
        let example = example.replace("/etc/sextant/", &there);
        assert_eq!(check(&example), (Some(0), String::new()), "{role}");
        let (code, said) = check(&format!("{example}\n[stor]\ndays = 1\n"));
        assert_eq!(code, Some(78), "{role}: {said}");
    }
}

const UNITS: [&str; 3] = [
    "sextant@.service",
    "sextant-agent.service",
    "sextant-standalone.service",
];

/// What none of them goes without.
const HARDENED: [&str; 14] = [
    "User=sextant",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "SystemCallFilter=@system-service",
    "Restart=on-failure",
    "ExecReload=/bin/kill -HUP $MAINPID",
];

#[test]
fn services_are_hardened_and_have_time_to_end() {
    let defaults = include_str!("../../crates/cli/src/defaults.toml");
    let (_, deadline) = defaults.split_once("\ndeadline_ms = ").unwrap();
    let deadline_ms: u64 = deadline.trim().parse().unwrap();
    for unit in UNITS {
        let lines = fs::read_to_string(shipped(&format!("systemd/{unit}"))).unwrap();
        let lines: Vec<_> = lines.lines().collect();
        let missing: Vec<_> = HARDENED
            .iter()
            .filter(|line| !lines.contains(line))
            .collect();
        assert!(missing.is_empty(), "{unit}: {missing:?}");
        let mut waits = lines
            .iter()
            .filter_map(|line| line.strip_prefix("TimeoutStopSec="));
        let seconds: u64 = waits.next().unwrap().parse().unwrap();
        assert!(seconds * 1_000 > deadline_ms, "{unit}");
        let start = lines
            .iter()
            .find_map(|line| line.strip_prefix("ExecStart="))
            .unwrap();
        let role = start
            .split_whitespace()
            .nth(1)
            .unwrap()
            .replace("%i", "collector");
        let help = command(&[&role, "--help"]).output().unwrap();
        assert!(help.status.success(), "{unit}: {role} is no role");
    }
}

/// What systemd itself has to say about them, where it is.
#[test]
fn systemd_takes_the_services() {
    let folder = tempfile::tempdir().unwrap();
    let verify = |unit: &str, change: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(shipped(&format!("systemd/{unit}"))).unwrap();
        // Whether the binary is installed here is no question.
        let text = change(text.replace("/usr/local/bin/sextant", "/bin/true"));
        let path = folder.path().join(unit.replace('@', "@collector"));
        fs::write(&path, text).unwrap();
        let output = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&path)
            .output();
        output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut found = String::new();
    for unit in UNITS {
        match verify(unit, &|text| text) {
            Ok(said) => found.write_str(&said).unwrap(),
            Err(_) => return eprintln!("systemd is not here, so it was not asked"),
        }
    }
    assert!(!found.contains("sextant"), "{found}");
    let said = verify(UNITS[0], &|text| {
        text.replace("ProtectHome=", "ProtectHouse=")
    });
    assert!(said.unwrap().contains("ProtectHouse"), "it finds mistakes");
}

/// What the section on backup says of a standalone.
#[test]
fn a_copy_of_a_stopped_data_directory_has_every_number() {
    let folder = tempfile::tempdir().unwrap();
    let [data, copy] = ["data", "copy"].map(|name| folder.path().join(name));
    let all = observations(7, 200, 300);
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let to = server.grpc.replace("http://", "grpc://");
    let mut replay = command(&["replay", "--at-once", "--rebase", "--to", &to]);
    assert!(replay.arg(&file).output().unwrap().status.success());
    assert_eq!(server.terminate().code(), Some(0));
    let copied = Command::new("cp").arg("-R").args([&data, &copy]).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(&data).unwrap();
    let server = Process::standalone(&copy);
    let truths = by_provider(&all);
    for endpoint in endpoints(&server, MODEL, all.len() as u64) {
        assert_true(&endpoint, &truths[provider(&endpoint)]);
    }
}
