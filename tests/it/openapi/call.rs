//! One request, and what it is answered.

use std::time::Duration;

use http::HeaderMap;
use sextant_tests::process::Process;
use ureq::http;

/// A request.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    pub(super) method: &'c str,
    pub(super) uri: &'c str,
    pub(super) token: &'c str,
    pub(super) headers: &'c [(&'c str, &'c str)],
    pub(super) body: &'c [u8],
}

/// An answer that is as documented.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) const REPORTER: &str = "reporter-0123456789";
pub(super) const READER: &str = "reader-0123456789ab";
pub(super) const ADMIN: &str = "admin-0123456789abc";

pub(super) const fn get(uri: &str) -> Call<'_> {
    Call {
        method: "GET",
        uri,
        token: READER,
        headers: &[],
        body: b"",
    }
}

pub(super) const fn send<'c>(
    method: &'c str,
    uri: &'c str,
    token: &'c str,
    body: &'c [u8],
) -> Call<'c> {
    Call {
        method,
        uri,
        token,
        headers: &[],
        body,
    }
}

impl<'c> Call<'c> {
    pub(super) const fn with(self, headers: &'c [(&'c str, &'c str)]) -> Self {
        Self { headers, ..self }
    }

    pub(super) const fn by(self, token: &'c str) -> Self {
        Self { token, ..self }
    }
}

pub(super) fn request(server: &Process, call: Call<'_>) -> Answer {
    let mut request = http::Request::builder();
    request = request.method(call.method);
    request = request.uri(format!("{}{}", server.http, call.uri));
    if !call.token.is_empty() {
        request = request.header("Authorization", format!("Bearer {}", call.token));
    }
    if !call.body.is_empty() {
        // A refusal may come before the body is read, on a connection that is closed then.
        request = request.header("Expect", "100-continue");
    }
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    let answer = agent().run(request.body(call.body).unwrap()).unwrap();
    let (parts, mut body) = answer.into_parts();
    let body = body.with_config().limit(64 << 20).read_to_vec().unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

pub(super) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_await_100(Some(Duration::from_mins(1)))
        .timeout_global(Some(Duration::from_mins(2)));
    config.build().into()
}
