//! Buf, from npm: it lints the protocol and compares it with what it was.
//!
//! `tests/buf` names its version, with a hash, and holds the protocol as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{fetched, root};

const NEEDS: &str = "Buf needs Node 18 and npm (Debian: nodejs, npm)";

/// Fetches it, unless it is there. `progress` is told what takes time.
///
/// # Errors
/// If Node or npm is missing, can't fetch, or gets something else than was fetched before; with what
/// it said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    let lock = sources().join("package-lock.json");
    let pinned = fs::read_to_string(&lock);
    let pinned = pinned.with_context(|| format!("read {}", lock.display()))?;
    fetched::fill_once(&folder(), &pinned, |folder| {
        progress("fetching Buf (35 MB)");
        install(folder)
    })
}

/// A command that runs it, with nothing of the user's own settings.
///
/// # Errors
/// As [`fetch`] has them.
pub fn command() -> Result<Command> {
    fetch(&mut |_| {})?;
    let mut buf = Command::new("node");
    buf.arg(folder().join("node_modules/@bufbuild/buf/bin/buf"));
    buf.env("BUF_CACHE_DIR", folder().join("cache"));
    buf.stdin(Stdio::null());
    Ok(buf)
}

/// The protocol's sources.
pub fn protocol() -> PathBuf {
    root().join("proto")
}

/// The protocol as it was.
pub fn as_it_was() -> PathBuf {
    sources().join("v1.binpb")
}

fn install(folder: &Path) -> Result<()> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources().join(name), folder.join(name))?;
    }
    fetched::run(&mut fetched::npm_ci(folder), NEEDS)?;
    // npm may be there without it.
    fetched::run(Command::new("node").arg("--version"), NEEDS).map(drop)
}

fn folder() -> PathBuf {
    crate::folder().join("buf")
}

fn sources() -> PathBuf {
    root().join("tests/buf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_checked_by_a_hash_and_named_without_an_address() {
        let lock = fs::read_to_string(sources().join("package-lock.json")).unwrap();
        let packages = lock.matches("\"node_modules/").count();
        assert_eq!(lock.matches("\"integrity\": \"sha512-").count(), packages);
        assert!(packages > 0 && !lock.contains("resolved"), "{lock}");
    }
}
