//! What a client holds of server-sent events: it knows JSON and what the document says of merging,
//! and nothing of what a version means.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use sextant_server::Caller;
use tower::ServiceExt;

use crate::rig::{Answer, Running};

/// What an endpoint or a gate is known by.
type Key = String;

#[derive(Clone, Default)]
pub(crate) struct Listener {
    models: String,
    /// Of the last event that had one.
    pub(crate) last_id: String,
    /// Version, coverage and what else holds for all of it.
    header: Map<String, Value>,
    endpoints: BTreeMap<Key, Value>,
    gates: BTreeMap<Key, Value>,
    /// Where what is gone was said to be.
    gone: BTreeMap<Key, Value>,
}

/// Events as they come.
pub(crate) struct Events {
    body: Body,
    unread: Vec<u8>,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

/// The kind of an event, and how many rows and removals it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Full { rows: usize },
    Delta { rows: usize, removed: usize },
    Heartbeat,
}

const HEADER: [&str; 4] = ["version", "generated_at", "coverage", "observer_suspected"];

impl Listener {
    pub(crate) fn of(models: &str) -> Self {
        Self {
            models: models.to_owned(),
            ..Self::default()
        }
    }

    /// Begins, or comes back with what it has.
    pub(crate) async fn listen(&self, running: &Running) -> Result<Events, Answer> {
        self.listen_as(running, Caller::Local).await
    }

