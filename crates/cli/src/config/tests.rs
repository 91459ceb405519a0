mod fleet_files;
mod prober;

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
    assert_eq!(config.server, sextant_server::Config::default());
    assert_eq!(config.otlp, sextant_otlp::Config::default());
    assert_eq!(config.prober, sextant_prober::Config::default());
    assert_eq!(config.alerts, sextant_alerts::Config::default());
    assert_eq!(config.delivery, sextant_alerts::delivery::Config::default());
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
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
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
    insta::assert_snapshot!(loaded.unwrap_err(), @r#"
    sextant.toml:2: partitions stands in no section; did you mean log.partitions? Begin [log] above it
    sextant.toml:4: unknown section htpp; did you mean [http]?
    sextant.toml:8: http.listen: invalid socket address syntax; give one such as "127.0.0.1:8480"
    sextant.toml:9: http.conections_max: unknown setting; did you mean http.connections_max?
    sextant.toml:10: http.token_file: unknown setting; did you mean access.token_file?
    sextant.toml:13: log.partitions: 0 is out of range; give a whole number from 1 to 1024; the default is 8
    sextant.toml:14: log.retention_hours: invalid type: string "a day", expected u32; give a whole number from 2 to 8760; the default is 24
    sextant.toml:17: telemetry.format: unknown variant `jsn`, expected `compact` or `json`; did you mean "json"? It is one of compact, json; the default is "compact"
    sextant.toml:18: telemetry.filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5; give levels by target, as in "info,sextant_collector=debug"
    sextant.toml:21: store.minutes_retention_days: -1 is out of range; give a whole number from 2 to 3650; the default is 7
    sextant.toml:22: store.windows_retention_days: 4294967296 is out of range; give a whole number from 1 to 3650; the default is 30
    env SEXTANT_GRPC__CONNECTIONS_MAX: grpc.connections_max: invalid type: string "many", expected a nonzero u32; give a whole number from 1 to 4294967295; the default is 16384
    env SEXTANT_HTTP_LISTEN: is not read; call it SEXTANT_HTTP__LISTEN, with two underscores
    env SEXTANT_LOG__RETENTION: log.retention: unknown setting; did you mean SEXTANT_LOG__RETENTION_HOURS?
    env SEXTANT_STANDALONE__DATA_DIR: standalone.data_dir: /dev/null is not a directory; name a directory
    flag --grpc: grpc.listen: 0.0.0.0:4 is not loopback, and there is no token file; set access.token_file, listen on 127.0.0.1, or let everyone in with --insecure
    "#);
}

