//! Configurations, whole and broken.

use sextant_alerts::delivery::Config;
use sextant_alerts::delivery::config::Problem;

use crate::desk::secret;

const BROKEN: &str = r#"
resend_s = 0
timeout_ms = 60001
page_url = "sextant.example.com"
labels = { alertname = "x", "a-b" = "x", team = "" }
[[alertmanagers]]
url = "alertmanager:9093/secret"
[[alertmanagers]]
url = "http://a:9093"
user = "me"
[[alertmanagers]]
url = "http://a:9093/api/v2"
token = { env = "UNSET" }
[[webhooks]]
name = "log"
url = "https://hooks.example.com/hook?key=secret"
secret = { env = "UNSIGNED" }
[[webhooks]]
name = "On Call"
url = "http://hooks.example.com/secret"
secret = { file = "/nowhere/secret" }
severities = ["warning"]
kinds = ["uptime", "errors"]
[[webhooks]]
name = "On Call"
url = "http://10.0.0.7:8080/secret"
secret = { env = "SIGNS" }"#;

fn problems(toml: &str) -> Vec<String> {
    let config: Config = toml::from_str(toml).unwrap();
    let wrong = config.resolve(&secret).unwrap_err();
    let line = |it: Problem| format!("{}: {}; {}", it.setting, it.what, it.advice);
    wrong.into_iter().map(line).collect()
}

#[test]
fn an_empty_text_is_the_default_and_tells_the_log() {
    let config: Config = toml::from_str("").unwrap();
    assert_eq!(config, Config::default());
    let receivers = config.resolve(&secret).unwrap();
    assert_eq!(receivers.names().collect::<Vec<_>>(), ["log"]);
}

#[test]
fn what_is_written_is_read_again() {
    let text = "log = false\nlabels = { team = \"ml\" }\npage_url = \"https://s.example.com\"\n\
                [[alertmanagers]]\nurl = \"http://a:9093\"\ntoken = { env = \"TOKEN\" }\n\
                [[alertmanagers]]\nurl = \"http://b:9093/x/api/v2/alerts\"\nuser = \"u\"\n\
                password = { env = \"PASSWORD\" }\n\
                [[webhooks]]\nname = \"oncall\"\nurl = \"https://hooks.example.com/T0/\"\n\
                secret = { env = \"SIGNS\" }\nkinds = [\"no_data\"]\nseverities = [\"page\"]\n";
    let config: Config = toml::from_str(text).unwrap();
    let again = toml::to_string(&config).unwrap();
    assert_eq!(
        toml::from_str::<Config>(&again),
        Ok(config.clone()),
        "{again}"
    );
    let receivers = config.resolve(&secret).unwrap();
    let names: Vec<_> = receivers.names().collect();
    assert_eq!(
        names,
        ["alertmanager@a:9093", "alertmanager@b:9093", "oncall"]
    );
}

#[test]
fn all_problems_of_all_receivers_are_named_at_once_without_a_secret() {
    let wrong = problems(BROKEN);
    let settings = [
        "resend_s",
        "timeout_ms",
        "page_url",
        "labels",
        "labels",
        "labels",
        "alertmanagers[0].url",
        "alertmanagers[1]",
        "alertmanagers[2].token",
        "alertmanagers[2].url",
        "webhooks[0].name",
        "webhooks[0].secret",
        "webhooks[0].url",
        "webhooks[1].name",
        "webhooks[1].severities",
        "webhooks[1].kinds",
        "webhooks[1].secret",
        "webhooks[1].url",
        "webhooks[2].name",
        "webhooks[2].name",
        "webhooks[2].url",
    ];
    let named: Vec<_> = wrong
        .iter()
        .map(|it| it.split(": ").next().unwrap())
        .collect();
    assert_eq!(named, settings, "{wrong:#?}");
    let shown = wrong.join("\n");
    for kept in [
        "secret-of",
        ":9093/secret",
        "key=secret",
        "com/secret",
        "8080/secret",
    ] {
        assert!(!shown.contains(kept), "{kept} in {shown}");
    }
    let private = "webhooks[2].url: 10.0.0.7 is no public address; set allow_private = true, if it \
                   is meant to be there";
    assert_eq!(wrong.last().unwrap(), private);
}

#[test]
fn what_is_unknown_or_a_secret_itself_is_refused() {
    let error = |toml: &str| toml::from_str::<Config>(toml).unwrap_err().to_string();
    assert!(error("resend = 5").contains("unknown field `resend`"));
    let hook = "[[webhooks]]\nname = \"h\"\nurl = \"https://h/\"\nsecret = \"whsec_abcdef\"\n";
    // What the parser shows beside it is the line that it stands in.
    let message = toml::from_str::<Config>(hook)
        .unwrap_err()
        .message()
        .to_owned();
    assert!(message.contains("say where it is kept"), "{message}");
    assert!(!message.contains("whsec_abcdef"), "{message}");
}

#[test]
fn more_receivers_than_are_told_are_refused() {
    let one = |n: u32| format!("[[alertmanagers]]\nurl = \"http://a{n}:9093\"\n");
    assert_eq!(
        problems(&(0..17).map(one).collect::<String>()),
        ["alertmanagers: 17 are more than 16; leave some out"]
    );
}
