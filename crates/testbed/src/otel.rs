//! OpenTelemetry for Python, with its own instrumentation of OpenAI's client: an application runs
//! under it that knows nothing of us, or of it.
//!
//! `tests/otel` names the releases, with a hash of each, and holds the application.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{python, root};

const NEEDS: &str =
    "OpenTelemetry for Python needs Python 3.10 with venv (Debian: python3, python3-venv)";

/// By which of its conventions for GenAI it names what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conventions {
    /// Those in force, by `opentelemetry-instrumentation-genai-openai`.
    Current,
    /// Those of version 1.30, by `opentelemetry-instrumentation-openai-v2`.
    Previous,
}

/// Fetches both, unless they are there. `progress` is told what takes time.
///
/// # Errors
/// If Python is missing, can't fetch, or gets something else than was fetched before; with what it
/// said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    Conventions::Current.fetch(progress)?;
    Conventions::Previous.fetch(progress)
}

impl Conventions {
    /// A command that runs the application, instrumented from outside. What it takes stands there;
    /// where spans go is for its environment to say.
    ///
    /// # Errors
    /// As [`fetch`] has them.
    pub fn application(self) -> Result<Command> {
        self.fetch(&mut |_| {})?;
        let programs = self.folder().join("bin");
        let mut application = Command::new(programs.join("opentelemetry-instrument"));
        application.arg(programs.join("python"));
        application.arg(root().join("tests/otel/app.py"));
        application.stdin(Stdio::null());
        // It starts a Python of its own, which must not be another.
        application
            .env("PYTHONNOUSERSITE", "1")
            .env_remove("PYTHONPATH");
        Ok(application)
    }

    fn fetch(self, progress: &mut dyn FnMut(&str)) -> Result<()> {
        let lock = self.lock();
        let pinned = fs::read_to_string(&lock);
        let pinned = pinned.with_context(|| format!("read {}", lock.display()))?;
        python::environment(&self.folder(), &lock, &pinned, NEEDS, || {
            progress("fetching OpenTelemetry for Python (15 MB)");
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }

    fn folder(self) -> PathBuf {
        crate::folder().join(format!("otel-{}", self.name()))
    }

    fn lock(self) -> PathBuf {
        root().join(format!("tests/otel/{}.txt", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_checked_by_a_hash_and_named_without_an_address() {
        for conventions in [Conventions::Current, Conventions::Previous] {
            let lock = fs::read_to_string(conventions.lock()).unwrap();
            python::assert_pinned(&lock);
        }
    }
}
