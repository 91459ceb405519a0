//! From what callers give to rulings.

use std::collections::HashMap;
use std::fmt;

use sextant_measure::id::{ModelId, Operation, is_text};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::{GateKey, Ruling};
use sextant_wire::gates::Given;

use super::GatesError;
use crate::edition::Edition;
use crate::nearest;

/// How much that is wrong is told: over gRPC it stands in headers, of which clients take 16 KB.
pub(crate) const WRONG_MAX: usize = 16;
/// The longest reason that is told, in characters.
const REASON_CHARS_MAX: usize = 160;

/// What is wrong with one of the rulings given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Which one, from 0.
    pub(crate) index: usize,
    pub(crate) field: &'static str,
    pub(crate) reason: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}].{}: {}", self.index, self.field, self.reason)
    }
}

/// What there may be gates of.
pub(super) struct Known<'k> {
    pub(super) edition: &'k Edition,
    /// None: any.
    pub(super) operations: &'k [String],
}

/// Rulings made now; `caller` is the author of those without one.
///
/// # Errors
/// [`GatesError::Wrong`] with what is wrong, up to [`WRONG_MAX`].
pub(super) fn read(
    given: Vec<Given>,
    known: &Known<'_>,
    caller: &str,
    now: Timestamp,
) -> Result<Vec<Ruling>, GatesError> {
    let mut wrong = Vec::new();
    let mut rulings = Vec::with_capacity(given.len());
    let mut seen: HashMap<GateKey, usize> = HashMap::with_capacity(given.len());
    for (index, given) in given.into_iter().enumerate() {
        if wrong.len() >= WRONG_MAX {
            break;
        }
        match one(given, known, caller, now) {
            Ok(ruling) => {
                if let Some(first) = seen.insert(ruling.key().clone(), index) {
                    let reason = format!("the same gate as [{first}]: give each once");
                    let field = "operation";
                    wrong.push(Wrong {
                        index,
                        field,
                        reason,
                    });
                }
                rulings.push(ruling);
            }
            Err(fields) => wrong.extend(fields.into_iter().map(|(field, reason)| Wrong {
                index,
                field,
                reason: reason.chars().take(REASON_CHARS_MAX).collect(),
            })),
        }
    }
    if wrong.is_empty() {
        return Ok(rulings);
    }
    wrong.truncate(WRONG_MAX);
    Err(GatesError::Wrong(wrong))
}

type Fields = Vec<(&'static str, String)>;

fn one(given: Given, known: &Known<'_>, caller: &str, now: Timestamp) -> Result<Ruling, Fields> {
    let mut wrong = Fields::new();
    // What stands can be taken back, also when nothing else is known of it any more.
    let is_open = given.verdict() == Ok(None) && known.stands(&given);
    let operation = if is_open {
        Operation::new(&given.operation).map_err(|error| error.to_string())
    } else {
        known.operation(&given.operation)
    };
    let operation = note(&mut wrong, "operation", operation);
    let model = if is_open {
        ModelId::new(&given.model).map_err(|error| error.to_string())
    } else {
        known.model(&given.model)
    };
    let model = note(&mut wrong, "model", model);
    let named = quantization(&given.quantization);
    let quantization = note(&mut wrong, "quantization", named);
    let verdict = given.verdict().map_err(str::to_owned);
    let verdict = note(&mut wrong, "verdict", verdict);
    let author = if given.author.is_empty() {
        caller.to_owned()
    } else {
        given.author
    };
    if !is_text(&author) {
        let reason = "not 1 to 128 bytes without control characters".to_owned();
        wrong.push(("author", reason));
    }
    if let (Some(operation), Some(model), Some(quantization), Some(verdict), true) =
        (operation, model, quantization, verdict, wrong.is_empty())
    {
        let key = GateKey {
            operation,
            model,
            quantization,
        };
        let ruling = Ruling::new(key, verdict, author, now);
        return ruling.map_err(|error| vec![("author", error.to_string())]);
    }
    Err(wrong)
}

fn note<T>(wrong: &mut Fields, field: &'static str, read: Result<T, String>) -> Option<T> {
    read.map_err(|reason| wrong.push((field, reason))).ok()
}

/// Undisclosed ones have no gates: nobody can tell what was evaluated.
fn quantization(text: &str) -> Result<Quantization, String> {
    match text.parse::<Quantization>() {
        Ok(Quantization::Unknown) => {
            Err("an undisclosed precision can't be evaluated, so it has no gates".to_owned())
        }
        Ok(quantization) => Ok(quantization),
        Err(error) => Err(error.to_string()),
    }
}

impl Known<'_> {
    /// Whether there is a gate of these names.
    fn stands(&self, given: &Given) -> bool {
        let gates = self.edition.snapshot().gates().iter();
        let mut keys = gates.map(|gate| gate.value.key());
        keys.any(|key| {
            key.operation.as_str() == given.operation
                && key.model.as_str() == given.model
                && key.quantization.name() == given.quantization
        })
    }

    fn operation(&self, text: &str) -> Result<Operation, String> {
        let operation = Operation::new(text).map_err(|error| error.to_string())?;
        let is_known = self.operations.is_empty() || self.operations.iter().any(|it| it == text);
        if is_known {
            return Ok(operation);
        }
        let names = self.operations.iter().map(String::as_str);
        Err(match nearest::to(text, names).first() {
            Some(near) => format!("there is no such operation; did you mean {near}?"),
            None => "there is no such operation; the setting server.operations has all".to_owned(),
        })
    }

    /// The catalog has it, or traffic.
    fn model(&self, text: &str) -> Result<ModelId, String> {
        let model = ModelId::new(text).map_err(|error| error.to_string())?;
        let edition = self.edition;
        let is_seen = || !edition.snapshot().model(&model).is_empty();
        if edition.catalog().model(&model).is_some() || is_seen() {
            return Ok(model);
        }
        let names = edition.catalog().models().map(|known| known.id.as_str());
        Err(match nearest::to(text, names).first() {
            Some(near) => format!("there is no such model; did you mean {near}?"),
            None => "there is no such model; /api/v1/models lists all".to_owned(),
        })
    }
}
