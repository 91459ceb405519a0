//! Every call of the protocol and every route in the sources has a class.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use http::Method;
use sextant_testkit::openapi::served;

use crate::access::class::{Class, ROUTES};
use crate::access::class_of;

/// HTML for people with what belongs to it, and no part of the interface.
const PAGES: [&str; 6] = [
    "/",
    "/providers",
    "/operations",
    "/models/{}/{}",
    "/models/{}/{}/events",
    "/assets/{}",
];

#[test]
fn every_call_of_the_protocol_has_a_class() {
    let mut calls = Vec::new();
    for file in files(&project().join("proto/sextant/v1")) {
        let text = fs::read_to_string(file).unwrap();
        let mut service = "";
        for line in text.lines().map(str::trim_start) {
            if let Some(name) = line.strip_prefix("service ") {
                service = word(name);
            } else if let Some(name) = line.strip_prefix("rpc ") {
                calls.push(format!("/sextant.v1.{service}/{}", word(name)));
            }
        }
    }
    assert!(calls.len() >= 4, "{calls:?}");
    calls.push(sextant_otlp::grpc::PATH.to_owned());
    for call in calls {
        assert!(
            class_of(&Method::POST, &call).is_some(),
            "{call} has no class"
        );
    }
}

#[test]
fn every_http_route_has_a_class() {
    let mut routes = Vec::new();
    for part in ["intake/src", "otlp/src", "server/src", "cli/src/process"] {
        for file in files(&project().join("crates").join(part)) {
            let text = fs::read_to_string(file).unwrap();
            routes.extend(routes_in(&text));
        }
    }
    assert!(routes.len() >= 8, "{routes:?}");
    for (method, path) in routes {
        assert!(
            class_of(&method, &path).is_some(),
            "{method} {path} has no class"
        );
    }
}

#[test]
fn the_document_has_every_route_with_its_class_and_no_other() {
    let documented: BTreeSet<_> = served()
        .operations()
        .into_iter()
        .map(|it| (it.method, in_braces(&it.path), it.class))
        .collect();
    let is_http = |path: &str| !path.contains(".v1.") && !PAGES.contains(&path);
    let routes = ROUTES.iter().filter(|(_, path, _)| is_http(path));
    let routes = routes.map(|(method, path, class)| {
        let class = (*class != Class::Public).then(|| class.name().to_owned());
        ((*method).to_owned(), (*path).to_owned(), class)
    });
    assert_eq!(documented, routes.collect());
}

#[test]
fn routes_are_found_in_sources() {
    let text = "const PATH: &str = \"/c\";\nRouter::new()\n.route(\"/a/{x}\", get(a).put(b))\n\
                .route(\n    PATH,\n    post(c),\n)\nheaders.get(x)";
    let found: Vec<_> = routes_in(text)
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(found, ["GET /a/-x-", "PUT /a/-x-", "POST /c"]);
}

/// The methods and paths of all `.route(path, get(…).put(…))`.
fn routes_in(text: &str) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for call in text.split(".route(").skip(1) {
        let (path, rest) = call.split_once(',').unwrap();
        let path = path.trim();
        let literal = match path.strip_prefix('"') {
            Some(literal) => literal.trim_end_matches('"'),
            None => constant(text, path),
        };
        let path = literal.replace(['{', '}'], "-");
        let methods = up_to_the_end(rest);
        let mut known = Vec::new();
        for method in [
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::DELETE,
            Method::PATCH,
        ] {
            let handler = format!("{}(", method.as_str().to_lowercase());
            let is_called = methods.match_indices(&handler).any(|(at, _)| {
                let before = methods.split_at(at).0.chars().last();
                !before.is_some_and(char::is_alphanumeric)
            });
            if is_called {
                known.push((method, path.clone()));
            }
        }
        assert!(!known.is_empty(), "no method for {path}");
        routes.extend(known);
    }
    routes
}

/// A path without the names in its braces.
fn in_braces(path: &str) -> String {
    let named = path.split('{').skip(1);
    let names = named.map(|rest| rest.split('}').next().unwrap());
    names.fold(path.to_owned(), |path, name| {
        path.replace(&format!("{{{name}}}"), "{}")
    })
}

/// What stands before the bracket that ends a call.
fn up_to_the_end(text: &str) -> &str {
    let mut open = 1;
    let end = text.find(|character| {
        open += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    });
    text.split_at(end.unwrap()).0
}

fn constant<'t>(text: &'t str, name: &str) -> &'t str {
    let (_, value) = text.split_once(&format!("{name}: &str = \"")).unwrap();
    value.split('"').next().unwrap()
}

fn word(text: &str) -> &str {
    text.split(|it: char| !it.is_alphanumeric()).next().unwrap()
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
