//! The processes of a run, and what they took.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use sextant_tests::process::Process;
use sextant_tests::usage::{Usage, load_average};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::crowd::Figures;
use crate::feed;
use crate::options::Options;

const LOOK: Duration = Duration::from_millis(200);
/// After everything is served, until nothing of the beginning is left to be done.
const CALM: Duration = Duration::from_secs(3);
const PUSHED: &str = "sextant_server_pushed_bytes_total";
const EDITIONS: &str = "sextant_server_published_editions_total";

/// A server under load, watched by nobody but its children.
struct Site {
    server: Process,
    feed: JoinSet<Result<()>>,
    rate: watch::Sender<u32>,
    _folder: tempfile::TempDir,
}

/// What a time of so many seconds took.
struct Took {
    seconds: f64,
    cpu_s: f64,
    rss_bytes: u64,
    pushed_bytes: f64,
    editions: f64,
}

/// Every run, a row of the table each.
pub(crate) async fn all(options: &Options) -> Result<()> {
    println!(
        "{} endpoints, {} streams a connection, {} s a run, load average {} at the start\n",
        options.endpoints,
        options.streams,
        options.seconds,
        load_average()
    );
    if let Some(models) = options.pages {
        println!(
            "| observed a second | open pages of {models} models | age of what is told, p50 / p99 | \
             cores, without / with | RSS a page | pushed |\n|---|---|---|---|---|---|"
        );
    } else {
        print_head();
    }
    for changing in &options.changing {
        for watchers in &options.watchers {
            run(options, *changing, *watchers).await?;
        }
    }
    Ok(())
}

fn print_head() {
    println!(
        "| observed a second | watchers | had the second's edition within it, mean / least | \
         after, p50 / p99 | cores, without / with | RSS a watcher | pushed |"
    );
    println!("|---|---|---|---|---|---|---|");
}

async fn run(options: &Options, changing: u32, watchers: usize) -> Result<()> {
    let mut site = Site::start(options, watchers).await?;
    let each_s = (options.endpoints * changing).div_ceil(100);
    site.rate.send_replace(each_s);
    site.stand(CALM).await?;
    let without = site.measure(Duration::from_secs(options.seconds)).await?;
    let server = match options.pages {
        Some(_) => &site.server.http,
        None => &site.server.grpc,
    };
    let mut crowd = Crowd::gather(options, server, watchers)?;
    let patience = Duration::from_secs(options.patience) * 2;
    let open = timeout(patience, crowd.line())
        .await
        .context("no crowd")??;
    site.stand(CALM).await?;
    crowd.go().await?;
    let with = site.measure(Duration::from_secs(options.seconds)).await?;
    let told = timeout(patience, crowd.line())
        .await
        .context("no figures")??;
    let figures: Figures = serde_json::from_str(&told).with_context(|| told.clone())?;
    crowd.end().await?;
    if open != format!("open {watchers}") || figures.failed > 0 {
        eprintln!("of {watchers}: {open} in time, {} failed", figures.failed);
    }
    if options.pages.is_some() {
        print_pages(changing, watchers, &without, &with, &figures);
    } else {
        print(changing, watchers, &without, &with, &figures);
    }
    Ok(())
}

fn print_pages(changing: u32, pages: usize, without: &Took, with: &Took, figures: &Figures) {
    let grown = with.rss_bytes.saturating_sub(without.rss_bytes) as f64;
    println!(
        "| {changing} % | {pages} | {:.0} / {:.0} ms | {:.2} / {:.2} | {:.1} KiB | {:.2} MB/s |",
        figures.delay_ms_p50,
        figures.delay_ms_p99,
        without.cpu_s / without.seconds,
        with.cpu_s / with.seconds,
        grown / pages as f64 / 1_024.0,
        with.pushed_bytes / with.seconds / 1e6,
    );
}

