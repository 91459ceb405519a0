//! Observations as columns: one packed array per field.

use std::collections::HashMap;

use sextant_measure::id::is_text;
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;

use crate::v1;

const OUTCOME_MASK: u32 = 0b1111;
const PROBE: u32 = 1 << 4;
const NOT_STREAMED: u32 = 1 << 5;
const NOT_FINAL: u32 = 1 << 6;

/// Why columns do not fit together. The same bytes never pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A column is neither empty nor as long as `endpoint`.
    #[error("column {column} has {found} entries where endpoint has {wanted}")]
    Length {
        /// The column's name.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length of the endpoint column.
        wanted: usize,
    },
    /// The request ids' lengths do not add up to their bytes, or they are not UTF-8.
    #[error("request_ids do not match request_id_bytes")]
    RequestIds,
}

/// One observation of a [`Columns`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Definition id in a batch, index of the endpoint in a stored part.
    pub endpoint: u32,
    /// What happened.
    pub measurement: Measurement,
    /// The tier asked for.
    pub tier: Option<Tier>,
    /// The caller's task.
    pub operation: Option<&'a str>,
    /// The request's name.
    pub request_id: Option<&'a str>,
}

/// Columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns(v1::Columns);

impl TryFrom<v1::Columns> for Columns {
    type Error = ColumnsError;

    fn try_from(columns: v1::Columns) -> Result<Self, ColumnsError> {
        let wanted = columns.endpoint.len();
        let lengths = [
            ("kind", columns.kind.len()),
            ("ttft_us", columns.ttft_us.len()),
            ("duration_us", columns.duration_us.len()),
            ("output_tokens", columns.output_tokens.len()),
            ("input_tokens", columns.input_tokens.len()),
            ("status_code", columns.status_code.len()),
            ("attempt", columns.attempt.len()),
            ("tier", columns.tier.len()),
            ("operation", columns.operation.len()),
            ("request_id_bytes", columns.request_id_bytes.len()),
        ];
        let required = ("completed_at_us", columns.completed_at_us.len());
        let wrong = |(_, found): &(&str, usize)| *found != wanted && *found != 0;
        let wrong = Some(required)
            .filter(|(_, found)| *found != wanted)
            .or_else(|| lengths.into_iter().find(wrong));
        if let Some((column, found)) = wrong {
            return Err(ColumnsError::Length {
                column,
                found,
                wanted,
            });
        }
        let bytes: u64 = columns.request_id_bytes.iter().map(|n| u64::from(*n)).sum();
        let texts =
            std::str::from_utf8(&columns.request_ids).map_err(|_| ColumnsError::RequestIds)?;
        if bytes != texts.len() as u64 {
            return Err(ColumnsError::RequestIds);
        }
        Ok(Self(columns))
    }
}

impl From<Columns> for v1::Columns {
    fn from(columns: Columns) -> Self {
        columns.0
    }
}

impl Columns {
    /// How many observations.
    pub fn len(&self) -> usize {
        self.0.endpoint.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.endpoint.is_empty()
    }

    /// How many bytes they take on the wire.
    pub fn encoded_len(&self) -> usize {
        prost::Message::encoded_len(&self.0)
    }

    /// The endpoint column.
    pub fn endpoints(&self) -> &[u32] {
        &self.0.endpoint
    }

    /// The same with other ids for the endpoints.
    #[must_use]
    pub fn renumbered(mut self, id: impl Fn(u32) -> u32) -> Self {
        for endpoint in &mut self.0.endpoint {
            *endpoint = id(*endpoint);
        }
        self
    }

    /// Each observation, or why it is refused. Times are as the sender gave them.
    pub fn rows(&self) -> Rows<'_> {
        let texts = std::str::from_utf8(&self.0.request_ids).unwrap_or_default();
        Rows {
            columns: &self.0,
            index: 0,
            completed_at_us: 0,
            texts,
        }
    }
}

/// Iterator over the observations of a [`Columns`].
#[derive(Debug)]
pub struct Rows<'a> {
    columns: &'a v1::Columns,
    index: usize,
    completed_at_us: i64,
    texts: &'a str,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.index;
        let endpoint = *self.columns.endpoint.get(index)?;
        self.index += 1;
        let delta = at(&self.columns.completed_at_us, index);
        self.completed_at_us = self.completed_at_us.wrapping_add(delta);
        let bytes = at(&self.columns.request_id_bytes, index);
        let text = self.texts.get(..bytes as usize);
        self.texts = self.texts.get(bytes as usize..).unwrap_or_default();
        let request_id = match text {
            Some("") => Ok(None),
            Some(text) if is_text(text) => Ok(Some(text)),
            // A length that splits a character leaves no text.
            _ => Err(Refusal::RequestId),
        };
        Some(self.row(index, endpoint, request_id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.columns.endpoint.len() - self.index;
        (left, Some(left))
    }
}

