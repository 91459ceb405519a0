//! What is fetched once and kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Has the folder filled, unless it holds what `wanted` describes. Others who want the same wait.
pub(crate) fn fill_once(
    folder: &Path,
    wanted: &str,
    by: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    if is_there(folder, wanted) {
        return Ok(());
    }
    let lock = folder.with_extension("lock");
    fs::create_dir_all(folder.parent().unwrap_or(folder))?;
    let lock = File::create(&lock).with_context(|| format!("create {}", lock.display()))?;
    lock.lock()?;
    if is_there(folder, wanted) {
        return Ok(());
    }
    fill(folder, wanted, by)
}

/// Whether the folder holds what `wanted` describes: it was stamped with it when it was complete.
fn is_there(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp(folder)).is_ok_and(|found| found == wanted)
}

/// Empties the folder, has it filled, and stamps it as complete.
fn fill(folder: &Path, wanted: &str, by: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    by(folder)?;
    fs::write(stamp(folder), wanted).with_context(|| format!("stamp {}", folder.display()))
}

/// Runs a program that fetches or builds, and answers what it printed. `needs` says what to install
/// when it is not there.
pub(crate) fn run(command: &mut Command, needs: &str) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {name}: {needs}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<_> = said.lines().rev().take(20).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    bail!("{name} failed ({}):\n{}", output.status, last.join("\n"))
}

/// What fetches all that the folder's `package-lock.json` names, and checks it, and runs none of it.
pub(crate) fn npm_ci(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.arg("--prefix").arg(folder);
    npm
}

fn stamp(folder: &Path) -> PathBuf {
    folder.join(".complete")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_incomplete_or_of_another_version_is_not_there() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("jars");
        assert!(!is_there(&folder, "1"));
        let cut_short = fill(&folder, "1", |_| bail!("the line went dead"));
        assert!(cut_short.is_err() && !is_there(&folder, "1"));
        fill(&folder, "1", |folder| {
            Ok(fs::write(folder.join("old"), "")?)
        })
        .unwrap();
        assert!(is_there(&folder, "1") && !is_there(&folder, "2"));
        fill(&folder, "2", |_| Ok(())).unwrap();
        assert!(!folder.join("old").exists(), "nothing old is left");
    }

    #[test]
    fn what_several_want_at_once_is_fetched_once() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("engine");
        let times = AtomicU32::new(0);
        let fetch = || {
            fill_once(&folder, "1", |_| {
                times.fetch_add(1, Relaxed);
                thread::sleep(Duration::from_millis(50));
                Ok(())
            })
        };
        thread::scope(|threads| {
            let fetching: Vec<_> = (0..4).map(|_| threads.spawn(fetch)).collect();
            for one in fetching {
                one.join().unwrap().unwrap();
            }
        });
        assert_eq!(times.load(Relaxed), 1);
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such host; exit 3"]);
        let error = run(&mut command, "install a shell")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no such host") && error.contains('3'),
            "{error}"
        );
        let error = run(&mut Command::new("no-such-program"), "install it").unwrap_err();
        assert!(format!("{error:#}").contains("install it"));
    }
}
