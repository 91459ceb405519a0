//! The load: what the processes take of it, and how fast it gets through.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::ledger::Measured;
use crate::options::Options;
use crate::report::Report;
use crate::system::{Sample, System};
use crate::workload::Workload;
use sextant_tests::usage::load_average;

/// What was looked at, in order.
struct Samples {
    /// Before the first observation.
    idle: Sample,
    /// After each series was served once.
    warm: Sample,
    /// After a quarter of the time.
    early: Sample,
    /// After the last acknowledgement.
    sent: Sample,
    /// After the last count was served.
    served: Sample,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let system = System::start(options)?;
    let idle = system.sample()?;
    let mut workload = Workload::begin(options, &system).await?;
    let warm = system.sample()?;
    workload.ledger.take();
    let begun = Instant::now();
    workload.send();
    let quarter = Duration::from_secs(options.seconds) / 4;
    workload.stand(quarter).await?;
    let early = system.sample()?;
    workload.stand(quarter * 3).await?;
    workload.end().await?;
    let (took, sent, behind) = (begun.elapsed(), system.sample()?, workload.ledger.behind());
    let caught_up = workload.settle().await?;
    let served = system.sample()?;
    let measured = workload.ledger.take();
    workload.verify().await?;
    let samples = Samples {
        idle,
        warm,
        early,
        sent,
        served,
    };
    let mut report = Report::default();
    setting(&mut report, options);
    throughput(&mut report, &measured, &samples, took);
    delays(&mut report, &measured, behind, caught_up);
    memory(&mut report, options, &samples);
    Ok(report)
}

/// What was asked for, and where.
pub(crate) fn setting(report: &mut Report, options: &Options) {
    let rate = options.rate.map_or_else(
        || "as fast as acknowledged".to_owned(),
        |rate| format!("{rate} observations/s"),
    );
    report.text("rate asked for", rate);
    report.number("series", "", options.series.into());
    report.number("senders", "", options.senders.into());
    report.text("load average at the end", load_average());
}

fn throughput(report: &mut Report, measured: &Measured, samples: &Samples, took: Duration) {
    let acknowledged = measured.acknowledged as f64;
    report.number("acknowledged", "observations", acknowledged);
    let per_s = acknowledged / took.as_secs_f64();
    report.number("acknowledged per second", "observations/s", per_s);
    report.number(
        "sent again for want of room",
        "batches",
        measured.refusals as f64,
    );
    let Samples {
        warm, sent, served, ..
    } = samples;
    for name in served.names() {
        // Windows are behind what is acknowledged.
        let until = if name == "collector" { sent } else { served };
        let cpu_s = until.cpu_s_since(warm, name);
        report.number(format!("CPU {name}"), "s", cpu_s);
    }
    for name in ["agent", "collector", "aggregator", "standalone"] {
        let until = if name == "collector" { sent } else { served };
        let cpu_s = until.cpu_s_since(warm, name);
        if cpu_s > 0.0 {
            let per_core = acknowledged / cpu_s;
            report.number(format!("per core {name}"), "observations/s", per_core);
        }
    }
    let wire = measured.bytes as f64 / measured.observations_sent.max(1) as f64;
    report.number("agent to collector", "bytes/observation", wire);
    if let (Some(before), Some(after)) = (warm.log_bytes, served.log_bytes) {
        let log = after.saturating_sub(before) as f64 / acknowledged.max(1.0);
        report.number("in the log", "bytes/observation", log);
    }
}

fn delays(report: &mut Report, measured: &Measured, behind: u64, caught_up: Duration) {
    let acknowledgements = &measured.acknowledgements;
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        let value = acknowledgements.quantile_ms(q);
        report.maybe(&format!("acknowledged after, {name}"), "ms", value);
    }
    report.maybe("acknowledged after, max", "ms", acknowledgements.max_ms());
    for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
        let value = measured.delays.quantile_ms(q);
        report.maybe(&format!("completed to served, {name}"), "ms", value);
    }
    report.maybe("completed to served, max", "ms", measured.delays.max_ms());
    report.number("not served at the end", "observations", behind as f64);
    report.number("served after", "s", caught_up.as_secs_f64());
}

fn memory(report: &mut Report, options: &Options, samples: &Samples) {
    let served = &samples.served;
    for name in served.names() {
        let mebibytes = |sample: &Sample| sample.rss_bytes(name) as f64 / f64::from(1 << 20);
        let early = mebibytes(&samples.early);
        report.number(format!("RSS {name}, after a quarter"), "MiB", early);
        report.number(format!("RSS {name}"), "MiB", mebibytes(served));
    }
    for name in ["aggregator", "server", "standalone"] {
        let grown = served
            .rss_bytes(name)
            .saturating_sub(samples.idle.rss_bytes(name));
        if grown > 0 {
            let per_series = grown as f64 / 1_024.0 / f64::from(options.series);
            report.number(format!("RSS a series {name}"), "KiB", per_series);
        }
    }
}
