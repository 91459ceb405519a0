//! Server-sent events (HTML Living Standard, section 9.2).
//!
//! ```text
//! id: <version>
//! event: full | delta
//! data: <one line of JSON>
//!
//! event: heartbeat
//! data: {"version": "…", "time": "…"}
//!
//! ```
//!
//! An empty line ends each. JSON as it is written here has no line breaks, so one line of data holds
//! it. A heartbeat has no id: the last one stays.

use crate::encodings::Position;

/// Everything, as `write` writes it.
///
/// # Errors
/// Those of `write`.
pub(crate) fn full(
    position: &Position,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    let head = format!("id: {}\nevent: full\ndata: ", position.text());
    event(head, write)
}

/// What changed.
///
/// # Errors
/// Those of `write`.
pub(crate) fn delta(
    position: &Position,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    let head = format!("id: {}\nevent: delta\ndata: ", position.text());
    event(head, write)
}

/// Something else, by this name.
///
/// # Errors
/// Those of `write`.
pub(crate) fn named(
    name: &str,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    event(format!("event: {name}\ndata: "), write)
}

/// Nothing new.
///
/// # Errors
/// Those of `write`.
pub(crate) fn heartbeat(
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    event("event: heartbeat\ndata: ".to_owned(), write)
}

fn event(
    head: String,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    let mut text = head.into_bytes();
    write(&mut text)?;
    text.extend_from_slice(b"\n\n");
    Ok(text)
}
