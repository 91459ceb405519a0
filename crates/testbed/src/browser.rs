//! Debian's Chromium with Playwright, which drives it through the pages, and axe, which checks that
//! they are accessible.
//!
//! `tests/browser` names the versions of what comes from npm, with a hash of each, and holds the
//! scripts. The browser is the system's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run::given;
use crate::{fetched, root};

/// Names another Chromium than Debian's, by its path.
pub const CHROMIUM: &str = "SEXTANT_TEST_CHROMIUM";

/// Tells a script where what it imports lies.
const MODULES: &str = "SEXTANT_TEST_MODULES";
const CHROMIUM_OF_DEBIAN: &str = "/usr/bin/chromium";
const NEEDS: &str = "Playwright needs Node 18 and npm (Debian: nodejs, npm)";

/// Fetches what drives the browser, unless it is there, and looks for the browser. `progress` is
/// told what takes time.
///
/// # Errors
/// If Chromium, Node or npm is missing, or npm can't fetch, or gets something else than was fetched
/// before; with what it said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    chromium(given(CHROMIUM))?;
    let lock = sources().join("package-lock.json");
    let pinned = fs::read_to_string(&lock);
    let pinned = pinned.with_context(|| format!("read {}", lock.display()))?;
    fetched::fill_once(&folder(), &pinned, |folder| {
        progress("fetching Playwright and axe (5 MB)");
        install(folder)
    })
}

/// A command that runs one of the scripts in `tests/browser`. What it takes and prints stands
/// there.
///
/// # Errors
/// As [`fetch`] has them.
pub fn script(name: &str) -> Result<Command> {
    fetch(&mut |_| {})?;
    let chromium = chromium(given(CHROMIUM))?;
    let mut node = Command::new("node");
    node.arg(sources().join(name));
    node.env(MODULES, folder()).env(CHROMIUM, chromium);
    // No proxy between the browser and a server on loopback.
    node.env("NO_PROXY", "*").env("no_proxy", "*");
    Ok(node)
}

/// The browser that is named, or Debian's.
fn chromium(named: Option<String>) -> Result<PathBuf> {
    let path = named.map_or_else(|| CHROMIUM_OF_DEBIAN.into(), PathBuf::from);
    if !path.is_file() {
        let path = path.display();
        bail!("no Chromium at {path}: install it (Debian: chromium), or name one in {CHROMIUM}");
    }
    Ok(path)
}

fn install(folder: &Path) -> Result<()> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources().join(name), folder.join(name))?;
    }
    fetched::run(&mut fetched::npm_ci(folder), NEEDS)?;
    // npm may be there without it, or with one that is too old for what it has fetched.
    let mut node = Command::new("node");
    node.args(["--eval", "require('playwright-core')"]);
    fetched::run(node.current_dir(folder), NEEDS).map(drop)
}

fn folder() -> PathBuf {
    crate::folder().join("browser")
}

fn sources() -> PathBuf {
    root().join("tests/browser")
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

    #[test]
    fn a_browser_that_is_not_there_is_named_with_what_to_install() {
        let missing = "/nowhere/chromium".to_owned();
        let error = chromium(Some(missing)).unwrap_err().to_string();
        for part in ["/nowhere/chromium", "Debian: chromium", CHROMIUM] {
            assert!(error.contains(part), "{error}");
        }
        let named = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned();
        assert_eq!(chromium(Some(named.clone())).unwrap(), Path::new(&named));
    }
}