impl<'a> Rows<'a> {
    fn row(
        &self,
        index: usize,
        endpoint: u32,
        request_id: Result<Option<&'a str>, Refusal>,
    ) -> Result<Row<'a>, Refusal> {
        let columns = self.columns;
        let kind = at(&columns.kind, index);
        let outcome = u8::try_from(kind & OUTCOME_MASK)
            .ok()
            .and_then(Outcome::from_code);
        let measurement = Measurement {
            completed_at: Timestamp::from_micros(self.completed_at_us),
            outcome: outcome.filter(|_| kind < 1 << 7).ok_or(Refusal::Outcome)?,
            source: if kind & PROBE == 0 {
                Source::Live
            } else {
                Source::Probe
            },
            streamed: kind & NOT_STREAMED == 0,
            ttft_us: at(&columns.ttft_us, index).checked_sub(1),
            duration_us: at(&columns.duration_us, index).checked_sub(1),
            input_tokens: tokens(at(&columns.input_tokens, index))?,
            output_tokens: tokens(at(&columns.output_tokens, index))?,
            status_code: match at(&columns.status_code, index) {
                0 => None,
                1 => Some(200),
                code => Some(u16::try_from(code).map_err(|_| Refusal::StatusCode)?),
            },
            attempt: at(&columns.attempt, index)
                .checked_add(1)
                .ok_or(Refusal::Attempt)?,
            is_final: kind & NOT_FINAL == 0,
        };
        measurement.check()?;
        let tier = match at(&columns.tier, index) {
            0 => None,
            code => Some(*Tier::ALL.get(code as usize - 1).ok_or(Refusal::Tier)?),
        };
        let operation = match at(&columns.operation, index) {
            0 => None,
            code => {
                let text = columns
                    .operations
                    .get(code as usize - 1)
                    .ok_or(Refusal::Operation)?;
                Some(text.as_str())
                    .filter(|text| is_text(text))
                    .ok_or(Refusal::Operation)
                    .map(Some)?
            }
        };
        Ok(Row {
            endpoint,
            measurement,
            tier,
            operation,
            request_id: request_id?,
        })
    }
}

/// Builds columns row by row; a column appears with the first value that is not its default.
#[derive(Debug, Default)]
pub struct ColumnsBuilder {
    columns: v1::Columns,
    operations: HashMap<String, u32>,
    request_ids: Vec<u8>,
    completed_at_us: i64,
}

impl ColumnsBuilder {
    /// How many observations it holds.
    pub fn len(&self) -> usize {
        self.columns.endpoint.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.columns.endpoint.is_empty()
    }

    /// Adds an observation.
    pub fn push(&mut self, row: &Row<'_>) {
        let (before, m) = (self.len(), &row.measurement);
        let columns = &mut self.columns;
        columns.endpoint.push(row.endpoint);
        let completed_at_us = m.completed_at.as_micros();
        columns
            .completed_at_us
            .push(completed_at_us.wrapping_sub(self.completed_at_us));
        self.completed_at_us = completed_at_us;
        let plus_one = |value: Option<u64>| value.map_or(0, |value| value.saturating_add(1));
        put(&mut columns.kind, before, kind(m));
        put(&mut columns.ttft_us, before, plus_one(m.ttft_us));
        put(&mut columns.duration_us, before, plus_one(m.duration_us));
        put(
            &mut columns.output_tokens,
            before,
            plus_one(m.output_tokens.map(u64::from)),
        );
        put(
            &mut columns.input_tokens,
            before,
            plus_one(m.input_tokens.map(u64::from)),
        );
        let status_code = match m.status_code {
            None => 0,
            Some(200) => 1,
            Some(code) => u32::from(code),
        };
        put(&mut columns.status_code, before, status_code);
        put(&mut columns.attempt, before, m.attempt.saturating_sub(1));
        put(
            &mut columns.tier,
            before,
            row.tier.map_or(0, |tier| u32::from(tier.code()) + 1),
        );
        let operation = row.operation.map_or(0, |text| self.operation(text));
        let columns = &mut self.columns;
        put(&mut columns.operation, before, operation);
        let request_id = row.request_id.unwrap_or_default();
        put(
            &mut columns.request_id_bytes,
            before,
            u32::try_from(request_id.len()).unwrap_or(0),
        );
        self.request_ids.extend_from_slice(request_id.as_bytes());
    }

    /// The columns.
    pub fn finish(self) -> Columns {
        Columns(v1::Columns {
            request_ids: self.request_ids.into(),
            ..self.columns
        })
    }

    /// The operation's index, plus one.
    fn operation(&mut self, text: &str) -> u32 {
        if let Some(known) = self.operations.get(text) {
            return *known;
        }
        self.columns.operations.push(text.to_owned());
        let index = u32::try_from(self.columns.operations.len()).unwrap_or(0);
        self.operations.insert(text.to_owned(), index);
        index
    }
}

fn at<T: Copy + Default>(column: &[T], index: usize) -> T {
    column.get(index).copied().unwrap_or_default()
}

fn put<T: Clone + Default + PartialEq>(column: &mut Vec<T>, before: usize, value: T) {
    if column.is_empty() {
        if value == T::default() {
            return;
        }
        column.resize(before, T::default());
    }
    column.push(value);
}

fn kind(m: &Measurement) -> u32 {
    let flag = |on: bool, bit: u32| if on { bit } else { 0 };
    u32::from(m.outcome.code())
        | flag(m.source == Source::Probe, PROBE)
        | flag(!m.streamed, NOT_STREAMED)
        | flag(!m.is_final, NOT_FINAL)
}

fn tokens(plus_one: u64) -> Result<Option<u32>, Refusal> {
    let tokens = plus_one.checked_sub(1).map(u32::try_from);
    tokens.transpose().map_err(|_| Refusal::Tokens)
}
