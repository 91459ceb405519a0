mod browsers;
mod covered;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post, put};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

use super::*;

const REPORTER: &str = "reporter-0123456789";
const READER: &str = "reader-0123456789ab";
const BOTH: &str = "both-0123456789abcd";

fn tokens() -> Access {
    let text = format!("{REPORTER} report edge\n{READER} read gateway\n{BOTH} read,admin ops\n");
    Access::Tokens(Arc::new(Tokens::parse(&text).unwrap()))
}

fn router(access: Access) -> Router {
    let who = |Extension(peer): Extension<PeerKey>, Extension(caller): Extension<Caller>| async move {
        assert_eq!(format!("{caller:?}"), format!("{peer:?}"));
        format!("{peer:?}")
    };
    let router = Router::new()
        .route("/api/v1/observations", post(who))
        .route("/api/v1/gates", get(who))
        .route("/api/v1/gates", put(who))
        .route("/livez", get(who))
        .route("/sextant.v1.SnapshotService/GetSnapshot", post(who))
        .route("/without/class", get(who));
    Guard::new(access, &mut Registry::default()).before(router)
}

struct Call<'c> {
    method: &'c str,
    path: &'c str,
    authorization: &'c [&'c str],
    content_type: &'c str,
}

async fn call(access: Access, call: Call<'_>) -> (http::response::Parts, String) {
    let mut request = http::Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(CONTENT_TYPE, call.content_type);
    for value in call.authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer: SocketAddr = "192.0.2.7:4000".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let (parts, body) = router(access).oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 10_000).await.unwrap();
    (parts, String::from_utf8(body.to_vec()).unwrap())
}

async fn http(access: Access, method: &str, path: &str, token: &str) -> (StatusCode, String) {
    let header = format!("Bearer {token}");
    let call_ = Call {
        method,
        path,
        authorization: if token.is_empty() { &[] } else { &[&header] },
        content_type: "application/json",
    };
    let (parts, body) = call(access, call_).await;
    (parts.status, body)
}

#[tokio::test]
async fn a_token_is_good_for_its_classes_and_no_other() {
    for (method, path, good, bad) in [
        (
            "POST",
            "/api/v1/observations",
            vec![REPORTER],
            vec![READER, BOTH],
        ),
        ("GET", "/api/v1/gates", vec![READER, BOTH], vec![REPORTER]),
        ("PUT", "/api/v1/gates", vec![BOTH], vec![REPORTER, READER]),
    ] {
        for token in good {
            let (status, body) = http(tokens(), method, path, token).await;
            assert_eq!(status, StatusCode::OK, "{method} {path} {token}");
            assert!(body.starts_with("Token("), "{body}");
        }
        for token in bad {
            let (status, _) = http(tokens(), method, path, token).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {token}");
        }
        for token in ["", "reporter-012345678", "reporter-01234567890", "Bearer"] {
            let (status, _) = http(tokens(), method, path, token).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {token}");
        }
    }
}

#[tokio::test]
async fn the_process_itself_may_report_and_nothing_else() {
    let mut registry = Registry::default();
    let guard = Guard::new(tokens(), &mut registry);
    let other = Guard::new(tokens(), &mut registry);
    let routes = Router::new()
        .route("/api/v1/observations", post(|| async { "yes" }))
        .route("/api/v1/gates", get(|| async { "yes" }));
    let status = async |guard: &Guard, token: &SecretString, method: &str, path: &str| {
        let header = format!("Bearer {}", token.expose_secret());
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header(AUTHORIZATION, header).body(Body::empty());
        let router = guard.before(routes.clone());
        router.oneshot(request.unwrap()).await.unwrap().status()
    };
    let token = guard.own_token().clone();
    let path = "/api/v1/observations";
    assert_eq!(status(&guard, &token, "POST", path).await, StatusCode::OK);
    let read = status(&guard, &token, "GET", "/api/v1/gates").await;
    assert_eq!(read, StatusCode::FORBIDDEN);
    let elsewhere = status(&other, &token, "POST", path).await;
    assert_eq!(elsewhere, StatusCode::UNAUTHORIZED);
    // It stays good when the others are replaced.
    let text = format!("{READER} read gateway\n");
    guard.replace(Arc::new(Tokens::parse(&text).unwrap()));
    assert_eq!(status(&guard, &token, "POST", path).await, StatusCode::OK);
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    let mut registry = Registry::default();
    let guard = Guard::new(tokens(), &mut registry);
    let router = guard.before(Router::new());
    for (path, token) in [
        ("/livez", ""),
        ("/nowhere", ""),
        ("/api/v1/gates", ""),
        ("/api/v1/gates", "nobody-0123456789abc"),
        ("/api/v1/gates", REPORTER),
        ("/api/v1/gates", REPORTER),
    ] {
        let mut request = http::Request::get(path);
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    let line =
        |reason, n| format!("sextant_access_refused_requests_total{{reason=\"{reason}\"}} {n}");
    assert_eq!(
        lines,
        [
            line("class_missing", 2),
            line("method", 0),
            line("no_route", 1),
            line("token_missing", 1),
            line("token_unknown", 1),
        ]
    );
}

#[tokio::test]
async fn health_needs_no_token() {
    let (status, body) = http(tokens(), "GET", "/livez", "").await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, "Address(192.0.2.7)")
    );
}

#[tokio::test]
async fn without_a_token_file_callers_are_told_apart_by_address() {
    let (status, body) = http(Access::Open, "PUT", "/api/v1/gates", "").await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, "Address(192.0.2.7)")
    );
}

