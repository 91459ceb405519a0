//! Configurations, whole and broken.

use sextant_prober::Config;
use sextant_prober::config::{Problem, SecretSource};

use crate::kit::secret;

fn problems(toml: &str) -> Vec<String> {
    let config: Config = toml::from_str(toml).unwrap();
    let wrong = config.resolve(&secret).unwrap_err();
    let line = |it: Problem| format!("{}: {}; {}", it.setting, it.what, it.advice);
    wrong.into_iter().map(line).collect()
}

#[test]
fn an_empty_text_is_the_default_and_asks_nothing() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!(config, Config::default());
    assert!(config.resolve(&secret).unwrap().is_idle());
}

#[test]
fn what_is_written_is_read_again() {
    let text = "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\nurl = \"https://h/v1\"\n\
                key = { env = \"KEY\" }\nheaders = { x-title = \"probe\" }\n\
                [[targets]]\nmodel = 7\n";
    let config: Config = toml::from_str(text).unwrap();
    let again = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<Config>(&again), Ok(config), "{again}");
}

#[test]
fn all_problems_of_all_targets_are_named_at_once() {
    let wrong = problems(
        r#"
servers = ["grpc://h:1"]
server_token = { env = "UNSET" }
[[targets]]
model = "b"
provider = "Groq"
quantization = "fp7"
url = "api.example.com"
interval_ms = 85000
timeout_ms = 0
key = { file = "/nowhere/key" }
headers = { authorization = "Bearer x", host = "y", "a b" = "c" }
[[targets]]
provider = 7
intervall_ms = 5
url = "https://h"
[[targets]]
model = "a/b"
provider = "p"
url = "http://10.0.0.1/v1"
key = { env = "KEY" }
max_tokens = 4096
tokens_per_day_max = 100
requests_per_day_max = 0
jitter_percent = 90
[[targets]]
model = "c/d"
provider = "p"
url = "http://127.0.0.1/v1"
[[targets]]
model = "c/d"
provider = "p"
url = "http://127.0.0.2/v1"
"#,
    );
    let all = wrong.join("\n");
    for named in [
        "target 1 (b at Groq): model: model must be author/slug",
        "target 1 (b at Groq): provider: provider must be",
        "target 1 (b at Groq): quantization: quantization must be one of",
        "target 1 (b at Groq): url: \"api.example.com\": it must begin with https:// or http://",
        "interval_ms: 85000 with 10 % of jitter gives fewer than 20 observations in 30 minutes, and \
         the status stays unknown",
        "timeout_ms: 0 is out of range; give 1 to 89500",
        "key: the file /nowhere/key can't be read",
        "headers: \"authorization\" may hold a secret, which must not stand here",
        "headers: \"host\" says how a message is carried",
        "headers: \"a b\" cannot be the name of a header",
        "target 2: provider: invalid type",
        "target 2: intervall_ms: unknown field `intervall_ms`",
        "target 3 (a/b at p): url: the key would go out for anyone to read",
        "tokens_per_day_max: 100 is less than one request may take",
        "requests_per_day_max: 0 asks for nothing",
        "jitter_percent: 90 is out of range",
        "target 5 (c/d at p): stands there already",
        "servers: \"grpc://h:1\": it must begin with https:// or http://",
        "server_token: the environment variable UNSET is not set",
    ] {
        assert!(all.contains(named), "{named}\n{all}");
    }
    assert_eq!(wrong.len(), 19, "{all}");
}

#[test]
fn a_missing_field_is_named() {
    let wrong = problems("[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n");
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].contains("target 1: missing field `url`"),
        "{wrong:?}"
    );
}

/// So many targets at each of these addresses.
fn targets(places: &[(&str, usize)], more: &str) -> String {
    let each = places.iter().flat_map(|(url, count)| vec![url; *count]);
    let target = |(n, url)| {
        format!("[[targets]]\nmodel = \"a/m{n}\"\nprovider = \"p\"\nurl = \"{url}\"\n{more}\n")
    };
    (0..).zip(each).map(target).collect()
}

