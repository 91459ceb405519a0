//! `sextant config`: what is set, where, and whether it is right.

use std::io::stdout;

use anyhow::Context as _;

use crate::args::{ConfigCommand, ConfigFile, Output};
use crate::config::{self, Settings};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::output;

pub(super) fn run(command: &ConfigCommand, environment: &Environment) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(file) => {
            load(file, environment)?;
            output::line("no problems")?;
        }
        ConfigCommand::Show(args) => {
            let settings = load(&args.config, environment)?;
            match args.output {
                Output::Table => {
                    let table = config::table(&settings);
                    output::line(table.render(environment.colour_on(&stdout())))?;
                }
                Output::Json => print(&config::json(&settings))?,
            }
        }
        ConfigCommand::Schema => print(&config::schema())?,
    }
    Ok(())
}

fn load(file: &ConfigFile, environment: &Environment) -> Result<Settings, Failure> {
    let settings = Settings::load(
        file.path(environment).as_deref(),
        &environment.variables,
        Vec::new(),
    )?;
    Ok(settings)
}

fn print(json: &serde_json::Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(json).context("cannot write JSON")?;
    output::line(text)
}