#[tokio::test]
async fn what_has_no_class_is_refused_to_all() {
    for access in [Access::Open, tokens()] {
        for path in [
            "/without/class",
            "/none",
            "/api/v1/gates/",
            "//api/v1/gates",
            "/livez/x",
        ] {
            let (status, _) = http(access.clone(), "GET", path, BOTH).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        }
        let (status, body) = http(access.clone(), "DELETE", "/api/v1/gates", BOTH).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(body.contains("GET, PUT, HEAD"), "{body}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_repeats_no_token() {
    let call_ = Call {
        method: "GET",
        path: "/api/v1/gates",
        authorization: &["Bearer not-a-known-token-at-all"],
        content_type: "application/json",
    };
    let (parts, body) = call(tokens(), call_).await;
    assert_eq!(parts.headers["www-authenticate"], "Bearer");
    assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
    assert!(body.contains("\"status\":401"), "{body}");
    assert!(!body.contains("not-a-known"), "{body}");
}

#[tokio::test]
async fn of_several_tokens_none_is_trusted() {
    let (reader, both) = (format!("Bearer {READER}"), format!("Bearer {BOTH}"));
    for authorization in [
        &[reader.as_str(), both.as_str()][..],
        &[READER],
        &["Basic cmVhZGVyOnJlYWRlcg=="],
    ] {
        let call_ = Call {
            method: "GET",
            path: "/api/v1/gates",
            authorization,
            content_type: "application/json",
        };
        let (parts, _) = call(tokens(), call_).await;
        assert_eq!(parts.status, StatusCode::UNAUTHORIZED, "{authorization:?}");
    }
}

#[tokio::test]
async fn grpc_callers_get_a_grpc_status() {
    let path = "/sextant.v1.SnapshotService/GetSnapshot";
    let reporter = format!("Bearer {REPORTER}");
    for (path, authorization, code) in [
        (path, &[][..], "16"),
        (path, &["Bearer unknown-0123456789"], "16"),
        (path, &[reporter.as_str()], "7"),
        ("/sextant.v1.SnapshotService/None", &[], "12"),
    ] {
        let call_ = Call {
            method: "POST",
            path,
            authorization,
            content_type: "application/grpc",
        };
        let (parts, body) = call(tokens(), call_).await;
        assert_eq!(parts.status, StatusCode::OK);
        assert_eq!(
            parts.headers["grpc-status"], code,
            "{path} {authorization:?}"
        );
        assert!(parts.headers.contains_key("grpc-status-details-bin"));
        assert_eq!(body, "");
    }
}

#[test]
fn no_route_stands_in_the_table_twice() {
    let mut routes: Vec<_> = class::ROUTES
        .iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let all = routes.len();
    routes.sort_unstable();
    routes.dedup();
    assert_eq!(routes.len(), all);
}

#[test]
fn a_class_is_found_by_method_and_path() {
    for (method, path, class) in [
        (
            Method::GET,
            "/api/v1/models/a/b/endpoints",
            Some(Class::Read),
        ),
        (Method::HEAD, "/api/v1/models", Some(Class::Read)),
        (Method::GET, "/api/v1/models/a//endpoints", None),
        (Method::GET, "/api/v1/models/a/b/c/endpoints", None),
        (Method::POST, "/api/v1/models", None),
        (Method::PUT, "/api/v1/gates", Some(Class::Admin)),
        (Method::GET, "/", Some(Class::Read)),
        (Method::GET, "", None),
    ] {
        assert_eq!(class_of(&method, path), class, "{method} {path}");
    }
}

#[test]
fn a_token_file_is_read_line_by_line() {
    let text =
        format!("# who\n\n  {REPORTER}\treport,read   edge.eu-1 \r\n{READER} read edge.eu-1\n");
    let tokens = Tokens::parse(&text).unwrap();
    let holder = tokens.holder(REPORTER).unwrap();
    assert!(holder.may(Class::Report) && holder.may(Class::Read));
    assert!(!holder.may(Class::Admin) && !holder.may(Class::Public));
    assert_eq!(&**tokens.holder(READER).unwrap().name(), "edge.eu-1");
    assert!(tokens.holder("").is_none());
    let shown = format!("{tokens:?}");
    assert!(
        !shown.contains(REPORTER) && shown.contains("edge.eu-1"),
        "{shown}"
    );
}

#[test]
fn everything_wrong_with_a_token_file_is_named_with_its_line() {
    let text = format!(
        "short read a\n{REPORTER} write b\n{READER} read\n{BOTH} read c/d\n\
         {READER} read e\n{READER} admin f\n{READER}ü read g\n"
    );
    let problems = Tokens::parse(&text).unwrap_err();
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.line.unwrap(), problem.what))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    1: the token has 5 characters, not 16 to 256
    2: the second word holds what is not a class
    3: has 2 words instead of 3
    4: the name is not plain
    6: this token is given on line 5 already
    7: the token can't stand in a header
    ");
    for token in [REPORTER, READER, BOTH] {
        assert!(!format!("{problems:?}").contains(token));
    }
}

#[test]
fn a_token_file_has_some_tokens_and_not_too_many() {
    let whole = |text: &str| Tokens::parse(text).unwrap_err()[0].what.clone();
    assert_eq!(whole("# none\n"), "has no token, so nobody could call");
    let line = |n: u32| format!("token-of-many-{n:06} read x\n");
    let most: String = (0..1_000).map(line).collect();
    assert!(Tokens::parse(&most).is_ok());
    let text = format!("{most}{}", line(1_000));
    assert_eq!(whole(&text), "has 1001 tokens, more than 1000");
}
