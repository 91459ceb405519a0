//! `cargo xtask ci`: every check, then all tests, whose common summary is the last line.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{codegen, layers, test, tidy, workspace};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped(&'static str),
}

type Check = fn() -> Result<Verdict>;

struct Report {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
}

/// The checks that come before the tests; one that fails keeps none of the others from running.
const CHECKS: [(&str, Check); 8] = [
    ("fmt", || cargo(&["fmt", "--all", "--check"])),
    ("tidy", || tidy::run().map(verdict)),
    ("layers", || layers::run().map(verdict)),
    ("codegen", || codegen::check().map(verdict)),
    ("deny", deny),
    ("clippy", clippy),
    ("alone", alone),
    ("doc", doc),
];

pub(crate) fn run() -> bool {
    let mut reports: Vec<_> = CHECKS
        .iter()
        .map(|&(name, check)| step(name, || judge(check())))
        .collect();
    let mut tests = test::Outcome::default();
    reports.push(step("test", || {
        judge(run_tests(&test::Arguments::default(), &mut tests))
    }));
    reports.push(step("tls", || judge(tls(&mut tests))));

    println!();
    for report in &reports {
        println!("{}", line(report));
    }
    println!("{}\n{}", tests.failures, tests.summary);
    reports
        .iter()
        .all(|report| report.verdict != Verdict::Failed)
}

/// Runs tests and adds them to the others.
fn run_tests(arguments: &test::Arguments, tests: &mut test::Outcome) -> Result<Verdict> {
    let outcome = test::run(arguments)?;
    // A name that fits no test any more must not pass for one that does.
    let ran = outcome.summary.ran();
    tests.summary += outcome.summary;
    tests.failures.add_all(outcome.failures);
    Ok(verdict(outcome.passed && ran > 0))
}

/// The log over TLS and SASL: the one package that has them, since they build OpenSSL.
fn tls(tests: &mut test::Outcome) -> Result<Verdict> {
    let package = ["-p", "sextant-eventlog", "--features", "kafka-tls"];
    let line = [&["clippy"], &package[..], &["--all-targets"]].concat();
    let linted = cargo(&[&line[..], &["--", "-D", "warnings"]].concat())?;
    let line = [&package[..], &["--test", "it", "kafka::secured::"]].concat();
    let tested = run_tests(&test::Arguments::of(&line), tests)?;
    Ok(verdict(
        linted == Verdict::Passed && tested == Verdict::Passed,
    ))
}

fn step(name: &'static str, run: impl FnOnce() -> Verdict) -> Report {
    println!("\n==> {name}");
    #[expect(
        clippy::disallowed_types,
        reason = "shown to people; no logic hangs on it"
    )]
    let begun = std::time::Instant::now();
    let verdict = run();
    let report = Report {
        name,
        verdict,
        took: begun.elapsed(),
    };
    println!("<== {}", line(&report));
    report
}

fn line(report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Failed => "FAILED".to_owned(),
        Verdict::Skipped(why) => format!("skipped: {why}"),
    };
    format!(
        "{:<8}{:>7.1} s  {verdict}",
        report.name,
        report.took.as_secs_f64()
    )
}

/// A step that can't be carried out has failed.
fn judge(result: Result<Verdict>) -> Verdict {
    result.unwrap_or_else(|error| {
        println!("error: {error:#}");
        Verdict::Failed
    })
}

fn verdict(passed: bool) -> Verdict {
    if passed {
        Verdict::Passed
    } else {
        Verdict::Failed
    }
}

fn clippy() -> Result<Verdict> {
    // All targets: what the tests' step does not build, such as benchmarks, is compiled here.
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
}

/// The build without Kafka and ClickHouse.
fn alone() -> Result<Verdict> {
    let package = ["clippy", "-p", "sextant-cli", "--no-default-features"];
    cargo(&[&package[..], &["--", "-D", "warnings"]].concat())
}

fn doc() -> Result<Verdict> {
    let mut command = Command::new("cargo");
    command
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    succeeds(&mut command).map(verdict)
}

fn deny() -> Result<Verdict> {
    if !quietly(&["deny", "--version"])? {
        return Ok(Verdict::Skipped("cargo-deny isn't installed"));
    }
    let rules = cargo(&["deny", "check", "bans", "licenses", "sources"])?;
    if !quietly(&["deny", "fetch", "db"])? {
        println!("advisories not checked: their database can't be fetched");
        return Ok(rules);
    }
    let advisories = cargo(&["deny", "check", "advisories"])?;
    Ok(if rules == Verdict::Passed {
        advisories
    } else {
        rules
    })
}

fn cargo(arguments: &[&str]) -> Result<Verdict> {
    succeeds(Command::new("cargo").args(arguments)).map(verdict)
}

fn quietly(arguments: &[&str]) -> Result<bool> {
    let mut command = Command::new("cargo");
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    succeeds(&mut command)
}

fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("run {command:?}"))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_cannot_be_carried_out_has_failed() {
        assert_eq!(
            judge(Err(anyhow::anyhow!("no such program"))),
            Verdict::Failed
        );
        assert_eq!(judge(Ok(Verdict::Passed)), Verdict::Passed);
    }

    #[test]
    fn a_command_that_fails_is_a_failed_step() {
        assert_eq!(verdict(quietly(&["--version"]).unwrap()), Verdict::Passed);
        assert_eq!(
            verdict(quietly(&["no-such-command"]).unwrap()),
            Verdict::Failed
        );
    }

    #[test]
    fn a_skipped_step_says_why() {
        let report = Report {
            name: "deny",
            verdict: Verdict::Skipped("not there"),
            took: Duration::from_millis(1_250),
        };
        assert_eq!(line(&report), "deny        1.2 s  skipped: not there");
    }
}
