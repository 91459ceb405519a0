//! How far a replay is: a bar in a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use sextant_reporter::report::Counters;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::output;

const LINE_INTERVAL: Duration = Duration::from_secs(5);

pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { all: u64, last: Instant },
}

impl Progress {
    pub(super) fn new(all: u64, environment: &Environment) -> anyhow::Result<Self> {
        if !stderr().is_terminal() {
            let last = Instant::now();
            return Ok(Self::Lines { all, last });
        }
        let template = if environment.no_color {
            "{bar:40} {pos}/{len} {per_sec} {msg}"
        } else {
            "{bar:40.cyan} {pos}/{len} {per_sec} {msg}"
        };
        let style = ProgressStyle::with_template(template).context("cannot draw a bar")?;
        Ok(Self::Bar(ProgressBar::new(all).with_style(style)))
    }

    pub(super) fn show(&mut self, counters: &Counters) -> anyhow::Result<()> {
        let Counters {
            acknowledged,
            refused,
            dropped,
            retries,
            connections_failed,
            ..
        } = counters;
        let settled = acknowledged + refused + dropped;
        let trouble = format!("{refused} refused, {dropped} dropped, {retries} sent again");
        match self {
            Self::Bar(bar) => {
                bar.set_position(settled);
                if settled > *acknowledged || *retries > 0 || *connections_failed > 0 {
                    bar.set_message(trouble);
                }
            }
            Self::Lines { all, last } => {
                if last.elapsed() >= LINE_INTERVAL {
                    *last = Instant::now();
                    output::note(format_args!("{acknowledged} of {all}; {trouble}"))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
