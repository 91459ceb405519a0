//! `sextant snapshot`: what a gateway sees right now.

mod shown;
#[cfg(test)]
mod tests;

use std::io::stdout;
use std::time::Duration;

use anyhow::Context as _;
use sextant_measure::id::ModelId;

use crate::args::{Output, SnapshotArgs};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::fetch::Server;
use crate::output;

use self::shown::Snapshot;
use super::token;

const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(args: &SnapshotArgs, environment: &Environment) -> Result<(), Failure> {
    let token = token::of(&args.server.token, environment)?;
    let server = Server::at(args.server.url(environment)?, token.as_ref())?;
    let path = path(&args.models);
    let body = server.get(&path, ANSWER_WAIT_MAX).await?.success()?;
    let text = match args.output {
        Output::Table => {
            let snapshot: Snapshot =
                serde_json::from_slice(&body).context("the answer is no snapshot")?;
            snapshot.text(environment.colour_on(&stdout()))
        }
        // As the server said it, with whatever this version doesn't know.
        Output::Json => {
            let json: serde_json::Value =
                serde_json::from_slice(&body).context("the answer is no JSON")?;
            serde_json::to_string_pretty(&json).context("cannot write JSON")?
        }
    };
    output::line(text)?;
    Ok(())
}

fn path(models: &[ModelId]) -> String {
    let names: Vec<_> = models.iter().map(ModelId::as_str).collect();
    if names.is_empty() {
        return "/api/v1/snapshot".to_owned();
    }
    format!("/api/v1/snapshot?models={}", names.join(","))
}
