//! The project's Rust files and documents.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Written by `cargo xtask codegen`, so no check of written code applies.
pub(crate) const GENERATED_FOLDER: &str = "crates/wire/src/generated/";

/// A file that people wrote.
pub(crate) struct Source {
    /// Relative to the workspace's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every document that git tracks or does not ignore.
pub(crate) fn documents() -> Result<Vec<Source>> {
    read(paths("*.md")?)
}

/// Every `.rs` file that git tracks or does not ignore, generated code apart.
pub(crate) fn all() -> Result<Vec<Source>> {
    let mut paths = paths("*.rs")?;
    paths.retain(|path| !path.starts_with(GENERATED_FOLDER));
    read(paths)
}

fn read(paths: Vec<String>) -> Result<Vec<Source>> {
    paths
        .into_iter()
        .filter_map(
            |path| match fs::read_to_string(workspace::root().join(&path)) {
                Ok(text) => Some(Ok(Source { path, text })),
                // Git still lists a file that was removed and not yet committed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => Some(Err(error).with_context(|| format!("read {path}"))),
            },
        )
        .collect()
}

fn paths(of: &str) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .args(["--exclude-standard", "--deduplicate", "--", of])
        .current_dir(workspace::root())
        .output()
        .context("run git ls-files")?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let listed = String::from_utf8(output.stdout).context("read what git ls-files printed")?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_listed_and_generated_code_is_not() {
        let sources = all().unwrap();
        assert!(sources.iter().any(|source| source.path == file!()));
        assert!(
            !sources
                .iter()
                .any(|source| source.path.starts_with(GENERATED_FOLDER))
        );
    }
}
