//! Texts: for people, and single words.

use std::fmt::Display;
use std::str::FromStr;

use super::field::Field;
use super::report::{Report, quoted};
use crate::limits::WORD_BYTES_MAX;

/// Whether a text for people may have several lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    One,
    Many,
}

/// A text for people: not blank, bounded, and nothing in it that acts instead of being seen.
pub(super) fn text(
    field: &Field<'_, '_>,
    bytes_max: usize,
    lines: Lines,
    report: &mut Report<'_>,
) -> Option<String> {
    let text = field.string(report)?;
    if text.trim().is_empty() {
        field.wrong(
            report,
            "is blank",
            "give a text, or leave an optional key out",
        );
        return None;
    }
    if text.len() > bytes_max {
        let what = format!("has {} bytes", text.len());
        field.wrong(report, what, format!("shorten it to {bytes_max}"));
        return None;
    }
    let allowed = |c: char| c == '\n' && lines == Lines::Many;
    if let Some((at, c)) = text
        .chars()
        .enumerate()
        .find(|(_, c)| is_unseen(*c) && !allowed(*c))
    {
        let what = format!(
            "has {} as character {}, which can't be seen",
            code_point(c),
            at + 1
        );
        field.wrong(report, what, "remove it");
        return None;
    }
    Some(text.to_owned())
}

/// A single word of ASCII letters, digits, `.`, `_` and `-`.
pub(super) fn word(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let word = field.string(report)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if word.is_empty() || word.len() > WORD_BYTES_MAX || !word.chars().all(is_word) {
        let advice =
            format!("give 1 to {WORD_BYTES_MAX} of ASCII letters, digits, '.', '_' and '-'");
        field.wrong(
            report,
            format!("{} is not a single word", quoted(word)),
            advice,
        );
        return None;
    }
    Some(word.to_owned())
}

/// An identifier; `rule` says what one looks like.
pub(super) fn identifier<T>(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    let text = field.string(report)?;
    match text.parse() {
        Ok(id) => Some(id),
        Err(rule) => {
            let what = not_an_identifier(text);
            field.wrong(report, what, format!("{rule}"));
            None
        }
    }
}

/// Says why a text can't be an identifier, naming the character that isn't ASCII if there is one:
/// it may look like one that is.
pub(super) fn not_an_identifier(text: &str) -> String {
    match text.chars().find(|c| !c.is_ascii()) {
        Some(c) => format!("{} has {}, which is not ASCII", quoted(text), code_point(c)),
        None => format!("{} is not an identifier", quoted(text)),
    }
}

/// Control characters, and those that are invisible or turn the direction of what follows
/// (Unicode's `Default_Ignorable` and `Bidi_Control`, as far as they serve no script's spelling).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}
