use std::fs;

use tempfile::TempDir;

use super::*;

/// What comes of a file, variables and flags, the file being shown as `FILE`.
fn load(
    file: &str,
    variables: &[(&str, &str)],
    flags: Vec<Flag>,
) -> (TempDir, Result<Settings, String>) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sextant.toml");
    fs::write(&path, file).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let loaded = Settings::load(Some(&path), &variables, flags);
    let shown = |problems: Problems| {
        let folder = format!("{}/", directory.path().display());
        problems.to_string().replace(&folder, "")
    };
    let loaded = loaded.map_err(shown);
    (directory, loaded)
}

fn flag(name: &'static str, key: &'static str, value: impl Into<toml::Value>) -> Flag {
    let value = value.into();
    Flag { name, key, value }
}

fn problems(file: &str) -> String {
    load(file, &[], Vec::new()).1.unwrap_err()
}

fn source(settings: &Settings, key: &str) -> String {
    let mut all = settings.all().iter();
    let setting = all.find(|setting| setting.key.to_string() == key).unwrap();
    setting.source.to_string()
}

#[test]
fn the_defaults_have_no_problem() {
    let settings = Settings::load(None, &BTreeMap::new(), Vec::new()).unwrap();
    assert_eq!(settings.config.log.partitions, 8);
    assert!(matches!(settings.access, Access::Open));
    assert!(settings.catalog.models().len() > 0);
    assert!(settings.all().iter().all(|it| it.source == Source::Default));
}

#[test]
fn the_stages_have_the_same_defaults_in_code() {
    let config = Settings::load(None, &BTreeMap::new(), Vec::new())
        .unwrap()
        .config;
    assert_eq!(config.collector, sextant_collector::Config::default());
    assert_eq!(
        config.aggregator,
        sextant_aggregator::AggregatorConfig::default()
    );
}

#[test]
fn every_setting_stands_in_the_defaults_under_a_comment() {
    let text = include_str!("../defaults.toml");
    let mut section = "";
    let mut above = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let commented = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((name, _)) = commented.split_once(" = ")
            && !section.is_empty()
        {
            assert!(above.starts_with("# "), "{section}.{name} has no comment");
            found.push(Key::new(section, name));
        }
        above = line;
    }
    found.sort();
    let all: Vec<_> = Keys::of_config().names().cloned().collect();
    assert_eq!(found, all);
}

#[test]
fn each_layer_goes_over_the_one_before_and_says_so() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\n\n[grpc]\nlisten = \"127.0.0.1:2\"\n\
                [log]\npartitions = 4\n";
    let variables = [
        ("SEXTANT_GRPC__LISTEN", "127.0.0.1:3"),
        ("SEXTANT_LOG__PARTITIONS", "16"),
        ("SEXTANT_ACCESS__INSECURE", "true"),
        ("SEXTANT_SERVICE_HOST", "10.0.0.1"),
    ];
    let flags = vec![flag("--grpc", "grpc.listen", "127.0.0.1:4")];
    let (_directory, settings) = load(file, &variables, flags);
    let settings = settings.unwrap();
    let config = &settings.config;
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.grpc.listen.to_string(), "127.0.0.1:4");
    assert_eq!(config.log.partitions, 16);
    assert!(config.access.insecure);
    assert!(source(&settings, "http.listen").ends_with("sextant.toml:2"));
    assert_eq!(source(&settings, "grpc.listen"), "flag --grpc");
    assert_eq!(
        source(&settings, "log.partitions"),
        "env SEXTANT_LOG__PARTITIONS"
    );
    assert_eq!(source(&settings, "log.retention_hours"), "default");
}

#[test]
fn all_problems_of_all_layers_are_named_at_once() {
    let file = r#"
partitions = 4

[htpp]
listen = "127.0.0.1:1"

[http]
listen = "localhost"
conections_max = 5
token_file = "x"

[log]
partitions = 0
retention_hours = "a day"

[telemetry]
format = "jsn"
filter = "sextant=loud"

[store]
minutes_retention_days = -1
windows_retention_days = 4294967296
"#;
    let variables = [
        ("SEXTANT_LOG__RETENTION", "5"),
        ("SEXTANT_GRPC__CONNECTIONS_MAX", "many"),
        ("SEXTANT_HTTP_LISTEN", "127.0.0.1:1"),
        ("SEXTANT_STANDALONE__DATA_DIR", "/dev/null"),
    ];
    let flags = vec![flag("--grpc", "grpc.listen", "0.0.0.0:4")];
    let (_directory, loaded) = load(file, &variables, flags);
    insta::assert_snapshot!(loaded.unwrap_err(), @"");
}

#[test]
fn mistakes_of_syntax_leave_the_rest_to_be_checked() {
    let text = problems("[http\nlisten = 5\n\n[log]\npartitions = = 4\nretention_hours = 1\n");
    insta::assert_snapshot!(text, @"");
}

