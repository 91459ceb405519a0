//! A gateway: holds what the server serves, and books it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use sextant_wire::v1;
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use sextant_wire::v1::watch_snapshot_response::Message;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::sender::now_us;
use crate::traffic::{Counts, Traffic};

const MESSAGE_BYTES_MAX: usize = 512 << 20;

/// How many partitions are whole, as the last edition says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coverage {
    pub(crate) whole: u32,
    pub(crate) partitions: u32,
    /// Of the edition, in microseconds since the Unix epoch.
    pub(crate) generated_at_us: i64,
}

/// Follows the server's stream until that ends, which is an error.
pub(crate) async fn follow(
    server: String,
    traffic: Arc<Traffic>,
    ledger: Arc<Ledger>,
    coverage: watch::Sender<Coverage>,
) -> Result<()> {
    let client = SnapshotServiceClient::connect(server).await?;
    let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
    let request = v1::WatchSnapshotRequest::default();
    let mut stream = client.watch_snapshot(request).await?.into_inner();
    loop {
        let message = stream.message().await?;
        let at_us = now_us();
        let message = message.context("the server ended the stream")?.message;
        let (header, rows) = match message.context("an empty message")? {
            Message::Full(full) => (full.header, full.statistics),
            Message::Delta(delta) => (delta.header, delta.statistics),
            Message::Heartbeat(_) => continue,
        };
        for row in &rows {
            book(&traffic, &ledger, row, at_us)?;
        }
        let header = header.context("an edition without a header")?;
        coverage.send_replace(Coverage {
            whole: header.partitions_whole,
            partitions: header.partitions,
            generated_at_us: header.generated_at_us,
        });
    }
}

fn book(
    traffic: &Traffic,
    ledger: &Ledger,
    row: &v1::EndpointStatistics,
    at_us: i64,
) -> Result<()> {
    let key = row.endpoint.as_ref().context("a row of nothing")?;
    let endpoint = traffic.endpoint(&key.model, &key.provider);
    let endpoint = endpoint.with_context(|| format!("{key:?} was never sent"))?;
    let figures = row.global.as_ref().context("a row without figures")?;
    ledger.served(endpoint, counts(figures), at_us)
}

fn counts(figures: &v1::RoutingFigures) -> Counts {
    let pair = |ratio: &Option<v1::Ratio>| ratio.map_or((0, 0), |it| (it.part, it.whole));
    Counts {
        uptime: pair(&figures.uptime_30m),
        success: pair(&figures.success_30m),
        rate_limited: pair(&figures.rate_limited_30m).0,
        latencies: figures.latency_n,
        throughputs: figures.throughput_n,
    }
}
