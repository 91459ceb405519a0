//! What was ruled on a gate, as a row of `gate_rows`.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sextant_measure::id::{ModelId, Operation};
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::{GateKey, Ruling};

use crate::RulingRow;
use crate::row::{verdict, verdict_name};

/// A row of `gate_rows`.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct GateColumns {
    model: String,
    quantization: String,
    operation: String,
    /// Microseconds since 1970.
    since: i64,
    log_id: u64,
    log_offset: u64,
    verdict: String,
    author: String,
}

pub(super) const TABLE: &str = "gate_rows";

impl From<&RulingRow> for GateColumns {
    fn from(row: &RulingRow) -> Self {
        let RulingRow {
            ruling,
            log_id,
            offset,
        } = row;
        Self {
            model: ruling.key().model.to_string(),
            quantization: ruling.key().quantization.to_string(),
            operation: ruling.key().operation.to_string(),
            since: ruling.since().as_micros(),
            log_id: *log_id,
            log_offset: *offset,
            verdict: verdict_name(ruling.verdict()).to_owned(),
            author: ruling.author().to_owned(),
        }
    }
}

impl GateColumns {
    /// The row; none if it is not what was written.
    pub(super) fn decode(self) -> Option<RulingRow> {
        let key = GateKey {
            operation: Operation::new(&self.operation).ok()?,
            model: ModelId::new(&self.model).ok()?,
            quantization: self.quantization.parse().ok()?,
        };
        let since = Timestamp::from_micros(self.since);
        Some(RulingRow {
            ruling: Ruling::new(key, verdict(&self.verdict)?, self.author, since).ok()?,
            log_id: self.log_id,
            offset: self.log_offset,
        })
    }
}
