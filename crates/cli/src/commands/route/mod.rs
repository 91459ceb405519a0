//! `sextant route`: what a router chooses, and why.

mod shown;
#[cfg(test)]
mod tests;

use std::io::stdout;
use std::time::Duration;

use anyhow::Context as _;

use crate::args::{Output, RouteArgs};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::fetch::Server;
use crate::output;

use self::shown::Route;
use super::token;

const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(args: &RouteArgs, environment: &Environment) -> Result<(), Failure> {
    let token = token::of(&args.server.token, environment)?;
    let server = Server::at(args.server.url(environment)?, token.as_ref())?;
    let answer = server.get(&path(args), ANSWER_WAIT_MAX).await?;
    let body = answer.success()?;
    let text = match args.output {
        Output::Table => {
            let route: Route = serde_json::from_slice(&body).context("the answer is no route")?;
            route.text(environment.colour_on(&stdout()))
        }
        Output::Json => {
            let json: serde_json::Value =
                serde_json::from_slice(&body).context("the answer is no JSON")?;
            serde_json::to_string_pretty(&json).context("cannot write JSON")?
        }
    };
    output::line(text)?;
    Ok(())
}

/// What is asked, as the server reads it; whether it makes sense, the server says.
fn path(args: &RouteArgs) -> String {
    let seed = args.seed.map(|seed| seed.to_string());
    let parameters = [
        ("model", Some(&args.model)),
        ("tier", Some(&args.tier)),
        ("operation", args.operation.as_ref()),
        ("region", args.region.as_ref()),
        ("max_price", args.max_price.as_ref()),
        ("max_ttft_p95_ms", args.max_ttft_p95_ms.as_ref()),
        ("min_throughput_p95", args.min_throughput_p95.as_ref()),
        ("only", args.only.as_ref()),
        ("ignore", args.ignore.as_ref()),
        ("seed", seed.as_ref()),
        ("at", args.at.as_ref()),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| {
        let value = escaped(value?);
        Some(format!("{name}={value}"))
    });
    let given: Vec<_> = given.collect();
    format!("/api/v1/route?{}", given.join("&"))
}

/// Percent escapes for all but what RFC 3986 calls unreserved, and the slash of a model.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/,:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend([b'%', digit(byte >> 4), digit(byte & 15)].map(char::from));
        }
    }
    escaped
}

fn digit(value: u8) -> u8 {
    b"0123456789ABCDEF"
        .get(usize::from(value))
        .copied()
        .unwrap_or(b'0')
}
