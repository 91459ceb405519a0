//! A listener to server-sent events, and the checker beside it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream;
use serde_json::Value;
use sextant_measure::id::EndpointId;
use sextant_snapshot::version::Version;
use tokio::time::timeout;

use super::oracle::Truth;
use super::pump::Pump;
use super::watcher::Tally;
use super::world::World;
use crate::listener::{Event, Heard, Listener};
use crate::rig::Running;

/// A listener to some models, or to all.
pub(super) struct Ear {
    listener: Listener,
    /// What it holds stands for this version: it lacks nothing from before it.
    reached: Option<Version>,
    models: Vec<String>,
    open: Option<Open>,
}

struct Open {
    events: Pump<Event>,
    is_answered: bool,
}

impl Ear {
    pub(super) fn of(models: &[&str]) -> Self {
        Self {
            listener: Listener::of(&models.join(",")),
            reached: None,
            models: models.iter().map(ToString::to_string).collect(),
            open: None,
        }
    }

    /// Drops the stream in the middle, if there is one.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Listens from where it is, if the server has something to serve.
    pub(super) async fn open(&mut self, server: &Running) {
        self.open = match self.listener.listen(server).await {
            Ok(events) => Some(Open {
                events: Pump::of(stream::unfold(events, |mut events| async {
                    Some((events.next().await?, events))
                })),
                is_answered: false,
            }),
            Err(refused) => {
                refused.problem(503);
                None
            }
        };
    }

    /// Takes the next event, if one comes in that time.
    pub(super) async fn take(&mut self, wait: Duration, world: &World, tally: &mut Tally) {
        let Some(open) = &mut self.open else {
            return;
        };
        let Ok(event) = timeout(wait, open.events.next()).await else {
            return;
        };
        let Some(event) = event else {
            self.open = None;
            return;
        };
        let first = !std::mem::replace(&mut open.is_answered, true);
        let heard = self.listener.hear(event);
        let told: Version = self.listener.last_id.parse().unwrap();
        let reached = match heard {
            Heard::Full { .. } => {
                tally.heard_fulls += 1;
                told
            }
            Heard::Delta { .. } => {
                tally.heard_deltas += 1;
                tally.heard_resumed += u32::from(first);
                both(&told, self.reached.as_ref().expect("a change of nothing"))
            }
            Heard::Heartbeat => {
                assert!(!first, "a stream begins with what there is");
                return;
            }
        };
        self.check(&reached, world);
        self.reached = Some(reached);
    }

    /// It holds what a unary read of any server gives.
    pub(super) async fn assert_equal(&self, server: &Running) {
        self.listener.assert_current(server).await;
    }

    /// It holds what the version stands for, no more and no less.
    fn check(&self, version: &Version, world: &World) {
        let snapshot = self.listener.snapshot();
        let models = &self.models;
        let wanted = |model: &str| models.is_empty() || models.iter().any(|m| m == model);
        let rows = snapshot["endpoints"].as_array().unwrap();
        let listed = rows.iter().filter(|row| row["listed"] == true);
        let listed: BTreeSet<_> = listed.map(|row| text(&row["id"])).collect();
        let facts = world.facts[&version.catalog()].iter();
        let facts = facts.filter(|facts| wanted(facts.id.model.as_str()));
        assert_eq!(listed, facts.map(|facts| name(&facts.id)).collect());
        if world.is_compacted {
            return;
        }
        let truth = Truth::of(version, world);
        let measured = rows.iter().filter(|row| !row["offset"].is_null());
        let measured: BTreeSet<_> = measured
            .map(|row| (text(&row["id"]), number(&row["offset"]["offset"])))
            .collect();
        let written = truth.rows.iter();
        let written = written.filter(|(id, _)| wanted(id.model.as_str()));
        let written = written.map(|(id, (offset, _))| (name(id), *offset));
        assert_eq!(measured, written.collect(), "at {version:?}");
        let gates = snapshot["gates"].as_array().unwrap().iter();
        let gates: BTreeSet<_> = gates.map(|gate| number(&gate["offset"])).collect();
        let ruled = truth.gates.iter();
        let ruled = ruled.filter(|(key, _)| wanted(key.model.as_str()));
        let ruled = ruled.map(|(_, (offset, _))| *offset);
        assert_eq!(gates, ruled.collect(), "at {version:?}");
    }
}

/// What is behind in nothing of either: who was told the one may hold more, from a server that is
/// ahead of this one.
fn both(told: &Version, held: &Version) -> Version {
    let (mut gates, mut statistics) = (told.gates(), told.statistics().clone());
    gates.next_offset = gates.next_offset.max(held.gates().next_offset);
    let offsets = statistics.next_offsets.iter_mut();
    for (told, held) in offsets.zip(&held.statistics().next_offsets) {
        *told = (*told).max(*held);
    }
    Version::new(told.catalog(), gates, statistics).unwrap()
}

fn name(id: &EndpointId) -> String {
    format!("{}/{}/{}", id.model, id.provider, id.quantization)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}
