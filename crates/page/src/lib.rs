//! What people see: pages of HTML, with their styles and scripts.
//!
//! Whoever serves them says what is known; here it becomes text. A page is whole without a script.
//! With one, [`model::Patch`] puts new numbers in the place of old ones, as the same texts that a
//! page would have been made of.
//!
//! - [`cell`]: a number as it is read, sorted and explained.
//! - [`line`]: a curve as small as a word.
//! - [`frame`]: what stands on every page.
//! - [`model`], [`overview`], [`operations`], [`problem`]: the pages.
//! - [`asset`]: styles and scripts, embedded.

pub mod asset;
pub mod cell;
pub mod frame;
pub mod line;
pub mod model;
pub mod operations;
pub mod overview;
pub mod problem;
