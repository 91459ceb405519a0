//! Lines of text with colours, as wide as a terminal shows them.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Paint {
    #[default]
    Plain,
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

impl Paint {
    /// The parameter of "select graphic rendition" (ECMA-48, 8.3.117).
    fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Green => Some("32"),
            Self::Yellow => Some("33"),
            Self::Red => Some("31"),
        }
    }
}

/// A line, made of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line(Vec<(Paint, String)>);

impl Line {
    /// A line of one piece.
    pub(super) fn new(paint: Paint, text: impl Into<String>) -> Self {
        Self::default().and(paint, text)
    }

    /// The line with one more piece.
    pub(super) fn and(mut self, paint: Paint, text: impl Into<String>) -> Self {
        self.0.push((paint, text.into()));
        self
    }

    /// How many columns it takes; spaces at its end take none.
    pub(super) fn width(&self) -> usize {
        let pieces = self.0.iter().map(|(_, text)| text.as_str());
        width(pieces.collect::<String>().trim_end())
    }

    /// As it is written; one that is wider than that many columns ends in "…".
    pub(super) fn written(&self, columns: usize, colour: bool) -> String {
        let mut written = String::new();
        let mut left = columns;
        let is_cut = self.width() > columns;
        for (paint, text) in &self.0 {
            let room = if is_cut { left.saturating_sub(1) } else { left };
            let fits = fitting(text, room);
            left -= width(fits);
            match paint.parameter().filter(|_| colour && !fits.is_empty()) {
                Some(parameter) => {
                    // Writing to a string can't fail.
                    write!(written, "\x1b[{parameter}m{fits}\x1b[0m").unwrap_or_default();
                }
                None => written.push_str(fits),
            }
            if fits.len() < text.len() {
                break;
            }
        }
        if is_cut && left > 0 {
            written.push('…');
        }
        written.truncate(written.trim_end().len());
        written
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces after it, up to a width.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(self::width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// As much of the text's beginning as fits.
fn fitting(text: &str, width: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        taken += character.width().unwrap_or(0);
        (taken > width).then_some(at)
    });
    end.map_or(text, |end| text.split_at(end).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_fits_stands_whole() {
        let line = Line::new(Paint::Bold, "模型").and(Paint::Plain, " ok ");
        assert_eq!(line.width(), 7);
        assert_eq!(line.written(7, false), "模型 ok");
        assert_eq!(line.written(7, true), "\x1b[1m模型\x1b[0m ok");
    }

    #[test]
    fn a_line_that_is_too_wide_is_cut_where_a_character_ends() {
        let line = Line::new(Paint::Red, "模型").and(Paint::Plain, "ok");
        for (width, shown) in [
            (6, "模型ok"),
            (5, "模型…"),
            (4, "模…"),
            (3, "模…"),
            (2, "…"),
            (1, "…"),
            (0, ""),
        ] {
            assert_eq!(line.written(width, false), shown, "{width}");
        }
        assert_eq!(line.written(4, true), "\x1b[31m模\x1b[0m…");
        assert_eq!(line.written(1, true), "…");
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(padded("模", 4), "模  ");
        assert_eq!(padded("long", 2), "long");
    }
}
