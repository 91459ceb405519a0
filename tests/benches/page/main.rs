//! A model's page from a cold cache: the release binary as a standalone with the demo's traffic, and
//! Chromium, which looks at the page ten times.
//!
//! It prints the rows of the table in `docs/performance.md`: medians, and the least and the most.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it prints figures"
)]

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sextant_testbed::browser;
use sextant_tests::process::{Process, eventually};
use sextant_tests::usage::load_average;

const MODEL: &str = "meta-llama/llama-4-scout";

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let demo = Process::standalone_with(&folder.path().join("data"), &["--demo"]);
    eventually("the demo's past", || {
        let answer = demo.get(&format!("/api/v1/models/{MODEL}/endpoints"));
        let endpoints = answer.pointer("/data/endpoints")?.as_array()?;
        let is_filled = |endpoint: &Value| {
            let p95 = endpoint.pointer("/sextant/throughput_tps/p95");
            p95.is_some_and(Value::is_number)
        };
        endpoints.iter().any(is_filled).then_some(())
    });
    println!(
        "| load average {} | median of 10 | least .. most |",
        load_average()
    );
    println!("|---|---|---|");
    let mut script = browser::script("weight.mjs")?;
    script.arg(json!({"server": demo.http, "model": MODEL}).to_string());
    script.env("TMPDIR", folder.path()).stdin(Stdio::null());
    let status = script.status().context("run the script")?;
    if !status.success() {
        bail!("the script failed ({status})");
    }
    Ok(())
}
