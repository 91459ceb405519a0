//! Answers that are none: what a status other than 2xx means.

use serde_json::Value;
use sextant_measure::outcome::Outcome;

/// Of a body that says why: enough for any that is meant to be read.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What a status that is no success means. Where the status alone doesn't tell, the body may: a 403
/// can be a region or a filter, and a filter can answer 400.
pub fn outcome_of_error(status_code: u16, body: &[u8]) -> Outcome {
    match status_code {
        408 => Outcome::Timeout,
        429 => Outcome::RateLimited,
        400 | 403 | 451 if says(body, &FILTERED) => Outcome::ContentFiltered,
        403 if says(body, &REGION) => Outcome::GeoBlocked,
        451 => Outcome::GeoBlocked,
        // What is elsewhere isn't gone to: the address is the operator's own, as a key or a model is.
        300..=399 | 401..=404 => Outcome::ProviderRefused,
        400..=499 => Outcome::ClientError,
        _ => Outcome::ProviderError,
    }
}

const REGION: [&str; 6] = [
    "unsupported_country_region_territory",
    "country, region, or territory",
    "unsupported_location",
    "user location is not supported",
    "not available in your region",
    "not available in your country",
];

const FILTERED: [&str; 4] = [
    "content_filter",
    "content_policy_violation",
    "flagged",
    "moderation",
];

/// Whether the error in a body has one of these in its code, type or text.
fn says(body: &[u8], words: &[&str]) -> bool {
    let body = body.get(..BODY_BYTES_MAX).unwrap_or(body);
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let error = body.get("error").unwrap_or(&body);
    let texts = ["code", "type", "message", "status", "param"];
    let texts = texts
        .into_iter()
        .filter_map(|field| error.get(field)?.as_str());
    let texts = texts.chain(error.as_str());
    texts
        .map(str::to_lowercase)
        .any(|text| words.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_what_the_table_says() {
        use Outcome::{
            ClientError, GeoBlocked, ProviderError, ProviderRefused, RateLimited, Timeout,
        };
        for (status, outcome) in [
            (400, ClientError),
            (401, ProviderRefused),
            (402, ProviderRefused),
            (403, ProviderRefused),
            (404, ProviderRefused),
            (408, Timeout),
            (409, ClientError),
            (413, ClientError),
            (422, ClientError),
            (429, RateLimited),
            (451, GeoBlocked),
            (500, ProviderError),
            (502, ProviderError),
            (503, ProviderError),
            (504, ProviderError),
            (529, ProviderError),
            (302, ProviderRefused),
            (308, ProviderRefused),
        ] {
            assert_eq!(outcome_of_error(status, b""), outcome, "{status}");
        }
    }

    #[test]
    fn the_body_tells_a_region_and_a_filter_from_the_rest() {
        for (status, body, outcome) in [
            (
                403,
                r#"{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported"}}"#,
                Outcome::GeoBlocked,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"Your input was flagged","metadata":{}}}"#,
                Outcome::ContentFiltered,
            ),
            (
                400,
                r#"{"error":{"code":"content_filter","message":"The response was filtered"}}"#,
                Outcome::ContentFiltered,
            ),
            (
                400,
                r#"{"error":{"code":"context_length_exceeded"}}"#,
                Outcome::ClientError,
            ),
            (
                400,
                r#"{"error":{"status":"FAILED_PRECONDITION","message":"User location is not supported for the API use."}}"#,
                Outcome::ClientError,
            ),
            (
                403,
                r#"{"error":"not available in your region"}"#,
                Outcome::GeoBlocked,
            ),
            (403, "<html>403</html>", Outcome::ProviderRefused),
            (403, "{", Outcome::ProviderRefused),
        ] {
            assert_eq!(outcome_of_error(status, body.as_bytes()), outcome, "{body}");
        }
    }
}
