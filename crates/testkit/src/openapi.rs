//! An `OpenAPI` 3.1 document, and whether answers are what it says.
//!
//! What it doesn't say is refused too: a route, a status, a content type, a header that tells a client
//! what to do, a parameter, a field. Clients are told that answers may gain fields, so schemas are open
//! there, and closed here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE,
};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

const PROBLEM: &str = "application/problem+json";
/// Each tells a client what to do.
const TELLING: [http::HeaderName; 6] = [
    ETAG,
    RETRY_AFTER,
    ALLOW,
    WWW_AUTHENTICATE,
    ACCEPT,
    ACCEPT_ENCODING,
];

/// A document. Clones share what has been compiled of it.
#[derive(Clone)]
pub struct Document {
    value: Arc<Value>,
    compiled: Arc<Mutex<HashMap<String, Arc<Validator>>>>,
}

/// The one that every process serves.
pub fn served() -> &'static Document {
    static SERVED: LazyLock<Document> =
        LazyLock::new(|| Document::parse(include_str!("../../server/src/http/openapi.json")));
    &SERVED
}

/// A route with one of its methods, as the document has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// In capitals.
    pub method: String,
    /// With names in braces.
    pub path: String,
    /// What the token must be good for; nothing if it takes none.
    pub class: Option<String>,
    /// Which processes have it.
    pub tag: String,
    /// The statuses that it may have, ascending.
    pub statuses: Vec<u16>,
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// The path, and what follows it.
    pub uri: &'a str,
}

/// What was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The status.
    pub status: u16,
    /// The head.
    pub headers: &'a HeaderMap,
    /// All of the body.
    pub body: &'a [u8],
}

impl Document {
    /// Reads it.
    ///
    /// # Panics
    /// If it is no JSON.
    pub fn parse(text: &str) -> Self {
        Self {
            value: Arc::new(serde_json::from_str(text).unwrap()),
            compiled: Arc::default(),
        }
    }

    /// Whether the text is this document.
    pub fn is(&self, text: &str) -> bool {
        serde_json::from_str::<Value>(text).is_ok_and(|value| value == *self.value)
    }

