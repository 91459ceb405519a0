//! Which settings there are and what they take, as the JSON schema says.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::schema;

/// A setting: its section and its name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The section.
    pub section: String,
    /// The name in the section.
    pub name: String,
}

/// What a setting takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of some words.
    Choice(Vec<String>),
    /// Any text of at least so many bytes.
    Text { bytes_min: u64 },
    /// A whole number.
    Whole { min: i64, max: i64 },
    /// `true` or `false`.
    Switch,
    /// What no rule is known for but its type's own.
    Other,
}

/// All settings.
#[derive(Debug)]
pub(super) struct Keys(BTreeMap<Key, Shape>);

impl Key {
    /// The setting called `section.name`.
    pub(super) fn new(section: &str, name: &str) -> Self {
        Self {
            section: section.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.name)
    }
}

impl Keys {
    /// Those of [`super::Config`].
    pub(super) fn of_config() -> Self {
        let schema = schema::bare();
        let mut keys = BTreeMap::new();
        for (section, its_schema) in properties(&schema) {
            for (name, property) in properties(its_schema) {
                keys.insert(Key::new(section, name), Shape::of(property));
            }
        }
        Self(keys)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    pub(super) fn shape(&self, key: &Key) -> Option<&Shape> {
        self.0.get(key)
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        let mut sections: Vec<_> = self.names().map(|key| key.section.as_str()).collect();
        sections.dedup();
        sections.into_iter()
    }

    /// What can have been meant by a setting that does not exist: another name in its section, or
    /// its name in another section.
    pub(super) fn meant_by(&self, unknown: &Key) -> Option<&Key> {
        let in_section = || self.names().filter(|key| key.section == unknown.section);
        let near = nearest(&unknown.name, in_section().map(|key| key.name.as_str()));
        in_section()
            .find(|key| Some(key.name.as_str()) == near)
            .or_else(|| self.names().find(|key| key.name == unknown.name))
    }
}

impl Shape {
    fn of(property: &Json) -> Self {
        if let Some(choices) = choices(property) {
            return Self::Choice(choices);
        }
        match kind(property) {
            Some("string") => Self::Text {
                bytes_min: property
                    .get("minLength")
                    .and_then(Json::as_u64)
                    .unwrap_or(0),
            },
            Some("integer") => {
                let bound = |name| property.get(name).and_then(Json::as_i64);
                Self::Whole {
                    min: bound("minimum").unwrap_or(i64::MIN),
                    max: bound("maximum")
                        .or_else(|| widest(property))
                        .unwrap_or(i64::MAX),
                }
            }
            Some("boolean") => Self::Switch,
            _ => Self::Other,
        }
    }

    /// What a text stands for where every value is one, as in the environment.
    pub(super) fn read(&self, text: &str) -> toml::Value {
        let value = match self {
            Self::Choice(_) | Self::Text { .. } => None,
            Self::Whole { .. } => text.parse().ok().map(toml::Value::Integer),
            Self::Switch => text.parse().ok().map(toml::Value::Boolean),
            Self::Other => text.parse().ok(),
        };
        // What can't be read is refused for being a text.
        value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
    }

    /// Whether the value is of the right type and lies outside of what is allowed.
    pub(super) fn is_out_of_range(&self, value: &toml::Value) -> bool {
        match (self, value) {
            (Self::Whole { min, max }, toml::Value::Integer(number)) => {
                !(min..=max).contains(&number)
            }
            (Self::Text { bytes_min }, toml::Value::String(text)) => {
                u64::try_from(text.len()).is_ok_and(|bytes| bytes < *bytes_min)
            }
            _ => false,
        }
    }

    /// What to give instead of a value that isn't taken.
    pub(super) fn advice(&self, given: &toml::Value, default: Option<&toml::Value>) -> String {
        let instead = match (self, default) {
            (Self::Text { .. }, Some(default)) => return format!("give one such as {default}"),
            (shape, _) => shape.instead_of(given),
        };
        default.map_or_else(
            || instead.clone(),
            |default| format!("{instead}; the default is {default}"),
        )
    }

    fn instead_of(&self, given: &toml::Value) -> String {
        match self {
            Self::Choice(choices) => {
                let near = given
                    .as_str()
                    .and_then(|word| nearest(word, choices.iter().map(String::as_str)));
                let all = choices.join(", ");
                near.map_or_else(
                    || format!("give one of {all}"),
                    |near| format!("did you mean \"{near}\"? It is one of {all}"),
                )
            }
            Self::Text { .. } => "give a text".to_owned(),
            Self::Whole { min, max } if *max == i64::MAX => {
                format!("give a whole number from {min}")
            }
            Self::Whole { min, max } => format!("give a whole number from {min} to {max}"),
            Self::Switch => "give true or false".to_owned(),
            Self::Other => "give another".to_owned(),
        }
    }
}

/// The one of `names` that a misspelt word can have meant; none if several are as near.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer words are no misspelling of any name here.
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let mut close: Vec<_> = names
        .into_iter()
        .map(|name| (strsim::osa_distance(&word, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .collect();
    close.sort_unstable();
    match close.as_slice() {
        [(best, _), (second, _), ..] if best == second => None,
        [(_, name), ..] => Some(name),
        [] => None,
    }
}

fn properties(schema: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let entries = properties.into_iter().flatten();
    entries.map(|(name, property)| (name.as_str(), property))
}

/// The type; of an optional one, the type it has when it is there.
fn kind(property: &Json) -> Option<&str> {
    match property.get("type")? {
        Json::String(kind) => Some(kind),
        Json::Array(kinds) => kinds
            .iter()
            .filter_map(Json::as_str)
            .find(|it| *it != "null"),
        _ => None,
    }
}

/// The words of an enumeration, with or without a description each.
fn choices(property: &Json) -> Option<Vec<String>> {
    let plain = property.get("enum").and_then(Json::as_array);
    if let Some(plain) = plain {
        let words = plain.iter().filter_map(Json::as_str);
        return Some(words.map(str::to_owned).collect());
    }
    let described = property.get("oneOf")?.as_array()?.iter();
    described
        .map(|one| Some(one.get("const")?.as_str()?.to_owned()))
        .collect()
}

/// The largest number of a type whose name stands for its bounds.
fn widest(property: &Json) -> Option<i64> {
    match property.get("format")?.as_str()? {
        "uint32" => Some(u32::MAX.into()),
        "int32" => Some(i32::MAX.into()),
        _ => None,
    }
}