#[test]
fn mistakes_of_syntax_leave_the_rest_to_be_checked() {
    let text = problems("[http\nlisten = 5\n\n[log]\npartitions = = 4\nretention_hours = 1\n");
    insta::assert_snapshot!(text, @r#"
    sextant.toml:1: not valid TOML: unclosed table, expected `]`; correct the syntax
    sextant.toml:5: not valid TOML: extra `=`, expected nothing; correct the syntax
    sextant.toml:5: not valid TOML: unexpected key or value, expected newline, `#`; correct the syntax
    sextant.toml:6: log.retention_hours: 1 is out of range; give a whole number from 2 to 8760; the default is 24
    "#);
}

#[test]
fn a_section_is_not_a_value_and_a_value_no_section() {
    let text = problems("http = 5\nverbose = true\n[log.partitions]\nx = 1\n");
    insta::assert_snapshot!(text, @r#"
    sextant.toml:1: http is a section, not a value; begin it with [http]
    sextant.toml:2: verbose stands in no section; begin a section above it, as [http]
    sextant.toml:3: log.partitions: invalid type: map, expected u32; give a whole number from 1 to 1024; the default is 8
    "#);
}

#[test]
fn an_address_for_others_needs_tokens_or_consent() {
    let file = "[http]\nlisten = \"0.0.0.0:80\"\n[grpc]\nlisten = \"[::]:81\"\n";
    insta::assert_snapshot!(problems(file), @r#"
    sextant.toml:2: http.listen: 0.0.0.0:80 is not loopback, and there is no token file; set access.token_file, listen on 127.0.0.1, or let everyone in with --insecure
    sextant.toml:4: grpc.listen: [::]:81 is not loopback, and there is no token file; set access.token_file, listen on 127.0.0.1, or let everyone in with --insecure
    "#);
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
                [access]\ntoken_file = \"/none\"\ninsecure = true\n\
                [collector]\nrecord_bytes_max = 2000000\n\
                [otlp]\nmessage_bytes_max = 100000000\n";
    insta::assert_snapshot!(problems(file), @r#"
    sextant.toml:4: grpc.listen: 127.0.0.1:80 takes the port of http.listen, 127.0.0.1:80; give each a port of its own
    sextant.toml:6: access.token_file: /none can't be read: No such file or directory (os error 2); name a file that this process can read
    sextant.toml:7: access.insecure: everyone is let in, and access.token_file says who may come; set one of them
    sextant.toml:9: collector.record_bytes_max: 2000000 is more than the log takes; give at most 1048576
    sextant.toml:11: otlp.message_bytes_max: 100000000 is more than half of collector.body_bytes_max; give at most 67108864
    "#);
}

#[test]
fn settings_under_which_the_process_could_not_work_are_refused() {
    let file = "[collector]\nbody_bytes_max = 1000\nin_flight_bytes_max = 1\n\
                [server]\npublish_interval_ms = 4000\ntick_age_ms_max = 7999\nheartbeat_ms = 5001\n\
                operations = [\"summarize\", \"\"]\n\
                [aggregator]\nregions_max = 257\n\
                [otlp]\nmodels = { \"gpt-4o\" = \"gpt-4o\" }\n\
                [telemetry]\nfilter = \"infoo,sextant_collector=debug\"\n";
    insta::assert_snapshot!(problems(file), @r#"
    sextant.toml:2: collector.body_bytes_max: 1000 is less than two messages of message_bytes_max; give at least 8388608
    sextant.toml:3: collector.in_flight_bytes_max: 1 is less than two messages of message_bytes_max; give at least 8388608
    sextant.toml:6: server.tick_age_ms_max: 7999 is less than two turns of the slowest loop; give at least 8000
    sextant.toml:7: server.heartbeat_ms: 5001 is out of range; give a whole number from 1 to 4900; the default is 4000
    sextant.toml:8: server.operations: "" cannot name an operation; give 1 to 128 bytes without control characters
    sextant.toml:10: aggregator.regions_max: 257 is out of range; give a whole number from 1 to 256; the default is 64
    sextant.toml:12: otlp.models: "gpt-4o": model must be author/slug, each of letters, digits, '.', '_', '-' or ':', at most 128 bytes in all; give another; the default is {}
    sextant.toml:14: telemetry.filter: "infoo" is not a level; give off, error, warn, info, debug or trace, or target=level
    "#);
    for filter in [
        "off",
        "WARN",
        "info,sextant_collector=debug",
        "sextant_collector",
        "h2=off,info",
        "info,[span{field}]=debug",
    ] {
        let file = format!("[telemetry]\nfilter = \"{filter}\"\n");
        assert!(load(&file, &[], Vec::new()).1.is_ok(), "{filter}");
    }
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
    insta::assert_snapshot!(text, @r#"
    catalog:1: catalog.file: providers.a.name: missing; add name = "Its Display Name"
    catalog:2: catalog.file: providers.a.nam: unknown key; did you mean "name"?
    tokens:2: access.token_file: the token has 5 characters, not 16 to 256; take a random one, as `openssl rand -hex 32` makes
    tokens:3: access.token_file: the second word holds what is not a class; the classes are report, read and admin
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem() {
    let missing = Path::new("/none/sextant.toml");
    let problems = Settings::load(Some(missing), &BTreeMap::new(), Vec::new()).unwrap_err();
    insta::assert_snapshot!(problems.to_string(), @r#"
    /none/sextant.toml: can't be read: No such file or directory (os error 2); name a file that can be read with --config or SEXTANT_CONFIG
    "#);
    let (directory, _) = load("", &[], Vec::new());
    let path = directory.path().join("sextant.toml");
    for content in [b"\xff".to_vec(), vec![b'#'; 300_000]] {
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
    let many: Vec<_> = (0..5_000).map(|n| format!("unknown_{n} = 1")).collect();
    let text = problems(&many.join("\n"));
    assert_eq!(text.lines().count(), 101);
    assert!(text.ends_with("and 4900 more"), "{text}");
}

#[test]
fn settings_are_shown_with_their_sources() {
    let flags = vec![flag("--http", "http.listen", "127.0.0.1:0")];
    let settings = Settings::load(None, &BTreeMap::new(), flags).unwrap();
    let text = table(&settings).render(false);
    let words = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words("access.insecure"), ["false", "default"]);
    assert_eq!(words("access.token_file"), ["—", "default"]);
    assert_eq!(words("http.listen"), ["\"127.0.0.1:0\"", "flag", "--http"]);
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
    assert!(schema.get("required").is_none());
    for section in schema["properties"].as_object().unwrap().values() {
        assert!(section.get("required").is_none(), "{section}");
    }
}

#[test]
fn what_cannot_reach_kafka_or_clickhouse_is_named() {
    let said = problems(
        "[kafka]\nbrokers = \"one:9092,two\"\nsecurity = \"sasl_tls\"\nkey_file = \"k\"\n\
         [clickhouse]\nurl = \"ftp://h\"\ndatabase = \"a-b\"\n",
    );
    for named in [
        "kafka.brokers: \"two\" is not a host and a port",
        "kafka.sasl_username: is missing",
        "kafka.certificate_file: is missing",
        "clickhouse.url: \"ftp://h\" does not begin with http",
        "clickhouse.database: must be",
    ] {
        assert!(said.contains(named), "{named}: {said}");
    }
}