    /// All operations.
    ///
    /// # Panics
    /// If the document is not in order.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in object(&self.value["paths"]) {
            for (method, operation) in object(methods) {
                let statuses = object(&operation["responses"]).keys();
                let mut statuses: Vec<u16> = statuses.map(|it| it.parse().unwrap()).collect();
                statuses.sort_unstable();
                let class = operation["security"][0]["bearer"][0].as_str();
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    class: class.map(str::to_owned),
                    tag: operation["tags"][0].as_str().unwrap().to_owned(),
                    statuses,
                });
            }
        }
        operations
    }

    /// The path of the document that a request's path is an instance of.
    pub fn path_of(&self, uri: &str) -> Option<&str> {
        let path = uri.split('?').next()?;
        let paths = self.value["paths"].as_object()?.keys();
        let mut found = paths.filter(|template| matches(template, path));
        found.next().map(String::as_str)
    }

    /// Whether the answer is what the document says. A path that it doesn't have is answered 404, and
    /// a method that a path doesn't have 405.
    ///
    /// # Errors
    /// In what the answer differs.
    pub fn check(&self, asked: Asked<'_>, answered: Answered<'_>) -> Result<(), String> {
        let checked = self.differs(asked, answered);
        checked.map_err(|error| {
            let Asked { method, uri } = asked;
            let uri: String = uri.chars().take(200).collect();
            let body = String::from_utf8_lossy(answered.body);
            let body: String = body.chars().take(1_000).collect();
            format!("{method} {uri} -> {}: {error}\n{body}", answered.status)
        })
    }

    /// Whether the body of a request, or a part of an answer, is what a schema of the document says.
    ///
    /// # Errors
    /// In what it differs.
    pub fn check_as(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.compiled(schema);
        let differences = validator.iter_errors(value);
        let differences: Vec<_> = differences
            .map(|error| format!("{} at {:?}", error, error.instance_path().as_str()))
            .collect();
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences.join("; "))
        }
    }

    /// The schema of what a request's body holds.
    pub fn body_of(&self, method: &str, path: &str, content_type: &str) -> &Value {
        let operation = &self.value["paths"][path][method.to_lowercase()];
        &operation["requestBody"]["content"][content_type]["schema"]
    }

    /// Whether the data of a server-sent event is what the document says.
    ///
    /// # Errors
    /// In what it differs.
    pub fn check_event(&self, path: &str, name: &str, data: &Value) -> Result<(), String> {
        let response = &self.value["paths"][path]["get"]["responses"]["200"];
        let schema = &response["content"]["text/event-stream"]["x-events"][name];
        if schema.is_null() {
            return Err(format!("the event {name} is not documented"));
        }
        self.check_as(schema, data)
            .map_err(|error| format!("event {name}: {error}"))
    }

    fn differs(&self, asked: Asked<'_>, answered: Answered<'_>) -> Result<(), String> {
        let method = match asked.method {
            "HEAD" => "get".to_owned(),
            other => other.to_lowercase(),
        };
        let Some(path) = self.path_of(asked.uri) else {
            return self.is_problem(asked, answered, 404);
        };
        let operation = &self.value["paths"][path][&method];
        if operation.is_null() {
            self.is_problem(asked, answered, 405)?;
            let allow = answered.headers.get(ALLOW);
            return allow.map(drop).ok_or_else(|| "no Allow".to_owned());
        }
        let response = &operation["responses"][answered.status.to_string()];
        if response.is_null() {
            return Err("the status is not documented".to_owned());
        }
        let response = self.resolved(response);
        if answered.status < 300 {
            self.knows_parameters(operation, asked.uri)?;
        }
        self.has_headers(response, answered.headers)?;
        if asked.method == "HEAD" {
            return Ok(());
        }
        self.has_body(response, answered)
    }

    fn is_problem(
        &self,
        asked: Asked<'_>,
        answered: Answered<'_>,
        status: u16,
    ) -> Result<(), String> {
        if answered.status != status {
            return Err(format!("not documented, and not answered {status}"));
        }
        if asked.method == "HEAD" {
            return Ok(());
        }
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        let response = json!({"content": {PROBLEM: {"schema": schema}}});
        self.has_body(&response, answered)
    }

    fn knows_parameters(&self, operation: &Value, uri: &str) -> Result<(), String> {
        let (_, query) = uri.split_once('?').unwrap_or((uri, ""));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or(pair);
            let parameters = operation["parameters"].as_array();
            let mut parameters = parameters.into_iter().flatten();
            let is_known = parameters.any(|parameter| {
                let parameter = self.resolved(parameter);
                parameter["in"] == "query" && parameter["name"] == name
            });
            if !is_known {
                return Err(format!(
                    "the parameter {name} was taken and is not documented"
                ));
            }
        }
        Ok(())
    }

    fn has_headers(&self, response: &Value, headers: &HeaderMap) -> Result<(), String> {
        let none = Map::new();
        let documented = response["headers"].as_object().unwrap_or(&none);
        for (name, header) in documented {
            let header = self.resolved(header);
            let Some(value) = headers.get(name.as_str()) else {
                if header["required"] == true {
                    return Err(format!("the header {name} is missing"));
                }
                continue;
            };
            let text = value.to_str().map_err(|error| error.to_string())?;
            let value = if header["schema"]["type"] == "integer" {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            } else {
                text.into()
            };
            let differs = self.check_as(&header["schema"], &value);
            differs.map_err(|error| format!("the header {name}: {error}"))?;
        }
        for name in TELLING {
            let is_documented = documented
                .keys()
                .any(|key| key.eq_ignore_ascii_case(name.as_str()));
            if headers.contains_key(&name) && !is_documented {
                return Err(format!("the header {name} is not documented"));
            }
        }
        Ok(())
    }

    fn has_body(&self, response: &Value, answered: Answered<'_>) -> Result<(), String> {
        let Some(contents) = response["content"].as_object() else {
            let is_empty = answered.body.is_empty();
            return is_empty
                .then_some(())
                .ok_or_else(|| "it has a body".to_owned());
        };
        let content_type = answered.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|it| it.to_str().ok()).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        let content = contents
            .get(essence)
            .ok_or_else(|| format!("the content type {content_type:?} is not documented"))?;
        let value = if essence.ends_with("json") {
            serde_json::from_slice(answered.body).map_err(|error| error.to_string())?
        } else {
            Value::from(String::from_utf8_lossy(answered.body))
        };
        self.check_as(&content["schema"], &value)?;
        if essence == PROBLEM && value["status"] != answered.status {
            return Err(format!("it says the status {}", value["status"]));
        }
        Ok(())
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
        pointer.map_or(value, |pointer| {
            let found = self.value.pointer(pointer);
            found.unwrap_or_else(|| panic!("{pointer} is nowhere"))
        })
    }

    /// References within the document are those of its root, so the schema is made a root that has
    /// what they point to.
    fn compiled(&self, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap();
        let validator = compiled.entry(schema.to_string()).or_insert_with(|| {
            let mut root = self.closed(schema);
            root["components"] = self.closed(&self.value["components"]);
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            let options = options.should_validate_formats(true);
            Arc::new(options.build(&root).unwrap())
        });
        Arc::clone(validator)
    }

    /// The schema, with no fields but those that it names, in any depth.
    fn closed(&self, schema: &Value) -> Value {
        let fields = match schema {
            Value::Object(fields) => fields,
            Value::Array(all) => return all.iter().map(|one| self.closed(one)).collect(),
            other => return other.clone(),
        };
        let is_shape = fields.get("type").is_some_and(|it| it == "object")
            && fields.contains_key("properties")
            && !fields.contains_key("additionalProperties");
        let each = fields.iter().map(|(name, it)| {
            let it = match it {
                // Closed by itself, what is extended would know none of the extension.
                Value::Array(all) if name == "allOf" => {
                    all.iter().map(|one| self.resolved(one).clone()).collect()
                }
                it => self.closed(it),
            };
            (name.clone(), it)
        });
        let mut closed: Map<_, _> = each.collect();
        if is_shape {
            closed.insert("unevaluatedProperties".to_owned(), false.into());
        }
        closed.into()
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|wanted| {
        let segment = segments.next();
        if wanted.starts_with('{') {
            segment.is_some_and(|segment| !segment.is_empty())
        } else {
            segment == Some(wanted)
        }
    });
    all && segments.next().is_none()
}
