//! What stands in a request's path and query.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use sextant_measure::id::ModelId;

use super::problem::{self, Problem};

/// The model named by `{author}/{slug}`.
pub(super) struct ModelPath(pub(super) ModelId);

impl<S: Send + Sync> FromRequestParts<S> for ModelPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((author, slug)) =
            Path::<(String, String)>::from_request_parts(parts, state).await?;
        let model = ModelId::new(&format!("{author}/{slug}"));
        let model = model.map_err(|error| problem::not_a_model(error.to_string()))?;
        Ok(Self(model))
    }
}

/// Names and values in their order.
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::from_request_parts(parts, state).await?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// Refuses names that aren't among these: a misspelt one would be taken for its absence.
    pub(super) fn only(self, names: &[&'static str]) -> Result<Self, Problem> {
        if self
            .0
            .iter()
            .all(|(name, _)| names.contains(&name.as_str()))
        {
            return Ok(self);
        }
        let detail = match names {
            [] => "this route takes no parameters".to_owned(),
            names => format!("this route takes only the parameters {}", names.join(", ")),
        };
        Err(Problem::new(http::StatusCode::BAD_REQUEST, detail))
    }

    /// Every value of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |(held, _)| held == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that stands once at most.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(problem::parameter(name, "given more than once")),
            (value, None) => Ok(value),
        }
    }
}
