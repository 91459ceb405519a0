//! Where a server is.

use std::collections::HashMap;
use std::net::IpAddr;

use http::Uri;
use rustls::pki_types::{InvalidDnsNameError, ServerName};

use crate::reach::is_public;

/// Where a server is, and under which path it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whether it is asked over TLS.
    pub is_tls: bool,
    /// The TCP port, given or the scheme's own.
    pub port: u16,
    /// Host and port as they were given.
    pub authority: String,
    /// What stands before the paths of calls, without a slash at its end.
    pub path: String,
    host: String,
}

impl Place {
    /// Reads a URL of HTTP or HTTPS.
    ///
    /// # Errors
    /// Why it is none, for people, without what it says.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "it is not a URL")?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("it must begin with https:// or http://"),
        };
        let authority = uri.authority().filter(|it| !it.host().is_empty());
        let authority = authority.ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("a user has no place in it; give a key");
        }
        if uri.query().is_some() || url.contains('#') {
            return Err("a query has no place in it");
        }
        let has_port = authority.as_str().len() > authority.host().len();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if has_port => return Err("its port is none"),
            None if is_tls => 443,
            None => 80,
        };
        let path = uri.path().trim_end_matches('/');
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        Ok(Self {
            is_tls,
            port,
            authority: authority.as_str().to_owned(),
            path: path.to_owned(),
            host: bare.unwrap_or(host).to_owned(),
        })
    }

    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is this host by its name or address, without asking anybody.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or(self.host == "localhost", |it| {
            it.to_canonical().is_loopback()
        })
    }

    /// Whether it is an address, and none of the public internet. Where a name leads, only a call
    /// finds out.
    pub fn is_private(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or(self.host == "localhost", |it| !is_public(it))
    }

    /// Scheme, host and port, which hold no secret as a path may.
    pub fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Whom a certificate must be for.
    ///
    /// # Errors
    /// If the host can be no name.
    pub fn server_name(&self) -> Result<ServerName<'static>, InvalidDnsNameError> {
        ServerName::try_from(self.host.clone())
    }
}

/// Which host each place is at, as a number from 0 in the order in which they come.
pub fn hosts<'p>(places: impl Iterator<Item = &'p Place>) -> Vec<usize> {
    let mut known = HashMap::new();
    let mut number = |place: &'p Place| {
        let next = known.len();
        *known.entry((place.host(), place.port)).or_insert(next)
    };
    places.map(&mut number).collect()
}

/// A URL as it may be shown: without a user, a password and a query, which hold secrets.
pub fn shown(url: &str) -> String {
    let (bare, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let more = if query.is_empty() { "" } else { "…" };
    let (scheme, rest) = bare.split_at(bare.find("://").map_or(0, |at| at + 3));
    match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}…@{rest}{more}"),
        None => format!("{bare}{more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_read_as_people_write_it() {
        for (url, is_tls, host, port, path) in [
            (
                "https://api.example.com/v1",
                true,
                "api.example.com",
                443,
                "/v1",
            ),
            (
                "https://api.example.com/v1/",
                true,
                "api.example.com",
                443,
                "/v1",
            ),
            ("http://127.0.0.1:8000", false, "127.0.0.1", 8000, ""),
            ("http://[::1]:8000/x", false, "::1", 8000, "/x"),
            (
                "https://h/openai/v1/models",
                true,
                "h",
                443,
                "/openai/v1/models",
            ),
        ] {
            let place = Place::parse(url).unwrap();
            let read = (place.is_tls, place.host(), place.port, &*place.path);
            assert_eq!(read, (is_tls, host, port, path), "{url}");
            assert!(place.server_name().is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_base_is_refused() {
        for url in [
            "",
            "api.example.com/v1",
            "ftp://h/v1",
            "https://user:secret@h/v1",
            "https://h/v1?key=x",
            "https://h/v1#x",
            "https:///v1",
            "https://h:99999/v1",
            "https://h h/",
        ] {
            let why = Place::parse(url).unwrap_err();
            assert!(!why.contains("secret"), "{url}: {why}");
        }
    }

    #[test]
    fn loopback_is_told_from_elsewhere() {
        let is = |url| Place::parse(url).unwrap().is_loopback();
        assert!(is("http://127.3.2.1") && is("http://localhost:1") && is("http://[::1]"));
        assert!(!is("http://10.0.0.1") && !is("http://localhost.example.com"));
    }

    #[test]
    fn private_addresses_are_told_without_asking_where_names_lead() {
        let is = |url| Place::parse(url).unwrap().is_private();
        assert!(is("http://10.0.0.1") && is("https://[fd00::1]/x") && is("http://localhost"));
        assert!(!is("http://1.1.1.1") && !is("http://internal.example.com"));
    }

    #[test]
    fn an_origin_has_no_path() {
        let place = Place::parse("https://hooks.example.com:8443/T0/secret").unwrap();
        assert_eq!(place.origin(), "https://hooks.example.com:8443");
    }

    #[test]
    fn places_of_one_host_are_told_from_others() {
        let urls = [
            "https://h/v1",
            "http://h/v1",
            "https://h:443/v2",
            "https://g",
        ];
        let places: Vec<_> = urls.iter().map(|url| Place::parse(url).unwrap()).collect();
        assert_eq!(hosts(places.iter()), [0, 1, 0, 2]);
    }

    #[test]
    fn what_is_shown_of_a_url_is_no_secret() {
        for (url, expected) in [
            ("https://h/v1", "https://h/v1"),
            ("https://user:secret@h/v1", "https://…@h/v1"),
            ("https://user:sec@ret@h/v1?key=secret", "https://…@h/v1…"),
            ("user:secret@h", "…@h"),
            ("https://h/?a=://secret@b", "https://h/…"),
            ("", ""),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
