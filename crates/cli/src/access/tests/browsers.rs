//! How a browser shows a token.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::WWW_AUTHENTICATE;

use super::*;

#[tokio::test]
async fn a_browser_shows_a_token_as_its_password_and_may_read_alone() {
    let basic = |credentials: &str| format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let good = basic(&format!("anyone:{BOTH}"));
    for (header, method, path, status) in [
        (&good, "GET", "/api/v1/gates", StatusCode::OK),
        (&good, "PUT", "/api/v1/gates", StatusCode::UNAUTHORIZED),
        (
            &basic(&format!(":{READER}")),
            "GET",
            "/api/v1/gates",
            StatusCode::OK,
        ),
        (
            &basic(&format!("{READER}:")),
            "GET",
            "/api/v1/gates",
            StatusCode::UNAUTHORIZED,
        ),
        (
            &basic(READER),
            "GET",
            "/api/v1/gates",
            StatusCode::UNAUTHORIZED,
        ),
        (
            &format!("Basic {READER}"),
            "GET",
            "/api/v1/gates",
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let call_ = Call {
            method,
            path,
            authorization: &[header],
            content_type: "application/json",
        };
        let (parts, _) = call(tokens(), call_).await;
        assert_eq!(parts.status, status, "{method} {path} {header}");
    }
}

#[tokio::test]
async fn whoever_reads_is_asked_for_a_password_and_nobody_else() {
    for (method, path, schemes) in [
        ("GET", "/assets/page.css", 2),
        ("GET", "/api/v1/gates", 2),
        ("PUT", "/api/v1/gates", 1),
        ("POST", "/api/v1/observations", 1),
    ] {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let answer = router(tokens()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let asked = answer.headers().get_all(WWW_AUTHENTICATE);
        assert_eq!(asked.iter().count(), schemes, "{method} {path}");
    }
}