#[test]
fn a_section_is_not_a_value_and_a_value_no_section() {
    let text = problems("http = 5\nverbose = true\n[log.partitions]\nx = 1\n");
    insta::assert_snapshot!(text, @"");
}

#[test]
fn an_address_for_others_needs_tokens_or_consent() {
    let file = "[http]\nlisten = \"0.0.0.0:80\"\n[grpc]\nlisten = \"[::]:81\"\n";
    insta::assert_snapshot!(problems(file), @"");
    let consent = format!("{file}[access]\ninsecure = true\n");
    assert!(load(&consent, &[], Vec::new()).1.is_ok());
    let directory = TempDir::new().unwrap();
    let tokens = directory.path().join("tokens");
    fs::write(&tokens, "0123456789abcdef read x\n").unwrap();
    let with_tokens = format!("{file}[access]\ntoken_file = {tokens:?}\n");
    let (_directory, settings) = load(&with_tokens, &[], Vec::new());
    assert!(matches!(settings.unwrap().access, Access::Tokens(_)));
    for loopback in [
        "127.0.0.1:0",
        "127.9.9.9:0",
        "[::1]:0",
        "[::ffff:127.0.0.1]:0",
    ] {
        let file = format!("[http]\nlisten = \"{loopback}\"\n");
        assert!(load(&file, &[], Vec::new()).1.is_ok(), "{loopback}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let file = "[http]\nlisten = \"127.0.0.1:80\"\n[grpc]\nlisten = \"127.0.0.1:80\"\n\
                [access]\ntoken_file = \"/none\"\ninsecure = true\n";
    insta::assert_snapshot!(problems(file), @"");
}

#[test]
fn what_is_wrong_in_a_file_that_is_named_is_named_with_it() {
    let directory = TempDir::new().unwrap();
    let (tokens, catalog) = (
        directory.path().join("tokens"),
        directory.path().join("catalog"),
    );
    fs::write(&tokens, "# tokens\nshort read x\n0123456789abcdef all y\n").unwrap();
    fs::write(&catalog, "[providers.a]\nnam = \"A\"\n").unwrap();
    let file = format!("[access]\ntoken_file = {tokens:?}\n[catalog]\nfile = {catalog:?}\n");
    let folder = format!("{}/", directory.path().display());
    let text = problems(&file).replace(&folder, "");
    insta::assert_snapshot!(text, @"");
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem() {
    let missing = Path::new("/none/sextant.toml");
    let problems = Settings::load(Some(missing), &BTreeMap::new(), Vec::new()).unwrap_err();
    insta::assert_snapshot!(problems.to_string(), @"");
    let (directory, _) = load("", &[], Vec::new());
    let path = directory.path().join("sextant.toml");
    for content in [&b"\xff"[..], &[b'#'; 300_000]] {
        fs::write(&path, content).unwrap();
        let problems = Settings::load(Some(&path), &BTreeMap::new(), Vec::new()).unwrap_err();
        assert_eq!(problems.listed().len(), 1);
    }
}

#[test]
fn a_problem_stays_on_its_line_and_is_not_endless() {
    let text = problems(&format!(
        "[http]\nlisten = \"a\\nb\\u001b{}\"\n",
        "x".repeat(5_000)
    ));
    assert_eq!(text.lines().count(), 1, "{text}");
    let many: String = (0..5_000).map(|n| format!("unknown_{n} = 1\n")).collect();
    let text = problems(&many);
    assert_eq!(text.lines().count(), 101);
    assert!(text.ends_with("and 4900 more"), "{text}");
}

#[test]
fn settings_are_shown_with_their_sources() {
    let flags = vec![flag("--http", "http.listen", "127.0.0.1:0")];
    let settings = Settings::load(None, &BTreeMap::new(), flags).unwrap();
    let text = table(&settings).render(false);
    for line in [
        "access.insecure               false              default",
        "access.token_file             —                  default",
        "http.listen                   \"127.0.0.1:0\"      flag --http",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let json = json(&settings);
    assert_eq!(json["http"]["listen"]["value"], "127.0.0.1:0");
    assert_eq!(json["http"]["listen"]["source"], "flag --http");
    assert!(json["access"]["token_file"]["value"].is_null());
}

#[test]
fn the_schema_has_the_defaults_and_requires_nothing() {
    let schema = schema();
    let http = &schema["properties"]["http"];
    assert_eq!(http["properties"]["listen"]["default"], "127.0.0.1:8480");
    assert_eq!(http["additionalProperties"], false);
    let partitions = &schema["properties"]["log"]["properties"]["partitions"];
    assert_eq!(
        (&partitions["minimum"], &partitions["maximum"]),
        (&1.into(), &1_024.into())
    );
    assert!(!schema.to_string().contains("\"required\""));
}
