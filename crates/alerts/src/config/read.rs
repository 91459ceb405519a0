//! Lists of tables, of which all that cannot be read is told at once.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;

/// Reads a list, or says of each of its tables that cannot be read which it is and why.
pub(super) fn all<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let given = Vec::<Value>::deserialize(deserializer)?;
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for (place, value) in (1_usize..).zip(&given) {
        match serde_path_to_error::deserialize::<_, T>(value) {
            Ok(one) => read.push(one),
            Err(error) => {
                let name = value.get("name").and_then(Value::as_str);
                let called = name.map(|name| format!(" ({name})")).unwrap_or_default();
                let path = error.path().to_string();
                let field = if path == "." {
                    String::new()
                } else {
                    format!("{path}: ")
                };
                wrong.push(format!("number {place}{called}: {field}{}", error.inner()));
            }
        }
    }
    if wrong.is_empty() {
        Ok(read)
    } else {
        Err(D::Error::custom(wrong.join("; ")))
    }
}
