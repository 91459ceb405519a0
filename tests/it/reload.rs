//! SIGHUP: the settings are read again while the process runs.

use std::fs;
use std::path::Path;

use sextant_tests::process::{Process, eventually};

const EMPTY: &str = "# No models.\n";
const ONE: &str = r#"
[providers.p]
name = "P"

[[models]]
id = "a/b"
name = "A: B"
context_length = 1000

[[models.endpoints]]
provider = "p"
quantization = "fp8"
"#;

/// Writes a configuration that names a catalog of this text.
fn write(folder: &Path, catalog: &str) {
    let path = folder.join("catalog.toml");
    fs::write(&path, catalog).unwrap();
    let text = format!("[catalog]\nfile = {:?}\n", path.to_str().unwrap());
    fs::write(folder.join("sextant.toml"), text).unwrap();
}

fn start(folder: &Path) -> Process {
    let config = folder.join("sextant.toml");
    Process::standalone_with(
        &folder.join("data"),
        &["--config", config.to_str().unwrap()],
    )
}

fn models(server: &Process) -> usize {
    server.get("/api/v1/models")["data"]
        .as_array()
        .unwrap()
        .len()
}

/// How often the settings were read again with this outcome, as who shows the token sees it.
fn readings(server: &Process, token: &str, outcome: &str) -> u64 {
    let name = format!("sextant_settings_readings_total{{outcome=\"{outcome}\"}} ");
    let (_, metrics) = server.request_as(token, "/metrics");
    let mut lines = metrics.as_str().unwrap().lines();
    let value = lines.find_map(|line| line.strip_prefix(&name));
    value.unwrap().parse().unwrap()
}

/// Has the settings read again, and waits until they have been, so often with this outcome.
fn reload(server: &Process, token: &str, outcome: &str, times: u64) {
    server.signal("-HUP");
    eventually("the settings to be read", || {
        (readings(server, token, outcome) == times).then_some(())
    });
}

/// Fault matrix row 21, on reload.
#[test]
fn a_good_catalog_comes_into_force_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), EMPTY);
    let server = start(folder.path());
    assert_eq!(models(&server), 0);

    write(folder.path(), ONE);
    reload(&server, "", "taken", 1);
    eventually("the model to be there", || {
        (models(&server) == 1).then_some(())
    });

    write(folder.path(), &ONE.replace("\"fp8\"", "\"fp9\""));
    reload(&server, "", "refused", 1);
    fs::remove_file(folder.path().join("catalog.toml")).unwrap();
    reload(&server, "", "refused", 2);
    assert_eq!(models(&server), 1);
    assert_eq!(readings(&server, "", "taken"), 1);
}

#[test]
fn tokens_that_are_replaced_hold_from_the_next_request_on() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = ("one-0123456789abcdef", "other-0123456789abcdef");
    let tokens = folder.path().join("tokens");
    let config = folder.path().join("sextant.toml");
    fs::write(&config, format!("[access]\ntoken_file = {tokens:?}\n")).unwrap();
    fs::write(&tokens, format!("{one} read gateway\n")).unwrap();
    let server = start(folder.path());
    let statuses = || [one, other].map(|token| server.request_as(token, "/api/v1/models").0);
    assert_eq!(statuses(), [200, 401]);

    fs::write(&tokens, format!("{other} read gateway\n")).unwrap();
    server.signal("-HUP");
    eventually("the tokens to change", || {
        (statuses() == [401, 200]).then_some(())
    });

    // With no token in it nobody could come any more.
    fs::write(&tokens, "").unwrap();
    reload(&server, other, "refused", 1);
    // And without the file everybody could, on whatever address the process listens.
    fs::write(&config, "[access]\n").unwrap();
    reload(&server, other, "taken", 2);
    assert_eq!(statuses(), [401, 200]);
}
