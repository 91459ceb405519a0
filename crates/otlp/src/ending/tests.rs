use super::*;

fn told(facts: Facts<'_>, is_streamed: bool) -> Option<Outcome> {
    outcome(&facts, is_streamed, &BTreeMap::new())
}

fn failed(error_type: &str) -> Facts<'_> {
    Facts {
        has_failed: true,
        error_type: Some(error_type),
        ..Facts::default()
    }
}

#[test]
fn an_error_is_known_by_whatever_name_it_goes() {
    use Outcome::{
        ClientCancelled, ClientError, ContentFiltered, ProviderError, ProviderRefused, RateLimited,
        Timeout, TransportError,
    };
    for (name, expected) in [
        ("openai.RateLimitError", RateLimited),
        ("RateLimitError", RateLimited),
        ("rate_limit_exceeded", RateLimited),
        ("ThrottlingException", RateLimited),
        ("RESOURCE_EXHAUSTED", RateLimited),
        ("429", RateLimited),
        ("timeout", Timeout),
        ("openai.APITimeoutError", Timeout),
        ("java.net.SocketTimeoutException", Timeout),
        ("DEADLINE_EXCEEDED", Timeout),
        ("408", Timeout),
        ("openai.APIConnectionError", TransportError),
        ("java.net.UnknownHostException", TransportError),
        ("ECONNRESET", TransportError),
        ("System.Net.Sockets.SocketException", TransportError),
        ("openai.InternalServerError", ProviderError),
        ("com.openai.errors.InternalServerException", ProviderError),
        ("server_error", ProviderError),
        ("OverloadedError", ProviderError),
        ("openai.APIError", ProviderError),
        ("500", ProviderError),
        ("529", ProviderError),
        ("openai.AuthenticationError", ProviderRefused),
        ("openai.NotFoundError", ProviderRefused),
        ("401", ProviderRefused),
        ("openai.BadRequestError", ClientError),
        ("context_length_exceeded", ClientError),
        ("422", ClientError),
        ("content_filter", ContentFiltered),
        ("timeout_error", Timeout),
        ("httpx.ReadTimeout", Timeout),
        ("httpx.ReadError", TransportError),
        (
            "aiohttp.client_exceptions.ClientPayloadError",
            TransportError,
        ),
        (
            "google.api_core.exceptions.PermissionDenied",
            ProviderRefused,
        ),
        ("OpenAI::Errors::RateLimitError", RateLimited),
        ("com.amazonaws.bedrock#ThrottlingException", RateLimited),
        ("asyncio.exceptions.CancelledError", ClientCancelled),
        ("APIUserAbortError", ClientCancelled),
    ] {
        assert_eq!(told(failed(name), false), Some(expected), "{name}");
    }
}

#[test]
fn a_failure_of_no_known_name_has_no_outcome() {
    for name in [
        "_OTHER",
        "TypeError",
        "",
        "Error",
        "Exception",
        "1000",
        "099",
        "\u{7f}",
    ] {
        assert_eq!(told(failed(name), false), None, "{name}");
    }
    let nameless = Facts {
        has_failed: true,
        ..Facts::default()
    };
    assert_eq!(told(nameless, false), None);
}

#[test]
fn the_operator_knows_better_than_the_list() {
    let errors = BTreeMap::from([
        ("acme.Busy".to_owned(), Outcome::RateLimited),
        ("500".to_owned(), Outcome::Timeout),
    ]);
    for (name, expected) in [
        ("acme.Busy", Outcome::RateLimited),
        ("500", Outcome::Timeout),
    ] {
        assert_eq!(outcome(&failed(name), false, &errors), Some(expected));
    }
}

#[test]
fn a_status_tells_more_than_a_name() {
    let with = |status, name| Facts {
        http_status: Some(status),
        ..failed(name)
    };
    assert_eq!(
        told(with(503, "_OTHER"), false),
        Some(Outcome::ProviderError)
    );
    assert_eq!(
        told(with(429, "openai.APIError"), false),
        Some(Outcome::RateLimited)
    );
    let filtered = with(400, "content_filter");
    assert_eq!(told(filtered, false), Some(Outcome::ContentFiltered));
    for status in [403, 451] {
        let abroad = with(status, "unsupported_country_region_territory");
        assert_eq!(told(abroad, false), Some(Outcome::GeoBlocked), "{status}");
    }
    // Instrumentations that set neither status nor type of an error.
    let bare = Facts {
        http_status: Some(500),
        ..Facts::default()
    };
    assert_eq!(told(bare, false), Some(Outcome::ProviderError));
}

