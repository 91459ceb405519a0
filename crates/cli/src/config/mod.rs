//! The settings in force and where each comes from, or all that is wrong with them.
//!
//! Four layers, each over the one before: `defaults.toml` beside this module, which comes with
//! the program and documents every key; the file of `--config`; the environment; the command
//! line. [`Settings::load`] reports every problem at once and opens nothing but the files that
//! the settings name.
//!
//! A setting is a key of a section and has no tables in it. The sections of the stages are the
//! stages' own structs. What the keys are and what they take is read off the JSON schema of
//! [`Config`], so it is written down once.
//!
//! No setting is a secret: settings say where secrets are kept. So all may be shown.

mod alerting;
mod assemble;
mod fleet;
mod key;
mod layer;
mod problem;
mod rules;
mod schema;
mod sections;
mod show;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use sextant_catalog::Catalog;
use sextant_prober::config::Resolved;

use crate::access::Access;

pub use self::alerting::AlertSettings;
use self::assemble::Assembled;
pub use self::key::Key;
use self::key::Keys;
use self::layer::Entries;
pub use self::layer::Flag;
pub use self::problem::{Problem, Problems};
use self::rules::Checked;
pub use self::schema::schema;
pub use self::sections::{
    AccessConfig, CatalogConfig, Config, GrpcConfig, HttpConfig, LogConfig, LogFormat,
    ProcessConfig, ShutdownConfig, StandaloneConfig, StoreConfig, TelemetryConfig,
};
pub use self::show::{json, table};
pub use self::source::Source;

/// Settings without a problem, and what was read of the files they name.
#[derive(Debug)]
pub struct Settings {
    /// The values.
    pub config: Config,
    /// Who may call what.
    pub access: Access,
    /// The catalog of `[catalog] file`, or the shipped one.
    pub catalog: Catalog,
    /// What to ask and with what, of a process that asks.
    pub prober: Option<Resolved>,
    /// When to tell whom, of a process that does.
    pub alerts: Option<AlertSettings>,
    shown: Vec<Setting>,
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its section and name.
    pub key: Key,
    /// What it is; nothing if it is not set and has no default.
    pub value: Option<toml::Value>,
    /// Where that comes from.
    pub source: Source,
}

/// Which engines a process works with. The files of others' settings need not be there for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a process may work with any of them"
)]
pub struct Engines {
    /// The log of a fleet.
    pub kafka: bool,
    /// The store of a fleet.
    pub clickhouse: bool,
    /// Collectors to send to.
    pub collectors: bool,
    /// Providers, with keys of its own.
    pub providers: bool,
    /// Receivers of alerts, with secrets of its own.
    pub receivers: bool,
}

impl Engines {
    /// For whoever checks for all processes.
    pub const ALL: Self = Self {
        kafka: true,
        clickhouse: true,
        collectors: true,
        providers: true,
        receivers: true,
    };

    /// For whoever works with none.
    pub const NONE: Self = Self {
        kafka: false,
        clickhouse: false,
        collectors: false,
        providers: false,
        receivers: false,
    };

    /// Whether the process does nothing but send to collectors.
    const fn is_agents(self) -> bool {
        self.collectors && !self.kafka && !self.clickhouse
    }
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, or with what a file they name holds.
    pub fn load(
        file: Option<&Path>,
        variables: &BTreeMap<String, String>,
        flags: Vec<Flag>,
    ) -> Result<Self, Problems> {
        Self::load_for(Engines::ALL, file, variables, flags)
    }

    /// The same, for a process that works with these engines.
    ///
    /// # Errors
    /// The same.
    pub fn load_for(
        engines: Engines,
        file: Option<&Path>,
        variables: &BTreeMap<String, String>,
        flags: Vec<Flag>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let read = read(engines, file, variables, flags, &mut problems);
        match read {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => {
                problems.sort();
                Err(problems)
            }
        }
    }

    /// All settings, section by section.
    pub fn all(&self) -> &[Setting] {
        &self.shown
    }
}

fn read(
    engines: Engines,
    file: Option<&Path>,
    variables: &BTreeMap<String, String>,
    flags: Vec<Flag>,
    problems: &mut Problems,
) -> Option<Settings> {
    let keys = Keys::of_config();
    let mut entries = layer::defaults(&keys, problems);
    let defaults = entries.clone();
    if let Some(file) = file {
        entries.extend(layer::file(file, &keys, problems));
    }
    entries.extend(layer::environment(variables, &keys, problems));
    entries.extend(layer::flags(flags));
    let Assembled { config, entries } = assemble::assemble(entries, &defaults, &keys, problems)?;
    let Checked {
        access,
        catalog,
        prober,
        alerts,
    } = rules::check(&config, &entries, engines, problems)?;
    Some(Settings {
        config,
        access,
        catalog,
        prober,
        alerts,
        shown: keys.names().map(|key| setting(key, &entries)).collect(),
    })
}

fn setting(key: &Key, entries: &Entries) -> Setting {
    let entry = entries.get(key);
    Setting {
        key: key.clone(),
        value: entry.map(|entry| entry.value.clone()),
        source: entry.map_or(Source::Default, |entry| entry.source.clone()),
    }
}
