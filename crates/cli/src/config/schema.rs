//! The JSON schema of the configuration file.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::key::Keys;
use super::layer;
use super::problem::Problems;
use super::sections::Config;

/// The schema for people and editors: with the defaults, and with nothing required.
pub fn schema() -> Json {
    let keys = Keys::of_config();
    let defaults = layer::defaults(&keys, &mut Problems::default());
    let mut schema = bare();
    require_nothing(Some(&mut schema));
    for section in keys.sections() {
        require_nothing(schema.pointer_mut(&format!("/properties/{section}")));
    }
    for (key, entry) in defaults {
        let pointer = format!("/properties/{}/properties/{}", key.section, key.name);
        let property = schema.pointer_mut(&pointer).and_then(Json::as_object_mut);
        if let (Some(property), Ok(value)) = (property, serde_json::to_value(entry.value)) {
            property.insert("default".to_owned(), value);
        }
    }
    schema
}

/// What the types say, with everything in its place.
pub(super) fn bare() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.to_value()
}

fn require_nothing(schema: Option<&mut Json>) {
    if let Some(schema) = schema.and_then(Json::as_object_mut) {
        schema.remove("required");
    }
}
