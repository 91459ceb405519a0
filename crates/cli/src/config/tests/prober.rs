//! What a prober is to ask, and its secrets.

use super::*;

#[test]
fn what_is_wrong_with_targets_is_named_all_at_once_and_only_to_whom_it_concerns() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "sk-0123456789\n").unwrap();
    let target = |more: &str| {
        format!(
            "[[prober.targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n\
             url = \"http://127.0.0.1:1/v1\"\n{more}\n"
        )
    };
    let good = target(&format!("key = {{ file = {key:?} }}"));
    let (_directory, settings) = load(&good, &[], Vec::new());
    let settings = settings.unwrap();
    assert!(settings.prober.is_some_and(|prober| !prober.is_idle()));
    assert_eq!(settings.config.prober.targets.len(), 1);
    let bad = format!(
        "[prober]\nin_flight_max = 0\n\n{}{}",
        target("key = { env = \"SEXTANT_TEST_NEVER_SET\" }\ninterval_ms = 120000"),
        target("kind = \"embedding\"")
    );
    insta::assert_snapshot!(problems(&bad), @r"
    sextant.toml:2: prober.in_flight_max: 0 is out of range; give a whole number from 1 to 4294967295; the default is 32
    sextant.toml:4: prober.targets: target 1 (a/b at p): key: the environment variable SEXTANT_TEST_NEVER_SET is not set; name a file or a variable that holds the secret and nothing else
    sextant.toml:4: prober.targets: target 1 (a/b at p): interval_ms: 120000 with 10 % of jitter gives fewer than 20 observations in 30 minutes, and the status stays unknown; give an interval that is with its jitter at most 89500
    sextant.toml:4: prober.targets: target 2: kind: unknown variant `embedding`, expected `chat` or `models`; correct it, or take it out
    ");
    let path = directory.path().join("sextant.toml");
    fs::write(&path, target("key = { env = \"SEXTANT_TEST_NEVER_SET\" }")).unwrap();
    let server = Engines {
        kafka: true,
        clickhouse: true,
        collectors: false,
        providers: false,
        receivers: false,
    };
    let loaded = Settings::load_for(server, Some(&path), &BTreeMap::new(), Vec::new());
    assert!(loaded.unwrap().prober.is_none());
}

#[test]
fn settings_show_where_secrets_are_kept_and_never_a_secret() {
    let directory = TempDir::new().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "sk-0123456789\n").unwrap();
    // Cargo sets it for every test.
    let (name, value) = ("CARGO_PKG_DESCRIPTION", env!("CARGO_PKG_DESCRIPTION"));
    assert!(!value.is_empty());
    let (_directory, settings) = load(
        &format!(
            "[prober]\nservers = [\"http://127.0.0.1:1\"]\nserver_token = {{ env = \"{name}\" }}\n\
             [[prober.targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n\
             url = \"http://127.0.0.1:1/v1\"\nkey = {{ file = {key:?} }}\n\
             headers = {{ x-api-key = {{ env = \"{name}\" }} }}\n"
        ),
        &[],
        Vec::new(),
    );
    let settings = settings.unwrap();
    let (table, json) = (table(&settings).render(false), json(&settings).to_string());
    assert!(json.contains(key.to_str().unwrap()) && json.contains(name));
    for shown in [table, json, format!("{:?}", settings.prober)] {
        assert!(
            !shown.contains("sk-0123456789") && !shown.contains(value),
            "{shown}"
        );
    }
}

#[test]
fn a_secret_that_stands_where_its_place_should_is_not_repeated() {
    let target = "[[prober.targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n\
                  url = \"https://h/v1\"\nkey = \"sk-0123456789\"\n";
    let file = format!("[prober]\nserver_token = \"sk-0123456789\"\n{target}");
    insta::assert_snapshot!(problems(&file), @r#"
    sextant.toml:2: prober.server_token: a secret must not stand here; say where it is kept, as { file = "…" } or { env = "…" }; give another
    sextant.toml:3: prober.targets: target 1: key: a secret must not stand here; say where it is kept, as { file = "…" } or { env = "…" }; correct it, or take it out
    "#);
    let variables = [("SEXTANT_PROBER__SERVER_TOKEN", "sk-0123456789")];
    let said = load("", &variables, Vec::new()).1.unwrap_err();
    assert!(!said.contains("sk-0123456789"), "{said}");
}