#[test]
fn providers_that_are_all_silent_must_leave_places() {
    let config = |toml: &str| toml::from_str::<Config>(toml).unwrap();
    // By default a silent target takes half a place.
    let fit = targets(&[("https://g/v1", 64)], "");
    assert!(config(&fit).resolve(&secret).is_ok());
    for targets in [
        targets(&[("https://g/v1", 65)], ""),
        // A host among others has half of the places.
        targets(&[("https://g/v1", 34), ("https://h/v1", 1)], ""),
        targets(&[("https://g/v1", 33)], "timeout_ms = 80000"),
    ] {
        let wrong = problems(&targets);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(
            wrong[0].starts_with("in_flight_max: 32 is too little"),
            "{wrong:?}"
        );
        assert!(wrong[0].contains("would take 33;"), "{wrong:?}");
        let enough = format!("in_flight_max = 33\n{targets}");
        assert!(config(&enough).resolve(&secret).is_ok());
    }
}

#[test]
fn who_is_paid_is_not_asked_more_than_once_a_second() {
    let elsewhere = targets(&[("https://g/v1", 1)], "interval_ms = 999");
    let wrong = problems(&elsewhere);
    assert!(
        wrong[0].contains("interval_ms: 999 is out of range; give at least 1000"),
        "{wrong:?}"
    );
    let here = targets(&[("http://127.0.0.1:1/v1", 1)], "interval_ms = 9");
    assert!(problems(&here)[0].contains("give at least 10"));
    for fine in [
        elsewhere.replace("999", "1000"),
        here.replace("= 9", "= 10"),
    ] {
        let config: Config = toml::from_str(&fine).unwrap();
        assert!(config.resolve(&secret).is_ok(), "{fine}");
    }
}

#[test]
fn an_authority_that_is_none_is_refused() {
    let wrong = problems("ca_file = \"/dev/null\"\n");
    assert!(
        wrong[0].contains("/dev/null has no certificate"),
        "{wrong:?}"
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_refused_and_not_repeated() {
    const TARGET: &str = "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n";
    const AT: &str = "url = \"https://h/v1\"\n";
    let keys = [
        "\"hunter2\"",
        "[\"hunter2\"]",
        "{ hunter2 = \"x\" }",
        "{ file = \"/x\", env = \"hunter2\" }",
        "{ env = [\"hunter2\"] }",
    ];
    let misread = format!("{TARGET}{AT}key = {{ file = \"hunter2\" }}\n");
    let said = problems(&misread).join("\n");
    let is_named = said.contains("key: the file that `file` names can't be read");
    assert!(is_named && !said.contains("hunter2"), "{said}");
    let mut wrong: Vec<_> = keys
        .iter()
        .map(|key| format!("{TARGET}{AT}key = {key}\n"))
        .collect();
    for header in [
        "x-api-key = \"hunter2\"",
        "x-auth-token = \"hunter2\"",
        "x-title = { value = \"hunter2\" }",
    ] {
        wrong.push(format!("{TARGET}{AT}headers = {{ {header} }}\n"));
    }
    for url in ["https://me:hunter2@h/v1", "https://h/v1?key=hunter2"] {
        wrong.push(format!("{TARGET}url = \"{url}\"\n"));
        wrong.push(format!("servers = [\"{url}\"]\n"));
    }
    for toml in wrong {
        let said = problems(&toml).join("\n");
        assert!(!said.contains("hunter2"), "{toml}{said}");
    }
    for key in keys {
        let said = toml::from_str::<Config>(&format!("server_token = {key}\n"));
        let said = said.unwrap_err().message().to_owned();
        let advised = said.contains("{ file = \"…\" } or { env = \"…\" }");
        assert!(advised && !said.contains("hunter2"), "{key}: {said}");
    }
    let pasted = format!("{TARGET}{AT}key = {{ env = \"hunter2\" }}\n");
    let config: Config = toml::from_str(&pasted).unwrap();
    let unset = |source: &SecretSource| Err(format!("is not set, said of {source}"));
    let said = format!("{:?}", config.resolve(&unset).unwrap_err());
    assert!(
        said.contains("`env` names") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let directory = tempfile::TempDir::new().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, "hunter2\u{7f}").unwrap();
    let target = format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\nurl = \"https://h\"\nkey = {{ file = {key:?} }}\n"
    );
    let all = problems(&target).join("\n");
    assert!(
        all.contains("holds what no header can have") && !all.contains("hunter2"),
        "{all}"
    );
    std::fs::write(&key, "hunter2\n").unwrap();
    let config: Config = toml::from_str(&target).unwrap();
    let resolved = config.resolve(&secret).unwrap();
    assert!(!format!("{resolved:?}").contains("hunter2"));
}
