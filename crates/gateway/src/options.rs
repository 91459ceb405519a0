//! Whom to follow, and how.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use secrecy::SecretString;
use sextant_measure::id::ModelId;
use sextant_router::freshness::Ages;

use crate::error::GatewayError;

/// Whom to follow, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Servers, any of which has everything. Each gateway takes them in an order of its own.
    pub(crate) servers: Vec<Uri>,
    /// The models to know of; empty for all.
    pub models: Vec<ModelId>,
    /// What servers know this gateway by, if they ask.
    pub token: Option<SecretString>,
    /// Where what is held outlives the process; nothing if it doesn't.
    pub file: Option<PathBuf>,
    /// Between two times that it is written, at the least.
    pub save_interval: Duration,
    /// From which age on numbers count for less.
    pub ages: Ages,
    /// How long a server may say nothing. It says something every five seconds.
    pub silence_max: Duration,
    /// How long a server may take to answer a connection.
    pub connect_wait_max: Duration,
    /// How long to wait after a server was lost, the first time; it doubles, with chance added.
    pub retry_delay_min: Duration,
    /// How long at most.
    pub retry_delay_max: Duration,
    /// The largest message that a server may send.
    pub message_bytes_max: usize,
}

impl Options {
    /// Follows these servers, `grpc://host:port` each, with everything else as usual.
    ///
    /// # Errors
    /// [`GatewayError::NoServer`], or [`GatewayError::Server`] for the first that is none.
    pub fn new<'s>(servers: impl IntoIterator<Item = &'s str>) -> Result<Self, GatewayError> {
        let servers = servers.into_iter().map(server);
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(GatewayError::NoServer);
        }
        Ok(Self {
            servers,
            models: Vec::new(),
            token: None,
            file: None,
            save_interval: Duration::from_secs(10),
            ages: Ages::default(),
            silence_max: Duration::from_secs(12),
            connect_wait_max: Duration::from_secs(5),
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(10),
            message_bytes_max: 256 << 20,
        })
    }

    /// The same, with what is held kept in a file.
    #[must_use]
    pub fn kept_in(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }
}

fn server(text: &str) -> Result<Uri, GatewayError> {
    let refused = |reason| GatewayError::Server {
        server: text.to_owned(),
        reason,
    };
    let uri: Uri = text.parse().map_err(|_| refused("it is not a URL"))?;
    let scheme = match uri.scheme_str() {
        Some("grpc" | "http") => "http",
        _ => return Err(refused("its scheme is another")),
    };
    let authority = uri.authority().filter(|it| !it.host().is_empty());
    let authority = authority.ok_or_else(|| refused("it names no host"))?;
    if authority.port_u16().is_none() {
        return Err(refused("it names no port"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(refused("something stands after the port"));
    }
    let parts = Uri::builder().scheme(scheme).authority(authority.clone());
    parts
        .path_and_query("/")
        .build()
        .map_err(|_| refused("it is not a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_from_what_is_none() {
        let options = Options::new(["grpc://a:1", "http://b:2/"]).unwrap();
        let servers: Vec<_> = options.servers.iter().map(Uri::to_string).collect();
        assert_eq!(servers, ["http://a:1/", "http://b:2/"]);
        for (text, reason) in [
            ("", "it is not a URL"),
            ("a:1", "its scheme is another"),
            ("https://a:1", "its scheme is another"),
            ("grpc://a", "it names no port"),
            ("grpc://a:1/x", "something stands after the port"),
        ] {
            let refused = Options::new([text]).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        assert!(matches!(Options::new([]), Err(GatewayError::NoServer)));
    }
}
