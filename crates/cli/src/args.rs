//! The command line.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sextant_measure::id::ModelId;
use sextant_reporter::target::Target;

use crate::config::Flag;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::fetch::Url;

/// What the process is told to do.
#[derive(Debug, Parser)]
#[command(name = "sextant", version, about, arg_required_else_help = true)]
pub struct Arguments {
    /// Which of its jobs.
    #[command(subcommand)]
    pub command: Command,
}

/// A job.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs all roles in one process, on an embedded log and store
    Standalone(StandaloneArgs),
    /// Keeps what a gateway's host reports on disk until a collector has it
    Agent(RoleArgs),
    /// Takes observations in: from agents and callers to Kafka
    Collector(RoleArgs),
    /// Owns partitions: from Kafka to windows, and to `ClickHouse`
    Aggregator(RoleArgs),
    /// Keeps single attempts for drill-down: from Kafka to `ClickHouse`
    Archive(RoleArgs),
    /// Serves gateways and people from Kafka and `ClickHouse`
    Server(RoleArgs),
    /// Opens and closes incidents by what stands in Kafka, and tells of them
    Alerts(AlertsArgs),
    /// Sends recorded observations
    Replay(ReplayArgs),
    /// Shows the current snapshot
    Snapshot(SnapshotArgs),
    /// Explains which endpoint a request would go to
    Route(RouteArgs),
    /// Looks at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Brings `ClickHouse`'s schema up to date
    Migrate(ConfigFile),
    /// Exits with 0 if a server is ready, with 1 if not
    Healthcheck(HealthcheckArgs),
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Names every problem at once; exits with 78 if there is any
    Check(ConfigFile),
    /// Shows the settings in force, and where each comes from
    Show(ShowArgs),
    /// Prints the JSON schema of the configuration file
    Schema,
}

/// `sextant standalone`: all roles in one process.
#[derive(Debug, Default, Args)]
pub struct StandaloneArgs {
    /// What it has in common with the roles.
    #[command(flatten)]
    pub role: RoleArgs,
    /// Directory for the log and the store
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Simulate edge agents, probes and providers
    #[arg(long)]
    pub demo: bool,
}

/// A role that serves.
#[derive(Debug, Default, Args)]
pub struct RoleArgs {
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Address to serve HTTP on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// Address to serve gRPC on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub grpc: Option<String>,
    /// Let everyone in, also on other addresses than loopback
    #[arg(long)]
    pub insecure: bool,
}

/// `sextant alerts`: a role, or what is done with its settings.
#[derive(Debug, Default, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlertsArgs {
    /// What it has in common with the roles.
    #[command(flatten)]
    pub role: RoleArgs,
    /// In place of evaluating.
    #[command(subcommand)]
    pub command: Option<AlertsCommand>,
}

/// What else there is to do with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Tells every receiver of a test incident; exits with 1 if any has not taken it
    Test(ConfigFile),
}

/// Where the settings are.
#[derive(Debug, Default, Clone, Args)]
pub struct ConfigFile {
    /// Configuration file (TOML); without it the one in `SEXTANT_CONFIG`, if set
    #[arg(long = "config", value_name = "FILE")]
    pub path: Option<PathBuf>,
}

