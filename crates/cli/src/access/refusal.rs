//! How a caller is told that it may not.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tonic::{Code, Status};

use super::class::{Class, class_of};
use crate::refused;

/// Has a browser ask for a token, as the password.
const BASIC: &str = "Basic realm=\"Sextant: a token as the password\", charset=\"UTF-8\"";

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing with a class has this path.
    NoRoute,
    /// The path has a class by these methods only.
    OtherMethods(String),
    /// It needs a token, and none was shown.
    NoToken,
    /// The token shown isn't in the file.
    UnknownToken,
    /// The token shown is good for other things.
    NotAllowed {
        /// Its name.
        name: Arc<str>,
        /// What it would have to be good for.
        class: Class,
    },
}

/// Every name used in metrics.
pub(super) const NAMES: [&str; 5] = [
    "no_route",
    "method",
    "token_missing",
    "token_unknown",
    "class_missing",
];

impl Refusal {
    /// The name used in metrics, one of [`NAMES`].
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::OtherMethods(_) => "method",
            Self::NoToken => "token_missing",
            Self::UnknownToken => "token_unknown",
            Self::NotAllowed { .. } => "class_missing",
        }
    }

    /// The answer, in the caller's protocol.
    pub(super) fn answer(&self, request: &Parts) -> Response {
        let content_type = request.headers.get(CONTENT_TYPE);
        let is_grpc = content_type.is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"));
        if is_grpc {
            self.status().into_http::<Body>()
        } else {
            let mut response = self.problem();
            // A browser shows what it knows to other paths than the first only once it is asked.
            let is_reading = class_of(&request.method, request.uri.path()) == Some(Class::Read);
            if response.status() == StatusCode::UNAUTHORIZED && is_reading {
                let headers = response.headers_mut();
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC));
            }
            response
        }
    }

    fn status(&self) -> Status {
        let (code, reason) = match self {
            Self::NoRoute | Self::OtherMethods(_) => (Code::Unimplemented, "UNKNOWN_METHOD"),
            Self::NoToken => (Code::Unauthenticated, "TOKEN_MISSING"),
            Self::UnknownToken => (Code::Unauthenticated, "TOKEN_UNKNOWN"),
            Self::NotAllowed { .. } => (Code::PermissionDenied, "CLASS_MISSING"),
        };
        refused::status(code, reason, self.detail())
    }

    fn problem(&self) -> Response {
        let (status, header) = match self {
            Self::NoRoute => (StatusCode::NOT_FOUND, None),
            Self::OtherMethods(methods) => {
                let methods = HeaderValue::from_str(methods).ok();
                let header = methods.map(|methods| (ALLOW, methods));
                (StatusCode::METHOD_NOT_ALLOWED, header)
            }
            Self::NoToken | Self::UnknownToken => {
                let header = (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                (StatusCode::UNAUTHORIZED, Some(header))
            }
            Self::NotAllowed { .. } => (StatusCode::FORBIDDEN, None),
        };
        let mut response = refused::problem(status, self.detail());
        response.headers_mut().extend(header);
        response
    }

    fn detail(&self) -> String {
        match self {
            Self::NoRoute => "there is no such route".to_owned(),
            Self::OtherMethods(methods) => format!("this path takes {methods}"),
            Self::NoToken => "show a token: `Authorization: Bearer <token>`".to_owned(),
            Self::UnknownToken => "this token is not known here".to_owned(),
            Self::NotAllowed { name, class } => {
                format!("the token of {name} is not good for {class}")
            }
        }
    }
}
