//! OpenRouter's SDKs, as its users have them, against a running server.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sextant_measure::time::Timestamp;
use sextant_testbed::sdk::Sdk;
use sextant_tests::page::{endpoints, provider};
use sextant_tests::process::{Process, eventually};
use sextant_tests::sdk::{as_parsed, ask, parsed, plain};
use sextant_tests::truth::{Truth, by_provider, nearest_rank};
use sextant_wire::json::{parse as observations, rfc3339};

const LISTED: &str = "example/model-70b";
/// Seen in traffic, and in no catalog.
const UNLISTED: &str = "example/unlisted:free";
const TOKEN: &str = "sdk-0123456789abcdef";

const CATALOG: &str = r#"
[providers.groq]
name = "Groq"
[providers.deepinfra]
name = "DeepInfra"
[providers.probed]
name = "Nobody's GPUs"
[providers.quiet]
name = "Quiet"

[[models]]
id = "example/model-70b"
name = "Example: Model 70B"
description = "A model for tests."
created = 2025-04-05
context_length = 131_072
[models.architecture]
input_modalities = ["text", "image"]
tokenizer = "Llama4"
instruct_type = "llama3"

[[models.endpoints]]
provider = "groq"
quantization = "fp8"
price = { input = "0.08", output = "0.30" }
context_length = 65_536
max_completion_tokens = 8_192
max_prompt_tokens = 60_000
supported_parameters = ["temperature", "tools"]
[[models.endpoints]]
provider = "deepinfra"
quantization = "bf16"
price = { input = "0.18", output = "0.59" }
[[models.endpoints]]
provider = "probed"
quantization = "unknown"
price = { input = "0.2", output = "0.6" }
[[models.endpoints]]
provider = "quiet"
quantization = "int4"
"#;

/// What is fed of an endpoint, and what must come of it.
struct Fed {
    model: &'static str,
    provider: &'static str,
    quantization: &'static str,
    source: &'static str,
    ok: u32,
    timeouts: u32,
    rate_limited: u32,
    uptime: Option<f64>,
}

const fn fed(model: &'static str, provider: &'static str, quantization: &'static str) -> Fed {
    Fed {
        model,
        provider,
        quantization,
        source: "live",
        ok: 0,
        timeouts: 0,
        rate_limited: 0,
        uptime: None,
    }
}

/// Every state that an endpoint of the shape can be in.
const FED: [Fed; 6] = [
    Fed {
        ok: 117,
        timeouts: 3,
        rate_limited: 30,
        uptime: Some(97.5),
        ..fed(LISTED, "groq", "fp8")
    },
    Fed {
        ok: 520,
        uptime: Some(100.0),
        ..fed(LISTED, "deepinfra", "bf16")
    },
    Fed {
        source: "probe",
        ok: 30,
        timeouts: 10,
        uptime: Some(75.0),
        ..fed(LISTED, "probed", "unknown")
    },
    fed(LISTED, "quiet", "int4"),
    Fed {
        ok: 5,
        ..fed(LISTED, "newcomer", "mxfp4")
    },
    Fed {
        ok: 25,
        uptime: Some(100.0),
        ..fed(UNLISTED, "elsewhere", "unknown")
    },
];

#[test]
fn the_typescript_sdk_reads_an_endpoint_in_whatever_state_it_is() {
    reads_every_state(Sdk::JavaScript);
}

#[test]
fn the_python_sdk_reads_an_endpoint_in_whatever_state_it_is() {
    reads_every_state(Sdk::Python);
}

#[test]
fn the_typescript_sdk_knows_a_refusal_and_shows_a_token_as_its_key() {
    knows_a_refusal(Sdk::JavaScript);
}

#[test]
fn the_python_sdk_knows_a_refusal_and_shows_a_token_as_its_key() {
    knows_a_refusal(Sdk::Python);
}

