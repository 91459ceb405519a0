//! Takes rulings on gates, and says which gates stand.
//!
//! A ruling is a record of the gates log. It counts for every server, gateway and aggregator once
//! they have read it; the server that took it answers when it serves the ruling itself, so that who
//! has set a gate finds it there.
//!
//! Nobody owns the gates log: any server may write to it, and the last ruling of a gate stands.

mod ruled;

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Offset, Record};
use sextant_measure::time::Clock;
use sextant_snapshot::gates::{Gate, Ruling};
use sextant_snapshot::stamp::Stamped;
use sextant_wire::gates::{self, Given};
use sextant_wire::topics::GATES;
use tokio::time::timeout;

use crate::config::{Config, length};
use crate::edition::Edition;
use crate::hub::{Hub, Unserved};
use crate::seats::Caller;

pub(crate) use self::ruled::Wrong;
use self::ruled::{Known, WRONG_MAX, read};

/// How long an append may take before the log counts as away.
const APPEND_WAIT: Duration = Duration::from_secs(30);
/// How long to wait for an edition with what has been appended: a read and an interval, and time to
/// spare.
const EDITION_WAIT: Duration = Duration::from_secs(15);

/// What takes rulings.
pub(crate) struct Gatekeeper {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
}

/// Why rulings are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatesError {
    /// More than one request may hold.
    #[error("{given} gates are more than the {max} that one request may hold")]
    TooMany { given: usize, max: usize },
    /// Some can't be; none was taken.
    #[error("none was stored, for {}{}", told(.0), if .0.len() < WRONG_MAX { "" } else { "; and maybe more" })]
    Wrong(Vec<Wrong>),
    /// There would be more gates than are kept.
    #[error("there would be {wanted} gates, more than the {max} that are kept; take some back")]
    Full { wanted: usize, max: usize },
    /// There is nothing to serve yet, or no longer.
    #[error("the logs are still being read")]
    Unserved(Unserved),
    /// The log takes nothing; sending the same again does no harm.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The gates log was made anew meanwhile; what was sent may not stand.
    #[error("the gates log was made anew meanwhile; send it again")]
    Anew,
    /// It is durable, but this server can't read the log.
    #[error(
        "it is stored, but this server has not been able to read it back yet; ask for the list"
    )]
    Unread,
}

/// Which gates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Empty for all models.
    pub(crate) model: String,
    /// Empty for all operations.
    pub(crate) operation: String,
}

impl Gatekeeper {
    /// Stores them, and returns once they are durable, and served here if this server can read the
    /// log. If any can't be, none is stored.
    ///
    /// # Errors
    /// [`GatesError`]. After [`GatesError::Log`] some may stand; storing them again is no harm.
    pub(crate) async fn put(
        &self,
        given: Vec<Given>,
        caller: &Caller,
    ) -> Result<Vec<Ruling>, GatesError> {
        let max = length(self.config.gates_put_max);
        if given.len() > max {
            let given = given.len();
            return Err(GatesError::TooMany { given, max });
        }
        let edition = self.present()?;
        let known = Known {
            edition: &edition,
            operations: &self.config.operations,
        };
        let rulings = read(given, &known, &caller.to_string(), self.clock.now())?;
        self.check_room(&edition, &rulings)?;
        if rulings.is_empty() {
            return Ok(rulings);
        }
        let log_id = self.log_id(&edition).await?;
        let records = rulings
            .iter()
            .map(|ruling| gates::to_record(ruling, log_id));
        let last = self.append(records.collect()).await?;
        tracing::info!(rulings = rulings.len(), last = last.0, "took rulings");
        let served = self.edition_where(|edition| {
            let gates = edition.position().version().gates();
            gates.log_id != log_id || gates.next_offset > last.0
        });
        match served.await {
            Ok(edition) if edition.position().version().gates().log_id != log_id => {
                Err(GatesError::Anew)
            }
            // They are durable, whatever keeps this server from reading them.
            Ok(_) | Err(_) => Ok(rulings),
        }
    }

    /// Those that stand, as of the present edition.
    ///
    /// # Errors
    /// [`GatesError::Unserved`].
    pub(crate) fn list(&self, wanted: &Wanted) -> Result<Vec<Stamped<Gate>>, GatesError> {
        let edition = self.present()?;
        let gates = edition.snapshot().gates().iter();
        let is_wanted = |gate: &&Stamped<Gate>| {
            let key = gate.value.key();
            let of = |wanted: &str, name: &str| wanted.is_empty() || wanted == name;
            of(&wanted.model, key.model.as_str()) && of(&wanted.operation, key.operation.as_str())
        };
        Ok(gates.filter(is_wanted).cloned().collect())
    }

    fn present(&self) -> Result<Arc<Edition>, GatesError> {
        let present = self.hub.present();
        present.ok_or(GatesError::Unserved(Unserved::Starting))
    }

    /// Several servers may let in one too many each at the same time; whoever reads the log holds
    /// no more than it can.
    fn check_room(&self, edition: &Edition, rulings: &[Ruling]) -> Result<(), GatesError> {
        let gates = edition.snapshot().gates();
        let is_new = |ruling: &&Ruling| {
            let by_key = |gate: &Stamped<Gate>| gate.value.key().cmp(ruling.key());
            ruling.verdict().is_some() && gates.binary_search_by(by_key).is_err()
        };
        let new = rulings.iter().filter(is_new).count();
        let (wanted, max) = (gates.len() + new, length(self.config.gates_max));
        if new > 0 && wanted > max {
            return Err(GatesError::Full { wanted, max });
        }
        Ok(())
    }

    /// What the log is called. One without a name gets one.
    async fn log_id(&self, edition: &Edition) -> Result<u64, GatesError> {
        let known = edition.position().version().gates().log_id;
        if known != 0 {
            return Ok(known);
        }
        let drawn = rand::random_range(1..=u64::MAX);
        self.append(vec![gates::name_record(drawn)]).await?;
        // Another server may have been first.
        let named = |edition: &Edition| edition.position().version().gates().log_id != 0;
        let edition = self.edition_where(named).await?;
        Ok(edition.position().version().gates().log_id)
    }

    async fn append(&self, records: Vec<Record>) -> Result<Offset, GatesError> {
        let appending = self.log.append(GATES, 0, records);
        let appended = timeout(APPEND_WAIT, appending).await.unwrap_or_else(|_| {
            Err(LogError::Unavailable {
                reason: "an append to the gates log did not come back".to_owned(),
            })
        });
        Ok(appended?.last)
    }

    async fn edition_where(
        &self,
        is_wanted: impl Fn(&Edition) -> bool,
    ) -> Result<Arc<Edition>, GatesError> {
        let mut editions = self.hub.editions();
        let wanted = async {
            loop {
                let present = self.hub.present().filter(|edition| is_wanted(edition));
                if let Some(edition) = present {
                    return Ok(edition);
                }
                let changed = editions.changed().await;
                changed.map_err(|_| GatesError::Unserved(Unserved::Stopping))?;
            }
        };
        timeout(EDITION_WAIT, wanted)
            .await
            .unwrap_or(Err(GatesError::Unread))
    }
}

/// All that is wrong, in one line.
fn told(wrong: &[Wrong]) -> String {
    let each = wrong.iter().map(ToString::to_string);
    each.collect::<Vec<_>>().join("; ")
}
