//! What a provider is asked, and who else is not.

use serde_json::Value;

use crate::kit::start;
use crate::provider::{Act::*, Provider, whole};

#[tokio::test]
async fn a_chat_asks_for_few_tokens_with_the_key_and_the_headers() {
    let provider = Provider::start([("p", whole())]).await;
    let running = start(&format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\nname = \"A/B-Instruct\"\nmax_tokens = 5\n\
         limit_name = \"max_completion_tokens\"\ninterval_ms = 100\nkey = {{ env = \"KEY\" }}\n\
         url = \"http://127.0.0.1:{}/p/openai/v1/\"\n\
         headers = {{ x-title = \"probe\", x-api-key = {{ env = \"OTHER\" }} }}\n",
        provider.port
    ));
    let seen = running.firsts(1).await;
    assert_eq!(seen[0].measurement.input_tokens, Some(7));
    let request = &provider.requests()[0];
    assert_eq!(request.line, "POST /p/openai/v1/chat/completions");
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    assert_eq!(header("authorization"), Some("Bearer secret-of-KEY"));
    assert_eq!(header("x-api-key"), Some("secret-of-OTHER"));
    assert_eq!(header("x-title"), Some("probe"));
    assert_eq!(
        header("host"),
        Some(&*format!("127.0.0.1:{}", provider.port))
    );
    assert_eq!(header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["model"], "A/B-Instruct");
    assert_eq!(body["stream"], true);
    assert_eq!(body["max_completion_tokens"], 5);
    assert!(body.get("max_tokens").is_none());
    running.end().await;
}

#[tokio::test]
async fn a_key_goes_nowhere_but_to_its_own_place() {
    let other = Provider::start([("p", whole())]).await;
    let location = format!("http://127.0.0.1:{}/p/v1/chat/completions", other.port);
    let script = vec![With(308, "location", location), End];
    let provider = Provider::start([("p", script)]).await;
    let running = start(&format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\ninterval_ms = 100\n\
         key = {{ env = \"KEY\" }}\nurl = \"http://127.0.0.1:{}/p/v1\"\n",
        provider.port
    ));
    running
        .until("asked three times", |it| it.kept.count() >= 3)
        .await;
    assert!(other.requests().is_empty());
    let state = &running.states.all()[0];
    let wrong = state.misconfigured.unwrap();
    assert!(wrong.advice().contains("url"), "{}", wrong.advice());
    running.end().await;
}
