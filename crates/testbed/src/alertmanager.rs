//! Prometheus' Alertmanager itself, as the system's package has it.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::server::Server;

const PROGRAM: &str = "prometheus-alertmanager";
const NEEDS: &str =
    "the tests of alerts need Alertmanager: apt-get install prometheus-alertmanager";
/// Tells nobody.
const CONFIG: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";
/// What it prints once it listens.
const LISTENS: &str = "Listening on";
/// Ports that another process took first.
const TRIES_MAX: u32 = 5;

/// An instance that knows of no other. It ends with the value.
pub struct Alertmanager {
    // The server goes before its folder.
    server: Option<Server>,
    folder: TempDir,
    port: u16,
}

impl Alertmanager {
    /// Starts one on a free port, and waits until it listens.
    ///
    /// # Errors
    /// If it is not installed, with what to do; if it doesn't get ready, with what it printed.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sextant-alertmanager-")
            .tempdir()?;
        fs::write(folder.path().join("config.yml"), CONFIG)?;
        let mut alertmanager = Self {
            server: None,
            folder,
            port: 0,
        };
        // It can't say which port it got by itself.
        let mut last = None;
        for _ in 0..TRIES_MAX {
            alertmanager.port = free_port()?;
            match alertmanager.start_again() {
                Ok(()) => return Ok(alertmanager),
                Err(error) if error.to_string().contains("address already in use") => {
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        bail!("no port stayed free: {last:?}")
    }

    /// Where it is reached, as `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it as `kill -9` does. Alerts live in its memory.
    ///
    /// # Errors
    /// If it can't be ended.
    pub fn kill(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.kill())
    }

    /// Starts it on its port, without the alerts that it knew, and waits until it listens.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn start_again(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut command = Command::new(PROGRAM);
        command.arg(format!(
            "--config.file={}",
            folder.join("config.yml").display()
        ));
        command.arg(format!("--storage.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{}", self.port));
        command.arg("--cluster.listen-address=");
        let started = Server::start(&mut command, folder);
        let mut server = started.map_err(|error| {
            let is_missing = error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::NotFound);
            if is_missing {
                error.context(NEEDS)
            } else {
                error
            }
        })?;
        server.wait_until(|printed| printed.contains(LISTENS).then_some(()))?;
        self.server = Some(server);
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr()?.port())
}
