//! Python's packages, each release pinned by a hash.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::fetched;

/// Says which Python it is that runs.
const WHICH: &str = "import sys; print(sys.base_prefix, sys.version)";

/// An environment of all that a lock names, unless it is there. `needs` says what to install when
/// there is no Python.
pub(crate) fn environment(
    folder: &Path,
    lock: &Path,
    pinned: &str,
    needs: &str,
    progress: impl FnOnce(),
) -> Result<()> {
    // What is installed is of use to the Python that installed it, and to no other.
    let which = fetched::run(python().args(["-c", WHICH]), needs)?;
    fetched::fill_once(folder, &format!("{which}{pinned}"), |folder| {
        progress();
        install(lock, folder, needs)
    })
}

fn install(requirements: &Path, folder: &Path, needs: &str) -> Result<()> {
    let mut venv = python();
    venv.args(["-m", "venv"]).arg(folder);
    fetched::run(&mut venv, needs)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
    pip.args(["--disable-pip-version-check", "--no-deps"]);
    // Nothing is built, so no code of a package runs while it is installed.
    pip.args(["--require-hashes", "--only-binary", ":all:", "-r"]);
    fetched::run(pip.arg(requirements), needs).map(drop)
}

fn python() -> Command {
    Command::new("python3")
}

/// Checks that a lock names releases with a hash each, and no place to get them from.
#[cfg(test)]
pub(crate) fn assert_pinned(lock: &str) {
    let packages: Vec<_> = lock.lines().filter(|line| line.contains("==")).collect();
    let packages = packages.into_iter().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for package in packages {
        let (_, after) = lock.split_once(package).unwrap();
        assert!(after.starts_with("\n    --hash=sha256:"), "{package}");
        count += 1;
    }
    assert!(count > 1, "{lock}");
    assert!(!lock.contains("://") && !lock.contains("--index"), "{lock}");
}
