//! The verdicts that stand.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sextant_eventlog::LogError;
use sextant_measure::id::{EndpointId, ModelId, Operation};
use sextant_measure::quantization::Quantization;
use sextant_snapshot::gates::{Ruling, Verdict};
use sextant_snapshot::picture::GATES_MAX;

use super::READING;
use super::reader::{Batch, Reader};
use crate::metrics::Metrics;

const RETRY: Duration = Duration::from_secs(1);

/// The verdicts that stand, by what they are about; at most [`GATES_MAX`], the others are counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdicts {
    log_id: Option<u64>,
    standing: HashMap<(ModelId, Quantization), BTreeMap<Operation, Verdict>>,
    held: usize,
}

/// The verdicts that stand now. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveVerdicts(Arc<RwLock<Arc<Verdicts>>>);

impl LiveVerdicts {
    pub(crate) fn get(&self) -> Arc<Verdicts> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    fn apply(&self, batch: &Batch, metrics: &Metrics) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Of a log that was made anew and has no name yet nothing stands.
        let is_gone = batch.is_at_end && batch.log_id.is_none() && held.log_id.is_some();
        let is_known = batch.log_id.is_none_or(|id| held.log_id == Some(id));
        // Most batches are empty.
        if batch.records.is_empty() && is_known && !is_gone {
            return;
        }
        let verdicts = Arc::make_mut(&mut held);
        if is_gone {
            *verdicts = Verdicts::default();
        }
        if let Some(log_id) = batch.log_id {
            verdicts.open(log_id);
        }
        for record in &batch.records {
            if !verdicts.apply(&record.ruling) {
                metrics.error("keeping one more gate");
            }
        }
    }
}

impl Verdicts {
    /// Those on an endpoint's precision.
    pub(crate) fn of(&self, id: &EndpointId) -> BTreeMap<Operation, Verdict> {
        // Nobody can tell what undisclosed precisions were evaluated at.
        if self.standing.is_empty() || id.quantization == Quantization::Unknown {
            return BTreeMap::new();
        }
        let key = (id.model.clone(), id.quantization);
        self.standing.get(&key).cloned().unwrap_or_default()
    }

    /// A log that was made anew has nothing of the former one.
    fn open(&mut self, log_id: u64) {
        if self.log_id != Some(log_id) {
            *self = Self {
                log_id: Some(log_id),
                ..Self::default()
            };
        }
    }

    /// Whether there is room.
    fn apply(&mut self, ruling: &Ruling) -> bool {
        let key = (ruling.key().model.clone(), ruling.key().quantization);
        let operation = &ruling.key().operation;
        let Some(verdict) = ruling.verdict() else {
            if let Some(of_key) = self.standing.get_mut(&key) {
                self.held -= usize::from(of_key.remove(operation).is_some());
                if of_key.is_empty() {
                    self.standing.remove(&key);
                }
            }
            return true;
        };
        let is_held = |of_key: &BTreeMap<_, _>| of_key.contains_key(operation);
        if !self.standing.get(&key).is_some_and(is_held) {
            if self.held >= GATES_MAX {
                return false;
            }
            self.held += 1;
        }
        let of_key = self.standing.entry(key).or_default();
        of_key.insert(operation.clone(), verdict);
        true
    }
}

/// Reads to the end of the log.
///
/// # Errors
/// What the log says, unless it passes.
pub(super) async fn catch_up(
    reader: &mut Reader,
    live: &LiveVerdicts,
    metrics: &Metrics,
) -> Result<(), LogError> {
    loop {
        match reader.next(Duration::ZERO).await {
            Ok(batch) => {
                live.apply(&batch, metrics);
                if batch.is_at_end {
                    return Ok(());
                }
            }
            Err(error) if !error.is_transient() => return Err(error),
            Err(error) => refused(&error, metrics).await,
        }
    }
}

/// Goes on reading for good.
pub(super) async fn follow(mut reader: Reader, live: LiveVerdicts, metrics: Metrics) {
    loop {
        match reader.next(Duration::MAX).await {
            Ok(batch) => live.apply(&batch, &metrics),
            Err(error) => refused(&error, &metrics).await,
        }
    }
}

async fn refused(error: &LogError, metrics: &Metrics) {
    metrics.error(READING);
    tracing::warn!(%error, "the gates log cannot be read; the verdicts read so far stand");
    tokio::time::sleep(RETRY).await;
}

#[cfg(test)]
mod tests {
    use sextant_snapshot::gates::GateKey;

    use super::*;

    fn endpoint(model: &str, quantization: Quantization) -> EndpointId {
        EndpointId {
            model: model.parse().unwrap(),
            provider: "groq".parse().unwrap(),
            quantization,
        }
    }

    fn ruling(operation: &str, model: &str, verdict: Option<Verdict>) -> Ruling {
        let key = GateKey {
            operation: operation.parse().unwrap(),
            model: model.parse().unwrap(),
            quantization: Quantization::Fp8,
        };
        let since = sextant_measure::time::Timestamp::default();
        Ruling::new(key, verdict, "me".to_owned(), since).unwrap()
    }

    fn told(verdicts: &Verdicts, model: &str) -> Vec<(String, Verdict)> {
        let of = verdicts.of(&endpoint(model, Quantization::Fp8));
        of.into_iter()
            .map(|(operation, verdict)| (operation.to_string(), verdict))
            .collect()
    }

    #[test]
    fn the_last_ruling_stands() {
        let mut verdicts = Verdicts::default();
        let (green, red) = (Some(Verdict::Green), Some(Verdict::Red));
        for (operation, verdict) in [("a", green), ("b", green), ("a", red), ("c", red)] {
            assert!(verdicts.apply(&ruling(operation, "x/m", verdict)));
        }
        assert!(verdicts.apply(&ruling("c", "x/m", None)));
        assert!(verdicts.apply(&ruling("c", "x/m", None)));
        let stand = [
            ("a".to_owned(), Verdict::Red),
            ("b".to_owned(), Verdict::Green),
        ];
        assert_eq!(told(&verdicts, "x/m"), stand);
        assert_eq!(told(&verdicts, "x/n"), []);
        let undisclosed = endpoint("x/m", Quantization::Unknown);
        assert!(verdicts.of(&undisclosed).is_empty());
        verdicts.open(7);
        verdicts.open(7);
        assert_eq!(told(&verdicts, "x/m"), []);
    }

    #[test]
    fn there_are_no_more_than_may_be() {
        let mut verdicts = Verdicts::default();
        let green = Some(Verdict::Green);
        for n in 0..GATES_MAX {
            assert!(verdicts.apply(&ruling(&format!("o{n}"), "x/m", green)));
        }
        assert!(!verdicts.apply(&ruling("more", "x/m", green)));
        assert!(verdicts.apply(&ruling("o7", "x/m", Some(Verdict::Red))));
        assert!(verdicts.apply(&ruling("o7", "x/m", None)));
        assert!(verdicts.apply(&ruling("more", "x/m", green)));
        assert!(!verdicts.apply(&ruling("and more", "x/m", green)));
    }
}
