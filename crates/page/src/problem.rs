//! What stands where a page can't be had.

use askama::Template;

use crate::frame::{Frame, Part};

/// What stands where a page can't be had.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What stands on every page.
    pub frame: Frame,
    /// In a few words.
    pub title: String,
    /// What is wrong, and what to do.
    pub detail: String,
    /// When the page asks again by itself, if it does.
    pub retry_s: Option<u32>,
    /// Models that may have been meant.
    pub nearest: Vec<String>,
}
