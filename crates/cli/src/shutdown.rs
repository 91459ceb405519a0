//! How a process ends: in order, within its deadline, and naming who is late.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::escape::OneLine;
use crate::output;

type Work = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

const INTERRUPT: &str = "SIGINT";
/// The code of a process that was told to end a second time.
const CUT_SHORT: i32 = 1;

/// What is to be done, phase by phase.
///
/// The parts of a phase end side by side; the next phase begins when all of them have, or when
/// half of the time that was left is over. So a stage that hangs can't keep the log from being
/// closed, and the last phase has all the time that is left.
pub struct Shutdown {
    deadline: Duration,
    phases: Vec<Phase>,
}

struct Phase {
    name: &'static str,
    parts: Vec<(&'static str, Work)>,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Ended {
    /// Parts that did not end in time, as `phase: part`.
    pub late: Vec<String>,
    /// Parts that failed, and why.
    pub failed: Vec<(String, anyhow::Error)>,
}

/// Told to end a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutShort;

/// SIGTERM, SIGINT and SIGHUP.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Unless whoever started the process wants it to outlive its terminal, as `nohup` does.
    ends_with_terminal: bool,
}

/// What a signal tells the process to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// To end, by the signal of this name.
    End(&'static str),
    /// To read its settings again.
    Reload,
}

impl Signals {
    /// Takes them over; from here on they don't end the process by themselves.
    pub fn install() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("cannot take over signals");
        let ends_with_terminal = has_terminal() && !ignores_hangup();
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hangup: take(SignalKind::hangup())?,
            ends_with_terminal,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End("SIGTERM"),
            _ = self.interrupt.recv() => Told::End(INTERRUPT),
            // It is sent by hand, and by a terminal that is closed.
            _ = self.hangup.recv() => if self.ends_with_terminal && !has_terminal() {
                Told::End("SIGHUP")
            } else {
                Told::Reload
            },
        }
    }

    /// Waits until someone at a keyboard wants an end at once. Supervisors repeat themselves: a
    /// process that is told by them what it is doing already goes on doing it.
    pub async fn at_once(&mut self) {
        loop {
            match self.next().await {
                Told::End(INTERRUPT) => return,
                Told::End(signal) => tracing::info!(signal, "already ending"),
                Told::Reload => {}
            }
        }
    }
}

impl Shutdown {
    /// Nothing to do yet, within so much time.
    pub fn within(deadline: Duration) -> Self {
        Self {
            deadline,
            phases: Vec::new(),
        }
    }

    /// Adds a part to a phase. Phases run in the order in which they were first named.
    #[must_use]
    pub fn then(
        mut self,
        phase: &'static str,
        part: &'static str,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        let work: Work = Box::pin(work);
        match self.phases.iter_mut().find(|it| it.name == phase) {
            Some(phase) => phase.parts.push((part, work)),
            None => self.phases.push(Phase {
                name: phase,
                parts: vec![(part, work)],
            }),
        }
        self
    }

    /// Runs all phases. SIGINT ends the process at once, and nothing more is written.
    pub async fn run(self, signals: &mut Signals) -> Ended {
        match self.run_unless(signals.at_once()).await {
            Ok(ended) => ended,
            Err(CutShort) => end_at_once(),
        }
    }

    /// Runs all phases, unless it is cut short.
    ///
    /// # Errors
    /// [`CutShort`] as soon as `cut` is ready. What has not ended by then is dropped.
    pub async fn run_unless<T>(self, cut: impl Future<Output = T>) -> Result<Ended, CutShort> {
        tokio::select! {
            biased;
            _ = cut => Err(CutShort),
            ended = self.run_phases() => Ok(ended),
        }
    }

    async fn run_phases(self) -> Ended {
        let end = Instant::now() + self.deadline;
        let mut ended = Ended::default();
        let mut phases = self.phases.into_iter().peekable();
        while let Some(phase) = phases.next() {
            let left = end.saturating_duration_since(Instant::now());
            let share = if phases.peek().is_some() {
                left / 2
            } else {
                left
            };
            tracing::info!(phase = phase.name, "shutting down");
            phase.run(Instant::now() + share, &mut ended).await;
        }
        ended
    }
}

impl Phase {
    async fn run(self, end: Instant, ended: &mut Ended) {
        let mut waiting: Vec<_> = self.parts.iter().map(|(part, _)| *part).collect();
        let mut running = JoinSet::new();
        for (part, work) in self.parts {
            running.spawn(async move { (part, work.await) });
        }
        while let Ok(Some(joined)) = timeout_at(end, running.join_next()).await {
            // One that panicked is never crossed off, and so is named below.
            let Ok((part, outcome)) = joined else {
                continue;
            };
            waiting.retain(|it| *it != part);
            if let Err(error) = outcome {
                tracing::error!(phase = self.name, part, "could not end in order: {error:#}");
                ended.failed.push((format!("{}: {part}", self.name), error));
            }
        }
        for part in waiting {
            tracing::error!(phase = self.name, part, "did not end in time");
            ended.late.push(format!("{}: {part}", self.name));
        }
        // Not waited for: it may not be giving the runtime a chance to end it.
        running.abort_all();
    }
}

impl Ended {
    /// An error that names all who were late or failed.
    pub fn in_order(self) -> anyhow::Result<()> {
        let late = self.late.iter().map(|who| format!("{who} is late"));
        let failed = self.failed.iter();
        let failed = failed.map(|(who, error)| format!("{who}: {error:#}"));
        let all: Vec<_> = late.chain(failed).collect();
        if all.is_empty() {
            return Ok(());
        }
        Err(anyhow::anyhow!("shutdown out of order: {}", all.join("; ")))
    }
}

/// Whether SIGHUP was being ignored when the process began, as proc(5) shows it.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal n is bit n - 1, and SIGHUP is 1.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Whether a terminal controls the process.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a second signal asks for just that: to wait for nothing any more"
)]
fn end_at_once() -> ! {
    let text = OneLine("error: told to end a second time, so nothing is waited for");
    // There is nobody left to tell if this can't be said.
    drop(output::note(text));
    std::process::exit(CUT_SHORT)
}

#[cfg(test)]
mod tests;
