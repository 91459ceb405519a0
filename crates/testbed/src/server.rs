//! A server as a child process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const POLL: Duration = Duration::from_millis(20);
/// Looks at a server that starts: with [`POLL`] between them, a minute.
const LOOKS_MAX: u32 = 3_000;

/// A server that is killed when this is dropped, and when the process that holds this dies.
pub struct Server {
    child: Child,
    /// Kills the child once its own standard input ends.
    watchdog: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a command whose output goes to `log` in its folder. When the process that holds this
    /// dies, the folder goes too.
    pub fn start(command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join("log");
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let watchdog = Command::new("sh")
            .args([
                "-c",
                "trap '' INT TERM HUP; read _; kill -9 $0; rm -rf \"$1\"",
                &child.id().to_string(),
            ])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start a watchdog")?;
        Ok(Self {
            child,
            watchdog,
            log,
        })
    }

    /// Waits until `ready` finds what it looks for. `ready` gets what the server has printed.
    ///
    /// # Errors
    /// If the server ends before that, or a minute passes; with what it printed last.
    pub fn wait_until<T>(&mut self, mut ready: impl FnMut(&str) -> Option<T>) -> Result<T> {
        for _ in 0..LOOKS_MAX {
            let printed = self.printed();
            if let Some(found) = ready(&printed) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}):\n{}", end_of(&printed));
            }
            thread::sleep(POLL);
        }
        bail!(
            "the server is not ready after a minute:\n{}",
            end_of(&self.printed())
        )
    }

    /// All that it has printed.
    pub fn printed(&self) -> String {
        fs::read(&self.log).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Ends it as `kill` does, and waits until it has.
    ///
    /// # Errors
    /// If it hasn't after a minute.
    pub fn stop(&mut self) -> Result<()> {
        self.signal("-TERM")?;
        for _ in 0..LOOKS_MAX {
            if self.child.try_wait()?.is_some() {
                return self.kill();
            }
            thread::sleep(POLL);
        }
        bail!("the server goes on a minute after it was told to end")
    }

    /// Its number among the processes of the machine.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.watchdog.kill().context("kill the watchdog")?;
        self.watchdog.wait()?;
        self.child.kill().context("kill the server")?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status()?;
        if status.success() {
            Ok(())
        } else {
            bail!("kill {name} {pid}: {status}")
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was killed before is no error.
        drop(self.kill());
    }
}

fn end_of(printed: &str) -> String {
    let lines: Vec<_> = printed.lines().collect();
    let from = lines.len().saturating_sub(30);
    lines.get(from..).unwrap_or_default().join("\n")
}
