//! What errors are called.
//!
//! That depends on who reports them: a code of the provider's, or the class of an exception in any
//! of a dozen languages. So names are compared without their case, their separators and the `Error`
//! or `Exception` at their end. A name that is not in the list tells nobody whose fault it was, and
//! nobody is blamed: there is no outcome.
//!
//! Whatever an application raises while it reads a stream is told as the stream's error. So a class
//! counts only if it stands in a package of those that make such calls, or in none and is not what
//! everybody calls an error. A code, which is no class, is said on purpose.

use sextant_measure::outcome::Outcome;

/// What an error of this name is, whichever library or provider has called it so.
pub(crate) fn of_name(name: &str) -> Option<Outcome> {
    const SEPARATORS: [char; 6] = ['.', ':', '/', '$', '#', '\\'];
    let name = name.trim_start_matches(['*', '&']);
    let (package, class) = match name.rsplit_once(SEPARATORS) {
        Some((package, class)) => (Some(package), class),
        None => (None, name),
    };
    let plain = plain(class);
    let stem = ["exception", "error"]
        .into_iter()
        .find_map(|end| plain.strip_suffix(end).filter(|stem| !stem.is_empty()));
    let stem = stem.unwrap_or(&plain);
    let (outcome, _) = NAMES.iter().find(|(_, names)| names.contains(&stem))?;
    let is_told = match package {
        Some(package) => is_clients(&package.replace(SEPARATORS, ".")),
        None => is_code(class) || !ANYBODYS.contains(&stem),
    };
    // Who gives up blames nobody.
    let is_told = is_told || *outcome == Outcome::ClientCancelled;
    is_told.then_some(*outcome)
}

/// Whether a package is one of those that call models, or of those that such calls go through.
fn is_clients(package: &str) -> bool {
    let package = package.to_ascii_lowercase();
    PACKAGES.iter().any(|known| {
        let within = package.strip_prefix(known);
        within.is_some_and(|within| within.is_empty() || within.starts_with('.'))
    })
}

/// Codes are in small letters or in capitals, classes in both.
fn is_code(name: &str) -> bool {
    let has = |of: fn(&u8) -> bool| name.as_bytes().iter().any(of);
    !has(u8::is_ascii_lowercase) || !has(u8::is_ascii_uppercase)
}

/// A name without case and separators.
pub(crate) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Classes that languages and databases have, too.
const ANYBODYS: &[&str] = &[
    "timeout",
    "timedout",
    "connection",
    "connect",
    "connectionreset",
    "connectionrefused",
    "connectionaborted",
    "connectionclosed",
    "connectiontimeout",
    "brokenpipe",
    "network",
    "socket",
    "read",
    "write",
    "ssl",
    "tls",
    "gai",
    "permission",
    "internal",
    "server",
];

/// In small letters. A package of one of these counts, too.
const PACKAGES: &[&str] = &[
    // Clients of models.
    "anthropic",
    "azure.ai",
    "azure.core",
    "botocore",
    "cerebras.cloud",
    "cohere",
    "com.amazon.coral",
    "com.amazonaws.bedrock",
    "com.amazonaws.services.bedrockruntime",
    "com.anthropic",
    "com.azure.ai",
    "com.azure.core",
    "com.google.api.gax",
    "com.google.cloud.vertexai",
    "com.google.genai",
    "com.openai",
    "fireworks",
    "google.api_core",
    "google.genai",
    "google.rpc",
    "groq",
    "huggingface_hub",
    "ibm_watsonx_ai",
    "litellm",
    "mistralai",
    "ollama",
    "openai",
    "software.amazon.awssdk.core",
    "software.amazon.awssdk.services.bedrockruntime",
    "together",
    "xai_sdk",
    // What they send by.
    "aiohttp",
    "grpc",
    "h2",
    "http.client",
    "httpcore",
    "httpx",
    "io.grpc",
    "io.netty",
    "java.net",
    "javax.net.ssl",
    "okhttp3",
    "org.apache.hc",
    "org.apache.http",
    "reactor.netty",
    "requests",
    "system.net",
    "undici",
    "urllib3",
];

const NAMES: [(Outcome, &[&str]); 10] = [
    (
        Outcome::RateLimited,
        &[
            "ratelimit",
            "ratelimited",
            "ratelimitexceeded",
            "toomanyrequests",
            "throttling",
            "throttled",
            "resourceexhausted",
            "insufficientquota",
            "quotaexceeded",
            "servicequotaexceeded",
        ],
    ),
    (
        Outcome::Timeout,
        &[
            "timeout",
            "timedout",
            "apitimeout",
            "apiconnectiontimeout",
            "connecttimeout",
            "connectiontimeout",
            "readtimeout",
            "writetimeout",
            "requesttimeout",
            "sockettimeout",
            "servertimeout",
            "httptimeout",
            "httpconnecttimeout",
            "modeltimeout",
            "deadlineexceeded",
            "etimedout",
        ],
    ),
    (
        Outcome::TransportError,
        &[
            "apiconnection",
            "connection",
            "connect",
            "connectionreset",
            "connectionrefused",
            "connectionaborted",
            "connectionclosed",
            "clientconnector",
            "clientconnection",
            "clientpayload",
            "endpointconnection",
            "serverdisconnected",
            "remoteprotocol",
            "incompleteread",
            "chunkedencoding",
            "network",
            "brokenpipe",
            "socket",
            "read",
            "write",
            "ssl",
            "sslhandshake",
            "sslcertverification",
            "tls",
            "gai",
            "unknownhost",
            "econnreset",
            "econnrefused",
            "econnaborted",
            "enotfound",
            "eaiagain",
            "epipe",
        ],
    ),
    (
        Outcome::ProviderRefused,
        &[
            "authentication",
            "unauthenticated",
            "unauthorized",
            "invalidapikey",
            "permissiondenied",
            "permission",
            "accessdenied",
            "forbidden",
            "notfound",
            "modelnotfound",
            "resourcenotfound",
            "unrecognizedclient",
            "paymentrequired",
            "insufficientcredits",
            "billing",
        ],
    ),
    (
        Outcome::ClientError,
        &[
            "badrequest",
            "invalidrequest",
            "invalidargument",
            "unprocessableentity",
            "conflict",
            "validation",
            "requesttoolarge",
            "requestentitytoolarge",
            "contextlengthexceeded",
            "contextwindowexceeded",
            "failedprecondition",
            "outofrange",
        ],
    ),
    (
        Outcome::ProviderError,
        &[
            // What the OpenAI client raises for an error event, and for a status of no other class.
            "api",
            "server",
            "internal",
            "internalserver",
            "internalfailure",
            "serviceunavailable",
            "unavailable",
            "overloaded",
            "badgateway",
            "gatewaytimeout",
            "modelnotready",
            "modelstream",
        ],
    ),
    (
        Outcome::ContentFiltered,
        &[
            "contentfilter",
            "contentfiltered",
            "contentfilterfinishreason",
            "contentpolicyviolation",
            "responsibleaipolicyviolation",
            "blockedprompt",
            "safety",
        ],
    ),
    (
        Outcome::ClientCancelled,
        &[
            "cancelled",
            "canceled",
            "cancellation",
            "taskcanceled",
            "operationcanceled",
            "apiuserabort",
            "abort",
            "aborted",
            "generatorexit",
            "keyboardinterrupt",
            "interrupted",
        ],
    ),
    // The answer came to its limit, where its reader wanted all of it.
    (Outcome::Ok, &["lengthfinishreason"]),
    (Outcome::GeoBlocked, &["unsupportedcountryregionterritory"]),
];
