//! What a run is made of.

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

/// Longest run: nothing that is counted may leave the window of 30 minutes.
const SECONDS_MAX: u64 = 1_200;

/// Loads a fleet of its own and says what it took.
#[derive(Debug, Clone, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[command(name = "fleet")]
pub(crate) struct Options {
    /// Series: pairs of an endpoint and a region
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) series: u32,
    /// Regions of each endpoint
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) regions: u32,
    /// Observations a second, of all senders; without it as fast as they are acknowledged
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// Seconds to send for; of a takeover, before the first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) seconds: u64,
    /// Agents, each with a stream of its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) senders: u32,
    /// Batches of each sender that wait for their acknowledgement
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) in_flight: usize,
    /// Aggregators; a takeover has two
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) aggregators: usize,
    /// Partitions of the log
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) partitions: u32,
    /// Decides names, values and order
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// One process on an embedded log and store, in place of the roles on Kafka and ClickHouse
    #[arg(long, conflicts_with = "takeover")]
    pub(crate) standalone: bool,
    /// Report to an agent with its spool on this disk, which reports to the collector
    #[arg(long, conflicts_with = "takeover")]
    pub(crate) agent: bool,
    /// Kill an aggregator under load, and see how long until the other has everything
    #[arg(long, requires = "rate")]
    pub(crate) takeover: bool,
    /// Takeovers
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Longest wait for anything, in seconds
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub(crate) patience: u64,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// What cargo adds.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

/// How to print the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// One JSON object
    Json,
}

impl Options {
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [self.series, self.regions, self.senders, self.partitions];
        ensure!(
            sizes.iter().all(|size| *size > 0),
            "nothing can be sent by nobody"
        );
        ensure!(self.rate != Some(0), "--rate 0 sends nothing");
        ensure!(self.aggregators > 0, "without an aggregator nothing counts");
        ensure!(
            (1..=64).contains(&self.in_flight),
            "--in-flight: a collector takes 1 to 64 batches of a stream"
        );
        ensure!(
            self.seconds <= SECONDS_MAX,
            "--seconds: at most {SECONDS_MAX}, so that nothing leaves the window"
        );
        Ok(())
    }
}
