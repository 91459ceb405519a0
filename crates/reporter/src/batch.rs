//! A batch as it was numbered. It never changes after that.

use bytes::Bytes;
use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::{Definition, Observation};
use sextant_wire::batch::Totals;
use sextant_wire::columns::{self, Columns, ColumnsBuilder};
use sextant_wire::identity::Identity;
use sextant_wire::json;

use crate::parcel::Parcel;

/// Observations under a number. What it encodes to depends on nothing else, so that it is the
/// same bytes each time it is sent.
#[derive(Debug)]
pub struct Batch {
    identity: Identity,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    /// Numbered here.
    Rows(Vec<Row>),
    /// Carried for others.
    Parcel(Box<Parcel>),
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
        Self {
            identity,
            contents: Contents::Rows(rows),
        }
    }

    /// What has its number already.
    pub(crate) fn carrying(identity: Identity, parcel: Parcel) -> Self {
        Self {
            identity,
            contents: Contents::Parcel(Box::new(parcel)),
        }
    }

    /// Its number.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it holds, if it was numbered here.
    pub fn rows(&self) -> &[Row] {
        match &self.contents {
            Contents::Rows(rows) => rows,
            Contents::Parcel(_) => &[],
        }
    }

    /// What is carried for others.
    pub(crate) fn parcel(&self) -> Option<&Parcel> {
        match &self.contents {
            Contents::Rows(_) => None,
            Contents::Parcel(parcel) => Some(parcel),
        }
    }

    /// How many observations it holds.
    pub fn len(&self) -> usize {
        match &self.contents {
            Contents::Rows(rows) => rows.len(),
            Contents::Parcel(parcel) => parcel.batch.columns.len(),
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most as many bytes it takes when sent.
    pub fn bytes(&self) -> usize {
        match &self.contents {
            Contents::Rows(rows) => rows.iter().map(|row| row.bytes).sum(),
            Contents::Parcel(parcel) => parcel.bytes,
        }
    }

    /// The ids in it and what they stand for; an id may come more than once.
    pub fn definitions(&self) -> Vec<(u32, &Definition)> {
        match &self.contents {
            Contents::Rows(rows) => rows
                .iter()
                .map(|row| (row.endpoint, &row.observation.definition))
                .collect(),
            Contents::Parcel(parcel) => {
                let definitions = parcel.definitions.iter();
                definitions.map(|(id, meaning)| (*id, meaning)).collect()
            }
        }
    }

    /// What its sender had learnt to add to its clock, in microseconds; nothing if that is who
    /// sends it now.
    pub(crate) fn clock_offset_us(&self) -> i64 {
        self.parcel()
            .map_or(0, |parcel| parcel.batch.clock_offset_us)
    }

    /// What its sender had done, if that is not who sends it now.
    pub(crate) fn totals(&self) -> Option<&Totals> {
        self.parcel()
            .and_then(|parcel| parcel.batch.totals.as_ref())
    }

    /// As columns.
    pub fn columns(&self) -> Columns {
        let rows = match &self.contents {
            Contents::Rows(rows) => rows,
            Contents::Parcel(parcel) => return parcel.batch.columns.clone(),
        };
        let mut columns = ColumnsBuilder::default();
        for row in rows {
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
        let mut line = |observation: &Observation| {
            text.push_str(&json::to_json(observation).to_string());
            text.push('\n');
        };
        match &self.contents {
            Contents::Rows(rows) => rows.iter().for_each(|row| line(&row.observation)),
            Contents::Parcel(parcel) => parcel.observations().iter().for_each(line),
        }
        text.into()
    }
}
