//! Apache Kafka itself: one broker that is its own controller, from the jars on Maven Central.
//!
//! `tests/kafka` names the version and holds the logging configuration. Quick to compact and to
//! delete, so that tests see both happen; otherwise as it is shipped.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::server::Server;
use crate::{fetched, root};

const NEEDS: &str =
    "Kafka for tests needs Java 17 and Maven (Debian: openjdk-17-jre-headless, maven)";
/// Any 22 characters do.
const CLUSTER: &str = "5L6g3nShT-eMCtK--X86sw";

/// Fetches the jars, unless they are there. `progress` is told what takes time.
///
/// # Errors
/// If Maven is missing or can't fetch; with what it said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    let (folder, wanted) = (jars(), fs::read_to_string(pom())?);
    fetched::fill_once(&folder, &wanted, |folder| {
        progress("fetching Kafka (45 MB)");
        let output = format!("-DoutputDirectory={}", folder.display());
        let goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-ntp", "-q", "-f"]).arg(pom());
        maven.args([goal, "-DincludeScope=runtime", &output]);
        fetched::run(&mut maven, NEEDS).map(drop)
    })
}

/// What a broker has beside what is in `tests/kafka/server.properties`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// More lines of settings, which win over the others. `@BROKER@` is the port it is reached at,
    /// `@CONTROLLER@` that of its controller.
    pub settings: String,
    /// Listeners beside the plain one: names, in capitals, and protocols (`SASL_SSL`).
    pub listeners: Vec<(String, String)>,
    /// Names and passwords for SCRAM, with SHA-256 and with SHA-512.
    pub users: Vec<(String, String)>,
}

/// A broker. It ends with the value.
pub struct Kafka {
    // The broker goes before its folder.
    server: Option<Server>,
    folder: TempDir,
    address: String,
    /// Of the listeners beside the plain one, in their order.
    ports: Vec<(String, u16)>,
}

impl Kafka {
    /// Starts a broker on free ports, and waits until it is ready.
    ///
    /// # Errors
    /// If Java or the jars are missing, or it doesn't get ready; with what it printed.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts a broker that differs from what most tests use.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        fetch(&mut |_| {})?;
        let folder = tempfile::Builder::new()
            .prefix("sextant-kafka-")
            .tempdir()?;
        let ports = free_ports(2 + options.listeners.len())?;
        let [broker, controller, more @ ..] = &ports[..] else {
            bail!("no ports");
        };
        let names = options.listeners.iter().map(|(name, _)| name.clone());
        let properties = folder.path().join("server.properties");
        let settings = settings(folder.path(), *broker, *controller, more, options);
        fs::write(&properties, settings)?;
        fs::create_dir(folder.path().join("tmp"))?;
        let mut format = java(folder.path());
        format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]);
        format.arg(&properties);
        for (name, password) in &options.users {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                let user = format!("{mechanism}=[name={name},password={password}]");
                format.args(["-S", &user]);
            }
        }
        fetched::run(&mut format, NEEDS)?;
        let mut kafka = Self {
            server: None,
            folder,
            address: format!("127.0.0.1:{broker}"),
            ports: names.zip(more.iter().copied()).collect(),
        };
        kafka.start_again()?;
        Ok(kafka)
    }

    /// Where it is reached, as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port of a listener beside the plain one.
    pub fn port(&self, listener: &str) -> Option<u16> {
        let mut ports = self.ports.iter();
        ports.find_map(|(name, port)| (name == listener).then_some(*port))
    }

    /// Runs `kafka-acls.sh`, by way of the plain listener, and answers what it printed.
    ///
    /// # Errors
    /// If the tool can't be fetched, or refuses; with what it printed.
    pub fn acls(&self, arguments: &[&str]) -> Result<String> {
        fetch_tools()?;
        let mut tool = java_with(self.folder.path(), &[jars(), tools()]);
        tool.arg("org.apache.kafka.tools.AclCommand");
        tool.args(["--bootstrap-server", &self.address]);
        tool.args(arguments);
        fetched::run(&mut tool, NEEDS)
    }

    /// Its number among the processes of the machine, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Where its logs lie: a folder for each partition of each topic.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends it as `kill -9` does. What it had written stays.
    pub fn kill(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.kill())
    }

    /// Ends it in good order: what it stored is not looked through when it starts again.
    pub fn stop(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.stop())
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) -> Result<()> {
        let server = self.server.as_ref();
        server.context("the broker does not run")?.signal(name)
    }

    /// Starts it on the ports and on what it left, and waits until it is ready.
    pub fn start_again(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut broker = java(folder);
        broker
            .arg("kafka.Kafka")
            .arg(folder.join("server.properties"));
        let mut server = Server::start(&mut broker, folder)?;
        server.wait_until(|printed| printed.contains("Kafka Server started").then_some(()))?;
        self.server = Some(server);
        Ok(())
    }
}

