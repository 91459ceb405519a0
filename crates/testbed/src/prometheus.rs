//! Debian's Prometheus and Alertmanager, and the tools that come with them: promtool and amtool.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run::given;

/// Names a folder with other programs than Debian's.
pub const FOLDER: &str = "SEXTANT_TEST_PROMETHEUS";

const FOLDER_OF_DEBIAN: &str = "/usr/bin";

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The server.
    Prometheus,
    /// What checks its settings, rules and what it would scrape.
    Promtool,
    /// What sends alerts on.
    Alertmanager,
    /// What checks that one's settings.
    Amtool,
}

impl Program {
    const ALL: [Self; 4] = [
        Self::Prometheus,
        Self::Promtool,
        Self::Alertmanager,
        Self::Amtool,
    ];

    /// What it is called, by its makers or by Debian, and Debian's package.
    const fn names(self) -> ([&'static str; 2], &'static str) {
        match self {
            Self::Prometheus => (["prometheus", "prometheus"], "prometheus"),
            Self::Promtool => (["promtool", "promtool"], "prometheus"),
            Self::Alertmanager => (
                ["alertmanager", "prometheus-alertmanager"],
                "prometheus-alertmanager",
            ),
            Self::Amtool => (["amtool", "amtool"], "prometheus-alertmanager"),
        }
    }

    /// A command that runs it.
    ///
    /// # Errors
    /// If it is not there; with what to install.
    pub fn command(self) -> Result<Command> {
        let mut command = Command::new(self.path(given(FOLDER))?);
        command.stdin(Stdio::null());
        Ok(command)
    }

    fn path(self, named: Option<String>) -> Result<PathBuf> {
        let folder = named.map_or_else(|| FOLDER_OF_DEBIAN.into(), PathBuf::from);
        let (names, package) = self.names();
        let paths = names.map(|name| folder.join(name));
        let found = paths.into_iter().find(|path: &PathBuf| Path::is_file(path));
        let Some(path) = found else {
            let (name, folder) = (names[0], folder.display());
            bail!(
                "no {name} in {folder}: install it (Debian: {package}), or name its folder in {FOLDER}"
            );
        };
        Ok(path)
    }
}

/// Looks whether all of them are there.
///
/// # Errors
/// If one is not; with what to install.
pub fn check() -> Result<()> {
    Program::ALL
        .into_iter()
        .try_for_each(|program| program.path(given(FOLDER)).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_what_to_install() {
        let folder = Some("/nowhere".to_owned());
        let error = Program::Amtool.path(folder).unwrap_err().to_string();
        for part in [
            "amtool",
            "/nowhere",
            "Debian: prometheus-alertmanager",
            FOLDER,
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_program_is_found_by_either_name() {
        let folder = tempfile::tempdir().unwrap();
        let named = || Some(folder.path().to_str().unwrap().to_owned());
        for name in ["prometheus-alertmanager", "alertmanager"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            assert_eq!(Program::Alertmanager.path(named()).unwrap(), path);
        }
    }
}
