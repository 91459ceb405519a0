//! `cargo xtask test`: all tests, with one summary of them all at the end.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use sextant_testbed::run::Servers;
use sextant_testbed::{browser, buf, otel, prometheus, sdk};

use crate::failures::Failures;
use crate::{servers, workspace};

#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// What `cargo test` takes: a part of the tests' names, `-p PACKAGE`, ..
    #[arg(allow_hyphen_values = true)]
    cargo: Vec<String>,
    /// What the tests' runner takes, after `--`
    #[arg(last = true)]
    runner: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) summary: Summary,
    pub(crate) failures: Failures,
    pub(crate) passed: bool,
}

/// Tests of all binaries together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Summary {
    /// Tests that were carried out.
    pub(crate) fn ran(&self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Runs the tests and shows what they print as they print it. The caller prints the summary.
///
/// All tests share one Kafka and one ClickHouse. Those of chosen packages fetch and start what they
/// need themselves.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let servers = (!arguments.choose_packages()).then(prepare);
    let servers = servers.transpose()?;
    let variables = servers.iter().flat_map(Servers::variables);
    let mut child = Command::new("cargo")
        .args(command_line(arguments))
        .envs(variables)
        .current_dir(workspace::root())
        .stdout(Stdio::piped())
        .spawn()
        .context("run cargo test")?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        follow(BufReader::new(output), &mut io::stdout(), &mut tally)
            .context("read what the tests print")?;
    }
    let status = child.wait().context("wait for cargo test")?;
    let failures = std::mem::take(&mut tally.failures);
    let summary = tally.close();
    if !status.success() && summary.failed == 0 {
        println!("\ncargo test failed outside any test: {status}");
    }
    Ok(Outcome {
        summary,
        failures,
        passed: status.success() && summary.failed == 0,
    })
}

/// Fetches all that the tests of the workspace need, and starts what they share.
fn prepare() -> Result<Servers> {
    sdk::fetch(&mut servers::say).context("the SDKs that tests use")?;
    otel::fetch(&mut servers::say).context("the instrumentation that tests use")?;
    buf::fetch(&mut servers::say).context("what checks the protocol")?;
    browser::fetch(&mut servers::say).context("the browser that tests use")?;
    prometheus::check().context("what reads the metrics in tests")?;
    servers::start()
}

impl Arguments {
    /// What `cargo test` takes.
    pub(crate) fn of(cargo: &[&str]) -> Self {
        Self {
            cargo: cargo.iter().map(|&argument| argument.to_owned()).collect(),
            runner: Vec::new(),
        }
    }

    fn choose_packages(&self) -> bool {
        self.cargo.iter().any(|argument| {
            argument.starts_with("--package")
                || (argument.starts_with("-p") && !argument.starts_with("--"))
        })
    }
}

fn command_line(arguments: &Arguments) -> Vec<String> {
    let mut line = vec!["test".to_owned(), "--no-fail-fast".to_owned()];
    if !arguments.choose_packages() {
        line.push("--workspace".to_owned());
    }
    line.extend(arguments.cargo.iter().cloned());
    if !arguments.runner.is_empty() {
        line.push("--".to_owned());
        line.extend(arguments.runner.iter().cloned());
    }
    line
}

fn follow(mut output: impl BufRead, shown: &mut impl Write, tally: &mut Tally) -> io::Result<()> {
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        shown.write_all(&line)?;
        tally.add(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

/// Adds up what each test binary reports.
#[derive(Default)]
struct Tally {
    summary: Summary,
    failures: Failures,
    /// Whether a binary has begun and not yet reported.
    running: bool,
}

impl Tally {
    fn add(&mut self, line: &str) {
        self.failures.add(line);
        if is_beginning(line) {
            self.end_of_binary();
            self.running = true;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.running = false;
            self.summary.passed += count_before(counts, "passed");
            self.summary.failed += count_before(counts, "failed");
            self.summary.skipped += count_before(counts, "ignored");
        }
    }

    fn close(mut self) -> Summary {
        self.end_of_binary();
        self.summary
    }

    /// One that died took its report with it: that is a failure of at least one test.
    fn end_of_binary(&mut self) {
        if std::mem::take(&mut self.running) {
            self.summary.failed += 1;
        }
    }
}

/// `running 12 tests`
fn is_beginning(line: &str) -> bool {
    let count = line.strip_prefix("running ").and_then(|rest| {
        rest.strip_suffix(" tests")
            .or_else(|| rest.strip_suffix(" test"))
    });
    count.is_some_and(|count| count.parse::<u64>().is_ok())
}

/// Of `ok. 3 passed; 0 failed; ..`.
fn count_before(counts: &str, word: &str) -> u64 {
    counts
        .split(['.', ';'])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, name)| *name == word)
        .and_then(|(count, _)| count.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s";
    const FAILED: &str = "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";

    #[test]
    fn the_results_of_all_binaries_are_added_up() {
        let summary = tally(&["running 4 tests", PASSED, "", "running 6 tests", FAILED]);
        assert_eq!(summary.to_string(), "7 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn the_results_of_several_runs_are_added_up() {
        let mut summary = tally(&["running 4 tests", PASSED]);
        summary += tally(&["running 6 tests", FAILED]);
        assert_eq!(summary.to_string(), "7 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn nothing_is_said_of_skipped_tests_when_there_are_none() {
        let summary = tally(&["running 6 tests", FAILED]);
        assert_eq!(summary.to_string(), "4 passed, 2 failed");
    }

    #[test]
    fn a_binary_that_dies_counts_as_a_failure() {
        assert_eq!(tally(&["running 1 test"]).failed, 1);
        let summary = tally(&[
            "running 2 tests",
            "test a ... ok",
            "running 4 tests",
            PASSED,
        ]);
        assert_eq!(summary.to_string(), "3 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn what_tests_print_is_not_taken_for_a_result() {
        let summary = tally(&[
            "running late tests",
            "result: 9 passed",
            "test a ... 5 failed",
        ]);
        assert_eq!(summary, Summary::default());
    }

    #[test]
    fn output_is_shown_as_it_is_and_read_to_its_end() {
        let printed = format!("running 4 tests\n{PASSED}");
        let (mut shown, mut tally) = (Vec::new(), Tally::default());
        follow(printed.as_bytes(), &mut shown, &mut tally).unwrap();
        assert_eq!(shown, printed.as_bytes());
        assert_eq!(tally.close().passed, 3);
    }

    #[test]
    fn all_packages_are_tested_unless_some_are_chosen() {
        assert_eq!(line(&[], &[]), "test --no-fail-fast --workspace");
        assert_eq!(
            line(&["window"], &[]),
            "test --no-fail-fast --workspace window"
        );
        assert_eq!(line(&["-p", "xtask"], &[]), "test --no-fail-fast -p xtask");
        assert_eq!(
            line(&["--package=xtask"], &["--nocapture"]),
            "test --no-fail-fast --package=xtask -- --nocapture"
        );
    }

    fn tally(lines: &[&str]) -> Summary {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line);
        }
        tally.close()
    }

    fn line(cargo: &[&str], runner: &[&str]) -> String {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        command_line(&Arguments {
            cargo: owned(cargo),
            runner: owned(runner),
        })
        .join(" ")
    }
}
