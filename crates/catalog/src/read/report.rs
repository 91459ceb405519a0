//! Collects problems and knows where in the text they stand.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::limits::PROBLEMS_LISTED_MAX;
use crate::problem::{CatalogError, Problem};

/// Characters of a foreign text that are repeated in a problem.
const QUOTED_CHARS_MAX: usize = 64;

pub(super) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Lines that aren't TOML: what was recovered from them means nothing.
    broken_lines: BTreeSet<usize>,
    found: Vec<Found>,
    unlisted: usize,
}

/// A problem whose line and column are not worked out yet.
struct Found {
    at: usize,
    key: String,
    what: String,
    advice: String,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file,
            text,
            lines,
            broken_lines: BTreeSet::new(),
            found: Vec::new(),
            unlisted: 0,
        }
    }

    /// Something that isn't TOML.
    pub(super) fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        self.broken_lines.insert(self.line(span.start));
        if self.is_full() {
            self.unlisted += 1;
            return;
        }
        let message = printable(error.message(), char::is_control);
        let what = format!("not valid TOML: {message}");
        self.push(&span, String::new(), what, "correct the syntax".to_owned());
    }

    /// The rest of a text that isn't read.
    pub(super) fn unread(&mut self, at: usize) {
        let what = "not read from here on, so far below a mistake of syntax".to_owned();
        self.push(
            &(at..at),
            String::new(),
            what,
            "correct what is named above first".to_owned(),
        );
    }

    /// Something that is there and wrong.
    pub(super) fn wrong(
        &mut self,
        span: &Range<usize>,
        path: &Path<'_>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if !self.broken_lines.contains(&self.line(span.start)) {
            self.push(span, path.to_string(), what.into(), advice.into());
        }
    }

    /// Something that should be there. Not said of a text with broken lines: it may stand on one.
    pub(super) fn missing(
        &mut self,
        span: &Range<usize>,
        path: &Path<'_>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.broken_lines.is_empty() {
            self.push(span, path.to_string(), what.into(), advice.into());
        }
    }

    /// The line of this place, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// `value` if nothing was wrong, else everything that was.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, CatalogError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|found| found.at);
        let found = std::mem::take(&mut self.found);
        let mut place = Place {
            at: 0,
            line: 1,
            column: 1,
        };
        let file = printable(self.file, char::is_control);
        let problems = found.into_iter().map(
            |Found {
                 at,
                 key,
                 what,
                 advice,
             }| {
                place = self.advance(place, at);
                let (line, column) = (place.line, place.column);
                Problem {
                    file: file.clone(),
                    line,
                    column,
                    key,
                    what,
                    advice,
                }
            },
        );
        Err(CatalogError {
            problems: problems.collect(),
            unlisted: self.unlisted,
        })
    }

    fn push(&mut self, span: &Range<usize>, key: String, what: String, advice: String) {
        if self.is_full() {
            self.unlisted += 1;
        } else {
            self.found.push(Found {
                at: span.start,
                key,
                what,
                advice,
            });
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() == PROBLEMS_LISTED_MAX
    }

    /// From a place to a later one, so that a long line is counted once for all its problems.
    fn advance(&self, from: Place, at: usize) -> Place {
        let line = self.line(at);
        let start = if line == from.line {
            from
        } else {
            let line_start = line.checked_sub(1).and_then(|i| self.lines.get(i));
            Place {
                at: line_start.copied().unwrap_or(0),
                line,
                column: 1,
            }
        };
        let passed = self.text.get(start.at..at).unwrap_or_default();
        Place {
            at,
            line,
            column: start.column + passed.chars().count(),
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    at: usize,
    line: usize,
    column: usize,
}

/// Where a value stands: the keys that lead to it.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Root => Ok(()),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => {
                if !matches!(parent, Self::Root) {
                    write!(f, "{parent}.")?;
                }
                let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                if !key.is_empty() && key.len() <= QUOTED_CHARS_MAX && key.chars().all(is_bare) {
                    f.write_str(key)
                } else {
                    f.write_str(&quoted(key))
                }
            }
        }
    }
}

/// A foreign text as it may stand in a problem: on one line, cut, in quotes. Only ASCII that
/// prints stays as it is: a look-alike must not look alike here.
pub(super) fn quoted(text: &str) -> String {
    let is_foreign = |c: char| !(c == ' ' || c.is_ascii_graphic()) || c == '"' || c == '\\';
    match text
        .char_indices()
        .nth(QUOTED_CHARS_MAX)
        .and_then(|(end, _)| text.get(..end))
    {
        Some(start) => format!("\"{}…\"", printable(start, is_foreign)),
        None => format!("\"{}\"", printable(text, is_foreign)),
    }
}

/// A list for people: `a, b or c`.
pub(super) fn choices<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}

fn printable(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
