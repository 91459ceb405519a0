//! The settings in force, for people and for programs.

use serde_json::{Value as Json, json as object};

use crate::table::{Cell, Column, Table};

use super::{Setting, Settings};

/// A row for each setting: what it is, and where that comes from.
pub fn table(settings: &Settings) -> Table {
    let columns = ["setting", "value", "source"];
    let mut table = Table::new(columns.map(Column::text));
    for Setting { key, value, source } in settings.all() {
        let value = value.as_ref().map(ToString::to_string);
        table.push([
            Cell::new(key.to_string()),
            Cell::optional(value),
            Cell::new(source.to_string()),
        ]);
    }
    table
}

/// Section by section and setting by setting: `{"value": …, "source": "…"}`, the value being null
/// where there is none.
pub fn json(settings: &Settings) -> Json {
    let mut sections = serde_json::Map::new();
    for Setting { key, value, source } in settings.all() {
        let section = sections
            .entry(key.section.clone())
            .or_insert_with(|| object!({}));
        if let Some(section) = section.as_object_mut() {
            let shown = object!({ "value": value, "source": source.to_string() });
            section.insert(key.name.clone(), shown);
        }
    }
    Json::Object(sections)
}