#[test]
fn an_error_after_the_beginning_of_an_answer_is_the_streams() {
    let begun = |name| Facts {
        first_chunk_us: Some(1),
        ..failed(name)
    };
    for name in [
        "openai.APIError",
        "RemoteProtocolError",
        "rate_limit_exceeded",
    ] {
        assert_eq!(
            told(begun(name), true),
            Some(Outcome::StreamError),
            "{name}"
        );
    }
    assert_eq!(told(begun("ReadTimeout"), true), Some(Outcome::Timeout));
    let answered = Facts {
        http_status: Some(200),
        ..failed("openai.APIError")
    };
    assert_eq!(told(answered, true), Some(Outcome::StreamError));
    let refused = begun("openai.PermissionDeniedError");
    assert_eq!(told(refused, true), None, "an answer had begun");
}

#[test]
fn an_error_after_the_end_of_an_answer_is_nobodys() {
    let ended = |reasons: &[&str], name| Facts {
        finish: reasons
            .iter()
            .filter_map(|reason| Finish::of(reason))
            .reduce(Finish::and),
        have_all_finished: true,
        first_chunk_us: Some(1),
        ..failed(name)
    };
    for name in [
        "_OTHER",
        "asyncio.exceptions.CancelledError",
        "PermissionError",
        "httpx.ReadError",
        "openai.LengthFinishReasonError",
    ] {
        let left = ended(&["stop"], name);
        assert_eq!(told(left, true), Some(Outcome::Ok), "{name}");
        let filtered = ended(&["content_filter"], name);
        assert_eq!(told(filtered, true), Some(Outcome::ContentFiltered));
    }
    // Of two answers one has ended.
    let half = Facts {
        have_all_finished: false,
        ..ended(&["stop"], "httpx.ReadError")
    };
    assert_eq!(told(half, true), Some(Outcome::StreamError));
    let failed = ended(&["stop", "error"], "openai.APIError");
    assert_eq!(told(failed, true), Some(Outcome::StreamError));
    let refused = Facts {
        http_status: Some(503),
        ..ended(&["stop"], "_OTHER")
    };
    assert_eq!(told(refused, true), Some(Outcome::ProviderError));
    let (left, mut errors) = (ended(&["stop"], "_OTHER"), BTreeMap::new());
    errors.insert("_OTHER".to_owned(), Outcome::ProviderError);
    assert_eq!(outcome(&left, true, &errors), Some(Outcome::Ok));
}

#[test]
fn an_applications_own_exception_blames_nobody() {
    for name in [
        "PermissionError",
        "ConnectionError",
        "ConnectionResetError",
        "BrokenPipeError",
        "TimeoutError",
        "asyncio.exceptions.TimeoutError",
        "redis.exceptions.ConnectionError",
        "psycopg.errors.InternalError",
        "elasticsearch.NotFoundError",
        "stripe.RateLimitError",
        "acme.openai.RateLimitError",
        "Redis::ConnectionError",
        "*sql.TimeoutError",
    ] {
        for first_chunk_us in [None, Some(1)] {
            let raised = Facts {
                first_chunk_us,
                ..failed(name)
            };
            assert_eq!(told(raised, true), None, "{name}");
        }
    }
}

#[test]
fn an_answer_is_judged_by_how_it_finished() {
    let finished = |reasons: &[&str], output_tokens| {
        let finish = reasons.iter().filter_map(|reason| Finish::of(reason));
        let facts = Facts {
            finish: finish.reduce(Finish::and),
            output_tokens,
            ..Facts::default()
        };
        [false, true].map(|is_streamed| told(facts, is_streamed).unwrap())
    };
    for (reasons, expected) in [
        (&["stop"][..], Outcome::Ok),
        (&["tool_calls"], Outcome::Ok),
        (&["length", "content_filter"], Outcome::Ok),
        (&["content_filter", "SAFETY"], Outcome::ContentFiltered),
        (&["stop", "error"], Outcome::StreamError),
    ] {
        assert_eq!(finished(reasons, None), [expected; 2], "{reasons:?}");
    }
    assert_eq!(finished(&["stop"], Some(0)), [Outcome::EmptyResponse; 2]);
    assert_eq!(finished(&[], Some(20)), [Outcome::Ok; 2]);
    let unsaid = [Outcome::Ok, Outcome::ClientCancelled];
    assert_eq!(finished(&[], None), unsaid);
    assert_eq!(finished(&["unknown"], None), unsaid);
    let uncounted = [Outcome::EmptyResponse, Outcome::ClientCancelled];
    assert_eq!(finished(&[], Some(0)), uncounted);
}