/// Fetches the command-line tools, of the broker's own version, unless they are there.
fn fetch_tools() -> Result<()> {
    let pom = fs::read_to_string(pom())?;
    let version = version(&pom).context("tests/kafka/pom.xml names no version of Kafka")?;
    fetched::fill_once(&tools(), version, |folder| {
        let goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
        let artifact = format!("-Dartifact=org.apache.kafka:kafka-tools:{version}");
        let output = format!("-DoutputDirectory={}", folder.display());
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-ntp", "-q", goal, &artifact, &output]);
        fetched::run(&mut maven, NEEDS).map(drop)
    })
}

fn version(pom: &str) -> Option<&str> {
    let (_, rest) = pom.split_once("<artifactId>kafka_2.13</artifactId>")?;
    let (_, rest) = rest.split_once("<version>")?;
    rest.split_once("</version>").map(|(version, _)| version)
}

/// Java with the broker's jars, for a small heap and a quick start.
fn java(folder: &Path) -> Command {
    java_with(folder, &[jars()])
}

fn java_with(folder: &Path, jars: &[PathBuf]) -> Command {
    let jars = jars.iter().map(|jars| format!("{}/*", jars.display()));
    let mut java = Command::new("java");
    java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"])
        .arg("-Djava.awt.headless=true")
        .arg(format!("-Djava.io.tmpdir={}", folder.join("tmp").display()))
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            sources().join("log4j2.properties").display()
        ))
        .args(["-cp", &jars.collect::<Vec<_>>().join(":")]);
    java
}

fn settings(
    folder: &Path,
    broker: u16,
    controller: u16,
    more: &[u16],
    options: &Options,
) -> String {
    let shipped = include_str!("../../../tests/kafka/server.properties");
    let wanted = options.listeners.iter().zip(more);
    let (listeners, protocols): (String, String) = wanted
        .map(|((name, protocol), port)| {
            let listener = format!(",{name}://127.0.0.1:{port}");
            (listener, format!(",{name}:{protocol}"))
        })
        .unzip();
    shipped
        .lines()
        .map(|line| match line.split_once('=') {
            Some(("listeners", _)) => format!("{line}{listeners}\n"),
            Some(("listener.security.protocol.map", _)) => format!("{line}{protocols}\n"),
            _ => format!("{line}\n"),
        })
        .chain([format!("{}\n", options.settings)])
        .collect::<String>()
        .replace("@BROKER@", &broker.to_string())
        .replace("@CONTROLLER@", &controller.to_string())
        .replace("@DATA@", &folder.join("data").display().to_string())
}

/// Ports that were free a moment ago. The controller's must be known before it starts.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held = (0..count).map(|_| TcpListener::bind("127.0.0.1:0"));
    let held = held.collect::<Result<Vec<_>, _>>()?;
    let ports = held.iter().map(|held| Ok(held.local_addr()?.port()));
    ports.collect()
}

fn jars() -> PathBuf {
    crate::folder().join("kafka")
}

fn tools() -> PathBuf {
    crate::folder().join("kafka-tools")
}

fn pom() -> PathBuf {
    sources().join("pom.xml")
}

fn sources() -> PathBuf {
    root().join("tests/kafka")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_settings_is_filled() {
        let options = Options {
            settings: "advertised=@BROKER@".to_owned(),
            listeners: vec![("CLIENT".to_owned(), "SASL_SSL".to_owned())],
            users: Vec::new(),
        };
        let filled = settings(Path::new("/run"), 9092, 9093, &[9094], &options);
        let places = filled.matches('@').count();
        assert_eq!(places, 1, "that of `voters=1@host`: {filled}");
        assert!(filled.contains("PLAINTEXT://127.0.0.1:9092") && filled.contains("/run/data"));
        assert!(filled.contains(",CLIENT://127.0.0.1:9094\n"), "{filled}");
        assert!(filled.contains(",CLIENT:SASL_SSL\n"), "{filled}");
        assert!(filled.ends_with("advertised=9092\n"), "the last line wins");
    }

    #[test]
    fn the_tools_are_of_the_brokers_version() {
        let pom = fs::read_to_string(pom()).unwrap();
        let version = version(&pom).unwrap();
        assert!(
            version.starts_with(|c: char| c.is_ascii_digit()),
            "{version}"
        );
    }
}
