//! The architecture's table of crates, and its invariants on who knows what.

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// May depend on lower layers only.
    Layer(u8),
    /// Puts the process together, from all crates.
    Root,
    /// Serves development, and may use all crates.
    Development,
    /// Is built before anything else can be checked, so it uses none of the crates above.
    Tool,
}

pub(super) struct Crate {
    /// The package's name without `sextant-`.
    pub(super) name: &'static str,
    pub(super) place: Place,
    /// Crates of its own layer that it may depend on all the same.
    pub(super) beside: &'static [&'static str],
}

/// A new crate gets its line here and in ARCHITECTURE.md.
pub(super) const CRATES: &[Crate] = &[
    at(Place::Layer(0), "measure"),
    at(Place::Layer(0), "eventlog"),
    at(Place::Layer(1), "catalog"),
    at(Place::Layer(1), "incident"),
    at(Place::Layer(1), "snapshot"),
    at(Place::Layer(2), "router"),
    at(Place::Layer(2), "wire"),
    Crate {
        name: "reporter",
        place: Place::Layer(2),
        // What it sends is the protocol, and no value can stand in for that.
        beside: &["wire"],
    },
    Crate {
        name: "intake",
        place: Place::Layer(2),
        // What it takes in is the protocol, too.
        beside: &["wire"],
    },
    at(Place::Layer(2), "otlp"),
    at(Place::Layer(2), "outbound"),
    at(Place::Layer(2), "page"),
    at(Place::Layer(2), "store"),
    at(Place::Layer(STAGES), "agent"),
    at(Place::Layer(STAGES), "collector"),
    at(Place::Layer(STAGES), "aggregator"),
    at(Place::Layer(STAGES), "archive"),
    at(Place::Layer(STAGES), "server"),
    at(Place::Layer(STAGES), "gateway"),
    at(Place::Layer(STAGES), "prober"),
    at(Place::Layer(STAGES), "alerts"),
    at(Place::Root, "cli"),
    at(Place::Development, "testkit"),
    at(Place::Development, "tests"),
    at(Place::Tool, "testbed"),
    at(Place::Tool, "xtask"),
];

/// The layer of the stages, which meet only in lower ones.
pub(super) const STAGES: u8 = 3;

/// What any crate's tests may use.
pub(super) const TEST_SUPPORT: &[&str] = &["testbed", "testkit"];

/// Libraries that only the named crates may depend on, in any way.
pub(super) const RESERVED: &[(&str, &[&str])] = &[
    // OTLP's messages are a library's, but what reads bytes into them is prost.
    ("prost", &["wire", "otlp"]),
    ("opentelemetry-proto", &["otlp"]),
    ("prost-types", &["wire"]),
    ("tonic-prost", &["wire"]),
    ("prost-build", &["xtask"]),
    ("tonic-prost-build", &["xtask"]),
    ("protox", &["xtask"]),
    ("rdkafka", &["eventlog"]),
    ("rusqlite", &["agent", "eventlog", "store"]),
    ("clickhouse", &["store"]),
];

/// Crates that compute and never wait, and the libraries that are for waiting.
pub(super) const PURE: &[&str] = &["measure", "router"];
pub(super) const WAITING: &[&str] = &[
    "futures",
    "hyper",
    "tokio",
    "tokio-stream",
    "tokio-util",
    "tonic",
];

/// Words of code, and the beginnings of the paths that may hold them.
pub(super) const PLACES: &[(&str, &[&str])] = &[
    ("prost", &["crates/otlp/", "crates/wire/"]),
    ("opentelemetry_proto", &["crates/otlp/"]),
    ("prost_types", &["crates/wire/"]),
    ("tonic_prost", &["crates/wire/"]),
    (
        "rdkafka",
        &["crates/eventlog/src/kafka", "crates/eventlog/tests/"],
    ),
    (
        "rusqlite",
        &[
            "crates/agent/src/spool",
            "crates/eventlog/src/sqlite",
            "crates/eventlog/tests/",
            "crates/store/src/sqlite",
            "crates/store/tests/",
        ],
    ),
    (
        // The library, which only `store` may depend on, and the module for it, which only the
        // root puts into a process.
        "clickhouse",
        &[
            "crates/cli/",
            "crates/store/benches/",
            "crates/store/src/clickhouse",
            "crates/store/src/lib.rs",
            "crates/store/tests/",
            "crates/testbed/",
            "tests/",
            "xtask/",
        ],
    ),
];

/// Folders of those who read the environment, print and exit.
pub(super) const PROCESSES: &[&str] = &[
    "crates/cli/",
    "crates/testbed/",
    "crates/testkit/",
    "tests/",
    "xtask/",
];

pub(super) fn find(package: &str) -> Option<&'static Crate> {
    let name = noun(package);
    CRATES.iter().find(|known| known.name == name)
}

pub(super) fn noun(package: &str) -> &str {
    package.strip_prefix("sextant-").unwrap_or(package)
}

const fn at(place: Place, name: &'static str) -> Crate {
    Crate {
        name,
        place,
        beside: &[],
    }
}
