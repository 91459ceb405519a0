//! `sextant healthcheck`: for containers, which have no `curl`.

use std::time::Duration;

use crate::args::HealthcheckArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::fetch::Server;
use crate::output;

use super::token;

/// What waits longer than this for its health is not well.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

pub(super) async fn run(args: &HealthcheckArgs, environment: &Environment) -> Result<(), Failure> {
    let token = token::of(&args.server.token, environment)?;
    let server = Server::at(args.server.url(environment)?, token.as_ref())?;
    server.get("/readyz", ANSWER_WAIT_MAX).await?.success()?;
    output::line("ready")?;
    Ok(())
}
