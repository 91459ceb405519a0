//! Pages that are open, as far as their browsers listen: the styles and scripts are fetched once and
//! kept, so what an open page costs is its stream.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::crowd::{Seen, look};
use crate::feed::{model_name, now};
use crate::messages::Told;

/// Keeps a model's page open for as long as the server lets it.
pub(crate) async fn look_at(server: String, model: u32, seen: Arc<Mutex<Seen>>) {
    if let Err(error) = listen(&server, model, &seen).await {
        eprintln!("a page ended: {error:#}");
        look(&seen, |seen| seen.failed += 1);
    }
}

async fn listen(server: &str, model: u32, seen: &Mutex<Seen>) -> Result<()> {
    let address = server
        .strip_prefix("http://")
        .context("a server over HTTP")?;
    let mut stream = TcpStream::connect(address).await?;
    let path = format!("/models/{}/events", model_name(model));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut lines, mut line, mut is_open, mut bytes) =
        (BufReader::new(stream), String::new(), false, 0);
    lines.read_line(&mut line).await?;
    ensure!(line.contains(" 200 "), "{line}");
    loop {
        line.clear();
        let read = lines.read_line(&mut line).await?;
        ensure!(read > 0, "it ends");
        bytes += read as u64;
        let Some(state) = line.strip_prefix("data: {\"as_of\":\"") else {
            continue;
        };
        let at_us = now().as_micros();
        let as_of: Timestamp = state.split('"').next().unwrap_or_default().parse()?;
        if !is_open {
            is_open = true;
            look(seen, |seen| seen.open += 1);
        }
        let told = Told {
            edition_at_us: Some(as_of.as_microsecond()),
            bytes,
        };
        bytes = 0;
        look(seen, |seen| seen.note(told, at_us));
    }
}
