//! `cargo xtask servers`: the servers that tests use, for as long as someone wants them.

use std::io::{self, Read as _};

use anyhow::{Context as _, Result};
use sextant_testbed::run::Servers;

/// Starts them, says how tests find them, and waits until standard input ends.
pub(crate) fn run() -> Result<()> {
    let servers = start()?;
    for (name, value) in servers.variables() {
        println!("export {name}={value}");
    }
    println!("they end when standard input does (Ctrl-D), or with this process");
    io::stdin()
        .read_to_end(&mut Vec::new())
        .context("wait for the end of standard input")?;
    Ok(())
}

/// Fetches and starts them, and says what takes time.
pub(crate) fn start() -> Result<Servers> {
    Servers::start(&mut say).context("the servers that tests use")
}

/// Says what takes time.
pub(crate) fn say(doing: &str) {
    println!("{doing} ..");
}
