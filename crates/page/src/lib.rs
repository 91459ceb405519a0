//! What people see: pages of HTML, with their styles and scripts.
//!
//! Whoever serves them says what is known; here it becomes text. A page is whole without a script.
//! With one, [`patch::Patch`] puts new numbers in the place of old ones, as the same texts that a
//! page would have been made of.
//!
//! - [`cell`]: a number as it is read, sorted and explained.
//! - [`strip`]: the last minutes, as small as a word.
//! - [`frame`]: what stands on every page.
//! - [`model`], [`overview`], [`operations`], [`problem`]: the pages.
//! - [`patch`]: what changes on one that is open.
//! - [`asset`]: styles and scripts, embedded.
//!
//! Every text is escaped where it is put into HTML; nothing that a model or provider is called can
//! become markup.

pub mod asset;
pub mod cell;
mod error;
pub mod frame;
pub mod model;
pub mod operations;
pub mod overview;
pub mod patch;
pub mod problem;
pub mod strip;

pub use askama::Template as Page;

pub use crate::error::PageError;

/// A page as it is sent.
///
/// # Errors
/// [`PageError`].
pub fn html(page: &impl Page) -> Result<Vec<u8>, PageError> {
    Ok(page.render()?.into_bytes())
}
