//! Standard output and standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Context as _;

/// Writes a line to standard output. A reader that has gone, as `head` does, is no failure.
pub fn line(text: impl Display) -> anyhow::Result<()> {
    let written = write(&mut io::stdout().lock(), &format!("{text}\n"));
    written.context("cannot write to standard output")
}

/// Writes a line to standard error.
pub fn note(text: impl Display) -> anyhow::Result<()> {
    let written = write(&mut io::stderr().lock(), &format!("{text}\n"));
    written.context("cannot write to standard error")
}

/// What was written, unless it failed because nobody reads any more.
pub fn unless_unread(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn write(stream: &mut impl Write, text: &str) -> io::Result<()> {
    let written = stream.write_all(text.as_bytes());
    unless_unread(written.and_then(|()| stream.flush()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_has_gone_is_no_failure() {
        assert!(write(&mut Refusing(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(write(&mut Refusing(ErrorKind::StorageFull), "x").is_err());
    }
}
