//! What is shipped for containers names settings that exist, and values that they take.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sextant_tests::process::command;

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
        .map(|(name, value)| (name.to_owned(), value.trim().trim_matches('"').to_owned()))
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
