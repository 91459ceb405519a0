//! Where a value comes from.

use std::fmt;

use crate::escape::OneLine;

/// Where a value comes from. Ordered layer by layer, and in a file line by line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The program itself.
    Default,
    /// A file, or the place in it.
    File {
        /// As it was named.
        path: String,
        /// From 1; none if all of it is meant.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// An argument.
    Flag {
        /// With its dashes.
        name: &'static str,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: None } => write!(f, "{}", OneLine(path)),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{}:{line}", OneLine(path)),
            Self::Environment { variable } => write!(f, "env {}", OneLine(variable)),
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}