fn reads_every_state(sdk: Sdk) {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "");
    let lines = lines();
    let fed = observations(lines.as_bytes(), usize::MAX).unwrap();
    let fed: Vec<_> = fed.observations.into_iter().map(Result::unwrap).collect();
    let (status, answer) = server.post("/api/v1/observations", &[], &lines);
    assert_eq!((status, &answer["rejected"]), (200, &json!([])), "{answer}");
    let truths = by_provider(&fed);

    let models = [LISTED, UNLISTED];
    let answers = models.map(|model| settled(&server, model));
    for (said, answer) in ask(sdk, &server, "", &models).into_iter().zip(&answers) {
        assert_eq!(plain(parsed(&said).clone()), as_parsed(sdk, answer));
    }

    let [listed, unlisted] = answers.map(|mut answer| answer["data"].take());
    assert_models(&listed, &unlisted);
    let shown = [&listed, &unlisted].map(|model| model["endpoints"].as_array().unwrap().clone());
    let shown = shown.concat();
    assert_eq!(shown.len(), FED.len());
    let measured = truths.values().filter(|truth| truth.ttft_ms.len() >= 100);
    let counts: Vec<_> = measured.map(|truth| truth.ttft_ms.len()).collect();
    assert_eq!(
        counts,
        [520, 117],
        "below and above what p99 takes elsewhere"
    );
    for fed in &FED {
        let found = shown.iter().find(|shown| provider(shown) == fed.provider);
        assert_endpoint(found.unwrap(), fed, truths.get(fed.provider));
    }
}

/// The SDKs have a type of their own for what is not found, but not as problem+json: what they
/// raise for any status has it with its text.
fn knows_a_refusal(sdk: Sdk) {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, format!("{TOKEN} read gateway\n")).unwrap();
    let access = format!("[access]\ntoken_file = {:?}\n", tokens.to_str().unwrap());
    let server = start(folder.path(), &access);

    let said = ask(sdk, &server, TOKEN, &[LISTED, "example/model-7b"]);
    assert_eq!(parsed(&said[0])["data"]["id"], LISTED);
    let detail = |said: &Value, status: u16| {
        let error = &said["error"];
        assert_eq!(error["name"], "OpenRouterDefaultError", "{said}");
        assert_eq!(error["status"], status, "{said}");
        let body: Value = serde_json::from_str(error["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["status"], status, "{said}");
        body
    };
    assert_eq!(detail(&said[1], 404)["nearest"], json!([LISTED]));
    detail(&ask(sdk, &server, "", &[LISTED])[0], 401);
}

/// A server with the catalog and more settings.
fn start(folder: &Path, settings: &str) -> Process {
    let (catalog, config) = (folder.join("catalog.toml"), folder.join("sextant.toml"));
    fs::write(&catalog, CATALOG).unwrap();
    let catalog = catalog.to_str().unwrap();
    let text = format!("[catalog]\nfile = {catalog:?}\n{settings}");
    fs::write(&config, text).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    Process::standalone_with(&folder.join("data"), &arguments)
}

/// What is fed, over the last minute; no two good answers are alike.
fn lines() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_micros()).unwrap();
    let mut lines = Vec::new();
    for fed in &FED {
        let outcomes = [
            ("ok", fed.ok),
            ("timeout", fed.timeouts),
            ("rate_limited", fed.rate_limited),
        ];
        for (outcome, times) in outcomes {
            for k in 0..times {
                let at = Timestamp::from_micros(now - i64::from(k % 60) * 1_000_000);
                let mut line = json!({
                    "model": fed.model, "provider": fed.provider, "source": fed.source,
                    "quantization": fed.quantization, "completed_at": rfc3339(at),
                    "outcome": outcome, "duration_ms": 2_000 + k,
                });
                if outcome == "ok" {
                    line["ttft_ms"] = json!(150.5 + f64::from(k));
                    line["output_tokens"] = json!(100 + 2 * k);
                }
                lines.push(line.to_string());
            }
        }
    }
    lines.join("\n")
}

/// The answer, once it holds all that was fed of the model.
fn settled(server: &Process, model: &str) -> Value {
    let fed = FED.iter().filter(|fed| fed.model == model);
    let total: u32 = fed
        .map(|fed| fed.ok + fed.timeouts + fed.rate_limited)
        .sum();
    endpoints(server, model, total.into());
    eventually("the uptime of a day", || {
        let answer = server.get(&format!("/api/v1/models/{model}/endpoints"));
        let shown = answer["data"]["endpoints"].as_array().unwrap();
        let is_settled = |shown: &Value| shown["uptime_last_1d"] == shown["uptime_last_30m"];
        shown.iter().all(is_settled).then_some(answer)
    })
}