fn print(changing: u32, watchers: usize, without: &Took, with: &Took, figures: &Figures) {
    let editions = (with.editions - 2.0).max(1.0).max(figures.editions as f64);
    let all = watchers as f64;
    let mean = 100.0 * figures.in_time as f64 / editions / all;
    // Of an edition that nobody had, nobody tells.
    let is_missed = with.editions - 2.0 > figures.editions as f64 + 1.0;
    let least = if is_missed { 0 } else { figures.in_time_least };
    let least = 100.0 * least as f64 / all;
    let grown = with.rss_bytes.saturating_sub(without.rss_bytes) as f64;
    println!(
        "| {changing} % | {watchers} | {mean:.1} % / {least:.1} % | {:.0} / {:.0} ms | \
         {:.2} / {:.2} | {:.1} KiB | {:.1} MB/s |",
        figures.delay_ms_p50,
        figures.delay_ms_p99,
        without.cpu_s / without.seconds,
        with.cpu_s / with.seconds,
        grown / all / 1_024.0,
        with.pushed_bytes / with.seconds / 1e6,
    );
}

impl Site {
    /// Starts a standalone and a feed, and waits until every endpoint is served.
    async fn start(options: &Options, watchers: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("watch-").tempdir()?;
        let file = folder.path().join("sextant.toml");
        // All watchers come from one address, which may have half.
        let text = format!(
            "[aggregator]\nunknown_series_max = {}\n[server]\nwatchers_max = {}\n",
            options.endpoints.saturating_mul(2).max(10_000),
            2 * watchers + 2
        );
        fs::write(&file, text)?;
        let arguments = ["--config", file.to_str().context("a path in UTF-8")?];
        let server = Process::standalone_with(&folder.path().join("data"), &arguments);
        let (rate, rates) = watch::channel(0);
        let mut feed = JoinSet::new();
        feed.spawn(feed::run(server.grpc.clone(), options.endpoints, rates));
        let mut site = Self {
            server,
            feed,
            rate,
            _folder: folder,
        };
        let until = Instant::now() + Duration::from_secs(options.patience);
        while site.served() < options.endpoints as usize {
            ensure!(Instant::now() < until, "{} are served", site.served());
            site.stand(LOOK).await?;
        }
        Ok(site)
    }

    /// Measured endpoints that are served.
    fn served(&self) -> usize {
        let (_, body) = self.server.request("/api/v1/snapshot");
        let endpoints = body.get("endpoints").and_then(|all| all.as_array());
        endpoints.map_or(0, |all| {
            let measured = all
                .iter()
                .filter(|it| it.get("global").is_some_and(|g| !g.is_null()));
            measured.count()
        })
    }

    async fn stand(&mut self, time: Duration) -> Result<()> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            ended = self.feed.join_next() => {
                ended.context("no feed")???;
                bail!("the feed has ended")
            }
        }
    }

    async fn measure(&mut self, time: Duration) -> Result<Took> {
        let begun = Instant::now();
        let before = (
            Usage::of(self.server.pid())?,
            self.metric(PUSHED)?,
            self.metric(EDITIONS)?,
        );
        self.stand(time).await?;
        let usage = Usage::of(self.server.pid())?;
        Ok(Took {
            seconds: begun.elapsed().as_secs_f64(),
            cpu_s: usage.cpu_s - before.0.cpu_s,
            rss_bytes: usage.rss_bytes,
            pushed_bytes: self.metric(PUSHED)? - before.1,
            editions: self.metric(EDITIONS)? - before.2,
        })
    }

    fn metric(&self, name: &str) -> Result<f64> {
        let (_, body) = self.server.request("/metrics");
        let text = body.as_str().context("metrics are text")?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
        let value = lines.next().with_context(|| format!("no {name}"))?;
        Ok(value.trim().parse()?)
    }
}

/// The process that watches; it ends with the value.
struct Crowd {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Crowd {
    fn gather(options: &Options, server: &str, watchers: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--crowd-of", server])
            .args(["--watchers", &watchers.to_string()])
            .args(["--streams", &options.streams.to_string()])
            .args(["--seconds", &options.seconds.to_string()])
            .args(["--patience", &options.patience.to_string()]);
        if let Some(models) = options.pages {
            let endpoints = options.endpoints.to_string();
            command.args(["--endpoints", &endpoints, "--pages", &models.to_string()]);
        }
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("piped")?;
        let lines = BufReader::new(stdout).lines();
        Ok(Self { child, lines })
    }

    async fn line(&mut self) -> Result<String> {
        self.lines.next_line().await?.context("the crowd has gone")
    }

    async fn go(&mut self) -> Result<()> {
        let stdin = self.child.stdin.as_mut().context("piped")?;
        stdin.write_all(b"go\n").await?;
        Ok(stdin.flush().await?)
    }

    async fn end(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
