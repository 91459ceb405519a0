//! What was spent of the budgets, kept on disk, so that a restart gives none of it again.
//!
//! A file of JSON, replaced as a whole: `{"format": 1, "spent": {"<endpoint>": {"<day>": {"requests":
//! n, "tokens": n}}}}`, the day being counted from the Unix epoch. While a process runs, somewhat more
//! is noted than was spent (a 64th of the day's budget), so that not every request is written; that is
//! what a crash may lose.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::schedule::Spent;

const FILE: &str = "prober-budget.json";
const FORMAT: u32 = 1;
/// A thousand endpoints with long names and eight days each.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What each endpoint has spent, by day.
pub(crate) type Book = BTreeMap<String, BTreeMap<i64, Spent>>;

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    spent: Book,
}

impl Ledger {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
        }
    }

    /// What an earlier process has spent; nothing if there was none.
    pub(crate) fn read(&self) -> io::Result<Book> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::new()),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let kept: Kept = serde_json::from_slice(&bytes)?;
        if kept.format != FORMAT {
            let why = format!("it has format {}, and this reads {FORMAT}", kept.format);
            return Err(io::Error::other(why));
        }
        Ok(kept.spent)
    }

    /// Replaces the file, and waits until that is on disk.
    pub(crate) fn write(&self, spent: Book) -> io::Result<()> {
        let format = FORMAT;
        let text = serde_json::to_vec(&Kept { format, spent })?;
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = self.path.with_extension("json.new");
        let mut file = File::create(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_damaged_is_said() {
        let directory = tempfile::TempDir::new().unwrap();
        let ledger = Ledger::in_directory(&directory.path().join("not/there"));
        assert!(ledger.read().unwrap().is_empty());
        let spent = Spent {
            requests: 7,
            tokens: 70,
        };
        let book = Book::from([("a/b/p".to_owned(), BTreeMap::from([(20_000, spent)]))]);
        ledger.write(book.clone()).unwrap();
        ledger.write(book.clone()).unwrap();
        assert_eq!(ledger.read().unwrap(), book);
        for damaged in ["", "{", r#"{"format":2,"spent":{}}"#] {
            fs::write(ledger.path(), damaged).unwrap();
            assert!(ledger.read().is_err(), "{damaged}");
        }
    }
}
