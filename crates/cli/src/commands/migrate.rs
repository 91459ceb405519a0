//! `sextant migrate`: the schema of ClickHouse.

use crate::args::ConfigFile;
use crate::config::{Engines, Settings};
use crate::environment::Environment;
use crate::exit::Failure;

/// Brings the schema up to date, and says what it did.
#[cfg(feature = "fleet")]
pub(super) async fn run(file: &ConfigFile, environment: &Environment) -> Result<(), Failure> {
    use anyhow::Context as _;
    use sextant_store::clickhouse::{SCHEMA_VERSION, migrate};

    use crate::process::retention;
    use crate::{output, telemetry};

    let settings = settings(file, environment)?;
    let config = &settings.config;
    telemetry::start(&config.telemetry, environment)?;
    let run = migrate(&config.clickhouse, retention(&config.store)).await;
    let run = run.context("cannot bring the schema up to date")?;
    let database = &config.clickhouse.database;
    output::line(match run.as_slice() {
        [] => format!("{database} has schema {SCHEMA_VERSION} already"),
        [first, ..] => {
            let from = first - 1;
            format!("{database} has schema {SCHEMA_VERSION} now, and had {from}")
        }
    })?;
    Ok(())
}

/// Says that it can't.
#[cfg(not(feature = "fleet"))]
#[expect(clippy::unused_async, reason = "it stands for one that waits")]
pub(super) async fn run(file: &ConfigFile, environment: &Environment) -> Result<(), Failure> {
    settings(file, environment)?;
    let refused = anyhow::anyhow!("this build leaves ClickHouse out");
    Err(refused.context("build it with the feature `fleet`").into())
}

fn settings(file: &ConfigFile, environment: &Environment) -> Result<Settings, Failure> {
    let file = file.path(environment);
    let engines = Engines {
        clickhouse: true,
        ..Engines::NONE
    };
    Ok(Settings::load_for(
        engines,
        file.as_deref(),
        &environment.variables,
        Vec::new(),
    )?)
}
