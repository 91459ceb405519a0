//! What is said where a page can't be had.

use axum::response::{IntoResponse, Response};
use sextant_page::frame::{Frame, Part};
use sextant_page::problem::ProblemPage;

use super::single;
use crate::http::problem::Problem;

/// A problem, said on a page.
pub(super) struct Trouble(Problem);

impl<E: Into<Problem>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let problem = self.0;
        let title = problem.title();
        let page = ProblemPage {
            frame: Frame::new(title.clone(), Part::Other, None),
            title,
            detail: problem.detail(),
            nearest: problem.nearest(),
            retry_s: problem.retry_after_s(),
        };
        let Ok(html) = sextant_page::html(&page) else {
            return problem.into_response();
        };
        let mut response = single(html);
        let as_problem = problem.into_response();
        *response.status_mut() = as_problem.status();
        let headers = response.headers_mut();
        if let Some(after) = as_problem.headers().get(http::header::RETRY_AFTER) {
            headers.insert(http::header::RETRY_AFTER, after.clone());
        }
        response
    }
}
