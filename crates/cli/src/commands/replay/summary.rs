//! What became of a replay.

use std::io::stdout;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value as Json, json};
use sextant_reporter::error::ReporterError;
use sextant_reporter::replay::{Replayed, Survey};
use sextant_reporter::report::Report;

use crate::args::Output;
use crate::environment::Environment;
use crate::escape::OneLine;
use crate::exit::Failure;
use crate::output;
use crate::table::{Cell, Column, Table, Tone};

/// Losses told one by one to people. Programs get all that the sender keeps.
const TOLD_MAX: usize = 10;

pub(super) struct Summary {
    /// Observations in the file.
    observations: u64,
    replayed: Replayed,
    report: Report,
    failure: Option<ReporterError>,
    took: Duration,
}

impl Summary {
    pub(super) fn new(
        survey: &Survey,
        replayed: Result<Replayed, ReporterError>,
        report: Report,
        took: Duration,
    ) -> Self {
        let (replayed, failure) = match replayed {
            Ok(replayed) => (replayed, None),
            Err(error) => (Replayed::default(), Some(error)),
        };
        // A sender that has stopped knows better why.
        let failure = report.failure.clone().or(failure);
        Self {
            observations: survey.observations,
            replayed,
            report,
            failure,
            took,
        }
    }

    /// Shows it. It is a failure if anything was lost.
    pub(super) fn tell(&self, output: Output, environment: &Environment) -> Result<(), Failure> {
        let text = match output {
            Output::Table => self.text(environment.colour_on(&stdout())),
            Output::Json => {
                serde_json::to_string_pretty(&self.json()).context("cannot write JSON")?
            }
        };
        output::line(text)?;
        if self.is_whole() {
            Ok(())
        } else {
            Err(Failure::Told)
        }
    }

    /// Whether the target keeps all that the file holds.
    fn is_whole(&self) -> bool {
        let all_kept = self.report.acknowledged == self.observations;
        all_kept && self.replayed.bad_lines == 0 && self.failure.is_none()
    }

    fn text(&self, colour: bool) -> String {
        let report = &self.report;
        let mut table = Table::new([Column::text("observations"), Column::number("count")]);
        let mut count = |name: &str, count: u64, tone| {
            let tone = if count > 0 { tone } else { Tone::Plain };
            table.push([Cell::new(name), Cell::new(count.to_string()).toned(tone)]);
        };
        count("in the file", self.observations, Tone::Plain);
        count("recorded", report.recorded, Tone::Plain);
        count("acknowledged", report.acknowledged, Tone::Good);
        count("refused", report.refused, Tone::Bad);
        for (reason, dropped) in &report.dropped {
            let name = format!("dropped: {}", reason.name());
            count(&name, *dropped, Tone::Bad);
        }
        count("lines that hold none", self.replayed.bad_lines, Tone::Bad);
        let mut lines = vec![table.render(colour), String::new()];
        lines.push(format!(
            "{} batches, {} sent again, in {:.1} s",
            report.batches,
            report.retries,
            self.took.as_secs_f64()
        ));
        if report.acknowledged > 0 && !report.deduplicated {
            lines.push("the target does not recognise repeats: some may count twice".to_owned());
        }
        lines.extend(self.losses());
        lines.join("\n")
    }

    fn losses(&self) -> Vec<String> {
        let bad = self.replayed.first_bad_lines.iter();
        let bad = bad.map(|bad| format!("line {}: {}", bad.line, bad.reason));
        let refused = self.report.refusals.iter().map(|refused| {
            let definition = &refused.observation.definition;
            let (model, provider) = (&definition.model, &definition.provider);
            format!(
                "refused: number {} ({model}, {provider}): {}",
                refused.ordinal, refused.reason
            )
        });
        let dropped = self.report.drops.iter().map(|dropped| {
            let (reason, message) = (dropped.reason.name(), &dropped.message);
            format!(
                "dropped: {} observations, {reason}: {message}",
                dropped.observations
            )
        });
        let failure = self
            .failure
            .iter()
            .map(|error| format!("ended early: {error}"));
        let told = bad
            .take(TOLD_MAX)
            .chain(refused.take(TOLD_MAX))
            .chain(dropped.take(TOLD_MAX))
            .chain(failure);
        told.map(|line| OneLine(line).to_string()).collect()
    }

    fn json(&self) -> Json {
        let report = &self.report;
        let dropped: serde_json::Map<_, _> = report
            .dropped
            .iter()
            .map(|(reason, count)| (reason.name().to_owned(), Json::from(*count)))
            .collect();
        let refusals = report.refusals.iter().map(|refused| {
            let definition = &refused.observation.definition;
            json!({
                "ordinal": refused.ordinal,
                "model": definition.model.to_string(),
                "provider": definition.provider.to_string(),
                "reason": refused.reason,
            })
        });
        let drops = report.drops.iter().map(|dropped| {
            json!({
                "sequence": dropped.sequence,
                "observations": dropped.observations,
                "reason": dropped.reason.name(),
                "message": dropped.message,
            })
        });
        let bad_lines = self.replayed.first_bad_lines.iter();
        let bad_lines = bad_lines.map(|bad| json!({ "line": bad.line, "reason": bad.reason }));
        json!({
            "observations": self.observations,
            "recorded": report.recorded,
            "acknowledged": report.acknowledged,
            "refused": report.refused,
            "dropped": dropped,
            "bad_lines": self.replayed.bad_lines,
            "batches": report.batches,
            "retries": report.retries,
            "deduplicated": report.deduplicated,
            "duration_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "refusals": refusals.collect::<Vec<_>>(),
            "drops": drops.collect::<Vec<_>>(),
            "first_bad_lines": bad_lines.collect::<Vec<_>>(),
            "failure": self.failure.as_ref().map(ToString::to_string),
        })
    }
}
