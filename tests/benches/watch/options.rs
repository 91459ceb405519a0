//! What a run is made of.

use anyhow::{Result, ensure};
use clap::Parser;

use crate::feed::PROVIDERS;

/// Of one connection, as listeners have it.
const STREAMS_MAX: usize = 256;

/// Opens watches on a standalone of its own and says what they took.
#[derive(Debug, Clone, Parser)]
#[command(name = "watch")]
pub(crate) struct Options {
    /// Endpoints
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) endpoints: u32,
    /// Watchers; each number is a run
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    pub(crate) watchers: Vec<usize>,
    /// Percent of the endpoints that are observed each second; each number is a run
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 10, 100])]
    pub(crate) changing: Vec<u32>,
    /// Open pages of models in place of watches, so many models in all
    #[arg(long, value_name = "N")]
    pub(crate) pages: Option<u32>,
    /// Watches that share a connection
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) streams: usize,
    /// Seconds to measure for
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) seconds: u64,
    /// Longest wait for anything, in seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) patience: u64,
    /// The process that watches: which server.
    #[arg(long, hide = true)]
    pub(crate) crowd_of: Option<String>,
    /// What cargo adds.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

impl Options {
    fn models(&self) -> u32 {
        self.endpoints.div_ceil(PROVIDERS)
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.endpoints > 0, "nothing changes of nothing");
        ensure!(
            self.changing.iter().all(|share| (1..=100).contains(share)),
            "--changing: 1 to 100 percent"
        );
        ensure!(
            (1..=STREAMS_MAX).contains(&self.streams),
            "--streams: a connection has 1 to {STREAMS_MAX}"
        );
        ensure!(
            self.pages
                .is_none_or(|models| models > 0 && models <= self.models()),
            "--pages: 1 to {}, as many models as {} endpoints make",
            self.models(),
            self.endpoints
        );
        ensure!(self.seconds > 1, "--seconds: at least 2");
        Ok(())
    }
}
