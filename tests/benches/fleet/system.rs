//! The processes under load.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use sextant_testbed::clickhouse::ClickHouse;
use sextant_testbed::kafka::Kafka;
use sextant_tests::fleet::Fleet;
use sextant_tests::process::{Process, command};
use sextant_wire::topics::OBSERVATIONS;
use tempfile::TempDir;

use crate::options::Options;
use sextant_tests::usage::{Usage, segment_bytes};

/// The processes under load; they end with the value.
pub(crate) struct System {
    processes: Vec<(String, Process)>,
    // The servers go after those that use them.
    servers: Option<Servers>,
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
}

struct Servers {
    fleet: Fleet,
    kafka: Kafka,
    clickhouse: ClickHouse,
}

/// What all processes have used up to a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) usages: BTreeMap<String, Usage>,
    /// Of the observations log; none if it is embedded.
    pub(crate) log_bytes: Option<u64>,
}

impl System {
    pub(crate) fn start(options: &Options) -> Result<Self> {
        let mut system = Self::without_agent(options)?;
        if options.agent {
            system.add_agent()?;
        }
        Ok(system)
    }

    fn without_agent(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("load-").tempdir()?;
        let series_max = series_max(options);
        if options.standalone {
            let file = folder.path().join("sextant.toml");
            let text = format!(
                "[aggregator]\nunknown_series_max = {series_max}\n\
                 [log]\npartitions = {}\n",
                options.partitions
            );
            fs::write(&file, text)?;
            let arguments = ["--config", file.to_str().context("a path in UTF-8")?];
            let data = folder.path().join("data");
            let process = Process::standalone_with(&data, &arguments);
            return Ok(Self {
                processes: vec![("standalone".to_owned(), process)],
                servers: None,
                settings: Vec::new(),
                folder,
            });
        }
        let (kafka, clickhouse) = (Kafka::start()?, ClickHouse::start()?);
        let address = kafka.address().to_owned();
        let fleet = Fleet::on(address, clickhouse.url(), options.partitions);
        let mut system = Self {
            processes: Vec::new(),
            servers: Some(Servers {
                fleet,
                kafka,
                clickhouse,
            }),
            settings: vec![
                ("SEXTANT_AGGREGATOR__UNKNOWN_SERIES_MAX", series_max),
                // As shipped, where the tests are in a hurry.
                ("SEXTANT_KAFKA__LINGER_MS", "5".to_owned()),
                ("SEXTANT_KAFKA__SESSION_TIMEOUT_MS", "10000".to_owned()),
            ],
            folder,
        };
        system.add("collector", "collector")?;
        let aggregators = options
            .aggregators
            .max(if options.takeover { 2 } else { 1 });
        for number in 1..=aggregators {
            system.add("aggregator", &format!("aggregator {number}"))?;
        }
        system.add("server", "server")?;
        Ok(system)
    }

    /// Starts a process of a role under a name, and waits until it is ready.
    pub(crate) fn add(&mut self, role: &str, name: &str) -> Result<()> {
        let servers = self.servers.as_ref().context("there is one process")?;
        let mut command = servers.fleet.command(role, &name.replace(' ', "-"));
        for (key, value) in &self.settings {
            command.env(key, value);
        }
        let process = Process::ready(&mut command);
        self.processes.push((name.to_owned(), process));
        Ok(())
    }

    /// Starts an agent before the collector, as it is shipped.
    fn add_agent(&mut self) -> Result<()> {
        let collector = self.first("collector")?.grpc.replace("http://", "grpc://");
        let mut command = command(&["agent", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
        command
            .env("SEXTANT_AGENT__COLLECTORS", collector)
            .env("SEXTANT_AGENT__SPOOL_DIR", self.folder.path().join("spool"));
        let process = Process::ready(&mut command);
        self.processes.push(("agent".to_owned(), process));
        Ok(())
    }

    /// Takes a process out; it ends with the value.
    pub(crate) fn take(&mut self, name: &str) -> Result<Process> {
        let place = self.processes.iter().position(|(held, _)| held == name);
        let place = place.with_context(|| format!("no {name} runs"))?;
        Ok(self.processes.remove(place).1)
    }

    /// Where observations go in.
    pub(crate) fn intake(&self) -> Result<&Process> {
        self.first("agent").or_else(|_| self.first("collector"))
    }

    /// Where snapshots come out.
    pub(crate) fn server(&self) -> Result<&Process> {
        self.first("server")
    }

    /// What each process has used so far.
    pub(crate) fn sample(&self) -> Result<Sample> {
        let mut usages = BTreeMap::new();
        for (name, process) in &self.processes {
            usages.insert(name.clone(), Usage::of(process.pid())?);
        }
        let mut log_bytes = None;
        if let Some(servers) = &self.servers {
            let pids = [
                ("broker", servers.kafka.pid()),
                ("clickhouse", servers.clickhouse.pid()),
            ];
            for (name, pid) in pids {
                let pid = pid.with_context(|| format!("no {name} runs"))?;
                usages.insert(name.to_owned(), Usage::of(pid)?);
            }
            log_bytes = Some(segment_bytes(&servers.kafka.data(), OBSERVATIONS)?);
        }
        usages.insert("sender".to_owned(), Usage::of(std::process::id())?);
        Ok(Sample { usages, log_bytes })
    }

    /// The sum of a metric over all its labels.
    pub(crate) fn metric(&self, process: &str, name: &str) -> Result<f64> {
        let (status, body) = self.first(process)?.request("/metrics");
        ensure!(status == 200, "{process}: /metrics answers {status}");
        let text = body.as_str().context("metrics are text")?;
        let mut sum = 0.0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(rest) = line.strip_prefix(name) else {
                continue;
            };
            if rest.starts_with(['{', ' ']) {
                let (_, value) = rest.rsplit_once(' ').context("a metric's value")?;
                sum += value.parse::<f64>()?;
            }
        }
        Ok(sum)
    }

    fn first(&self, name: &str) -> Result<&Process> {
        let is_stage = name != "agent";
        let of_the_name = |held: &str| held == name || (is_stage && held == "standalone");
        let mut processes = self.processes.iter();
        let found = processes.find(|(held, _)| of_the_name(held));
        found
            .map(|(_, process)| process)
            .with_context(|| format!("no {name} runs"))
    }
}

impl Sample {
    /// CPU seconds that processes whose name begins so have used since.
    pub(crate) fn cpu_s_since(&self, before: &Self, name: &str) -> f64 {
        let of_the_name = self
            .usages
            .iter()
            .filter(|(held, _)| held.starts_with(name));
        let used = of_the_name.map(|(held, now)| {
            let before = before.usages.get(held).map_or(0.0, |it| it.cpu_s);
            now.cpu_s - before
        });
        used.sum()
    }

    /// Resident bytes of processes whose name begins so.
    pub(crate) fn rss_bytes(&self, name: &str) -> u64 {
        let of_the_name = self
            .usages
            .iter()
            .filter(|(held, _)| held.starts_with(name));
        of_the_name.map(|(_, usage)| usage.rss_bytes).sum()
    }

    /// The names of all that were looked at.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.usages.keys().map(String::as_str)
    }
}

/// One agent may bring half of those that a partition keeps. Series fall on partitions by chance.
fn series_max(options: &Options) -> String {
    options.series.saturating_mul(2).max(10_000).to_string()
}
