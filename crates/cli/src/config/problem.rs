//! How bad settings are refused.

use std::fmt;

use crate::escape::OneLine;

use super::key::Key;
use super::source::Source;

/// Problems that are listed; more are counted.
const LISTED_MAX: usize = 100;
/// Characters of one part of a problem. A message may repeat a value of any length.
const PART_CHARS_MAX: usize = 300;

/// One thing that is wrong, where, and what to do about it. Shown on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub source: Source,
    /// The setting, as far as there is one.
    pub key: Option<Key>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// All that is wrong, layer by layer. Shown with one problem a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// Adds one.
    pub(super) fn push(&mut self, problem: Problem) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(problem);
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds some that are not worth listing.
    pub(super) fn add_unlisted(&mut self, more: usize) {
        self.unlisted += more;
    }

    /// Puts them in the order of their places.
    pub(super) fn sort(&mut self) {
        self.listed.sort_by(|a, b| a.source.cmp(&b.source));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.unlisted == 0
    }

    /// Whether something is wrong with this setting already.
    pub(super) fn mention(&self, key: &Key) -> bool {
        let mut keys = self.listed.iter().filter_map(|it| it.key.as_ref());
        keys.any(|mentioned| mentioned == key)
    }

    /// How many there are, with those that are not listed.
    pub fn count(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    /// Those that are listed.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        if let Some(key) = &self.key {
            write!(f, "{}: ", OneLine(key))?;
        }
        let part = |text: &str| {
            let short: String = text.chars().take(PART_CHARS_MAX).collect();
            let cut = if short.len() < text.len() { "…" } else { "" };
            format!("{}{cut}", OneLine(short))
        };
        write!(f, "{}; {}", part(&self.what), part(&self.advice))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.listed.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\nand {} more", self.unlisted)?;
        }
        Ok(())
    }
}
