//! Foreign text on one line of a terminal.

use std::fmt::{self, Display, Write};

/// Shows text with everything escaped that would end the line, steer a terminal or turn the
/// direction of writing.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<T>(pub T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Escapes what is written through it.
pub(crate) struct Escaping<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = text;
        while let Some((at, character)) = plain.char_indices().find(|(_, it)| acts(*it)) {
            let (before, rest) = plain.split_at(at);
            self.0.write_str(before)?;
            write!(self.0, "{}", character.escape_default())?;
            plain = rest.strip_prefix(character).unwrap_or_default();
        }
        self.0.write_str(plain)
    }
}

/// Whether the character does something other than stand there.
fn acts(character: char) -> bool {
    let turns_direction = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let ends_line = matches!(character, '\u{2028}' | '\u{2029}');
    character.is_control() || turns_direction || ends_line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_the_rest_stands() {
        for (text, shown) in [
            (
                "plain, \"quoted\", ümlaut 模型",
                "plain, \"quoted\", ümlaut 模型",
            ),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\0", "\\u{1b}[31mred\\u{0}"),
            ("\u{9b}x\u{85}", "\\u{9b}x\\u{85}"),
            (
                "a\u{2028}b\u{202e}c\u{2066}",
                "a\\u{2028}b\\u{202e}c\\u{2066}",
            ),
            ("", ""),
        ] {
            assert_eq!(OneLine(text).to_string(), shown);
        }
    }
}