/// `sextant config show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Where the settings are.
    #[command(flatten)]
    pub config: ConfigFile,
    /// How to show them
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `sextant replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Observations, one JSON object a line
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// grpc://host:port or http://host:port
    #[arg(long, value_name = "URL")]
    pub to: Target,
    /// How many times as fast as recorded
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// As fast as they are acknowledged
    #[arg(long, conflicts_with = "speed")]
    pub at_once: bool,
    /// Move all of them in time, so that the last one completes now
    #[arg(long)]
    pub rebase: bool,
    /// Give up when nothing was acknowledged for so many seconds
    #[arg(long = "patience", value_name = "SECONDS", default_value_t = 300)]
    pub patience_seconds: u64,
    /// What to send with.
    #[command(flatten)]
    pub token: TokenArgs,
    /// How to show the outcome
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `sextant snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Only these models, separated by commas
    #[arg(long, value_name = "AUTHOR/SLUG", value_delimiter = ',')]
    pub models: Vec<ModelId>,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `sextant route`.
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// The model
    #[arg(long, value_name = "AUTHOR/SLUG")]
    pub model: String,
    /// realtime, standard or batch
    #[arg(long)]
    pub tier: String,
    /// The task, whose gates apply in standard and batch
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// Where the caller is
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Highest blended price, in USD per 1M tokens
    #[arg(long, value_name = "USD")]
    pub max_price: Option<String>,
    /// Highest TTFT p95; who is slower goes to the end
    #[arg(long, value_name = "MS")]
    pub max_ttft_p95_ms: Option<String>,
    /// Lowest throughput p95, in tokens a second; who is slower goes to the end
    #[arg(long, value_name = "TPS")]
    pub min_throughput_p95: Option<String>,
    /// Only these, as provider or provider/quantization, separated by commas
    #[arg(long, value_name = "TAGS")]
    pub only: Option<String>,
    /// Not these
    #[arg(long, value_name = "TAGS")]
    pub ignore: Option<String>,
    /// What draws among those about as good; without it, another at each time
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// An earlier minute, as RFC 3339
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub server: ServerArgs,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `sextant healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// A server to ask.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// A server's HTTP address; without it the one in `SEXTANT_URL`, else port 8480 of
    /// this host
    #[arg(long, value_name = "URL")]
    pub url: Option<Url>,
    /// What to ask with.
    #[command(flatten)]
    pub token: TokenArgs,
}

/// A token. It is never an argument itself, since other users can read those.
#[derive(Debug, Default, Clone, Args)]
pub struct TokenArgs {
    /// File with the token to show; without it the one in `SEXTANT_TOKEN_FILE`, else the token in
    /// `SEXTANT_TOKEN`, if set
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// How to show something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

impl ConfigFile {
    /// The file that is named, here or in the environment.
    pub fn path(&self, environment: &Environment) -> Option<PathBuf> {
        let named = || Some(environment.variables.get("SEXTANT_CONFIG")?.into());
        self.path.clone().or_else(named)
    }
}

impl TokenArgs {
    /// The file that is named, here or in the environment.
    pub fn file(&self, environment: &Environment) -> Option<PathBuf> {
        let named = || Some(environment.variables.get("SEXTANT_TOKEN_FILE")?.into());
        self.token_file.clone().or_else(named)
    }
}

impl ServerArgs {
    /// The address that is named, here or in the environment, or the usual one.
    ///
    /// # Errors
    /// What stands in the environment is none.
    pub fn url(&self, environment: &Environment) -> Result<Url, Failure> {
        let named = || environment.variables.get("SEXTANT_URL");
        let Some(named) = self.url.is_none().then(named).flatten() else {
            return Ok(self.url.clone().unwrap_or_default());
        };
        let read = named.parse().context("SEXTANT_URL");
        read.map_err(Failure::Usage)
    }
}

impl StandaloneArgs {
    /// The settings that it alone takes as arguments.
    pub fn flags(&self) -> Vec<Flag> {
        let data_dir = self.data_dir.as_deref();
        let flag = data_dir.map(|folder| Flag {
            name: "--data-dir",
            key: "standalone.data_dir",
            value: folder.into(),
        });
        flag.into_iter().collect()
    }
}

impl RoleArgs {
    /// The settings that are given as arguments.
    pub fn flags(&self) -> impl Iterator<Item = Flag> {
        let texts = [
            ("--http", "http.listen", &self.http),
            ("--grpc", "grpc.listen", &self.grpc),
        ];
        let texts = texts.into_iter().filter_map(|(name, key, value)| {
            let value = value.as_deref()?.into();
            Some(Flag { name, key, value })
        });
        let insecure = self.insecure.then(|| Flag {
            name: "--insecure",
            key: "access.insecure",
            value: true.into(),
        });
        texts.chain(insecure)
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|speed| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| "give a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_speed_is_a_number_above_zero() {
        assert_eq!(speed("2.5"), Ok(2.5));
        for text in ["0", "-1", "inf", "NaN", "fast", ""] {
            assert!(speed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arguments_become_settings() {
        let args = StandaloneArgs {
            role: RoleArgs {
                http: Some("127.0.0.1:0".to_owned()),
                insecure: true,
                ..RoleArgs::default()
            },
            data_dir: Some("data".to_owned()),
            ..StandaloneArgs::default()
        };
        let flags = args.role.flags().chain(args.flags());
        let given: Vec<_> = flags
            .map(|flag| (flag.name, flag.key, flag.value.to_string()))
            .collect();
        assert_eq!(
            given,
            [
                ("--http", "http.listen", "\"127.0.0.1:0\"".to_owned()),
                ("--insecure", "access.insecure", "true".to_owned()),
                ("--data-dir", "standalone.data_dir", "\"data\"".to_owned()),
            ]
        );
    }
}
