//! Where observations are sent to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};
use secrecy::{ExposeSecret as _, SecretString};
use sextant_measure::id::Region;
use sextant_measure::time::Clock;

use crate::error::ReporterError;
use crate::transport::Transport;
use crate::transport::grpc::GrpcTransport;
use crate::transport::http::HttpTransport;

const OBSERVATIONS_PATH: &str = "/api/v1/observations";

/// Where observations are sent to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `grpc://host:port`: the stream.
    Grpc(Uri),
    /// `http://host:port`, or with a path before the API's: the JSON POST.
    Http(Uri),
}

/// What a target knows a sender by.
#[derive(Clone)]
pub struct Token(SecretString);

impl Target {
    /// The way there, for a sender in this region.
    pub fn transport(
        &self,
        token: Option<&Token>,
        region: Option<&Region>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Transport>, ReporterError> {
        Ok(match self {
            Self::Grpc(uri) => Arc::new(GrpcTransport::new(uri.clone(), token)?.in_region(region)),
            Self::Http(uri) => {
                Arc::new(HttpTransport::new(uri.clone(), token, clock)?.in_region(region))
            }
        })
    }
}

impl FromStr for Target {
    type Err = ReporterError;

    fn from_str(text: &str) -> Result<Self, ReporterError> {
        read(text).map_err(|reason| ReporterError::Target {
            target: text.to_owned(),
            reason,
        })
    }
}

impl Token {
    /// Keeps the token out of logs.
    pub fn new(token: SecretString) -> Self {
        Self(token)
    }

    /// As it stands in an `authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0.expose_secret())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn read(text: &str) -> Result<Target, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "it is not a URL")?;
    let authority = uri.authority().filter(|it| !it.host().is_empty());
    let authority = authority.ok_or("it must be grpc://host:port or http://host:port")?;
    if authority.as_str().contains('@') {
        return Err("a user has no place in it; give a token");
    }
    if uri.query().is_some() {
        return Err("a query has no place in it");
    }
    match uri.scheme_str() {
        Some("grpc") if !matches!(uri.path(), "" | "/") => Err("a path has no place in it"),
        Some("grpc") if authority.port_u16().is_none() => Err("it names no port"),
        Some("grpc") => http(authority, "/").map(Target::Grpc),
        Some("http") => {
            let path = uri.path().trim_end_matches('/');
            let path = path.strip_suffix(OBSERVATIONS_PATH).unwrap_or(path);
            http(authority, &format!("{path}{OBSERVATIONS_PATH}")).map(Target::Http)
        }
        _ => Err("it must begin with grpc:// or http://"),
    }
}

fn http(authority: &Authority, path: &str) -> Result<Uri, &'static str> {
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority.clone())
        .path_and_query(path);
    uri.build().map_err(|_| "it is not a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_address_are_understood() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        for (text, wanted) in [
            (
                "grpc://127.0.0.1:4",
                Target::Grpc(uri("http://127.0.0.1:4/")),
            ),
            ("grpc://h:4/", Target::Grpc(uri("http://h:4/"))),
            ("grpc://[::1]:4", Target::Grpc(uri("http://[::1]:4/"))),
            (
                "http://h:8",
                Target::Http(uri("http://h:8/api/v1/observations")),
            ),
            (
                "http://h",
                Target::Http(uri("http://h/api/v1/observations")),
            ),
            (
                "http://h/in/",
                Target::Http(uri("http://h/in/api/v1/observations")),
            ),
            (
                "http://h/api/v1/observations",
                Target::Http(uri("http://h/api/v1/observations")),
            ),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn any_other_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "it is not a URL"),
            ("127.0.0.1:4", "it must begin with grpc:// or http://"),
            ("/x", "it must be grpc://host:port or http://host:port"),
            ("grpc://h", "it names no port"),
            ("grpc://h:4/x", "a path has no place in it"),
            ("http://h?x=1", "a query has no place in it"),
            (
                "http://me:secret@h",
                "a user has no place in it; give a token",
            ),
            ("https://h", "it must begin with grpc:// or http://"),
        ] {
            let error = ReporterError::Target {
                target: text.to_owned(),
                reason,
            };
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("s3cret".into());
        assert_eq!(format!("{token:?}"), "Token");
        assert_eq!(token.bearer(), "Bearer s3cret");
    }
}
