//! Takeovers: one of two aggregators is killed under load, and the other gets everything. Then
//! rebuilding: a new aggregator alone reads all of the log.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use crate::load::setting;
use crate::options::Options;
use crate::report::Report;
use crate::sender::now_us;
use crate::system::System;
use crate::workload::Workload;
use sextant_tests::spread::median_and_ends;

const WHOLE: &str = "sextant_aggregator_whole";
const RECEIVED: &str = "sextant_aggregator_received_observations_total";
/// Between two takeovers, so that each begins from rest.
const REST: Duration = Duration::from_secs(5);

/// How rebuilding went.
struct Rebuilt {
    observations: f64,
    /// From the process' start until every partition was whole; it waits for those before it to
    /// be given up.
    took: Duration,
    cpu_s: f64,
}

pub(crate) async fn run(options: &Options) -> Result<Report> {
    let mut system = System::start(options)?;
    let mut workload = Workload::begin(options, &system).await?;
    workload.send();
    workload.stand(Duration::from_secs(options.seconds)).await?;
    let names = ["aggregator 1", "aggregator 2"];
    let mut report = Report::default();
    setting(&mut report, options);
    let mut whole_s = Vec::new();
    for round in 0..options.rounds as usize {
        // Always the elder: its heir has never given anything away.
        let (dies, heir) = (names[round % 2], names[(round + 1) % 2]);
        let takeover = take_over(options, &mut system, &mut workload, dies, heir);
        let whole = takeover.await?.as_secs_f64();
        report.number(format!("whole after, round {}", round + 1), "s", whole);
        whole_s.push(whole);
        give_back(options, &mut system, &mut workload, dies).await?;
    }
    workload.end().await?;
    workload.settle().await?;
    workload.verify().await?;
    if let Some([median, min, max]) = median_and_ends(&whole_s) {
        report.number("whole after, median", "s", median);
        report.number("whole after, min", "s", min);
        report.number("whole after, max", "s", max);
    }
    let rebuilt = rebuild(options, &mut system, &mut workload, names).await?;
    workload.verify().await?;
    let (observations, took_s) = (rebuilt.observations, rebuilt.took.as_secs_f64());
    report.number("rebuilt from", "observations", observations);
    report.number("rebuilt after a start", "s", took_s);
    report.number("CPU of rebuilding", "s", rebuilt.cpu_s);
    let per_core = observations / rebuilt.cpu_s;
    report.number("rebuilt per core", "observations/s", per_core);
    Ok(report)
}

/// Kills an aggregator. How long until the other owns every partition, rebuilt, the server has said
/// so in an edition, and what it serves is as fresh as ever.
async fn take_over(
    options: &Options,
    system: &mut System,
    workload: &mut Workload,
    dies: &str,
    heir: &str,
) -> Result<Duration> {
    let mut victim = system.take(dies)?;
    victim.kill();
    let killed = Instant::now();
    let all = f64::from(options.partitions);
    let system = &*system;
    let owns_all = || Ok(system.metric(heir, WHOLE)? >= all);
    workload
        .until("the heir to own everything", owns_all)
        .await?;
    let since_us = now_us();
    let coverage = workload.coverage.clone();
    let says_so = || {
        let now = *coverage.borrow();
        Ok(now.generated_at_us >= since_us && now.whole == now.partitions)
    };
    workload.until("the server to say so", says_so).await?;
    // Less than the rate brings in two seconds is what a running system is always behind by.
    let ledger = Arc::clone(&workload.ledger);
    let usual = u64::from(options.rate.unwrap_or_default()) * 2;
    let is_fresh = || Ok(ledger.behind() <= usual);
    workload.until("fresh figures", is_fresh).await?;
    Ok(killed.elapsed())
}

/// Starts the killed one again, and waits until it has its share.
async fn give_back(
    options: &Options,
    system: &mut System,
    workload: &mut Workload,
    name: &str,
) -> Result<()> {
    system.add("aggregator", name)?;
    let share = f64::from(options.partitions / 2);
    let system = &*system;
    let has_share = || Ok(system.metric(name, WHOLE)? >= share);
    workload
        .until("the returned one to have its share", has_share)
        .await?;
    let coverage = workload.coverage.clone();
    let since_us = now_us();
    let is_whole = || {
        let now = *coverage.borrow();
        Ok(now.generated_at_us >= since_us && now.whole == now.partitions)
    };
    workload
        .until("everything to be whole again", is_whole)
        .await?;
    workload.stand(REST).await
}

/// Has one new aggregator read everything.
async fn rebuild(
    options: &Options,
    system: &mut System,
    workload: &mut Workload,
    before: [&str; 2],
) -> Result<Rebuilt> {
    for name in before {
        let ended = system.take(name)?.terminate();
        ensure!(ended.success(), "{name} ended with {ended}");
    }
    let (name, begun) = ("aggregator 3", Instant::now());
    system.add("aggregator", name)?;
    let system = &*system;
    let all = f64::from(options.partitions);
    let is_whole = || Ok(system.metric(name, WHOLE)? >= all);
    workload.until("all to be rebuilt", is_whole).await?;
    let took = begun.elapsed();
    let usages = system.sample()?.usages;
    let usage = usages.get(name).context("it has ended")?;
    Ok(Rebuilt {
        observations: system.metric(name, RECEIVED)?,
        took,
        cpu_s: usage.cpu_s,
    })
}
