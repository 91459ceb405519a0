//! A batch as it was numbered. It never changes after that.

use bytes::Bytes;
use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::Observation;
use sextant_wire::columns::{self, Columns, ColumnsBuilder};
use sextant_wire::identity::Identity;
use sextant_wire::json;

/// Observations under a number. What it encodes to depends on nothing else, so that it is the
/// same bytes each time it is sent.
#[derive(Debug)]
pub struct Batch {
    identity: Identity,
    rows: Vec<Row>,
}

/// An observation on its way.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which one it was of all that were recorded, from 0.
    pub ordinal: u64,
    /// The id of its definition.
    pub endpoint: u32,
    /// At most as many bytes it takes when sent.
    pub bytes: usize,
    /// What it says.
    pub observation: Observation,
}

impl Batch {
    /// Numbers the rows.
    pub fn new(identity: Identity, rows: Vec<Row>) -> Self {
        Self { identity, rows }
    }

    /// Its number.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it holds.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// At most as many bytes it takes when sent.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.bytes).sum()
    }

    /// As columns.
    pub fn columns(&self) -> Columns {
        let mut columns = ColumnsBuilder::default();
        for row in &self.rows {
            columns.push(&columns::Row {
                endpoint: row.endpoint,
                measurement: row.observation.measurement,
                tier: row.observation.tier,
                operation: row.observation.operation.as_ref().map(Operation::as_str),
                request_id: row.observation.request_id.as_ref().map(RequestId::as_str),
            });
        }
        columns.finish()
    }

    /// As JSON, one object a line.
    pub fn lines(&self) -> Bytes {
        let mut text = String::with_capacity(self.bytes());
        for row in &self.rows {
            text.push_str(&json::to_json(&row.observation).to_string());
            text.push('\n');
        }
        text.into()
    }
}
