//! The token that a command shows to a server.

use anyhow::Context as _;
use secrecy::SecretString;

use crate::args::TokenArgs;
use crate::environment::Environment;

const VARIABLE: &str = "SEXTANT_TOKEN";

/// The token of the file, else of the environment, if there is any.
pub(super) fn of(
    args: &TokenArgs,
    environment: &Environment,
) -> anyhow::Result<Option<SecretString>> {
    let Some(path) = args.file(environment) else {
        let token = environment.variables.get(VARIABLE);
        return Ok(token.map(|token| token.trim().into()));
    };
    let read = std::fs::read_to_string(&path);
    let text = read.with_context(|| format!("cannot read the token in {}", path.display()))?;
    Ok(Some(text.trim().into()))
}
