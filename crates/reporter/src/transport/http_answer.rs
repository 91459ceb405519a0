//! What the answer to a POST means.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::RETRY_AFTER;
use http::response::Parts;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};

use super::{Acknowledged, Event, Lost, told};

/// A response that has been read.
pub(super) struct Answer {
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

#[derive(Deserialize)]
struct Taken {
    accepted: u64,
    rejected: Vec<Rejected>,
    deduplicated: bool,
}

#[derive(Deserialize)]
struct Rejected {
    index: u32,
    reason: String,
}

/// RFC 9457, as far as people read it.
#[derive(Deserialize, Default)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

/// What the answer means for the batch, or for the connection if it means nothing for the batch.
pub(super) fn understand(sequence: u64, answer: &Answer, now: Timestamp) -> Result<Event, Lost> {
    use BatchRefusalReason as Reason;
    let status = answer.head.status;
    let reason = match status {
        StatusCode::OK => return acknowledged(sequence, &answer.body),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Reason::Invalid,
        StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Reason::Rate,
        StatusCode::SERVICE_UNAVAILABLE => Reason::Load,
        StatusCode::REQUEST_TIMEOUT => Reason::Unavailable,
        status if status.is_server_error() => Reason::Unavailable,
        status => return Err(Lost::for_good(message(status, &answer.body))),
    };
    // The same bytes never pass, whatever else the answer says.
    let retry_after = retry_after(answer, now).filter(|_| reason != Reason::Invalid);
    let refusal = BatchRefusal {
        reason,
        message: message(status, &answer.body),
        retry_after,
    };
    Ok(Event::Refused { sequence, refusal })
}

fn acknowledged(sequence: u64, body: &[u8]) -> Result<Event, Lost> {
    let taken: Taken = serde_json::from_slice(body)
        .map_err(|error| Lost::new(format!("200 with what is no acknowledgement: {error}")))?;
    let rejected = taken.rejected.into_iter();
    Ok(Event::Acknowledged(Acknowledged {
        sequence,
        accepted: taken.accepted,
        refused: rejected.map(|it| (it.index, told(&it.reason))).collect(),
        times: None,
        deduplicated: taken.deduplicated,
    }))
}

fn message(status: StatusCode, body: &[u8]) -> String {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    match problem.detail.or(problem.title) {
        Some(text) => told(&format!("{status}: {text}")),
        None => status.to_string(),
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let value = answer.head.headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(value).ok()?;
    let wait = Timestamp::from_micros(at.as_microsecond()).micros_since(now);
    Some(Duration::from_micros(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_read() {
        let body = r#"{"accepted":2,"rejected":[{"index":1,"reason":"no"}],"deduplicated":true}"#;
        let Event::Acknowledged(ack) = answered(200, &[], body).unwrap() else {
            panic!("not an acknowledgement");
        };
        assert_eq!((ack.sequence, ack.accepted, ack.deduplicated), (7, 2, true));
        assert_eq!(ack.refused, [(1, "no".to_owned())]);
    }

    #[test]
    fn a_success_that_says_nothing_is_none() {
        for body in ["", "[]", "{}", "<html>", r#"{"accepted":-1}"#] {
            assert!(!answered(200, &[], body).unwrap_err().is_final, "{body}");
        }
    }

    #[test]
    fn each_status_has_its_reason() {
        use BatchRefusalReason as Reason;
        for (status, wanted) in [
            (400, Reason::Invalid),
            (408, Reason::Unavailable),
            (413, Reason::TooLarge),
            (422, Reason::Invalid),
            (429, Reason::Rate),
            (500, Reason::Unavailable),
            (502, Reason::Unavailable),
            (503, Reason::Load),
        ] {
            assert_eq!(refused(status, &[], "").reason, wanted, "{status}");
        }
        for status in [204, 301, 401, 403, 404, 405] {
            assert!(answered(status, &[], "").unwrap_err().is_final, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |value: &str| refused(429, &[("retry-after", value)], "").retry_after;
        assert_eq!(wait("3"), Some(Duration::from_secs(3)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::from_secs(37))
        );
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(refused(400, &[("retry-after", "3")], "").retry_after, None);
    }

    #[test]
    fn a_problem_tells_its_detail_in_one_line() {
        let body = r#"{"title":"Bad","detail":"line 3\nis none"}"#;
        assert_eq!(
            refused(400, &[], body).message,
            "400 Bad Request: line 3 is none"
        );
        assert_eq!(refused(400, &[], "\u{0}").message, "400 Bad Request");
    }

    fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> BatchRefusal {
        match answered(status, headers, body) {
            Ok(Event::Refused { refusal, .. }) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// At 08:49:00 of the date in RFC 9110's examples.
    fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Event, Lost> {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        let body = Bytes::copy_from_slice(body.as_bytes());
        understand(
            7,
            &Answer { head, body },
            Timestamp::from_micros(784_111_740_000_000),
        )
    }
}
