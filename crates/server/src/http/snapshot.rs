//! `GET /api/v1/snapshot`: the routing snapshot as JSON.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use super::problem::Problem;
use super::query::Parameters;
use super::{App, JSON, shared};
use crate::coding::Coding;
use crate::config::length;
use crate::filter::Filter;

pub(super) async fn read(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let filter = filter(&app, parameters?)?;
    let edition = app.edition()?;
    let tag = format!("\"{}\"", edition.position().text());
    let described = [(ETAG, tag.as_str()), (CACHE_CONTROL, "no-cache")];
    if is_held(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, described).into_response());
    }
    let coding = Coding::accepted(&headers);
    let encoded = edition.json(&filter, coding).await?;
    Ok((described, shared(encoded, JSON, coding)).into_response())
}

/// The models that are asked for: separated by commas, in one parameter or in several.
pub(super) fn filter(app: &App, parameters: Parameters) -> Result<Filter, Problem> {
    let parameters = parameters.only(&["models"])?;
    let lists = parameters.all("models").flat_map(|list| list.split(','));
    let names = lists.filter(|name| !name.is_empty());
    Ok(Filter::parse(names, length(app.config.models_max))?)
}

/// Whether the client has what carries this tag (RFC 9110, section 13.1.2: the comparison is weak).
fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    let tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    tags.map(|held| held.strip_prefix("W/").unwrap_or(held))
        .any(|held| held == "*" || held == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_held_in_any_form_that_names_it() {
        let held = |value: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().unwrap())]);
            is_held(&headers, "\"v1\"")
        };
        for value in ["\"v1\"", "W/\"v1\"", "\"v0\", \"v1\"", "*"] {
            assert!(held(value), "{value}");
        }
        for value in ["\"v2\"", "v1", "", "\"v1"] {
            assert!(!held(value), "{value}");
        }
        assert!(!is_held(&HeaderMap::new(), "\"v1\""));
    }
}
