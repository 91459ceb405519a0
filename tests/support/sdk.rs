//! What OpenRouter's SDKs make of a server's answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sextant_testbed::sdk::Sdk;

use crate::process::Process;

/// Keys of an endpoint that are in one SDK's schema and not in the other's, which drops them.
const PYTHON_ONLY: [&str; 3] = ["native_tools", "service_tier", "supports_diarization"];

/// Asks for the endpoints of models, and gives what the SDK says of each: `parsed`, or an `error`.
/// An empty key is none.
pub fn ask(sdk: Sdk, server: &Process, key: &str, models: &[&str]) -> Vec<Value> {
    let mut script = sdk.script().unwrap_or_else(|error| panic!("{error:#}"));
    script.arg(format!("{}/api/v1", server.http)).arg(key);
    // Neither a key of the user's own nor a proxy between.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OPENROUTER_")) {
        script.env_remove(name);
    }
    script.env("NO_PROXY", "*").env("no_proxy", "*");
    let output = script.args(models).output();
    let output = output.unwrap_or_else(|error| panic!("{script:?}: {error}"));
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let said: Vec<_> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said.len(), models.len(), "{printed}{complained}");
    said
}

/// What the SDK read, of what it says.
pub fn parsed(said: &Value) -> &Value {
    let error = &said["error"];
    assert!(error.is_null(), "{}: {}", error["name"], error["text"]);
    &said["parsed"]
}

/// What the SDK must have made of the answer: all of OpenRouter's shape, by its own names.
pub fn as_parsed(sdk: Sdk, answer: &Value) -> Value {
    let mut data = answer["data"].clone();
    for endpoint in data["endpoints"].as_array_mut().unwrap() {
        let endpoint = endpoint.as_object_mut().unwrap();
        // Ours, which no SDK knows.
        assert!(endpoint.remove("sextant").is_some());
        add_defaults(sdk, endpoint);
        if sdk == Sdk::JavaScript {
            for key in PYTHON_ONLY {
                assert!(endpoint.remove(key).is_some(), "{key} is required");
            }
        }
    }
    let data = if sdk == Sdk::JavaScript {
        in_camel_case(data)
    } else {
        data
    };
    plain(Map::from_iter([("data".to_owned(), data)]).into())
}

/// The same value with every number as a float: JavaScript prints 100.0 as 100.
pub fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(all) => all.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let plain = fields.into_iter().map(|(key, value)| (key, plain(value)));
            plain.collect()
        }
        other => other,
    }
}

/// What an SDK puts where an answer leaves out an optional key.
fn add_defaults(sdk: Sdk, endpoint: &mut Map<String, Value>) {
    let keys: &[&str] = match sdk {
        Sdk::JavaScript => &["supports_voice_cloning"],
        Sdk::Python => &[
            "supports_image_reference",
            "supports_multiple_audio_references",
            "supports_voice_cloning",
        ],
    };
    for key in keys {
        endpoint.entry(*key).or_insert(false.into());
    }
}

/// `uptime_last_30m` is `uptimeLast30m` there.
fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Array(all) => all.into_iter().map(in_camel_case).collect(),
        Value::Object(fields) => {
            let renamed: BTreeMap<_, _> = fields
                .into_iter()
                .map(|(key, value)| (camel_case(&key), in_camel_case(value)))
                .collect();
            renamed.into_iter().collect()
        }
        other => other,
    }
}

fn camel_case(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_uppercase() + rest
    })
}
