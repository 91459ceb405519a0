//! The workspace as Cargo describes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A workspace member, by what its manifest says.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Package {
    /// Relative to the workspace's root, with `/` between its parts.
    pub(crate) fn folder(&self) -> String {
        self.manifest_path
            .parent()
            .and_then(|folder| folder.strip_prefix(root()).ok())
            .unwrap_or(&self.manifest_path)
            .to_string_lossy()
            .into_owned()
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "kind_or_normal")]
    pub(crate) kind: Kind,
}

/// Cargo's own three words; a normal dependency has `null`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Normal,
    Build,
    Dev,
}

pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// All members of the workspace, without what they depend on outside it.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .context("run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    parse(&output.stdout)
}

fn parse(metadata: &[u8]) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata: Metadata =
        serde_json::from_slice(metadata).context("read what cargo metadata printed")?;
    Ok(metadata.packages)
}

fn kind_or_normal<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_kind_is_a_normal_one() {
        let packages = parse(
            br#"{"packages": [{"name": "a", "manifest_path": "/w/a/Cargo.toml", "dependencies": [
                {"name": "b", "kind": null}, {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"}
            ]}]}"#,
        )
        .unwrap();
        let kinds: Vec<_> = packages[0].dependencies.iter().map(|d| d.kind).collect();
        assert_eq!(kinds, [Kind::Normal, Kind::Dev, Kind::Build]);
    }

    #[test]
    fn this_package_is_found_in_its_folder() {
        let packages = packages().unwrap();
        let this = packages.iter().find(|package| package.name == "xtask");
        assert_eq!(this.unwrap().folder(), "xtask");
    }
}
