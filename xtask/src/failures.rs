//! Which tests failed and what they said last, gathered from all that tests print.

use std::fmt;

/// Lines of one panic: where, and a message of a few lines.
const PANIC_LINES: usize = 6;

/// To be shown where all else that was printed is far above.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    names: Vec<String>,
    panics: Vec<String>,
    /// Lines of the last panic still to come.
    to_come: usize,
}

impl Failures {
    pub(crate) fn add(&mut self, line: &str) {
        let name = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"));
        self.names.extend(name.map(str::to_owned));
        if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.to_come = PANIC_LINES;
        } else if line.is_empty() || line == "stack backtrace:" || line.starts_with("note: run") {
            self.to_come = 0;
        }
        if self.to_come > 0 {
            self.to_come -= 1;
            self.panics.push(line.to_owned());
        }
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.names.extend(other.names);
        self.panics.extend(other.panics);
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() {
            return Ok(());
        }
        writeln!(formatter, "\nfailed:")?;
        for name in &self.names {
            writeln!(formatter, "    {name}")?;
        }
        writeln!(formatter)?;
        for line in &self.panics {
            writeln!(formatter, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> String {
        let mut failures = Failures::default();
        for line in lines {
            failures.add(line);
        }
        failures.to_string()
    }

    #[test]
    fn a_failure_is_shown_with_what_its_panic_said() {
        let shown = shown(&[
            "test a::b ... ok",
            "test c::d ... FAILED",
            "---- c::d stdout ----",
            "thread 'c::d' (24345) panicked at it/c.rs:115:17:",
            "assertion `left == right` failed",
            "  left: 1",
            " right: 0",
            "stack backtrace:",
            "   0: somewhere",
        ]);
        let panic = "thread 'c::d' (24345) panicked at it/c.rs:115:17:\n\
                     assertion `left == right` failed\n  left: 1\n right: 0\n";
        assert_eq!(shown, format!("\nfailed:\n    c::d\n\n{panic}"));
    }

    #[test]
    fn nothing_is_shown_of_tests_that_pass_also_when_they_panic() {
        let panicked = "thread 'a' panicked at src/a.rs:1:1:";
        assert_eq!(
            shown(&["test a - should panic ... ok", panicked, "as it should"]),
            ""
        );
    }
}
