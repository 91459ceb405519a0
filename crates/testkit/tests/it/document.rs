//! The document that processes serve is in order by itself.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fields of answers that may be absent: they say what is rarely to be said.
const MAY_BE_ABSENT: [&str; 8] = [
    "instance",
    "missing",
    "nearest",
    "parameter",
    "partialSuccess",
    "reason",
    "regions",
    "type",
];
/// What is only ever sent in.
const SENT_IN: [&str; 2] = ["GivenGate", "Observation"];

fn document() -> Value {
    serde_json::from_str(include_str!("../../../server/src/http/openapi.json")).unwrap()
}

#[test]
fn it_is_openapi_3_1_of_this_version() {
    let (document, structure) = (document(), include_str!("structure.json"));
    let structure: Value = serde_json::from_str(structure).unwrap();
    let structure = jsonschema::draft202012::new(&structure).unwrap();
    let wrong: Vec<_> = structure
        .iter_errors(&document)
        .map(|error| format!("{} at {}", error, error.instance_path().as_str()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn its_schemas_are_json_schema_and_their_required_fields_are_there() {
    let document = document();
    let mut schemas = Vec::new();
    gather(&document, &mut |name, value| {
        if name == "schema" {
            schemas.push(value.clone());
        }
    });
    let components = document["components"]["schemas"].as_object().unwrap();
    schemas.extend(components.values().cloned());
    assert!(schemas.len() > components.len() + 20);
    for schema in &schemas {
        let valid = jsonschema::draft202012::meta::validate(schema);
        assert!(valid.is_ok(), "{schema}: {}", valid.unwrap_err());
        gather(schema, &mut |name, inner| {
            // What holds under a condition says nothing of what there is.
            if matches!(name, "if" | "then" | "else") {
                return;
            }
            let required = inner["required"].as_array().into_iter().flatten();
            for field in required {
                let is_there = inner["properties"].get(field.as_str().unwrap());
                assert!(is_there.is_some(), "{field} is required of {inner}");
            }
        });
    }
}

#[test]
fn a_field_of_an_answer_is_there_or_null_but_for_a_few() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let answers = schemas
        .iter()
        .filter(|(name, _)| !SENT_IN.contains(&name.as_str()));
    let mut absent = BTreeSet::new();
    for (_, schema) in answers {
        gather(schema, &mut |_, inner| {
            let none = serde_json::Map::new();
            let fields = inner["properties"].as_object().unwrap_or(&none).keys();
            let required = inner["required"].as_array();
            let is_required =
                |field: &str| required.is_some_and(|all| all.iter().any(|it| it == field));
            absent.extend(fields.filter(|field| !is_required(field)).cloned());
        });
    }
    assert_eq!(absent, MAY_BE_ABSENT.map(str::to_owned).into());
}

#[test]
fn its_operations_have_a_name_each_and_the_parameters_of_their_paths() {
    let document = document();
    let tags = document["tags"].as_array().unwrap().iter();
    let tags: BTreeSet<_> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
    let (mut names, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            used.insert(operation["tags"][0].as_str().unwrap());
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.map(|parameter| match parameter["$ref"].as_str() {
                Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                None => parameter,
            });
            let in_path = parameters.filter(|parameter| parameter["in"] == "path");
            let in_path: Vec<_> = in_path
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let braces = path.split('{').skip(1);
            let braces: Vec<_> = braces.map(|it| it.split('}').next().unwrap()).collect();
            assert_eq!(in_path, braces, "{path}");
            let refusals = ["401", "403"].map(|it| operation["responses"].get(it).is_some());
            let is_open = operation["security"].as_array().unwrap().is_empty();
            assert_eq!(refusals, [!is_open; 2], "{name}");
        }
    }
    assert_eq!(used, tags);
}

#[test]
fn what_it_defines_is_used_and_what_it_uses_is_defined() {
    let document = document();
    let mut used = BTreeSet::new();
    gather(&document, &mut |name, value| {
        let reference = value.as_str().filter(|_| name == "$ref");
        used.extend(reference.map(str::to_owned));
    });
    let defined = document["components"].as_object().unwrap().iter();
    let defined = defined.filter(|(kind, _)| *kind != "securitySchemes");
    let defined: BTreeSet<_> = defined
        .flat_map(|(kind, all)| {
            let names = all.as_object().unwrap().keys();
            names.map(move |name| format!("#/components/{kind}/{name}"))
        })
        .collect();
    assert_eq!(used, defined);
}

/// Every value with its name, in any depth; the outermost has none.
fn gather(value: &Value, each: &mut impl FnMut(&str, &Value)) {
    fn inner(name: &str, value: &Value, each: &mut impl FnMut(&str, &Value)) {
        each(name, value);
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, it)| inner(name, it, each)),
            Value::Array(all) => all.iter().for_each(|it| inner("", it, each)),
            _ => {}
        }
    }
    inner("", value, each);
}
