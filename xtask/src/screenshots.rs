//! `cargo xtask screenshots`: the pages as documents show them, of a demo that runs for it.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sextant_testbed::browser;
use sextant_testbed::server::Server;

use crate::servers::say;
use crate::workspace;

/// Writes `docs/images/{model,overview,detail}-{light,dark}.png`.
pub(crate) fn run() -> Result<()> {
    browser::fetch(&mut say).context("the browser that takes them")?;
    say("building the binary");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "-p", "sextant-cli", "--bin", "sextant"]);
    let built = cargo.current_dir(workspace::root()).status();
    if !built.context("run cargo build")?.success() {
        bail!("the binary doesn't build");
    }
    // Where cargo puts this command, it puts the binary.
    let binary = env::current_exe()?.with_file_name("sextant");
    let folder = tempfile::tempdir()?;
    let mut demo = Command::new(binary);
    demo.args(["standalone", "--demo", "--http", "127.0.0.1:0"]);
    demo.args(["--grpc", "127.0.0.1:0", "--data-dir"]);
    demo.arg(folder.path().join("data")).env("NO_COLOR", "1");
    say("starting the demo");
    let mut demo = Server::start(&mut demo, folder.path())?;
    let address = demo.wait_until(|printed| {
        let mut lines = printed.lines();
        let address = lines.find_map(|line| line.strip_prefix("http listening on "));
        address.map(str::to_owned)
    })?;
    let images = workspace::root().join("docs/images");
    std::fs::create_dir_all(&images)?;
    let world = serde_json::json!({"server": address, "folder": images});
    let mut script = browser::script("screenshots.mjs")?;
    script.arg(world.to_string()).env("TMPDIR", folder.path());
    let status = script.stdin(Stdio::null()).status();
    let status = status.context("run the script")?;
    demo.stop()?;
    if !status.success() {
        bail!("the script failed ({status})");
    }
    Ok(())
}
