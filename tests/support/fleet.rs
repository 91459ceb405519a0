//! The roles as processes apart from each other, on the run's Kafka and ClickHouse.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sextant_testbed::run;
use tempfile::TempDir;

use crate::process::{self, Process, Starting, command};

/// Names of a test's own on the servers of the run, and what its processes are given.
pub struct Fleet {
    folder: TempDir,
    pub kafka: String,
    pub clickhouse: String,
    /// Topics and groups begin with it; the database is called so.
    pub prefix: String,
    pub partitions: u32,
}

impl Fleet {
    /// On the run's servers.
    pub fn new(partitions: u32) -> Self {
        let (kafka, clickhouse) = (run::kafka(), run::clickhouse());
        Self::on(kafka, clickhouse, partitions)
    }

    /// On servers of the test's own.
    pub fn on(kafka: String, clickhouse: String, partitions: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("fleet-").tempdir().unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy();
        let prefix = name.to_lowercase().replace('-', "_");
        let fleet = Self {
            folder,
            kafka,
            clickhouse,
            prefix,
            partitions,
        };
        fs::write(fleet.settings(), fleet.text()).unwrap();
        let migrated = fleet.run("migrate");
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{said}");
        fleet
    }

    /// A folder that goes with the fleet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a role under a name, and waits until it is ready.
    pub fn start(&self, role: &str, instance: &str) -> Process {
        Process::ready(&mut self.command(role, instance))
    }

    /// Starts a role under a name.
    pub fn starting(&self, role: &str, instance: &str) -> Starting {
        Process::starting(&mut self.command(role, instance))
    }

    /// Starts a role that can be asked before it is ready.
    pub fn starting_at_once(&self, role: &str, instance: &str) -> Process {
        let address = free_address();
        Process::at(&mut self.command_at(role, instance, &address), &address)
    }

    /// One more owner of all partitions, who ends once it has them: what the store could not take in
    /// time from those before it, this one gives it from the log.
    pub fn own_once(&self) {
        let mut last = self.start("aggregator", "last");
        assert_eq!(last.terminate().code(), Some(0));
    }

    /// The command that starts a role under a name.
    pub fn command(&self, role: &str, instance: &str) -> Command {
        self.command_at(role, instance, "127.0.0.1:0")
    }

    fn command_at(&self, role: &str, instance: &str, http: &str) -> Command {
        let mut command = command(&[role, "--http", http, "--grpc", "127.0.0.1:0"]);
        command.arg("--config").arg(self.settings());
        command.env("SEXTANT_PROCESS__INSTANCE", instance);
        command
    }

    /// Runs a command on the fleet's settings to its end.
    pub fn run(&self, name: &str) -> Output {
        let mut command = command(&[name]);
        command
            .arg("--config")
            .arg(self.settings())
            .output()
            .unwrap()
    }

    /// What ClickHouse answers to a query, a JSON object a row.
    pub fn sql(&self, query: &str) -> Vec<Value> {
        let query = format!("{query} FORMAT JSONEachRow");
        let url = format!("{}/?database={}", self.clickhouse, self.prefix);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.post(&url).send(query.as_bytes()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 200, "{query}: {text}");
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        rows.collect()
    }

    fn settings(&self) -> PathBuf {
        self.folder().join("sextant.toml")
    }

    fn text(&self) -> String {
        let Self {
            kafka,
            clickhouse,
            prefix,
            partitions,
            ..
        } = self;
        format!(
            "[kafka]\nbrokers = \"{kafka}\"\nprefix = \"{prefix}.\"\nreplication = 1\n\
             session_timeout_ms = 6000\nlinger_ms = 1\n\
             [log]\npartitions = {partitions}\n\
             [clickhouse]\nurl = \"{clickhouse}\"\ndatabase = \"{prefix}\"\n"
        )
    }
}

/// An address that was free a moment ago.
fn free_address() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap().to_string()
}

/// Sends a file to a collector, as fast as it is acknowledged, so that its last observation
/// completes now.
pub fn replay(collector: &Process, file: &Path) {
    let to = collector.grpc.replace("http://", "grpc://");
    let file = file.to_str().unwrap();
    let output = process::run(&["replay", file, "--to", &to, "--at-once", "--rebase"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Begins to send a file at so many times the speed that it was recorded at.
pub fn replaying(collector: &Process, file: &Path, speed: u32) -> Child {
    let to = collector.grpc.replace("http://", "grpc://");
    let (file, speed) = (file.to_str().unwrap(), speed.to_string());
    command(&["replay", file, "--to", &to, "--speed", &speed, "--rebase"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
