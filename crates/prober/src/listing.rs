//! Lists of models, as most providers wrap them (`{"data": [{"id": "…"}, …]}`) and as some don't.
//!
//! Only names are looked at, one after the other, and nothing is kept: a list may be as large as an
//! answer may be.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sextant_measure::outcome::Outcome;
use sextant_reporter::openai::outcome_of_error;

/// What a list of models means. One without the model is as a 404 for it.
pub(crate) fn outcome_of_list(status_code: u16, body: &[u8], name: Option<&str>) -> Outcome {
    if !(200..300).contains(&status_code) {
        return outcome_of_error(status_code, body);
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = Models { name }.deserialize(&mut reader);
    match found.and_then(|found| reader.end().map(|()| found)) {
        Ok(Found { any: true, named }) if named || name.is_none() => Outcome::Ok,
        Ok(Found { any: true, .. }) => Outcome::ProviderRefused,
        Ok(Found { any: false, .. }) | Err(_) => Outcome::EmptyResponse,
    }
}

/// Looks for a name.
#[derive(Clone, Copy)]
struct Models<'n> {
    name: Option<&'n str>,
}

/// Whether there is any model, and the one that is looked for.
#[derive(Default)]
struct Found {
    any: bool,
    named: bool,
}

#[derive(Deserialize)]
struct Model<'m> {
    #[serde(borrow)]
    id: Cow<'m, str>,
}

impl<'de> DeserializeSeed<'de> for Models<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Models<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(field) = fields.next_key::<Cow<'de, str>>()? {
            if field == "data" {
                found = fields.next_value_seed(self)?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut models: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(model) = models.next_element::<Model<'de>>()? {
            found.any = true;
            found.named |= self.name == Some(&*model.id);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_good_if_it_has_the_model() {
        let list = br#"{"object":"list","data":[{"id":"a/b","owned_by":"x"},{"id":"c"}]}"#;
        for (status, body, name, outcome) in [
            (200, list.as_slice(), Some("c"), Outcome::Ok),
            (200, list, None, Outcome::Ok),
            (200, list, Some("d"), Outcome::ProviderRefused),
            (200, br#"[{"id":"c"}]"#, Some("c"), Outcome::Ok),
            (
                200,
                br#"{"data":[{"id":"\u0063"}]}"#,
                Some("c"),
                Outcome::Ok,
            ),
            (200, br#"{"object":"list"}"#, None, Outcome::EmptyResponse),
            (200, br#"{"data":7}"#, None, Outcome::EmptyResponse),
            (
                200,
                br#"{"data":[{"name":"c"}]}"#,
                None,
                Outcome::EmptyResponse,
            ),
            (
                200,
                br#"[{"id":"c"}] and more"#,
                None,
                Outcome::EmptyResponse,
            ),
            (200, br#"{"data":[]}"#, None, Outcome::EmptyResponse),
            (200, b"<html>", None, Outcome::EmptyResponse),
            (200, b"", None, Outcome::EmptyResponse),
            (401, list, Some("c"), Outcome::ProviderRefused),
            (429, b"", None, Outcome::RateLimited),
            (503, b"", None, Outcome::ProviderError),
        ] {
            assert_eq!(outcome_of_list(status, body, name), outcome, "{status}");
        }
    }

    #[test]
    fn what_else_stands_in_a_list_is_passed_over_however_it_is_nested() {
        let deep = format!("{}1{}", "[".repeat(90), "]".repeat(90));
        let list = format!(r#"{{"x":{deep},"data":[{{"more":{deep},"id":"c"}}],"data2":[{{}}]}}"#);
        assert_eq!(
            outcome_of_list(200, list.as_bytes(), Some("c")),
            Outcome::Ok
        );
        let endless = "{\"data\":".repeat(1_000_000);
        let outcome = outcome_of_list(200, endless.as_bytes(), None);
        assert_eq!(outcome, Outcome::EmptyResponse);
    }
}
