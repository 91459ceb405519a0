//! What the process was given when it began: the only place that reads its environment.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use secrecy::SecretString;

/// How the names of the project's own variables begin.
pub const PREFIX: &str = "SEXTANT_";

/// The variables that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Those whose names begin with [`PREFIX`], without the empty ones, which count as not set.
    pub variables: BTreeMap<String, String>,
    /// Whether `NO_COLOR` asks for plain text (<https://no-color.org>).
    pub no_color: bool,
    /// What this host is called.
    pub host: Option<String>,
}

impl Environment {
    /// That of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the environment is read"
    )]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .map(|(name, value)| {
                let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
                (text(name), text(value))
            })
            .filter(|(_, value)| !value.is_empty());
        let mut environment = Self::default();
        for (name, value) in variables {
            if name == "NO_COLOR" {
                environment.no_color = true;
            } else if name == "HOSTNAME" {
                environment.host = Some(value);
            } else if name.starts_with(PREFIX) {
                environment.variables.insert(name, value);
            }
        }
        // Shells know the name, and services don't.
        environment.host = environment.host.or_else(|| {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
            Some(name.trim().to_owned()).filter(|name| !name.is_empty())
        });
        environment
    }

    /// Whether to write in colour there.
    pub fn colour_on(&self, stream: &impl IsTerminal) -> bool {
        !self.no_color && stream.is_terminal()
    }
}

/// What a variable holds that the settings name for a secret.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is read"
)]
pub fn variable(name: &str) -> Option<SecretString> {
    // These are no names, and asking for them would be a panic.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok().map(Into::into)
}
