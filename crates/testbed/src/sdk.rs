//! OpenRouter's own SDKs, from npm and `PyPI`: they read, unmodified, what claims OpenRouter's shape.
//!
//! `tests/sdk` names their versions and those of all that they need, with a hash of each, and holds
//! the scripts that call them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{fetched, python, root};

const NODE_NEEDS: &str =
    "OpenRouter's SDK for TypeScript needs Node 18 and npm (Debian: nodejs, npm)";
const PYTHON_NEEDS: &str =
    "OpenRouter's SDK for Python needs Python 3.10 with venv (Debian: python3, python3-venv)";

/// One of the SDKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// `@openrouter/sdk`, for TypeScript and JavaScript.
    JavaScript,
    /// `openrouter`, for Python.
    Python,
}

/// Fetches all of them, unless they are there. `progress` is told what takes time.
///
/// # Errors
/// If Node, npm or Python is missing, can't fetch, or gets something else than was fetched before;
/// with what it said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    Sdk::JavaScript.fetch(progress)?;
    Sdk::Python.fetch(progress)
}

impl Sdk {
    /// A command that runs this SDK's script, which lists the endpoints of models. What it takes
    /// and prints stands there.
    ///
    /// # Errors
    /// As [`fetch`] has them.
    pub fn script(self) -> Result<Command> {
        self.fetch(&mut |_| {})?;
        match self {
            // Read from standard input, it imports what lies where Node runs.
            Self::JavaScript => {
                let path = self.sources().join("endpoints.mjs");
                let script = File::open(&path);
                let script = script.with_context(|| format!("open {}", path.display()))?;
                let mut node = Command::new("node");
                node.args(["--input-type=module", "-"]).stdin(script);
                node.current_dir(self.folder());
                Ok(node)
            }
            // Isolated: nothing of the user's own Python is seen.
            Self::Python => {
                let mut python = Command::new(self.folder().join("bin/python"));
                python.arg("-I").arg(self.sources().join("endpoints.py"));
                python.stdin(Stdio::null());
                Ok(python)
            }
        }
    }

    fn fetch(self, progress: &mut dyn FnMut(&str)) -> Result<()> {
        let lock = self.lock();
        let pinned = fs::read_to_string(&lock);
        let pinned = pinned.with_context(|| format!("read {}", lock.display()))?;
        match self {
            Self::JavaScript => fetched::fill_once(&self.folder(), &pinned, |folder| {
                progress("fetching OpenRouter's SDK for TypeScript (2 MB)");
                install_javascript(&self.sources(), folder)
            }),
            Self::Python => {
                python::environment(&self.folder(), &lock, &pinned, PYTHON_NEEDS, || {
                    progress("fetching OpenRouter's SDK for Python (5 MB)");
                })
            }
        }
    }

    fn folder(self) -> PathBuf {
        crate::folder().join(match self {
            Self::JavaScript => "sdk-js",
            Self::Python => "sdk-python",
        })
    }

    fn sources(self) -> PathBuf {
        root().join("tests/sdk").join(match self {
            Self::JavaScript => "js",
            Self::Python => "python",
        })
    }

    fn lock(self) -> PathBuf {
        self.sources().join(match self {
            Self::JavaScript => "package-lock.json",
            Self::Python => "requirements.txt",
        })
    }
}

fn install_javascript(sources: &Path, folder: &Path) -> Result<()> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources.join(name), folder.join(name))?;
    }
    fetched::run(&mut fetched::npm_ci(folder), NODE_NEEDS)?;
    // npm may be there without it.
    fetched::run(Command::new("node").arg("--version"), NODE_NEEDS).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_checked_by_a_hash_and_named_without_an_address() {
        let lock = fs::read_to_string(Sdk::JavaScript.lock()).unwrap();
        let packages = lock.matches("\"node_modules/").count();
        assert_eq!(lock.matches("\"integrity\": \"sha512-").count(), packages);
        assert!(packages > 0 && !lock.contains("resolved"), "{lock}");

        let lock = fs::read_to_string(Sdk::Python.lock()).unwrap();
        python::assert_pinned(&lock);
    }
}