    pub(crate) async fn listen_as(
        &self,
        running: &Running,
        caller: Caller,
    ) -> Result<Events, Answer> {
        let mut request = Request::get(format!("/api/v1/snapshot/events?models={}", self.models));
        if !self.last_id.is_empty() {
            request = request.header("last-event-id", &self.last_id);
        }
        let request = request.extension(caller).body(Body::empty()).unwrap();
        let response = running.router.clone().oneshot(request).await.unwrap();
        if response.status() != 200 {
            return Err(Answer::of(response).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("content-encoding"));
        Ok(Events {
            body: response.into_body(),
            unread: Vec::new(),
        })
    }

    /// Takes the next event.
    pub(crate) async fn take(&mut self, events: &mut Events) -> Heard {
        let event = events.next().await.expect("a server that doesn't stop");
        self.hear(event)
    }

    pub(crate) fn hear(&mut self, event: Event) -> Heard {
        let Event { name, id, mut data } = event;
        if name == "heartbeat" {
            assert_eq!((id, &data["version"]), (None, &json!(self.last_id)));
            return Heard::Heartbeat;
        }
        let id = id.unwrap();
        assert_eq!(data["version"], id);
        self.last_id = id;
        self.header = HEADER
            .map(|key| (key.to_owned(), data[key].take()))
            .into_iter()
            .collect();
        let rows = list(&data, "endpoints");
        if name == "full" {
            self.endpoints = rows.iter().map(|row| (key(row), row.clone())).collect();
            let gates = list(&data, "gates").into_iter();
            self.gates = gates.map(|gate| (key(&gate), gate)).collect();
            self.gone.clear();
            let measured = rows.iter().filter(|row| !row["offset"].is_null());
            return Heard::Full {
                rows: measured.count(),
            };
        }
        assert_eq!(name, "delta");
        let removed = list(&data, "removed");
        let heard = Heard::Delta {
            rows: rows.len(),
            removed: removed.len(),
        };
        self.merge(rows, removed, &data);
        heard
    }

    /// What it holds, in the shape of a unary read.
    pub(crate) fn snapshot(&self) -> Value {
        let mut snapshot = self.header.clone();
        let rows = self.endpoints.values().cloned().collect();
        snapshot.insert("endpoints".to_owned(), Value::Array(rows));
        let gates = self.gates.values().cloned().collect();
        snapshot.insert("gates".to_owned(), Value::Array(gates));
        snapshot.into()
    }

    /// Asserts that it holds what a unary read gives.
    pub(crate) async fn assert_current(&self, running: &Running) {
        let read = format!("/api/v1/snapshot?models={}", self.models);
        let mut wanted = running.json(&read).await;
        let rows = wanted["endpoints"].as_array_mut().unwrap();
        rows.sort_by_key(key);
        wanted["gates"].as_array_mut().unwrap().sort_by_key(key);
        assert_eq!(self.snapshot(), wanted);
    }

    fn merge(&mut self, rows: Vec<Value>, removed: Vec<Value>, data: &Value) {
        for row in rows {
            if self.is_news(&row, self.endpoints.get(&key(&row))) {
                self.endpoints.insert(key(&row), row);
            }
        }
        for gate in list(data, "gates") {
            if self.is_news(&gate, self.gates.get(&key(&gate))) {
                self.gates.insert(key(&gate), gate);
            }
        }
        for gone in removed {
            if self.is_news(&gone, self.endpoints.get(&key(&gone))) {
                if let Some(held) = self.endpoints.get_mut(&key(&gone)) {
                    unmeasured(held);
                }
                self.gone.insert(key(&gone), gone["offset"].clone());
            }
        }
        for gone in list(data, "gates_removed") {
            if self.is_news(&gone, self.gates.get(&key(&gone))) {
                self.gates.remove(&key(&gone));
                self.gone.insert(key(&gone), gone["offset"].clone());
            }
        }
        if let Some(catalog) = data["catalog"].as_array() {
            self.list(catalog);
        }
        self.endpoints
            .retain(|_, row| row["listed"] == true || !row["offset"].is_null());
    }

    /// Whether neither what is held nor what is gone is newer.
    fn is_news(&self, new: &Value, held: Option<&Value>) -> bool {
        let held = held.map(|held| &held["offset"]);
        let known = held.into_iter().chain(self.gone.get(&key(new)));
        known.into_iter().all(|known| {
            let same_partition = known["partition"] == new["offset"]["partition"];
            let offset = |at: &Value| at["offset"].as_u64().or(at.as_u64());
            known.is_null() || !same_partition || offset(known) <= offset(&new["offset"])
        })
    }

    /// The catalog says this from now on.
    fn list(&mut self, catalog: &[Value]) {
        for row in self.endpoints.values_mut() {
            row["listed"] = json!(false);
            row["price"] = Value::Null;
            row["batch_price"] = Value::Null;
        }
        for facts in catalog {
            let row = self.endpoints.entry(key(facts)).or_insert_with(|| {
                let mut row = facts.clone();
                unmeasured(&mut row);
                row
            });
            row["listed"] = json!(true);
            row["price"] = facts["price"].clone();
            row["batch_price"] = facts["batch_price"].clone();
        }
        for row in self.endpoints.values_mut() {
            let is_native = catalog.iter().any(|facts| {
                let same = |key: &str| facts[key] == row[key];
                facts["native"] == true && same("model") && same("quantization")
            });
            row["native"] = json!(is_native);
        }
    }
}

impl Events {
    /// The next; nothing once the stream has ended in order.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<_> = self.unread.drain(..end + 2).collect();
                return Some(Event::read(std::str::from_utf8(&event).unwrap()));
            }
            let Some(frame) = self.body.frame().await else {
                assert!(self.unread.is_empty(), "cut in the middle of an event");
                return None;
            };
            self.unread.extend(frame.unwrap().into_data().unwrap());
        }
    }
}

impl Event {
    fn read(text: &str) -> Self {
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(its_name, _)| *its_name == name)
        };
        let value = |name| field(name).map(|(_, value)| value.to_owned());
        Self {
            name: value("event").unwrap(),
            id: value("id"),
            data: serde_json::from_str(&value("data").unwrap()).unwrap(),
        }
    }
}

fn unmeasured(row: &mut Value) {
    for key in ["published_at", "offset", "agents", "global"] {
        row[key] = Value::Null;
    }
    row["regions"] = json!({});
}

fn list(data: &Value, key: &str) -> Vec<Value> {
    data[key].as_array().unwrap().clone()
}

fn key(row: &Value) -> Key {
    let text = |key: &str| row[key].as_str().unwrap();
    match row["id"].as_str() {
        Some(id) => id.to_owned(),
        // Of a gate: no endpoint begins so.
        None => ["", text("operation"), text("model"), text("quantization")].join("\n"),
    }
}
