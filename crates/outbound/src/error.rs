//! What keeps an answer from coming.

use std::io;
use std::net::IpAddr;

/// What keeps an answer from coming.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Its name leads nowhere. Another try may help.
    #[error("{host} can't be resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// It is where it must not be. Nothing was sent, not even a connection was made.
    #[error("{host} is at {address}, which is no public address")]
    NotPublic {
        /// The name, or the address itself.
        host: String,
        /// The first address that isn't public.
        address: IpAddr,
    },
    /// Nobody takes the connection. Another try may help.
    #[error("{authority} can't be reached: {source}")]
    Connect {
        /// Host and port as they were given.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// It is not to be believed, or speaks no TLS.
    #[error("no TLS with {authority}: {source}")]
    Tls {
        /// Host and port as they were given.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// What was asked can't be said in HTTP.
    #[error("no request can be made of it: {0}")]
    Request(http::Error),
    /// The exchange broke off. Whether the request was taken is not known.
    #[error("the exchange broke off: {0}")]
    Broken(hyper::Error),
}