fn assert_models(listed: &Value, unlisted: &Value) {
    let about = |model: &Value| {
        let mut about = model.clone();
        about.as_object_mut().unwrap().remove("endpoints");
        about
    };
    let wanted = json!({
        "id": LISTED, "name": "Example: Model 70B", "created": 1_743_811_200,
        "description": "A model for tests.",
        "architecture": {"modality": "text+image->text", "input_modalities": ["text", "image"],
            "output_modalities": ["text"], "instruct_type": "llama3", "tokenizer": "Llama4"}});
    assert_eq!(about(listed), wanted);
    let wanted = json!({
        "id": UNLISTED, "name": UNLISTED, "created": 0, "description": "",
        "architecture": {"modality": "text->text", "input_modalities": ["text"],
            "output_modalities": ["text"], "instruct_type": null, "tokenizer": null}});
    assert_eq!(about(unlisted), wanted);
}

fn assert_endpoint(shown: &Value, fed: &Fed, truth: Option<&Truth>) {
    let tag = format!("{}/{}", fed.provider, fed.quantization);
    // The name, prices, context, most tokens of an answer and of a prompt.
    let (provider, prices, limits) = match fed.provider {
        "groq" => (
            "Groq",
            ["0.00000008", "0.0000003"],
            json!([65_536, 8_192, 60_000]),
        ),
        "deepinfra" => (
            "DeepInfra",
            ["0.00000018", "0.00000059"],
            json!([131_072, null, null]),
        ),
        "probed" => (
            "Nobody's GPUs",
            ["0.0000002", "0.0000006"],
            json!([131_072, null, null]),
        ),
        "quiet" => ("Quiet", ["-1"; 2], json!([131_072, null, null])),
        slug => (slug, ["-1"; 2], json!([0, null, null])),
    };
    let is_listed = provider != fed.provider;
    let name = if is_listed {
        format!("{provider} | {}", fed.model)
    } else {
        format!("{} {tag}", fed.model)
    };
    let parameters: &[&str] = match fed.provider {
        "groq" => &["temperature", "tools"],
        _ => &[],
    };
    for (key, wanted) in [
        ("name", json!(name)),
        ("model_id", json!(fed.model)),
        ("provider_name", json!(provider)),
        ("tag", json!(tag)),
        ("quantization", json!(fed.quantization)),
        (
            "pricing",
            json!({"prompt": prices[0], "completion": prices[1]}),
        ),
        ("context_length", limits[0].clone()),
        ("max_completion_tokens", limits[1].clone()),
        ("max_prompt_tokens", limits[2].clone()),
        ("supported_parameters", json!(parameters)),
        ("uptime_last_5m", json!(fed.uptime)),
        ("uptime_last_30m", json!(fed.uptime)),
        ("uptime_last_1d", json!(fed.uptime)),
    ] {
        assert_eq!(shown[key], wanted, "{tag}: {key}");
    }
    assert_percentiles(shown, truth.filter(|truth| truth.ttft_ms.len() >= 100));
}

/// Those of all that was measured, or none.
fn assert_percentiles(shown: &Value, measured: Option<&Truth>) {
    let (latency, throughput) = (&shown["latency_last_30m"], &shown["throughput_last_30m"]);
    let Some(truth) = measured else {
        assert_eq!([latency, throughput], [&Value::Null; 2]);
        return;
    };
    for (percentile, q) in [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99)] {
        assert_near(&latency[percentile], nearest_rank(&truth.ttft_ms, q));
        // Of throughput, what so many reach at least.
        let speeds = &truth.tokens_per_second;
        assert_near(&throughput[percentile], nearest_rank(speeds, 1.0 - q));
    }
}

fn assert_near(shown: &Value, exact: f64) {
    let is_near = |shown: f64| (shown - exact).abs() <= exact * 0.01;
    assert!(
        shown.as_f64().is_some_and(is_near),
        "{shown}, exactly {exact}"
    );
}
