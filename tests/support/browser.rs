//! Scripts that drive a real browser through the pages. They lie in `tests/browser`.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sextant_testbed::browser;
use tempfile::TempDir;

use crate::process::Process;

/// Far above what any takes on a busy machine.
const PLAY_MAX: Duration = Duration::from_mins(5);
const END_MAX: Duration = Duration::from_secs(30);

/// Plays a script before the pages of a server.
pub fn play(script: &str, server: &Process) {
    play_with(script, &json!({"server": server.http}), |wish| {
        panic!("nobody fulfils \"{wish}\"")
    });
}

/// Plays a script in a world of the test's own, and does what the script wishes on its way: a line
/// `{"wish": "…"}` of what it prints, which goes on once it was told that it is done.
pub fn play_with(script: &str, world: &Value, mut fulfil: impl FnMut(&str)) {
    let mut player = Player::start(script, world);
    let deadline = Instant::now() + PLAY_MAX;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match player.lines.recv_timeout(left) {
            Ok(line) => {
                let said: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("{script}: {error}: {line}"));
                fulfil(said["wish"].as_str().expect("a wish"));
                player.answer();
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                player.end();
                panic!(
                    "{script} took more than {PLAY_MAX:?}:\n{}",
                    player.complaint()
                );
            }
        }
    }
    let status = player.child.wait().unwrap();
    let complaint = player.complaint();
    assert!(status.success(), "{script} ({status}):\n{complaint}");
    let left = browsers(player.folder.path());
    assert!(left.is_empty(), "{script} left a browser behind: {left:?}");
}

/// A script that plays. Neither it nor its browser outlives the value.
struct Player {
    child: Child,
    /// What it prints.
    lines: mpsc::Receiver<String>,
    /// Where it, and the browser, keep what they need for as long as they run.
    folder: TempDir,
}

impl Player {
    fn start(script: &str, world: &Value) -> Self {
        let folder = tempfile::Builder::new().prefix("browser-").tempdir();
        let folder = folder.unwrap();
        let complaint = fs::File::create(folder.path().join("complaint")).unwrap();
        let mut command = browser::script(script).unwrap_or_else(|error| panic!("{error:#}"));
        command.arg(world.to_string());
        command.env("TMPDIR", folder.path());
        // Signals that are meant for the test don't end it in the middle of a step.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(complaint).spawn().unwrap();
        let printed = child.stdout.take().unwrap();
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            let printed = BufReader::new(printed).lines();
            printed.for_each(|printed| drop(line.send(printed.unwrap_or_default())));
        });
        Self {
            child,
            lines,
            folder,
        }
    }

    /// Says that what it wished is done.
    fn answer(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"done\n").unwrap();
    }

    /// Ends the script, which takes its browser with it.
    fn end(&mut self) {
        signal("-TERM", self.child.id());
        let deadline = Instant::now() + END_MAX;
        while self.child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it has complained of.
    fn complaint(&self) -> String {
        let mut text = String::new();
        let file = fs::File::open(self.folder.path().join("complaint"));
        drop(file.unwrap().take(64 << 10).read_to_string(&mut text));
        text
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // One that was ended already is not an error. A browser ends when its script does; one that
        // hangs is ended by its number.
        drop(self.child.kill());
        drop(self.child.wait());
        for browser in browsers(self.folder.path()) {
            signal("-KILL", browser);
        }
    }
}

/// Browsers that still run on a profile in this folder, after they had the time to end.
fn browsers(folder: &Path) -> Vec<u32> {
    let deadline = Instant::now() + END_MAX;
    loop {
        let left = running_in(folder);
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn running_in(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let runs_there = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder)
    };
    ids.filter(runs_there).collect()
}

fn signal(name: &str, id: u32) {
    // One that has ended meanwhile is not an error.
    let mut kill = Command::new("kill");
    drop(kill.args([name, &id.to_string()]).status());
}
