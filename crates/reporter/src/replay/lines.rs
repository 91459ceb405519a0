//! Observations from newline-delimited JSON, line by line.

use std::io::{self, BufRead};

use sextant_measure::observation::Observation;
use sextant_measure::refusal::Refusal;
use sextant_wire::json;

use crate::error::ReporterError;

/// Longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// A line that is no observation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// From 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The observations of newline-delimited JSON; blank lines are passed over. It ends at the first
/// error of the reader.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    line: u64,
    buffer: Vec<u8>,
    has_failed: bool,
}

enum Read {
    Line,
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    /// From the reader's position on.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: 0,
            buffer: Vec::new(),
            has_failed: false,
        }
    }

    fn read(&mut self) -> io::Result<Read> {
        self.buffer.clear();
        let mut bytes: usize = 0;
        loop {
            let available = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let (part, _) = available.split_at(end.unwrap_or(available.len()));
            bytes = bytes.saturating_add(part.len());
            if bytes <= LINE_BYTES_MAX {
                self.buffer.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(end.is_some());
            self.reader.consume(consumed);
            if end.is_some() {
                return Ok(if bytes > LINE_BYTES_MAX {
                    Read::TooLong
                } else {
                    Read::Line
                });
            }
        }
        Ok(match bytes {
            0 => Read::End,
            _ if bytes > LINE_BYTES_MAX => Read::TooLong,
            _ => Read::Line,
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Result<Observation, BadLine>, ReporterError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.has_failed {
            self.line += 1;
            let line = self.line;
            let parsed = match self.read() {
                Ok(Read::End) => return None,
                Ok(Read::TooLong) => Err(format!("longer than {LINE_BYTES_MAX} bytes")),
                Ok(Read::Line) if self.buffer.trim_ascii().is_empty() => continue,
                Ok(Read::Line) => parse(&self.buffer),
                Err(error) => {
                    self.has_failed = true;
                    let reason = error.to_string();
                    return Some(Err(ReporterError::Input { line, reason }));
                }
            };
            return Some(Ok(parsed.map_err(|reason| BadLine { line, reason })));
        }
        None
    }
}

fn parse(line: &[u8]) -> Result<Observation, String> {
    // An array is a body of its own kind, not a line.
    if line.trim_ascii_start().starts_with(b"[") {
        return Err(Refusal::Malformed.to_string());
    }
    let parsed = json::parse(line, 1).map_err(|error| error.to_string())?;
    let mut observations = parsed.observations.into_iter();
    let observation = observations.next().unwrap_or(Err(Refusal::Malformed));
    observation.map_err(|refusal| refusal.to_string())
}
