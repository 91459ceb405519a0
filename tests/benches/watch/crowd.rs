//! The process that watches. Its parent and it speak in lines: `open N`, `go`, and what was seen.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sextant_tests::spread::Spread;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::feed::now;
use crate::messages::{Raw, Told};
use crate::options::Options;
use crate::pages;

const MESSAGE_BYTES_MAX: usize = 512 << 20;
const LOOK: Duration = Duration::from_millis(50);
const IN_TIME_US: i64 = 1_000_000;
const TRIES_MAX: u32 = 30;
const RETRY: Duration = Duration::from_secs(1);

/// What all watchers have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Watchers that have had everything once.
    pub(crate) open: usize,
    pub(crate) failed: usize,
    is_measured: bool,
    /// Editions by when they were made: how many watchers had it within a second.
    editions: BTreeMap<i64, usize>,
    delays: Spread,
    bytes: u64,
}

/// What is told to the parent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) watchers: usize,
    pub(crate) failed: usize,
    /// Distinct editions that any watcher had.
    pub(crate) editions: usize,
    /// Of them, how many watchers had it within a second: the sum and the least.
    pub(crate) in_time: usize,
    pub(crate) in_time_least: usize,
    pub(crate) delay_ms_p50: f64,
    pub(crate) delay_ms_p99: f64,
    pub(crate) bytes: u64,
}

/// Watches, until it has said what it has seen.
pub(crate) async fn be(options: &Options, server: &str) -> Result<()> {
    let wanted = options.watchers.first().copied().unwrap_or_default();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut watches = JoinSet::new();
    if let Some(models) = options.pages {
        for (page, model) in (0..wanted).zip((0..models).cycle()) {
            let opened = pages::look_at(server.to_owned(), model, Arc::clone(&seen));
            watches.spawn(opened);
            // As fast as a server lets watches begin.
            if page % 100 == 99 {
                sleep(LOOK).await;
            }
        }
    }
    let mut left = if options.pages.is_some() { 0 } else { wanted };
    while left > 0 {
        let channel = Endpoint::from_shared(server.to_owned())?.connect().await?;
        for _ in 0..left.min(options.streams) {
            watches.spawn(watch(channel.clone(), Arc::clone(&seen)));
        }
        left -= left.min(options.streams);
    }
    let until = Instant::now() + Duration::from_secs(options.patience);
    while Instant::now() < until {
        let ready = look(&seen, |seen| seen.open + seen.failed);
        if ready >= wanted {
            break;
        }
        sleep(LOOK).await;
    }
    let open = look(&seen, |seen| seen.open);
    say(&format!("open {open}"))?;
    spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await??;
    look(&seen, |seen| seen.is_measured = true);
    sleep(Duration::from_secs(options.seconds)).await;
    let figures = look(&seen, |seen| {
        seen.is_measured = false;
        figures(seen)
    });
    say(&serde_json::to_string(&figures)?)
}

/// One watcher, for as long as the server lets it. It comes back if too many began at once.
async fn watch(channel: Channel, seen: Arc<Mutex<Seen>>) {
    for _ in 0..TRIES_MAX {
        let Err(error) = follow(channel.clone(), &seen).await else {
            return;
        };
        let status = error.downcast_ref::<Status>().map(Status::code);
        if status != Some(Code::ResourceExhausted) {
            eprintln!("a watch ended: {error:#}");
            break;
        }
        sleep(RETRY).await;
    }
    look(&seen, |seen| seen.failed += 1);
}

async fn follow(channel: Channel, seen: &Mutex<Seen>) -> Result<()> {
    let mut client = Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    client.ready().await?;
    let path = PathAndQuery::from_static("/sextant.v1.SnapshotService/WatchSnapshot");
    let answer = client.server_streaming(tonic::Request::new(()), path, Raw);
    let mut stream = answer.await?.into_inner();
    stream.message().await?.context("it ends")?;
    look(seen, |seen| seen.open += 1);
    loop {
        let told = stream.message().await?.context("it ends")?;
        let at_us = now().as_micros();
        look(seen, |seen| seen.note(told, at_us));
    }
}

impl Seen {
    pub(crate) fn note(&mut self, told: Told, at_us: i64) {
        let Some(edition) = told.edition_at_us.filter(|_| self.is_measured) else {
            return;
        };
        let delay_us = at_us.saturating_sub(edition).max(0);
        let had = self.editions.entry(edition).or_default();
        *had += usize::from(delay_us <= IN_TIME_US);
        self.delays.add(delay_us.unsigned_abs(), 1);
        self.bytes += told.bytes;
    }
}

/// The first and the last edition may have been seen in part.
fn figures(seen: &Seen) -> Figures {
    let inner = seen.editions.len().saturating_sub(2);
    let editions = || seen.editions.values().skip(1).take(inner);
    Figures {
        watchers: seen.open,
        failed: seen.failed,
        editions: inner,
        in_time: editions().sum(),
        in_time_least: editions().min().copied().unwrap_or_default(),
        delay_ms_p50: seen.delays.quantile_ms(0.5).unwrap_or_default(),
        delay_ms_p99: seen.delays.quantile_ms(0.99).unwrap_or_default(),
        bytes: seen.bytes,
    }
}

pub(crate) fn look<T>(seen: &Mutex<Seen>, read: impl FnOnce(&mut Seen) -> T) -> T {
    read(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
