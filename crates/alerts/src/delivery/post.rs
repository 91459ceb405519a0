//! One try to tell a receiver something.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use sextant_outbound::{Call, Client, Place, retry_after};
use tokio::time::timeout;

use super::error::DeliveryError;

/// What is read of an answer.
const ANSWER_BYTES_MAX: usize = 4 << 10;
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(1);
/// What is shown of it.
const SAID_CHARS_MAX: usize = 200;

/// Where something is posted.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) client: Client,
    pub(super) place: Place,
    /// Behind the place's own path.
    pub(super) path: &'static str,
    pub(super) authorization: Option<HeaderValue>,
    /// From connecting to the answer's head.
    pub(super) wait_max: Duration,
}

impl Post {
    /// Posts JSON, with some headers of its own.
    ///
    /// # Errors
    /// Unless the answer's status is a 2xx.
    pub(super) async fn send(
        &self,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), DeliveryError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let call = Call {
            method: Method::POST,
            path: self.path.to_owned(),
            headers,
            body,
        };
        let to = self.place.origin();
        let wait = self.wait_max;
        let answer = match timeout(wait, self.client.call(&self.place, call)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(DeliveryError::NotReached {
                to: to.clone(),
                source,
            }),
            Err(_) => Err(DeliveryError::TimedOut {
                to: to.clone(),
                wait,
            }),
        };
        let mut answer = answer?;
        let status = answer.response.status();
        // Read even when it says nothing new: to some servers, one who leaves before is an error.
        let said = timeout(ANSWER_WAIT_MAX, answer.beginning(ANSWER_BYTES_MAX)).await;
        if status.is_success() {
            return Ok(());
        }
        if status.is_redirection() {
            return Err(DeliveryError::Redirected { to, status });
        }
        Err(DeliveryError::Refused {
            to,
            status,
            said: shown(&said.unwrap_or_default()),
            retry_after: retry_after(answer.response.headers()),
        })
    }
}

/// What a server says about a refusal, on one line and behind a colon.
fn shown(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let words: Vec<_> = said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        return String::new();
    }
    let line = words.join(" ");
    let beginning: String = line.chars().take(SAID_CHARS_MAX).collect();
    let more = if beginning.len() < line.len() {
        "…"
    } else {
        ""
    };
    format!(": {beginning}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_shown_on_one_line() {
        assert_eq!(shown(b""), "");
        assert_eq!(shown(b" \r\n"), "");
        assert_eq!(shown(b"no\x1b[31m such\r\n\thook\n"), ": no [31m such hook");
        assert_eq!(shown("é".repeat(900).as_bytes()).chars().count(), 203);
    }
}
