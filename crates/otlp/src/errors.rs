//! What errors are called.
//!
//! That depends on who reports them: a code of the provider's, or the class of an exception in any
//! of a dozen languages. So names are compared without their package, their case, their separators
//! and the `Error` or `Exception` at their end. A name that is not in the list tells nobody whose
//! fault it was, and nobody is blamed: there is no outcome.

use sextant_measure::outcome::Outcome;

/// What an error of this name is, whichever library or provider has called it so.
pub(crate) fn of_name(name: &str) -> Option<Outcome> {
    let class = name.rsplit(['.', ':', '/', '$', '#']).next()?;
    let plain = plain(class);
    let stem = ["exception", "error"]
        .into_iter()
        .find_map(|end| plain.strip_suffix(end).filter(|stem| !stem.is_empty()));
    let stem = stem.unwrap_or(&plain);
    let row = NAMES.iter().find(|(_, names)| names.contains(&stem));
    row.map(|(outcome, _)| *outcome)
}

/// A name without case and separators.
pub(crate) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

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
