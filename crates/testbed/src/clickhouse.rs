//! ClickHouse itself: its engine as a library from npm, served over HTTP by a process of ours.
//!
//! `tests/clickhouse` names the version, with a hash of what is fetched, and holds the
//! configuration. The engine is the server's own, and so are its HTTP interface, formats, tables,
//! users and errors. What it lacks there: replicated tables and Keeper, `CREATE USER`, the queue of
//! asynchronous inserts, and reloading the configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::server::Server;
use crate::{fetched, root};

const NEEDS: &str = "ClickHouse for tests needs npm (Debian: npm)";
const ELSEWHERE: &str = "name a server of your own in SEXTANT_TEST_CLICKHOUSE_URL";

/// Fetches the engine and builds what serves it, unless they are there. `progress` is told what
/// takes time.
///
/// # Errors
/// If this machine can't run the engine; if npm is missing, can't fetch, or gets something else
/// than was fetched before; with what it said.
pub fn fetch(progress: &mut dyn FnMut(&str)) -> Result<()> {
    check_machine()?;
    let wanted = fs::read_to_string(sources().join("package-lock.json"))?;
    fetched::fill_once(&engine(), &wanted, |folder| {
        progress("fetching ClickHouse (178 MB)");
        for name in ["package.json", "package-lock.json"] {
            fs::copy(sources().join(name), folder.join(name))?;
        }
        fetched::run(&mut fetched::npm_ci(folder), NEEDS).map(drop)
    })?;
    fetched::fill_once(
        &launcher(),
        include_str!("bin/sextant-clickhouse.rs"),
        |folder| {
            progress("building what serves ClickHouse");
            build(folder)
        },
    )
}

/// A server. It ends with the value. Beside `default`, who has no password, it knows the users of
/// `tests/clickhouse/users.xml`.
pub struct ClickHouse {
    // The server goes before its folder.
    server: Option<Server>,
    folder: TempDir,
    port: u16,
}

impl ClickHouse {
    /// Starts a server on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// If it can't be fetched or run here, or doesn't get ready; with what it printed.
    pub fn start() -> Result<Self> {
        Self::start_with_users("<clickhouse/>")
    }

    /// The same, knowing the users of this XML, too: a file of `users.d`.
    ///
    /// # Errors
    /// As [`ClickHouse::start`].
    pub fn start_with_users(xml: &str) -> Result<Self> {
        fetch(&mut |_| {})?;
        let folder = tempfile::Builder::new()
            .prefix("sextant-clickhouse-")
            .tempdir()?;
        // Without it, merges and other work in the background don't begin.
        fs::create_dir_all(folder.path().join("data/metadata"))?;
        fs::copy(sources().join(USERS), folder.path().join(USERS))?;
        fs::create_dir(folder.path().join("users.d"))?;
        fs::write(folder.path().join("users.d/more.xml"), xml)?;
        let mut clickhouse = Self {
            server: None,
            folder,
            port: 0,
        };
        clickhouse.start_again()?;
        Ok(clickhouse)
    }

    /// Where it is reached, as `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its number among the processes of the machine, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Ends it as `kill -9` does. What it had written stays.
    pub fn kill(&mut self) -> Result<()> {
        self.server
            .take()
            .map_or(Ok(()), |mut server| server.kill())
    }

    /// Sends it a signal, as `kill` names it.
    pub fn signal(&self, name: &str) -> Result<()> {
        let server = self.server.as_ref();
        server.context("the server does not run")?.signal(name)
    }

    /// Starts it on its port and on what it left, and waits until it is ready.
    pub fn start_again(&mut self) -> Result<()> {
        let data = self.folder.path().join("data");
        let opened = data.join("http_port");
        if opened.exists() {
            fs::remove_file(&opened)?;
        }
        let config = self.folder.path().join("config.xml");
        fs::write(&config, settings(&self.folder.path().join(USERS)))?;
        let mut command = Command::new(launcher().join(LAUNCHER));
        command.arg(engine().join(LIBRARY)).arg(&data);
        command.arg(self.port.to_string()).arg(&config);
        let mut server = Server::start(&mut command, self.folder.path())?;
        self.port = server.wait_until(|_| {
            let written = fs::read_to_string(&opened).ok()?;
            written.strip_suffix('\n')?.parse().ok()
        })?;
        self.server = Some(server);
        Ok(())
    }
}

const LIBRARY: &str = "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
const LAUNCHER: &str = "sextant-clickhouse";
const USERS: &str = "users.xml";

fn settings(users: &Path) -> String {
    let shipped = include_str!("../../../tests/clickhouse/config.xml");
    shipped.replace("@USERS@", &users.display().to_string())
}

/// Says what is missing, where loading the engine would end in an illegal instruction.
fn check_machine() -> Result<()> {
    if !cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        bail!("ClickHouse for tests runs on Linux with glibc on x86-64 only: {ELSEWHERE}");
    }
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") {
        bail!("ClickHouse for tests needs a processor with AVX2: {ELSEWHERE}");
    }
    Ok(())
}

/// Builds the launcher with the cargo that runs, where it builds everything, and copies it.
fn build(folder: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "sextant-testbed", "--bin", LAUNCHER]);
    cargo.args(["--message-format", "json"]).current_dir(root());
    let said = fetched::run(&mut cargo, "what serves ClickHouse is built by cargo")?;
    let built = executable(&said).context("cargo did not say what it built")?;
    fs::copy(&built, folder.join(LAUNCHER)).with_context(|| format!("copy {built}"))?;
    Ok(())
}

/// The path in `"executable":"path"` of cargo's messages.
fn executable(messages: &str) -> Option<String> {
    let (_, rest) = messages.rsplit_once("\"executable\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(path.replace("\\\\", "\\"))
}

fn engine() -> PathBuf {
    crate::folder().join("clickhouse")
}

fn launcher() -> PathBuf {
    crate::folder().join("clickhouse-launcher")
}

fn sources() -> PathBuf {
    root().join("tests/clickhouse")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_in_what_cargo_says() {
        let messages = r#"{"reason":"compiler-artifact","executable":"/t/debug/build"}
{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/t/debug/it"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages).as_deref(), Some("/t/debug/it"));
        assert_eq!(executable(r#"{"executable":null}"#), None);
    }

    #[test]
    fn what_is_fetched_is_checked_by_a_hash_and_named_without_an_address() {
        let lock = fs::read_to_string(sources().join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\": \"sha512-"), "{lock}");
        assert!(!lock.contains("resolved"), "{lock}");
    }
}
