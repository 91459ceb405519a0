//! How a bad catalog is refused.

use std::fmt;

/// One thing that is wrong with a catalog, and where.
///
/// Shown on one line, whatever the text holds: foreign characters are escaped, long texts cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named to the reader.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The key, e.g. `models[0].endpoints[1].price.input`; empty if the text isn't TOML there.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            key,
            what,
            advice,
        } = self;
        write!(f, "{file}:{line}:{column}: ")?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        write!(f, "{what}; {advice}")
    }
}

/// A catalog that is refused, with all its problems in the order of their places.
///
/// Shown with one problem a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogError {
    pub(crate) problems: Vec<Problem>,
    pub(crate) unlisted: usize,
}

impl CatalogError {
    /// The problems, at most [`crate::limits::PROBLEMS_LISTED_MAX`].
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more there are than are listed.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
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

impl std::error::Error for CatalogError {}
