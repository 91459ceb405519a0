//! The one table of routes and calls, and what each takes.

use std::fmt;

use http::Method;

use super::refusal::Refusal;

/// What a caller must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Hand observations over.
    Report,
    /// See what came of them.
    Read,
    /// Decide.
    Admin,
    /// Nothing in particular: health, which tells nothing else.
    Public,
}

/// Every route and call: its method, its path, in which `{}` stands for any one segment, and its
/// class. HEAD is as GET.
pub const ROUTES: &[(&str, &str, Class)] = &[
    ("POST", "/api/v1/observations", Class::Report),
    ("POST", "/v1/traces", Class::Report),
    ("GET", "/api/v1/models", Class::Read),
    ("GET", "/api/v1/models/{}/{}/endpoints", Class::Read),
    ("GET", "/api/v1/models/{}/{}/history", Class::Read),
    ("GET", "/api/v1/incidents", Class::Read),
    ("GET", "/api/v1/snapshot", Class::Read),
    ("GET", "/api/v1/snapshot/events", Class::Read),
    ("GET", "/api/v1/route", Class::Read),
    ("GET", "/api/v1/gates", Class::Read),
    ("PUT", "/api/v1/gates", Class::Admin),
    ("GET", "/openapi.json", Class::Read),
    ("GET", "/", Class::Read),
    ("GET", "/providers", Class::Read),
    ("GET", "/operations", Class::Read),
    ("GET", "/models/{}/{}", Class::Read),
    ("GET", "/models/{}/{}/events", Class::Read),
    ("GET", "/assets/{}", Class::Read),
    ("GET", "/metrics", Class::Read),
    ("GET", "/livez", Class::Public),
    ("GET", "/readyz", Class::Public),
    (
        "POST",
        "/sextant.v1.ObservationService/Report",
        Class::Report,
    ),
    (
        "POST",
        "/sextant.v1.ObservationService/ReportBatch",
        Class::Report,
    ),
    (
        "POST",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Class::Report,
    ),
    (
        "POST",
        "/sextant.v1.SnapshotService/GetSnapshot",
        Class::Read,
    ),
    (
        "POST",
        "/sextant.v1.SnapshotService/WatchSnapshot",
        Class::Read,
    ),
    ("POST", "/sextant.v1.GateService/PutGates", Class::Admin),
    ("POST", "/sextant.v1.GateService/ListGates", Class::Read),
    ("POST", "/grpc.health.v1.Health/Check", Class::Public),
    ("POST", "/grpc.health.v1.Health/Watch", Class::Public),
    (
        "POST",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Class::Read,
    ),
];

/// The class of a request; none if it has none, and then it is refused.
///
/// Paths are compared as they were sent. One that is written in another way than the table's
/// reaches no route either.
pub fn class_of(method: &Method, path: &str) -> Option<Class> {
    let method = match method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let mut routes = ROUTES.iter();
    let found =
        routes.find(|(its_method, its_path, _)| *its_method == method && matches(its_path, path));
    found.map(|(_, _, class)| *class)
}

/// Why a request without a class is refused: the path may have one by other methods.
pub(super) fn other_methods(path: &str) -> Refusal {
    let mut methods: Vec<_> = ROUTES
        .iter()
        .filter(|(_, its_path, _)| matches(its_path, path))
        .map(|(method, _, _)| *method)
        .collect();
    if methods.is_empty() {
        return Refusal::NoRoute;
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    Refusal::OtherMethods(methods.join(", "))
}

fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|wanted| {
        let segment = segments.next();
        match wanted {
            "{}" => segment.is_some_and(|segment| !segment.is_empty()),
            _ => segment == Some(wanted),
        }
    });
    all && segments.next().is_none()
}

impl Class {
    /// Those that a token can be good for.
    pub const GRANTED: [Self; 3] = [Self::Report, Self::Read, Self::Admin];

    /// Its name in a token file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Read => "read",
            Self::Admin => "admin",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
